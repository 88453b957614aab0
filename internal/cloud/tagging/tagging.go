// Package tagging is the domain of EC2's tags: one set of commands for the
// resources of all families, which are told apart by the prefix of their ids.
//
// It may import internal/cloud and the families vpc, compute and privatelink.
package tagging

import (
	"maps"
	"strings"
	"unicode/utf8"

	"github.com/musubi-net/musubi/internal/cloud"
)

// AWS's limits.
const (
	maxTags  = 50
	maxKey   = 128
	maxValue = 256
)

// Check says whether a resource may have these tags.
func Check(tags cloud.Tags) error {
	if len(tags) > maxTags {
		return cloud.Errorf(cloud.KindLimit, "tag", "TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
	}
	for k, v := range tags {
		if err := checkTag(k, v); err != nil {
			return err
		}
	}
	return nil
}

func checkTag(key, value string) error {
	message := ""
	switch {
	case key == "":
		message = "Tag key cannot be empty."
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		message = "Tag keys starting with 'aws:' are reserved for internal use"
	case utf8.RuneCountInString(key) > maxKey:
		message = "Tag key exceeds the maximum length of 128 characters"
	case utf8.RuneCountInString(value) > maxValue:
		message = "Tag value exceeds the maximum length of 256 characters"
	}
	if message != "" {
		return cloud.Errorf(cloud.KindInvalid, "tag", "InvalidParameterValue", "%s", message)
	}
	return nil
}

// CreateTags sets tags on resources, over what they have.
type CreateTags struct {
	ResourceIDs []string
	Tags        cloud.Tags
}

// Apply sets them on all resources or, with an error, on none.
func (c CreateTags) Apply(tx *cloud.Tx) (cloud.None, error) {
	if len(c.ResourceIDs) == 0 || len(c.Tags) == 0 {
		return cloud.None{}, missing(len(c.ResourceIDs) == 0)
	}
	if err := Check(c.Tags); err != nil {
		return cloud.None{}, err
	}
	return eachResource(tx, c.ResourceIDs, func(old cloud.Tags) (cloud.Tags, error) {
		tags := old.With(c.Tags)
		return tags, Check(tags)
	})
}

func missing(resources bool) error {
	if resources {
		return cloud.Errorf(cloud.KindMissing, "tag", "MissingParameter", "The request must contain the parameter resourceIdSet")
	}
	return cloud.Errorf(cloud.KindMissing, "tag", "MissingParameter", "The request must contain the parameter tagSet")
}

// Removal is a tag to remove: with a Value, only if the tag has that value.
type Removal struct {
	Key   string
	Value *string
}

// DeleteTags removes tags from resources; without Tags, all of them.
type DeleteTags struct {
	ResourceIDs []string
	Tags        []Removal
}

// Apply removes them. A tag that is not there is no error.
func (c DeleteTags) Apply(tx *cloud.Tx) (cloud.None, error) {
	if len(c.ResourceIDs) == 0 {
		return cloud.None{}, missing(true)
	}
	for _, t := range c.Tags {
		if err := checkTag(t.Key, ""); err != nil {
			return cloud.None{}, err
		}
	}
	return eachResource(tx, c.ResourceIDs, func(old cloud.Tags) (cloud.Tags, error) {
		if len(c.Tags) == 0 {
			return nil, nil
		}
		tags := old.Clone()
		for _, t := range c.Tags {
			if v, ok := tags[t.Key]; ok && (t.Value == nil || *t.Value == v) {
				delete(tags, t.Key)
			}
		}
		return tags, nil
	})
}

func eachResource(tx *cloud.Tx, ids []string, change func(cloud.Tags) (cloud.Tags, error)) (cloud.None, error) {
	for _, id := range ids {
		f, ok := familyOf(id)
		if !ok {
			return cloud.None{}, invalidID(id)
		}
		old, err := f.get(tx, tx.Caller.Scope, id)
		if err != nil {
			return cloud.None{}, err
		}
		tags, err := change(old)
		if err != nil {
			return cloud.None{}, err
		}
		if f.check != nil {
			if err := f.check(tx, id, tags); err != nil {
				return cloud.None{}, err
			}
		}
		if !maps.Equal(old, tags) {
			f.put(tx, id, tags)
		}
	}
	return cloud.None{}, nil
}

func invalidID(id string) error {
	return &cloud.Error{Kind: cloud.KindInvalid, Subject: "tag", ID: id, Code: "InvalidID", Message: "The ID '" + id + "' is not valid"}
}
