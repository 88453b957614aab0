package ssm

import (
	"strings"
	"unicode/utf8"

	"github.com/musubi-net/musubi/internal/cloud"
)

const maxTags = 50

// setTags returns the tags with those of add set.
func setTags(have, add cloud.Tags) (cloud.Tags, error) {
	for k, v := range add {
		switch {
		case k == "" || utf8.RuneCountInString(k) > 128 || utf8.RuneCountInString(v) > 256:
			return nil, validation("The tag %s=%s is not valid.", k, v)
		case strings.HasPrefix(strings.ToLower(k), "aws:"):
			return nil, validation("aws: prefixed tag key names are not allowed for external use.")
		}
	}
	out := have.With(add)
	if len(out) > maxTags {
		return nil, limit("TooManyTagsError", "The Targets parameter includes too many tags: a resource can have %d.", maxTags)
	}
	return out, nil
}

// Tag sets and removes tags of a document or a parameter.
type Tag struct {
	Type, ID string
	Set      cloud.Tags
	Drop     []string
}

// Apply changes them.
func (c Tag) Apply(tx *cloud.Tx) (cloud.None, error) {
	have, put, err := tagged(tx, tx.Caller.Scope, c.Type, c.ID)
	if err != nil {
		return cloud.None{}, err
	}
	tags, err := setTags(have, c.Set)
	if err != nil {
		return cloud.None{}, err
	}
	for _, k := range c.Drop {
		delete(tags, k)
	}
	put(tx, tags)
	return cloud.None{}, nil
}

// TagsOf returns the tags of a document or a parameter.
func TagsOf(r cloud.Reader, s cloud.Scope, kind, id string) (cloud.Tags, error) {
	tags, _, err := tagged(r, s, kind, id)
	return tags, err
}

// tagged finds what has tags, and how they are put back.
func tagged(r cloud.Reader, s cloud.Scope, kind, id string) (cloud.Tags, func(*cloud.Tx, cloud.Tags), error) {
	gone := absent("tag", "InvalidResourceId", "The resource ID is not valid. Verify that you entered the correct ID and try again.")
	switch kind {
	case "Document":
		if d, ok := Documents.Get(r, s.Key()+"/"+id); ok {
			return d.Tags, func(tx *cloud.Tx, t cloud.Tags) { d.Tags = t; Documents.Put(tx, d) }, nil
		}
	case "Parameter":
		if p, ok := Parameters.Get(r, s.Key()+"/"+id); ok {
			return p.Tags, func(tx *cloud.Tx, t cloud.Tags) { p.Tags = t; Parameters.Put(tx, p) }, nil
		}
	default:
		return nil, nil, unsupported("Tags of the resource type %s are not served by Musubi.", kind)
	}
	return nil, nil, gone
}
