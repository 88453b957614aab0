package iam_test

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/awsapi/iam"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/awsapi/sts"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	iamdomain "github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/engine"
	"github.com/musubi-net/musubi/internal/store/bolt"
)

func tables() []cloud.AnyTable { return append(iamdomain.Tables(), elb.Tables()...) }

func services(e engine.Runner) []protocol.Service {
	return []protocol.Service{iam.New(e).Service(), sts.New(e).Service()}
}

// lab is a front door over an engine of its own.
type lab struct {
	t    *testing.T
	e    *engine.Engine
	door http.Handler
	key  string // the access key id that requests are signed with
}

func newLab(t *testing.T) *lab {
	t.Helper()
	s, err := bolt.Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	e, err := engine.Open(t.Context(), engine.Options{
		Schema: cloud.NewSchema(tables()...), Store: s, IDs: func() cloud.IDSource { return random{} },
		Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
	})
	if err != nil {
		t.Fatal(err)
	}
	h, err := protocol.NewHandler(protocol.Options{Services: services(e), Identify: func(key string) (cloud.Caller, bool) { return iamdomain.Identify(e.Snapshot(), key) }})
	if err != nil {
		t.Fatal(err)
	}
	return &lab{t: t, e: e, door: h, key: "000000000000"}
}

// random makes identifiers that differ.
type random struct{}

func (random) from(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rand.IntN(len(alphabet))]
	}
	return string(b)
}
func (r random) Hex(n int) string   { return r.from("0123456789abcdef", n) }
func (r random) Alnum(n int) string { return r.from("0123456789abcdefghijklmnopqrstuvwxyz", n) }
func (r random) Upper(n int) string { return r.from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", n) }

func (l *lab) do(method, target, service, contentType, body string) (int, string) {
	l.t.Helper()
	r := httptest.NewRequest(method, "http://127.0.0.1:4566"+target, strings.NewReader(body))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+l.key+"/20260102/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=abc")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	l.door.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// field cuts the text of the first element of that name out of an answer.
func field(body, name string) string {
	_, rest, _ := strings.Cut(body, "<"+name+">")
	text, _, _ := strings.Cut(rest, "</"+name+">")
	return text
}

// ask makes an IAM (or, by its name, STS) request of name and value pairs.
func (l *lab) ask(action string, pairs ...string) (int, string) {
	l.t.Helper()
	service, version := "iam", "2010-05-08"
	switch action {
	case "GetCallerIdentity", "AssumeRole", "GetSessionToken", "GetAccessKeyInfo":
		service, version = "sts", "2011-06-15"
	}
	v := url.Values{"Action": {action}, "Version": {version}}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return l.do(http.MethodPost, "/", service, "application/x-www-form-urlencoded; charset=utf-8", v.Encode())
}

func (l *lab) ok(action string, pairs ...string) string {
	l.t.Helper()
	status, body := l.ask(action, pairs...)
	if status != http.StatusOK {
		l.t.Fatalf("%s: %d %s", action, status, body)
	}
	return body
}

func (l *lab) refused(status int, code, text, action string, pairs ...string) {
	l.t.Helper()
	got, body := l.ask(action, pairs...)
	if got != status || field(body, "Code") != code || !strings.Contains(body, text) {
		l.t.Errorf("%s: %d %s\nwant %d %s %s", action, got, body, status, code, text)
	}
}

func contains(t *testing.T, body string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(body, p) {
			t.Errorf("no %s in\n%s", p, body)
		}
	}
}

const (
	trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	some  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:Get*"],"Resource":"*"}]}`
	core  = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
)

