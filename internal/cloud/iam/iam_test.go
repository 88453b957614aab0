package iam

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

const account = "000000000000"

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// lab is a cloud with only IAM in it.
type lab struct {
	t   *testing.T
	db  *cloud.DB
	now time.Time
	ids *counter
}

// counter makes identifiers that count.
type counter struct{ n int }

func (c *counter) next(n int) string {
	c.n++
	return fmt.Sprintf("%0*d", n, c.n)
}
func (c *counter) Hex(n int) string   { return c.next(n) }
func (c *counter) Alnum(n int) string { return c.next(n) }
func (c *counter) Upper(n int) string { return c.next(n) }

func newLab(t *testing.T) *lab {
	t.Helper()
	db, err := cloud.NewDB(cloud.NewSchema(Tables()...))
	if err != nil {
		t.Fatal(err)
	}
	return &lab{t: t, db: db, now: epoch, ids: &counter{}}
}

func root(account string) cloud.Caller {
	return cloud.Caller{Scope: cloud.Scope{Account: account, Region: "us-east-1"}, PrincipalARN: rootARN(account), UserID: account}
}

// tryAs applies a command and publishes it unless it is refused.
func tryAs[R any](l *lab, caller cloud.Caller, c cloud.Command[R]) (R, error) {
	l.t.Helper()
	tx := l.db.Begin(cloud.Env{Now: l.now, Caller: caller, IDs: l.ids})
	defer tx.Abort()
	r, err := c.Apply(tx)
	if err == nil {
		tx.Publish()
	}
	return r, err
}

func try[R any](l *lab, c cloud.Command[R]) (R, error) {
	l.t.Helper()
	return tryAs(l, root(account), c)
}

func must[R any](l *lab, c cloud.Command[R]) R {
	l.t.Helper()
	r, err := try(l, c)
	if err != nil {
		l.t.Fatalf("%T: %v", c, err)
	}
	return r
}

func refused[R any](l *lab, code, text string, c cloud.Command[R]) {
	l.t.Helper()
	_, err := try(l, c)
	wantError(l.t, err, code, text)
}

func wantError(t *testing.T, err error, code, text string) {
	t.Helper()
	var e *cloud.Error
	if !errors.As(err, &e) {
		t.Errorf("got %v, want %s", err, code)
		return
	}
	if e.Code != code || !strings.Contains(e.Message, text) {
		t.Errorf("got %s: %s\nwant %s: %s", e.Code, e.Message, code, text)
	}
}

