package sdk

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// issued are keys that STS issued, as a provider.
type issued struct{ aws.Credentials }

func issuedBy(t *testing.T, cfg aws.Config) issued {
	t.Helper()
	role, err := iam.NewFromConfig(cfg).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: new("sdk"), AssumeRolePolicyDocument: new(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"sts:AssumeRole"}]}`)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := iam.NewFromConfig(cfg).AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: role.Role.RoleName, PolicyArn: new("arn:aws:iam::aws:policy/ReadOnlyAccess")}); err != nil {
		t.Fatal(err)
	}
	s, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: role.Role.Arn, RoleSessionName: new("one")})
	if err != nil {
		t.Fatal(err)
	}
	return issued{aws.Credentials{AccessKeyID: *s.Credentials.AccessKeyId, SecretAccessKey: *s.Credentials.SecretAccessKey, SessionToken: *s.Credentials.SessionToken}}
}

// config is a configuration with these keys, changed.
func (i issued) config(cfg aws.Config, change func(c *aws.Credentials)) aws.Config {
	keys := i.Credentials
	change(&keys)
	cfg = cfg.Copy()
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys, nil })
	return cfg
}

// TestIssuedKeys: requests that are signed with issued keys are verified, in each
// protocol and in the query string.
func TestIssuedKeys(t *testing.T) {
	cfg := start(t)
	ctx, keys := t.Context(), issuedBy(t, cfg)
	good := keys.config(cfg, func(*aws.Credentials) {})
	id, err := sts.NewFromConfig(good).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil || aws.ToString(id.Arn) != "arn:aws:sts::000000000000:assumed-role/sdk/one" {
		t.Errorf("identity: %v %v", id, err)
	}
	if _, err := ec2.NewFromConfig(good).DescribeVpcs(ctx, &ec2.DescribeVpcsInput{}); err != nil {
		t.Error(err)
	}
	if _, err := route53.NewFromConfig(good).ListHostedZonesByName(ctx, &route53.ListHostedZonesByNameInput{DNSName: new("a b/*.example.com")}); err != nil && strings.Contains(code(err), "Signature") {
		t.Error(err)
	}
	if _, err := route53.NewFromConfig(good).GetHostedZone(ctx, &route53.GetHostedZoneInput{Id: new("Z0123 +/é")}); strings.Contains(code(err), "Signature") {
		t.Error(err)
	}
	wrong := keys.config(cfg, func(c *aws.Credentials) { c.SecretAccessKey += "x" })
	if _, err := sts.NewFromConfig(wrong).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}); code(err) != "SignatureDoesNotMatch" {
		t.Errorf("a wrong secret: %v", err)
	}
	if _, err := ec2.NewFromConfig(wrong).DescribeVpcs(ctx, &ec2.DescribeVpcsInput{}); code(err) != "AuthFailure" {
		t.Errorf("a wrong secret: %v", err)
	}
	if _, err := route53.NewFromConfig(wrong).ListHostedZones(ctx, &route53.ListHostedZonesInput{}); code(err) != "SignatureDoesNotMatch" {
		t.Errorf("a wrong secret: %v", err)
	}
	tokenless := keys.config(cfg, func(c *aws.Credentials) { c.SessionToken = "" })
	if _, err := sts.NewFromConfig(tokenless).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}); code(err) != "InvalidClientTokenId" {
		t.Errorf("no token: %v", err)
	}
	for c, want := range map[*aws.Config]int{&good: http.StatusOK, &wrong: http.StatusForbidden} {
		if got, body := presigned(t, *c); got != want {
			t.Errorf("presigned: %d %s, want %d", got, body, want)
		}
	}
}

// presigned asks who the caller is by a presigned request.
func presigned(t *testing.T, cfg aws.Config) (status int, body string) {
	t.Helper()
	p, err := sts.NewPresignClient(sts.NewFromConfig(cfg)).PresignGetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), p.Method, p.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}
