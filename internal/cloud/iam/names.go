package iam

import (
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/musubi-net/musubi/internal/cloud"
)

var (
	namePattern = regexp.MustCompile(`^[\w+=,.@-]+$`)
	pathPattern = regexp.MustCompile(`^(/|/[\x21-\x7e]+/)$`)
	textPattern = regexp.MustCompile(`^[\t\n\r\x{20}-\x{7e}\x{a1}-\x{ff}]*$`)
)

// checkName checks the name of a role, policy or profile. field is the
// parameter's name in AWS's sentence.
func checkName(field, name string, longest int) error {
	if n := utf8.RuneCountInString(name); n > longest {
		return invalid(field, "1 validation error detected: Value at '%s' failed to satisfy constraint: Member must have length less than or equal to %d", field, longest)
	}
	if !namePattern.MatchString(name) {
		return invalid(field, "The specified value for %s is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-", field)
	}
	return nil
}

// cleanPath checks a path; none means the root.
func cleanPath(path string) (string, error) {
	if path == "" {
		return "/", nil
	}
	if len(path) > 512 || !pathPattern.MatchString(path) || strings.Contains(path, "//") {
		return "", invalid("path", "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
	}
	return path, nil
}

func checkDescription(s string) error {
	if utf8.RuneCountInString(s) > 1000 {
		return invalid("description", "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have length less than or equal to 1000")
	}
	if !textPattern.MatchString(s) {
		return invalid("description", "1 validation error detected: Value '%s' at 'description' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", s, `[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*`)
	}
	return nil
}

// maxTags is how many tags a resource may have.
const maxTags = 50

var (
	tagKeyPattern   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$`) })
	tagValuePattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`) })
)

// setTags returns the tags with those of add set. Keys differ if they differ in
// more than case.
func setTags(have, add cloud.Tags) (cloud.Tags, error) {
	out := have.With(nil)
	for k, v := range add {
		if utf8.RuneCountInString(k) > 128 || !tagKeyPattern().MatchString(k) {
			return nil, invalid("tags", "1 validation error detected: Value '%s' at 'tags.1.member.key' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", k, `[\p{L}\p{Z}\p{N}_.:/=+\-@]+`)
		}
		if utf8.RuneCountInString(v) > 256 || !tagValuePattern().MatchString(v) {
			return nil, invalid("tags", "1 validation error detected: Value '%s' at 'tags.1.member.value' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", v, `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`)
		}
		if strings.HasPrefix(strings.ToLower(k), "aws:") {
			return nil, invalid("tags", "Invalid tag key. System tag keys (those starting with aws:) cannot be added or changed.")
		}
		for other := range out {
			if other != k && strings.EqualFold(other, k) {
				delete(out, other)
			}
		}
		out[k] = v
	}
	if len(out) > maxTags {
		return nil, limit("tags", "The number of tags has reached the maximum limit.")
	}
	return out, nil
}

// dropTags returns the tags without those keys.
func dropTags(have cloud.Tags, keys []string) cloud.Tags {
	out := have.With(nil)
	for _, k := range keys {
		for other := range out {
			if strings.EqualFold(other, k) {
				delete(out, other)
			}
		}
	}
	return out
}

// newID makes a unique id of 21 characters: AROA….
func newID(tx *cloud.Tx, prefix string) string { return prefix + tx.IDs.Upper(21-len(prefix)) }
