package iam

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Document is a policy document as far as Musubi reads it.
type Document struct {
	Version   string
	Statement statements
}

// Statement is one statement of a policy document.
type Statement struct {
	Sid          string
	Effect       string
	Principal    *principals
	NotPrincipal *principals
	Action       oneOrMore
	NotAction    oneOrMore
	Resource     oneOrMore
	NotResource  oneOrMore
	Condition    map[string]map[string]oneOrMore
}

// oneOrMore is a string or a list of strings.
type oneOrMore []string

// UnmarshalJSON accepts "x", ["x"], and in conditions true and 1.
func (o *oneOrMore) UnmarshalJSON(b []byte) error {
	var list []json.RawMessage
	if err := json.Unmarshal(b, &list); err != nil {
		list = []json.RawMessage{b}
	}
	*o = oneOrMore{}
	for _, raw := range list {
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			return err
		}
		switch v.(type) {
		case string, bool, float64:
			*o = append(*o, fmt.Sprint(v))
		default:
			return fmt.Errorf("want a string, got %s", raw)
		}
	}
	return nil
}

// statements is a statement or a list of them.
type statements []Statement

// UnmarshalJSON accepts {…} and [{…}].
func (s *statements) UnmarshalJSON(b []byte) error {
	if b[0] == '[' {
		var list []Statement
		if err := strict(b, &list); err != nil {
			return err
		}
		*s = list
		return nil
	}
	var one Statement
	if err := strict(b, &one); err != nil {
		return err
	}
	*s = statements{one}
	return nil
}

// principals is "*" or a map from kind (AWS, Service, Federated) to names.
type principals map[string]oneOrMore

// UnmarshalJSON accepts "*" and {"AWS": …}.
func (p *principals) UnmarshalJSON(b []byte) error {
	var all string
	if err := json.Unmarshal(b, &all); err == nil {
		*p = principals{"AWS": {all}}
		return nil
	}
	var m map[string]oneOrMore
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*p = m
	return nil
}

func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("text after the document")
	}
	return nil
}

// parseDocument checks what every policy document must be.
func parseDocument(text string) (Document, error) {
	if !json.Valid([]byte(text)) {
		return Document{}, malformed("This policy contains invalid Json")
	}
	var head map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &head); err != nil {
		return Document{}, malformed("Syntax errors in policy.")
	}
	var d Document
	for key, raw := range head {
		switch key {
		case "Version":
			if err := json.Unmarshal(raw, &d.Version); err != nil || d.Version != "2012-10-17" && d.Version != "2008-10-17" {
				return Document{}, malformed("Syntax errors in policy.")
			}
		case "Id":
		case "Statement":
			if err := json.Unmarshal(raw, &d.Statement); err != nil {
				return Document{}, malformed("Syntax errors in policy.")
			}
		default:
			return Document{}, malformed("Syntax errors in policy.")
		}
	}
	if len(d.Statement) == 0 {
		return Document{}, malformed("Syntax errors in policy.")
	}
	return d, checkStatements(d.Statement)
}

var sidPattern = regexp.MustCompile(`^[0-9A-Za-z]*$`)

func checkStatements(list statements) error {
	var sids []string
	for _, s := range list {
		if s.Effect != "Allow" && s.Effect != "Deny" {
			return malformed("Syntax errors in policy.")
		}
		if !sidPattern.MatchString(s.Sid) {
			return malformed("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*")
		}
		if s.Sid != "" && slices.Contains(sids, s.Sid) {
			return malformed("Statement IDs (SID) in a single policy must be unique.")
		}
		sids = append(sids, s.Sid)
		if s.Action != nil && s.NotAction != nil || s.Resource != nil && s.NotResource != nil {
			return malformed("Syntax errors in policy.")
		}
		actions := slices.Concat(s.Action, s.NotAction)
		if len(actions) == 0 {
			return malformed("Policy statement must contain actions.")
		}
		for _, a := range actions {
			if err := checkAction(a); err != nil {
				return err
			}
		}
	}
	return nil
}

var vendorPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9*-]+$`) })

func checkAction(action string) error {
	if action == "*" {
		return nil
	}
	vendor, name, ok := strings.Cut(action, ":")
	if !ok || name == "" {
		return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
	}
	if !vendorPattern().MatchString(vendor) {
		return malformed("Vendor %s is not valid", vendor)
	}
	return nil
}

// checkIdentityPolicy checks a policy that is attached to a role.
func checkIdentityPolicy(text string) error {
	d, err := parseDocument(text)
	if err != nil {
		return err
	}
	for _, s := range d.Statement {
		if s.Principal != nil || s.NotPrincipal != nil {
			return malformed("Policy document should not specify a principal.")
		}
		resources := slices.Concat(s.Resource, s.NotResource)
		if len(resources) == 0 {
			return malformed("Policy statement must contain resources.")
		}
		for _, r := range resources {
			if err := checkResource(r); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkResource(r string) error {
	if r == "*" {
		return nil
	}
	parts := strings.SplitN(r, ":", 6)
	if parts[0] != "arn" || len(parts) == 1 {
		return malformed(`Resource %s must be in ARN format or "*".`, r)
	}
	if p := parts[1]; p != "*" && !strings.HasPrefix(p, "aws") {
		return malformed(`Partition "%s" is not valid for resource "%s".`, p, r)
	}
	if len(parts) < 6 && !strings.Contains(r, "*") {
		return malformed(`Resource %s must be in ARN format or "*".`, r)
	}
	return nil
}

// size is what AWS counts of a document: white space is free.
func size(text string) int {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		return len(text)
	}
	return b.Len()
}