const (
	ec2Trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	someDoc  = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`
	ssmCoreP = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
)

func TestRoleLifecycle(t *testing.T) {
	l := newLab(t)
	role := must(l, CreateRole{Name: "web", AssumeRolePolicy: ec2Trust, Tags: cloud.Tags{"a": "b"}})
	if role.ARN() != "arn:aws:iam::000000000000:role/web" || len(role.ID) != 21 || role.MaxSessionDuration != 3600 || role.Path != "/" {
		t.Errorf("role: %+v", role)
	}
	refused(l, "EntityAlreadyExists", "Role with name WEB already exists.", CreateRole{Name: "WEB", AssumeRolePolicy: ec2Trust})
	if _, err := tryAs(l, root("111111111111"), CreateRole{Name: "web", AssumeRolePolicy: ec2Trust}); err != nil {
		t.Errorf("another account's role of that name: %v", err)
	}
	must(l, UpdateRole{Name: "web", Description: new("d"), MaxSessionDuration: new(7200)})
	must(l, AttachRolePolicy{"web", ssmCoreP})
	must(l, AttachRolePolicy{"web", ssmCoreP})
	refused(l, "NoSuchEntity", "Policy arn:aws:iam::aws:policy/Nope does not exist or is not attachable.", AttachRolePolicy{"web", "arn:aws:iam::aws:policy/Nope"})
	must(l, PutRolePolicy{"web", "inline", someDoc})
	must(l, CreateInstanceProfile{Name: "p"})
	must(l, AddRoleToProfile{"p", "web"})
	refused(l, "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1", AddRoleToProfile{"p", "web"})
	must(l, TagRole{Name: "web", Set: cloud.Tags{"A": "c"}})
	got, err := FindRole(l.db.Snapshot(), account, "web")
	if err != nil || len(got.Tags) != 1 || got.Tags["A"] != "c" || got.Description != "d" || len(got.AttachedARNs) != 1 {
		t.Errorf("role: %+v, %v", got, err)
	}

	refused(l, "DeleteConflict", "must remove roles from instance profile first", DeleteRole{"web"})
	refused(l, "DeleteConflict", "must remove roles from instance profile first", DeleteInstanceProfile{"p"})
	must(l, RemoveRoleFromProfile{"p", "web"})
	refused(l, "NoSuchEntity", "", RemoveRoleFromProfile{"p", "web"})
	refused(l, "DeleteConflict", "Cannot delete entity, must detach all policies first.", DeleteRole{"web"})
	must(l, DetachRolePolicy{"web", ssmCoreP})
	refused(l, "NoSuchEntity", "was not found", DetachRolePolicy{"web", ssmCoreP})
	refused(l, "DeleteConflict", "must delete policies first", DeleteRole{"web"})
	must(l, DeleteRolePolicy{"web", "inline"})
	refused(l, "NoSuchEntity", "The role policy with name inline cannot be found.", DeleteRolePolicy{"web", "inline"})
	must(l, DeleteRole{"web"})
	refused(l, "NoSuchEntity", "The role with name web cannot be found.", DeleteRole{"web"})
	must(l, DeleteInstanceProfile{"p"})
	refused(l, "NoSuchEntity", "Instance Profile p cannot be found.", DeleteInstanceProfile{"p"})
}

func TestRoleIsChecked(t *testing.T) {
	l := newLab(t)
	for _, c := range []struct {
		code, text string
		command    CreateRole
	}{
		{"ValidationError", "The specified value for roleName is invalid. It must contain only alphanumeric characters", CreateRole{Name: "a b", AssumeRolePolicy: ec2Trust}},
		{"ValidationError", "length less than or equal to 64", CreateRole{Name: strings.Repeat("a", 65), AssumeRolePolicy: ec2Trust}},
		{"ValidationError", "value for path is invalid", CreateRole{Name: "a", Path: "x", AssumeRolePolicy: ec2Trust}},
		{"ValidationError", "less than or equal to 43200", CreateRole{Name: "a", AssumeRolePolicy: ec2Trust, MaxSessionDuration: 43201}},
		{"NoSuchEntity", "Scope ARN", CreateRole{Name: "a", AssumeRolePolicy: ec2Trust, PermissionsBoundary: "arn:aws:iam::aws:policy/Nope"}},
		{"ValidationError", "not a valid ARN", CreateRole{Name: "a", AssumeRolePolicy: ec2Trust, PermissionsBoundary: "ReadOnlyAccess"}},
		{"ValidationError", "System tag keys", CreateRole{Name: "a", AssumeRolePolicy: ec2Trust, Tags: cloud.Tags{"aws:x": ""}}},
		{"LimitExceeded", "ACLSizePerRole: 2048", CreateRole{Name: "a", AssumeRolePolicy: strings.Replace(ec2Trust, `"sts:AssumeRole"`, `["sts:AssumeRole"`+strings.Repeat(`,"sts:TagSession"`, 150)+"]", 1)}},
	} {
		refused(l, c.code, c.text, c.command)
	}
	must(l, CreateRole{Name: "a", Path: "/x/y/", AssumeRolePolicy: ec2Trust, PermissionsBoundary: "arn:aws:iam::aws:policy/ReadOnlyAccess"})
	must(l, SetRoleBoundary{Name: "a"})
}

func TestDocuments(t *testing.T) {
	statement := func(s string) string { return `{"Version":"2012-10-17","Statement":[` + s + `]}` }
	l := newLab(t)
	must(l, CreateRole{Name: "known", AssumeRolePolicy: ec2Trust})
	for _, c := range []struct {
		name, text string // "" is accepted
		trust      bool
		document   string
	}{
		{"plain", "", false, someDoc},
		{"two actions", "", false, statement(`{"Sid":"A1","Effect":"Deny","NotAction":["ec2:*","*"],"NotResource":["arn:aws:s3:::b/*"],"Condition":{"Bool":{"aws:SecureTransport":true}}}`)},
		{"not JSON", "invalid Json", false, "{"},
		{"a list", "Syntax errors in policy.", false, "[]"},
		{"no statement", "Syntax errors in policy.", false, `{"Version":"2012-10-17"}`},
		{"wrong version", "Syntax errors in policy.", false, strings.Replace(someDoc, "2012-10-17", "2020-01-01", 1)},
		{"unknown key", "Syntax errors in policy.", false, statement(`{"Effect":"Allow","Action":"*","Resource":"*","Color":"red"}`)},
		{"wrong effect", "Syntax errors in policy.", false, statement(`{"Effect":"Maybe","Action":"*","Resource":"*"}`)},
		{"no resource", "Policy statement must contain resources.", false, statement(`{"Effect":"Allow","Action":"*"}`)},
		{"no action", "Policy statement must contain actions.", false, statement(`{"Effect":"Allow","Resource":"*"}`)},
		{"bare action", "must be prefaced by a vendor", false, statement(`{"Effect":"Allow","Action":"RunInstances","Resource":"*"}`)},
		{"wrong resource", "must be in ARN format", false, statement(`{"Effect":"Allow","Action":"*","Resource":"bucket"}`)},
		{"principal", "should not specify a principal", false, statement(`{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}`)},
		{"same sid", "must be unique", false, statement(`{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"}`)},
		{"trust a service", "", true, ec2Trust},
		{"trust all", "", true, statement(`{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}`)},
		{"trust a role", "", true, statement(`{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::000000000000:role/known","111122223333"]},"Action":"sts:AssumeRole"}`)},
		{"trust an unknown role", `Invalid principal in policy: "AWS":"arn:aws:iam::000000000000:role/x"`, true, statement(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:role/x"},"Action":"sts:AssumeRole"}`)},
		{"trust a stranger's role", "", true, statement(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:role/x"},"Action":"sts:AssumeRole"}`)},
		{"trust nothing real", `Invalid principal in policy: "SERVICE":"ec2"`, true, statement(`{"Effect":"Allow","Principal":{"Service":"ec2"},"Action":"sts:AssumeRole"}`)},
		{"trust without principal", "Missing required field Principal", true, statement(`{"Effect":"Allow","Action":"sts:AssumeRole"}`)},
		{"trust with resource", "Has prohibited field Resource", true, statement(`{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}`)},
		{"trust other action", "may only specify STS AssumeRole actions", true, statement(`{"Effect":"Allow","Principal":"*","Action":"s3:Get"}`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := checkIdentityPolicy(c.document)
			if c.trust {
				err = checkTrustPolicy(l.db.Snapshot(), c.document)
			}
			if c.text == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			wantError(t, err, "MalformedPolicyDocument", c.text)
		})
	}
}

func TestPolicyVersions(t *testing.T) {
	l := newLab(t)
	p := must(l, CreatePolicy{Name: "p", Path: "/team/", Document: someDoc})
	if p.ARN != "arn:aws:iam::000000000000:policy/team/p" || len(p.ID) != 21 {
		t.Errorf("policy: %+v", p)
	}
	refused(l, "EntityAlreadyExists", "A policy called p already exists. Duplicate names are not allowed.", CreatePolicy{Name: "p", Document: someDoc})
	for range 4 {
		must(l, CreatePolicyVersion{ARN: p.ARN, Document: someDoc, SetAsDefault: true})
	}
	refused(l, "LimitExceeded", "A managed policy can have up to 5 versions.", CreatePolicyVersion{ARN: p.ARN, Document: someDoc})
	refused(l, "DeleteConflict", "Cannot delete the default version of a policy.", DeletePolicyVersion{p.ARN, "v5"})
	must(l, DeletePolicyVersion{p.ARN, "v1"})
	refused(l, "NoSuchEntity", "version v1", DeletePolicyVersion{p.ARN, "v1"})
	if v := must(l, CreatePolicyVersion{ARN: p.ARN, Document: someDoc}); v.ID != "v6" || v.IsDefault {
		t.Errorf("version: %+v", v)
	}
	must(l, SetDefaultPolicyVersion{p.ARN, "v2"})
	got, err := FindPolicy(l.db.Snapshot(), account, p.ARN)
	if err != nil || got.Default().ID != "v2" {
		t.Errorf("policy: %+v, %v", got, err)
	}
	refused(l, "DeleteConflict", "more than one version", DeletePolicy{p.ARN})
	for _, v := range []string{"v3", "v4", "v5", "v6"} {
		must(l, DeletePolicyVersion{p.ARN, v})
	}
	must(l, CreateRole{Name: "r", AssumeRolePolicy: ec2Trust})
	must(l, AttachRolePolicy{"r", p.ARN})
	refused(l, "DeleteConflict", "Cannot delete a policy attached to entities.", DeletePolicy{p.ARN})
	must(l, DetachRolePolicy{"r", p.ARN})
	if _, err := tryAs(l, root("111111111111"), DeletePolicy{p.ARN}); err == nil {
		t.Error("a stranger deleted the policy")
	}
	must(l, DeletePolicy{p.ARN})
	refused(l, "NoSuchEntity", "was not found", DeletePolicy{p.ARN})
	refused(l, "AccessDenied", "", DeletePolicy{ssmCoreP})
}

func TestManagedPoliciesAreWellFormed(t *testing.T) {
	ids := map[string]bool{}
	for _, p := range ManagedPolicies() {
		if len(p.ID) != 21 || ids[p.ID] {
			t.Errorf("%s: id %s", p.ARN, p.ID)
		}
		ids[p.ID] = true
		if err := checkIdentityPolicy(p.Default().Document); err != nil {
			t.Errorf("%s: %v", p.ARN, err)
		}
		if _, ok := managedPolicy(p.ARN); !ok {
			t.Errorf("%s is not found", p.ARN)
		}
	}
}

func TestAssumeRole(t *testing.T) {
	const other = "111111111111"
	trust := func(principal, rest string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":` + principal + `},"Action":"sts:AssumeRole"` + rest + `}]}`
	}
	session := cloud.Caller{Scope: cloud.Scope{Account: other}, PrincipalARN: "arn:aws:sts::111111111111:assumed-role/worker/s", UserID: "AROAX:s"}
	for _, c := range []struct {
		name, trust string
		caller      cloud.Caller
		external    string
		allowed     bool
	}{
		{"account number", trust(`"111111111111"`, ""), root(other), "", true},
		{"account root", trust(`"arn:aws:iam::111111111111:root"`, ""), session, "", true},
		{"everybody", trust(`"*"`, ""), root(other), "", true},
		{"another account", trust(`"222222222222"`, ""), root(other), "", false},
		{"the role of the session", trust(`"arn:aws:iam::111111111111:role/path/worker"`, ""), session, "", true},
		{"another role", trust(`"arn:aws:iam::111111111111:role/boss"`, ""), session, "", false},
		{"a service", ec2Trust, root(account), "", false},
		{"external id", trust(`"*"`, `,"Condition":{"StringEquals":{"sts:ExternalId":"secret"}}`), root(other), "secret", true},
		{"wrong external id", trust(`"*"`, `,"Condition":{"StringEquals":{"sts:ExternalId":"secret"}}`), root(other), "x", false},
		{"a condition that can not be judged", trust(`"*"`, `,"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`), root(other), "", false},
		{"denied", strings.Replace(trust(`"*"`, ""), `"Statement":[`, `"Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:*"},`, 1), root(other), "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t)
			must(l, CreateRole{Name: "r", AssumeRolePolicy: c.trust, Path: "/x/"})
			s, err := tryAs(l, c.caller, AssumeRole{RoleARN: "arn:aws:iam::000000000000:role/x/r", SessionName: "me", ExternalID: c.external})
			if !c.allowed {
				wantError(t, err, "AccessDenied", "is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::000000000000:role/x/r")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			who, ok := Identify(l.db.Snapshot(), s.AccessKeyID)
			if !ok || who.Account != account || who.PrincipalARN != "arn:aws:sts::000000000000:assumed-role/r/me" || !strings.HasSuffix(who.UserID, ":me") {
				t.Errorf("identified as %+v", who)
			}
		})
	}
}

func TestSessions(t *testing.T) {
	l := newLab(t)
	role := must(l, CreateRole{Name: "r", AssumeRolePolicy: `{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}`})
	refused(l, "AccessDenied", "", AssumeRole{RoleARN: "arn:aws:iam::000000000000:role/none", SessionName: "me"})
	refused(l, "ValidationError", "MaxSessionDuration set for this role", AssumeRole{RoleARN: role.ARN(), SessionName: "me", Duration: 7200})
	refused(l, "ValidationError", "roleSessionName", AssumeRole{RoleARN: role.ARN(), SessionName: "a b"})
	s := must(l, AssumeRole{RoleARN: role.ARN(), SessionName: "me", Duration: 900})
	if !strings.HasPrefix(s.AccessKeyID, "ASIA") || len(s.AccessKeyID) != 20 || !s.Expires.Equal(epoch.Add(15*time.Minute)) {
		t.Errorf("session: %+v", s)
	}
	own := must(l, GetSessionToken{})
	if who, _ := Identify(l.db.Snapshot(), own.AccessKeyID); who.PrincipalARN != rootARN(account) || who.UserID != account {
		t.Errorf("own session: %+v", who)
	}

	refused(l, "AccessDenied", "", IssueInstanceCredentials{account, "r", "i-1"})
	internal := cloud.Caller{Internal: true}
	named := must(l, AssumeRole{RoleARN: role.ARN(), SessionName: "i-1"})
	first, err := tryAs(l, internal, IssueInstanceCredentials{account, "r", "i-1"})
	if err != nil {
		t.Fatal(err)
	}
	if first.AccessKeyID == named.AccessKeyID {
		t.Error("an instance got the keys of who named a session like it")
	}
	for key, want := range map[string]string{first.AccessKeyID: "i-1", named.AccessKeyID: ""} {
		if who, _ := Identify(l.db.Snapshot(), key); who.Instance != want || who.UserID != role.ID+":i-1" {
			t.Errorf("%+v speaks for %q", who, want)
		}
	}
	l.now = epoch.Add(5 * time.Hour)
	again, err := tryAs(l, internal, IssueInstanceCredentials{account, "r", "i-1"})
	if err != nil || again.AccessKeyID != first.AccessKeyID {
		t.Errorf("keys changed early: %v", err)
	}
	l.now = epoch.Add(5*time.Hour + 50*time.Minute)
	again, err = tryAs(l, internal, IssueInstanceCredentials{account, "r", "i-1"})
	if err != nil || again.AccessKeyID == first.AccessKeyID {
		t.Errorf("keys were not replaced: %v", err)
	}
	if !Expired(l.db.Snapshot(), s.AccessKeyID, l.now) || Expired(l.db.Snapshot(), again.AccessKeyID, l.now) || Expired(l.db.Snapshot(), "ASIANONE", l.now) {
		t.Error("expired keys are not told from others")
	}
	l.now = epoch.Add(25 * time.Hour)
	again, err = tryAs(l, internal, IssueInstanceCredentials{account, "r", "i-1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := Identify(l.db.Snapshot(), s.AccessKeyID); ok {
		t.Error("an expired session is kept")
	}
	must(l, DeleteRole{"r"})
	if _, ok := Identify(l.db.Snapshot(), again.AccessKeyID); ok {
		t.Error("the session outlives its role")
	}
}