func TestRoles(t *testing.T) {
	l := newLab(t)
	body := l.ok("CreateRole", "RoleName", "web", "AssumeRolePolicyDocument", trust, "Description", "d", "Tags.member.1.Key", "k", "Tags.member.1.Value", "v")
	contains(t, body, "<Arn>arn:aws:iam::000000000000:role/web</Arn>", "<RoleId>AROA", "<CreateDate>2026-01-02T03:04:05Z</CreateDate>",
		"<MaxSessionDuration>3600</MaxSessionDuration>", "<Path>/</Path>", "<Key>k</Key>", "%7B%22Version%22%3A%222012-10-17%22")
	l.refused(409, "EntityAlreadyExists", "Role with name web already exists.", "CreateRole", "RoleName", "web", "AssumeRolePolicyDocument", trust)
	l.refused(404, "NoSuchEntity", "The role with name nope cannot be found.", "GetRole", "RoleName", "nope")
	l.refused(400, "MalformedPolicyDocument", "Has prohibited field Resource", "UpdateAssumeRolePolicy", "RoleName", "web", "PolicyDocument", strings.Replace(trust, `"Effect"`, `"Resource":"*","Effect"`, 1))
	l.ok("UpdateRole", "RoleName", "web", "MaxSessionDuration", "7200")
	l.ok("PutRolePermissionsBoundary", "RoleName", "web", "PermissionsBoundary", "arn:aws:iam::aws:policy/ReadOnlyAccess")
	l.ok("TagRole", "RoleName", "web", "Tags.member.1.Key", "l", "Tags.member.1.Value", "w")
	l.ok("UntagRole", "RoleName", "web", "TagKeys.member.1", "k")
	body = l.ok("GetRole", "RoleName", "web")
	contains(t, body, "<Description>d</Description>", "<MaxSessionDuration>7200</MaxSessionDuration>", "<Key>l</Key>",
		"<PermissionsBoundaryArn>arn:aws:iam::aws:policy/ReadOnlyAccess</PermissionsBoundaryArn>", "<PermissionsBoundaryType>Policy</PermissionsBoundaryType>")
	if strings.Contains(body, "<Key>k</Key>") {
		t.Error("the tag is still there")
	}
	document, err := url.QueryUnescape(field(body, "AssumeRolePolicyDocument"))
	if err != nil || document != trust {
		t.Errorf("document %s, %v", document, err)
	}

	l.ok("PutRolePolicy", "RoleName", "web", "PolicyName", "in", "PolicyDocument", some)
	contains(t, l.ok("ListRolePolicies", "RoleName", "web"), "<PolicyNames><member>in</member></PolicyNames>", "<IsTruncated>false</IsTruncated>")
	contains(t, l.ok("GetRolePolicy", "RoleName", "web", "PolicyName", "in"), "s3%3AGet%2A")
	l.ok("AttachRolePolicy", "RoleName", "web", "PolicyArn", core)
	contains(t, l.ok("ListAttachedRolePolicies", "RoleName", "web"), "<PolicyName>AmazonSSMManagedInstanceCore</PolicyName>")
	contains(t, l.ok("ListEntitiesForPolicy", "PolicyArn", core), "<RoleName>web</RoleName>")
	contains(t, l.ok("GetPolicy", "PolicyArn", core), "<AttachmentCount>1</AttachmentCount>", "<DefaultVersionId>v2</DefaultVersionId>")
	l.refused(409, "DeleteConflict", "Cannot delete entity, must detach all policies first.", "DeleteRole", "RoleName", "web")
	l.ok("DetachRolePolicy", "RoleName", "web", "PolicyArn", core)
	l.ok("DeleteRolePolicy", "RoleName", "web", "PolicyName", "in")
	l.ok("DeleteRole", "RoleName", "web")
	l.refused(404, "NoSuchEntity", "", "GetRole", "RoleName", "web")
}

