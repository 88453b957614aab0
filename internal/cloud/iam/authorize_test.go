package iam

import (
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
)

// sessionOf is a caller who has a role's keys.
func sessionOf(role Role) cloud.Caller {
	return cloud.Caller{
		Scope:        cloud.Scope{Account: role.Account, Region: "us-east-1"},
		PrincipalARN: "arn:aws:sts::" + role.Account + ":assumed-role/" + role.Name + "/i-1", UserID: role.ID + ":i-1",
	}
}

func policy(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

func TestAuthorize(t *testing.T) {
	const (
		all       = `{"Effect":"Allow","Action":"*","Resource":"*"}`
		noVPCs    = "because no identity-based policy allows the ec2:DescribeVpcs action"
		denies    = "with an explicit deny in an identity-based policy"
		noBound   = "because no permissions boundary allows the ec2:DescribeVpcs action"
		boundDeny = "with an explicit deny in a permissions boundary"
		instance  = "arn:aws:ec2:us-east-1:000000000000:instance/i-1"
	)
	for name, c := range map[string]struct {
		inline, managed, customer, boundary string
		action                              string // ec2:DescribeVpcs
		resources                           []string
		why                                 string // allowed if empty
	}{
		"none":             {why: noVPCs},
		"identity":         {action: "sts:GetCallerIdentity"},
		"inline":           {inline: policy(`{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"}`)},
		"other action":     {inline: policy(`{"Effect":"Allow","Action":"ec2:RunInstances","Resource":"*"}`), why: noVPCs},
		"managed":          {managed: "AmazonEC2ReadOnlyAccess"},
		"read only":        {managed: "AmazonEC2ReadOnlyAccess", action: "ec2:CreateVpc", why: "because no identity-based policy allows the ec2:CreateVpc action"},
		"agent":            {managed: "AmazonSSMManagedInstanceCore", action: "ssm:UpdateInstanceInformation", resources: []string{instance}},
		"agent's role":     {managed: "service-role/AmazonEC2RoleforSSM", action: "ssmmessages:OpenControlChannel"},
		"not the agent's":  {managed: "AmazonSSMReadOnlyAccess", action: "ssm:UpdateInstanceInformation", why: "because no identity-based policy allows the ssm:UpdateInstanceInformation action"},
		"power user":       {managed: "PowerUserAccess"},
		"power over users": {managed: "PowerUserAccess", action: "iam:CreateRole", why: "because no identity-based policy allows the iam:CreateRole action"},
		"administrator":    {managed: "AdministratorAccess", action: "iam:CreateRole"},
		"customer":         {customer: policy(all)},
		"deny wins":        {managed: "AdministratorAccess", customer: policy(`{"Effect":"Deny","Action":"ec2:*","Resource":"*"}`), why: denies},
		"within":           {inline: policy(all), boundary: policy(`{"Effect":"Allow","Action":"ec2:*","Resource":"*"}`)},
		"out of bounds":    {inline: policy(all), boundary: policy(`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`), why: noBound},
		"bounds deny":      {inline: policy(all), boundary: policy(all, `{"Effect":"Deny","Action":"ec2:*","Resource":"*"}`), why: boundDeny},
		"only bounds":      {boundary: policy(all), why: noVPCs},
		"tag":              {inline: policy(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"web"}}}`)},
		"no tag":           {inline: policy(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/none":"web"}}}`), why: noVPCs},
		"no endpoint":      {inline: policy(all, `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}}`), why: denies},
		"by no endpoint":   {inline: policy(all, `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1"}}}`)},
		"null":             {inline: policy(all, `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Null":{"aws:SourceVpce":"true"}}}`), why: denies},
		"address":          {inline: policy(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","198.51.100.0/24"]}}}`)},
		"other address":    {inline: policy(all, `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}`), why: denies},
		"date":             {inline: policy(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}}}`)},
		"past":             {inline: policy(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}}`), why: noVPCs},
		"unknown key":      {inline: policy(`{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"ec2:ResourceTag/a":"b"}}}`), why: noVPCs},
		"unknown denies":   {inline: policy(all, `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"ec2:ResourceTag/a":"b"}}}`), why: denies},
		"fails anyway":     {inline: policy(all, `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"ec2:ResourceTag/a":"b","aws:PrincipalTag/team":"db"}}}`)},
		"variable":         {inline: policy(`{"Effect":"Allow","Action":"*","Resource":"arn:aws:ssm:*:*:session/${aws:userid}-*"}`), action: "ssm:TerminateSession", resources: []string{"arn:aws:ssm:us-east-1:0:session/me-1"}},
		"no variable":      {inline: policy(`{"Effect":"Allow","Action":"*","Resource":"arn:aws:ssm:*:*:session/${aws:username}-*"}`), action: "ssm:X", resources: []string{"arn:aws:ssm:us-east-1:0:session/-1"}, why: "because no identity-based policy allows the ssm:X action"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			role := must(l, CreateRole{Name: "web", AssumeRolePolicy: ec2Trust})
			if c.inline != "" {
				must(l, PutRolePolicy{"web", "p", c.inline})
			}
			if c.managed != "" {
				must(l, AttachRolePolicy{"web", managedPrefix + "/" + c.managed})
			}
			if c.customer != "" {
				p := must(l, CreatePolicy{Name: "own", Document: policy(`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`)})
				must(l, CreatePolicyVersion{p.ARN, c.customer, true})
				must(l, AttachRolePolicy{"web", p.ARN})
			}
			if c.boundary != "" {
				p := must(l, CreatePolicy{Name: "bound", Document: c.boundary})
				must(l, SetRoleBoundary{"web", p.ARN})
			}
			a := Access{
				Caller: sessionOf(role), Action: c.action, Resources: c.resources,
				Context: map[string]string{"aws:principaltag/team": "web", "aws:sourceip": "198.51.100.7", "aws:currenttime": "2026-01-01T00:00:00Z", "aws:userid": "me"},
				Settled: func(key string) bool { return strings.HasPrefix(key, "aws:") },
			}
			if a.Action == "" {
				a.Action = "ec2:DescribeVpcs"
			}
			if d := Authorize(l.db.Snapshot(), a); (d.Verdict == Allowed) != (c.why == "") || d.Why != c.why {
				t.Errorf("got %+v, want %q", d, c.why)
			}
		})
	}
}

