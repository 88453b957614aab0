package compute

import (
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
	Instances.Put(tx, i)
	return i, nil
}