func TestPoliciesAndProfiles(t *testing.T) {
	l := newLab(t)
	arn := field(l.ok("CreatePolicy", "PolicyName", "p", "PolicyDocument", some, "Description", "x"), "Arn")
	contains(t, l.ok("CreatePolicyVersion", "PolicyArn", arn, "PolicyDocument", some, "SetAsDefault", "true"), "<VersionId>v2</VersionId>", "<IsDefaultVersion>true</IsDefaultVersion>")
	versions := l.ok("ListPolicyVersions", "PolicyArn", arn)
	if strings.Index(versions, "v2") > strings.Index(versions, "v1") {
		t.Errorf("the newest version is not the first: %s", versions)
	}
	contains(t, l.ok("GetPolicyVersion", "PolicyArn", arn, "VersionId", "v1"), "%22s3%3AGet%2A%22")
	contains(t, l.ok("GetPolicy", "PolicyArn", arn), "<Description>x</Description>")
	contains(t, l.ok("ListPolicies", "Scope", "Local"), arn)
	l.refused(404, "NoSuchEntity", "was not found", "GetPolicy", "PolicyArn", "arn:aws:iam::aws:policy/NoSuchThing")

	l.ok("CreateRole", "RoleName", "r", "AssumeRolePolicyDocument", trust)
	contains(t, l.ok("CreateInstanceProfile", "InstanceProfileName", "ip", "Path", "/x/"), "<Arn>arn:aws:iam::000000000000:instance-profile/x/ip</Arn>", "<InstanceProfileId>AIPA")
	l.ok("AddRoleToInstanceProfile", "InstanceProfileName", "ip", "RoleName", "r")
	contains(t, l.ok("GetInstanceProfile", "InstanceProfileName", "ip"), "<RoleName>r</RoleName>")
	contains(t, l.ok("ListInstanceProfilesForRole", "RoleName", "r"), "<InstanceProfileName>ip</InstanceProfileName>")
	l.refused(409, "DeleteConflict", "must remove roles from instance profile first", "DeleteRole", "RoleName", "r")
	l.refused(409, "LimitExceeded", "InstanceSessionsPerInstanceProfile", "AddRoleToInstanceProfile", "InstanceProfileName", "ip", "RoleName", "r")
	l.refused(404, "NoSuchEntity", "Instance Profile none cannot be found.", "GetInstanceProfile", "InstanceProfileName", "none")

	seen, marker, pages := 0, "", 0
	for {
		pairs := []string{"Scope", "AWS", "MaxItems", "7"}
		if marker != "" {
			pairs = append(pairs, "Marker", marker)
		}
		body := l.ok("ListPolicies", pairs...)
		seen += strings.Count(body, "<PolicyId>")
		pages++
		if marker = field(body, "Marker"); marker == "" {
			break
		}
	}
	if all := len(iamdomain.ManagedPolicies()); seen != all || pages != (all+6)/7 {
		t.Errorf("%d policies of %d on %d pages", seen, all, pages)
	}
	l.refused(400, "ValidationError", "Invalid Marker", "ListRoles", "Marker", "???")
	l.refused(400, "ValidationError", "Invalid Marker", "ListRoles", "Marker", "nonsense")
}

func TestWhoIsCalling(t *testing.T) {
	l := newLab(t)
	contains(t, l.ok("GetCallerIdentity"), "<Arn>arn:aws:iam::000000000000:root</Arn>", "<UserId>000000000000</UserId>", "<Account>000000000000</Account>")
	contains(t, l.ok("GetUser"), "<Arn>arn:aws:iam::000000000000:root</Arn>")
	l.refused(404, "NoSuchEntity", "The user with name bob cannot be found.", "GetUser", "UserName", "bob")
	role := field(l.ok("CreateRole", "RoleName", "r", "AssumeRolePolicyDocument", strings.Replace(trust, `{"Service":"ec2.amazonaws.com"}`, `{"AWS":"111111111111"}`, 1)), "Arn")

	l.refused(403, "AccessDenied", "is not authorized to perform: sts:AssumeRole on resource: "+role, "AssumeRole", "RoleArn", role, "RoleSessionName", "me")
	l.refused(400, "UnsupportedOperation", "Policy", "AssumeRole", "RoleArn", role, "RoleSessionName", "me", "Policy", some)
	l.key = "111111111111"
	body := l.ok("AssumeRole", "RoleArn", role, "RoleSessionName", "me", "DurationSeconds", "900")
	contains(t, body, "<Arn>arn:aws:sts::000000000000:assumed-role/r/me</Arn>", "<Expiration>2026-01-02T03:19:05Z</Expiration>", "<SessionToken>")
	l.key = field(body, "AccessKeyId")
	contains(t, l.ok("GetCallerIdentity"), "<Arn>arn:aws:sts::000000000000:assumed-role/r/me</Arn>", ":me</UserId>", "<Account>000000000000</Account>")
	contains(t, l.ok("GetAccessKeyInfo", "AccessKeyId", l.key), "<Account>000000000000</Account>")
	contains(t, l.ok("GetAccessKeyInfo", "AccessKeyId", "ASIAQNZGKIQY56JQ7WML"), "<Account>029608264753</Account>")
	contains(t, l.ok("GetRole", "RoleName", "r"), role)
	l.refused(400, "ValidationError", "Must specify userName", "GetUser")
	l.refused(403, "AccessDenied", "", "GetSessionToken")
}
