package iam

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"strings"
	"time"
)

// managed describes one AWS-managed policy. The documents allow what AWS's allow
// of the services that answer here; of others they may say less, in fewer words.
type managed struct {
	path        string // "/" if empty
	name        string
	description string
	version     int
	statements  []grant
}

// grant is one statement that allows actions on a resource.
type grant struct {
	Effect    string
	Action    []string `json:",omitempty"`
	NotAction []string `json:",omitempty"`
	Resource  string
	Condition map[string]map[string][]string `json:",omitempty"`
}

func allow(actions ...string) grant { return grant{Effect: "Allow", Action: actions, Resource: "*"} }

const managedPrefix = "arn:aws:iam::aws:policy"

// managedPolicy returns the AWS-managed policy of that ARN.
func managedPolicy(arn string) (Policy, bool) {
	if !strings.HasPrefix(arn, managedPrefix) {
		return Policy{}, false
	}
	for _, m := range managedTable() {
		if m.arn() == arn {
			return m.policy(), true
		}
	}
	return Policy{}, false
}

// ManagedPolicies lists the AWS-managed policies that exist here.
func ManagedPolicies() []Policy {
	var out []Policy
	for _, m := range managedTable() {
		out = append(out, m.policy())
	}
	return out
}

func (m managed) arn() string { return managedPrefix + cmp.Or(m.path, "/") + m.name }

func (m managed) policy() Policy {
	path := cmp.Or(m.path, "/")
	created := time.Date(2015, time.February, 6, 18, 40, 0, 0, time.UTC)
	updated := time.Date(2023, time.November, 16, 21, 0, 0, 0, time.UTC)
	sum := sha256.Sum256([]byte(path + m.name))
	text, err := json.MarshalIndent(struct {
		Version   string
		Statement []grant
	}{"2012-10-17", m.statements}, "", "    ")
	if err != nil {
		panic(err) // strings always encode
	}
	return Policy{
		ARN: m.arn(), ID: "ANPA" + base32.StdEncoding.EncodeToString(sum[:])[:17],
		Account: "aws", Name: m.name, Path: path, Description: m.description, CreatedAt: created, UpdatedAt: updated,
		Versions:    []PolicyVersion{{ID: versionID(m.version), Document: string(text), IsDefault: true, CreatedAt: updated}},
		NextVersion: m.version + 1,
	}
}
