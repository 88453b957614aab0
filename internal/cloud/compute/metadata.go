package compute

import (
	"maps"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// MetadataChange are the metadata options of a request; empty leaves as is.
type MetadataChange struct {
	HTTPTokens   string
	HopLimit     int
	HTTPEndpoint string
	InstanceTags string
	HTTPIPv6     string
}

func defaultMetadata(i Image) MetadataOptions {
	m := MetadataOptions{HTTPTokens: "optional", HopLimit: 1, HTTPEndpoint: "enabled", InstanceTags: "disabled", HTTPIPv6: "disabled"}
	if i.IMDSv2 {
		m.HTTPTokens, m.HopLimit = "required", 2
	}
	return m
}

func (c MetadataChange) check() error {
	for _, f := range []struct {
		name, value string
		allowed     [2]string
	}{
		{"httpTokens", c.HTTPTokens, [2]string{"optional", "required"}},
		{"httpEndpoint", c.HTTPEndpoint, [2]string{"enabled", "disabled"}},
		{"instanceMetadataTags", c.InstanceTags, [2]string{"enabled", "disabled"}},
		{"httpProtocolIpv6", c.HTTPIPv6, [2]string{"enabled", "disabled"}},
	} {
		if f.value != "" {
			if err := oneOf(f.name, f.value, f.allowed[:]...); err != nil {
				return err
			}
		}
	}
	if c.HopLimit < 0 || c.HopLimit > 64 {
		return invalid("Value (%d) for parameter HttpPutResponseHopLimit is invalid. The value must be between 1 and 64.", c.HopLimit)
	}
	return nil
}

// over is m with what the request sets.
func (c MetadataChange) over(m MetadataOptions) MetadataOptions {
	set := func(to *string, from string) {
		if from != "" {
			*to = from
		}
	}
	set(&m.HTTPTokens, c.HTTPTokens)
	set(&m.HTTPEndpoint, c.HTTPEndpoint)
	set(&m.InstanceTags, c.InstanceTags)
	set(&m.HTTPIPv6, c.HTTPIPv6)
	if c.HopLimit != 0 {
		m.HopLimit = c.HopLimit
	}
	return m
}

// CheckTags refuses tags whose keys can not be paths of the metadata service, if
// the instance shows its tags there.
func (i *Instance) CheckTags(tags cloud.Tags) error {
	if i.Metadata.InstanceTags != "enabled" {
		return nil
	}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		if k == "." || k == ".." || k == "_index" || strings.ContainsFunc(k, func(c rune) bool { return !tagRune(c) }) {
			return invalid("'%s' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{1,255}), "+
				"and must not be a reserved name ('.', '..', '_index')", k)
		}
	}
	return nil
}

func tagRune(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("-_+=,.@:", c)
}

// ModifyMetadata changes an instance's metadata options.
type ModifyMetadata struct {
	ID     string
	Change MetadataChange
}

// Apply returns the changed instance.
func (c ModifyMetadata) Apply(tx *cloud.Tx) (Instance, error) {
	i, err := FindInstance(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return i, err
	}
	if err := c.Change.check(); err != nil {
		return i, err
	}
	i.Metadata = c.Change.over(i.Metadata)
	if err := i.CheckTags(i.Tags); err != nil {
		return i, err
	}
	Instances.Put(tx, i)
	return i, nil
}
