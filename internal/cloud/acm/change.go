package acm

import (
	"strings"
	"unicode/utf8"

	"github.com/musubi-net/musubi/internal/cloud"
)

// DeleteCertificate deletes a certificate that nothing uses.
type DeleteCertificate struct {
	ARN string
	// UsedBy lists what uses a certificate. The load balancers' domain knows,
	// which this one must not.
	UsedBy func(r cloud.Reader, arn string) []string
}

// Apply deletes it.
func (c DeleteCertificate) Apply(tx *cloud.Tx) (cloud.None, error) {
	x, err := Find(tx, tx.Caller.Scope, c.ARN)
	if err != nil {
		return cloud.None{}, err
	}
	if len(c.UsedBy(tx, x.ARN)) > 0 {
		return cloud.None{}, inUse(x)
	}
	Certificates.Delete(tx, x.ARN)
	return cloud.None{}, nil
}

// UpdateOptions changes the options of a requested certificate; an empty one
// stays.
type UpdateOptions struct{ ARN, Logging, Export string }

// Apply changes them.
func (c UpdateOptions) Apply(tx *cloud.Tx) (cloud.None, error) {
	x, err := Find(tx, tx.Caller.Scope, c.ARN)
	if err != nil {
		return cloud.None{}, err
	}
	if err := checkExport(c.Export); err != nil {
		return cloud.None{}, err
	}
	if x.Type != AmazonIssued {
		return cloud.None{}, cloud.Errorf(cloud.KindState, subject, "InvalidStateException", "Certificate %s is imported; its options can not be updated.", c.ARN)
	}
	x.Logging = or(c.Logging, x.Logging)
	Certificates.Put(tx, x)
	return cloud.None{}, nil
}

// Tag sets and removes tags.
type Tag struct {
	ARN  string
	Set  cloud.Tags
	Drop []Removal
}

// Removal is a tag to remove: with a Value, only if the tag has that value.
type Removal struct {
	Key   string
	Value *string
}

// Apply changes the tags.
func (c Tag) Apply(tx *cloud.Tx) (cloud.None, error) {
	x, err := Find(tx, tx.Caller.Scope, c.ARN)
	if err != nil {
		return cloud.None{}, err
	}
	tags, err := setTags(x.Tags, c.Set)
	if err != nil {
		return cloud.None{}, err
	}
	for _, d := range c.Drop {
		if v, ok := tags[d.Key]; ok && (d.Value == nil || *d.Value == v) {
			delete(tags, d.Key)
		}
	}
	x.Tags = tags
	Certificates.Put(tx, x)
	return cloud.None{}, nil
}

const maxTags = 50

// setTags returns the tags with those of add set.
func setTags(have, add cloud.Tags) (cloud.Tags, error) {
	for k, v := range add {
		switch {
		case k == "" || utf8.RuneCountInString(k) > 128 || utf8.RuneCountInString(v) > 256:
			return nil, cloud.Errorf(cloud.KindInvalid, "tag", "InvalidTagException", "The tag %s=%s is not valid.", k, v)
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return nil, cloud.Errorf(cloud.KindInvalid, "tag", "InvalidTagException", "aws: prefixed tag key names are not allowed for external use.")
		}
	}
	out := have.With(add)
	if len(out) > maxTags {
		return nil, cloud.Errorf(cloud.KindLimit, "tag", "TooManyTagsException", "The certificate would have %d tags, more than the %d that are allowed.", len(out), maxTags)
	}
	return out, nil
}