func TestAuthorizeOthers(t *testing.T) {
	l := newLab(t)
	a := Access{Caller: root(account), Action: "ec2:DescribeVpcs"}
	if d := Authorize(l.db.Snapshot(), a); d.Verdict != Allowed {
		t.Errorf("the root user: %+v", d)
	}
	a.Caller = sessionOf(Role{Account: account, Name: "gone"})
	if d := Authorize(l.db.Snapshot(), a); d.Verdict != NotAllowed {
		t.Errorf("a role that is gone: %+v", d)
	}
	// Who is named in a trust policy needs no policy to assume the role.
	one := must(l, CreateRole{Name: "one", AssumeRolePolicy: ec2Trust})
	trust := func(principal string) string {
		return strings.Replace(ec2Trust, `"Service":"ec2.amazonaws.com"`, `"AWS":"`+principal+`"`, 1)
	}
	named := must(l, CreateRole{Name: "named", AssumeRolePolicy: trust(one.ARN())})
	whole := must(l, CreateRole{Name: "whole", AssumeRolePolicy: trust(rootARN(account))})
	for role, want := range map[string]Verdict{named.ARN(): Allowed, whole.ARN(): NotAllowed} {
		a = Access{Caller: sessionOf(one), Action: "sts:AssumeRole", Resources: []string{role}}
		if d := Authorize(l.db.Snapshot(), a); d.Verdict != want {
			t.Errorf("%s: %+v", role, d)
		}
	}
}

func TestAuthorizeTags(t *testing.T) {
	const web, db, other = "arn:aws:ec2:us-east-1:0:instance/i-1", "arn:aws:ec2:us-east-1:0:instance/i-2", "arn:aws:sns:us-east-1:0:t"
	l := newLab(t)
	role := must(l, CreateRole{Name: "web", AssumeRolePolicy: ec2Trust})
	must(l, PutRolePolicy{"web", "p", policy(
		`{"Effect":"Allow","Action":"ssm:StartSession","Resource":"*","Condition":{"StringEquals":{"ssm:resourceTag/Name":"web"}}}`,
		`{"Effect":"Allow","Action":"ec2:StopInstances","Resource":"*"}`,
		`{"Effect":"Deny","Action":"ec2:StopInstances","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/Name":"db"}}}`)})
	for _, c := range []struct {
		action    string
		resources []string
		want      Verdict
	}{
		{"ssm:StartSession", []string{web}, Allowed},
		{"ssm:StartSession", []string{db}, NotAllowed},
		{"ssm:StartSession", []string{web, db}, NotAllowed},
		{"ssm:StartSession", []string{other}, NotAllowed},
		{"ec2:StopInstances", []string{web}, Allowed},
		{"ec2:StopInstances", []string{web, db}, Denied},
		{"ec2:StopInstances", []string{other}, Denied}, // nobody knows
	} {
		a := Access{Caller: sessionOf(role), Action: c.action, Resources: c.resources, Tags: func(resource string) (cloud.Tags, bool) {
			return map[string]cloud.Tags{web: {"Name": "web"}, db: {"Name": "db"}}[resource], resource != other
		}}
		if d := Authorize(l.db.Snapshot(), a); d.Verdict != c.want {
			t.Errorf("%s %q: %+v, want %v", c.action, c.resources, d, c.want)
		}
	}
}
