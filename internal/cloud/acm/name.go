package acm

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// AWS's limits of a certificate's names.
const (
	maxNames = 10
	maxName  = 253
)

// namePattern is how AWS shows what a name must be; Go's regular expressions
// have no look-ahead.
const namePattern = `^(\*\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])$`

// names brings the names of a request into the form that certificates have:
// lower case, the domain name first, none twice.
func names(domain string, more []string) ([]string, error) {
	if !validName(domain) {
		return nil, invalid("1 validation error detected: Value '%s' at 'domainName' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", domain, namePattern)
	}
	list := []string{strings.ToLower(domain)}
	for _, n := range more {
		if !validName(n) {
			return nil, invalid("1 validation error detected: Value '[%s]' at 'subjectAlternativeNames' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 253, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: %s]", strings.Join(more, ", "), namePattern)
		}
		if n = strings.ToLower(n); !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	if len(list) > maxNames {
		return nil, limit("Error: the number of domain names, %d, exceeds the limit of %d domain names per certificate.", len(list), maxNames)
	}
	return list, nil
}

func validName(name string) bool {
	if len(name) > maxName {
		return false
	}
	labels := strings.Split(strings.TrimPrefix(name, "*."), ".")
	for i, l := range labels {
		last := i == len(labels)-1
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' || last && len(l) < 2 {
			return false
		}
		if strings.ContainsFunc(l, func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
		}) {
			return false
		}
	}
	return len(labels) > 1
}

// validations are the records that prove the names. A name and its wildcard
// have the same one, and so has every certificate of an account with that name.
func validations(s cloud.Scope, names []string) []Validation {
	out := make([]Validation, len(names))
	for i, n := range names {
		domain := strings.TrimPrefix(n, "*.")
		label := sha256.Sum256([]byte("name\x00" + s.Account + "\x00" + domain))
		value := sha256.Sum256([]byte("value\x00" + s.Account + "\x00" + domain))
		letters := make([]byte, 10)
		for j := range letters {
			letters[j] = 'a' + value[16+j]%26
		}
		out[i] = Validation{
			Domain: n, Status: string(PendingValidation),
			RecordName:  "_" + hex.EncodeToString(label[:16]) + "." + domain + ".",
			RecordValue: "_" + hex.EncodeToString(value[:16]) + "." + string(letters) + ".acm-validations.aws.",
		}
	}
	return out
}
