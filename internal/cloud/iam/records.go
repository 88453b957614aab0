// Package iam is the domain of IAM: roles, policies and instance profiles, and
// the identities behind access keys.
//
// It may import internal/cloud only.
package iam

import (
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// ByAccount is the index by account.
const ByAccount = "account"

// Role is an IAM role; its key is account/name.
type Role struct {
	ID      string // AROA…
	Account string
	Name    string
	Path    string
	// AssumeRolePolicy is the trust policy as JSON.
	AssumeRolePolicy    string
	Description         string
	MaxSessionDuration  int // seconds, 3600-43200
	PermissionsBoundary string
	CreatedAt           time.Time
	Inline              map[string]string // policy name -> document
	AttachedARNs        []string
	Tags                cloud.Tags
}

// ARN is the role's ARN.
func (r *Role) ARN() string { return "arn:aws:iam::" + r.Account + ":role" + r.Path + r.Name }

// Roles is the table of roles.
var Roles = cloud.NewTable("role", func(r *Role) string { return r.Account + "/" + r.Name },
	cloud.Index[Role]{Name: ByAccount, Keys: func(r *Role) []string { return []string{r.Account} }},
	cloud.Index[Role]{Name: "policy", Keys: func(r *Role) []string { return r.AttachedARNs }})

// Policy is a customer-managed policy; its key is the ARN.
type Policy struct {
	ARN         string
	ID          string // ANPA…
	Account     string
	Name        string
	Path        string
	Description string
	Versions    []PolicyVersion
	CreatedAt   time.Time
	UpdatedAt   time.Time
	NextVersion int
	Tags        cloud.Tags
}

// PolicyVersion is one version of a policy.
type PolicyVersion struct {
	ID        string // v1
	Document  string
	IsDefault bool
	CreatedAt time.Time
}

// Policies is the table of customer-managed policies.
var Policies = cloud.NewTable("policy", func(p *Policy) string { return p.ARN },
	cloud.Index[Policy]{Name: ByAccount, Keys: func(p *Policy) []string { return []string{p.Account} }})

// InstanceProfile holds at most one role; its key is account/name.
type InstanceProfile struct {
	ID        string // AIPA…
	Account   string
	Name      string
	Path      string
	RoleName  string
	CreatedAt time.Time
	Tags      cloud.Tags
}

// ARN is the profile's ARN.
func (p *InstanceProfile) ARN() string {
	return "arn:aws:iam::" + p.Account + ":instance-profile" + p.Path + p.Name
}

// InstanceProfiles is the table of instance profiles.
var InstanceProfiles = cloud.NewTable("instance-profile", func(p *InstanceProfile) string { return p.Account + "/" + p.Name },
	cloud.Index[InstanceProfile]{Name: ByAccount, Keys: func(p *InstanceProfile) []string { return []string{p.Account} }},
	cloud.Index[InstanceProfile]{Name: "role", Keys: func(p *InstanceProfile) []string {
		if p.RoleName == "" {
			return nil
		}
		return []string{p.Account + "/" + p.RoleName}
	}})

// Session is the identity behind a temporary access key (ASIA…).
type Session struct {
	AccessKeyID  string
	SecretKey    string
	Token        string
	Account      string
	RoleName     string
	RoleID       string
	SessionName  string
	InstanceID   string // that the metadata service issued it to
	Expires      time.Time
	PrincipalARN string
}

// Sessions is the table of temporary access keys.
var Sessions = cloud.NewTable("session", func(s *Session) string { return s.AccessKeyID },
	cloud.Index[Session]{Name: byRole, Keys: func(s *Session) []string { return []string{s.RoleID} }},
	cloud.Index[Session]{Name: byRoleSession, Keys: func(s *Session) []string { return []string{s.RoleID + "/" + s.SessionName} }},
	cloud.Index[Session]{Name: byExpiry, Keys: func(s *Session) []string { return []string{cloud.TimeKey(s.Expires)} }})

// Index names of Sessions.
const (
	byRole        = "role"
	byRoleSession = "role-session"
	byExpiry      = "expiry"
)

// Tables lists the tables of this package.
func Tables() []cloud.AnyTable {
	return []cloud.AnyTable{Roles, Policies, InstanceProfiles, Sessions, ServerCertificates}
}
