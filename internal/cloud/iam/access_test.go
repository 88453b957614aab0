package iam

import (
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
)

func TestAccess(t *testing.T) {
	a := Access{Caller: cloud.Caller{Scope: cloud.Scope{Account: "111111111111"}, PrincipalARN: "arn:aws:sts::111111111111:assumed-role/app/i-1", UserID: "AROA1:i-1"},
		Action: "ec2:DescribeVpcs", Context: map[string]string{"aws:sourcevpc": "vpc-1", "aws:principalaccount": "111111111111"}}
	statement := func(s string) string { return `{"Statement":[` + s + `]}` }
	const all = `{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`
	for name, c := range map[string]struct {
		policy    string
		resources []string
		want      Verdict
	}{
		"all":               {statement(all), nil, Allowed},
		"none":              {statement(`{"Effect":"Allow","Principal":"*","Action":"ec2:RunInstances","Resource":"*"}`), nil, NotAllowed},
		"wildcard":          {statement(`{"Effect":"Allow","Principal":"*","Action":["EC2:describe*"],"Resource":"*"}`), nil, Allowed},
		"deny wins":         {statement(all + `,{"Effect":"Deny","Principal":"*","Action":"ec2:DescribeVpcs","Resource":"*"}`), nil, Denied},
		"not action":        {statement(`{"Effect":"Allow","Principal":"*","NotAction":"ec2:DescribeVpcs","Resource":"*"}`), nil, NotAllowed},
		"role":              {statement(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:role/app"},"Action":"*","Resource":"*"}`), nil, Allowed},
		"other account":     {statement(`{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"*","Resource":"*"}`), nil, NotAllowed},
		"resource":          {statement(`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"arn:aws:ec2:*:*:vpc/vpc-1"}`), []string{"arn:aws:ec2:r:a:vpc/vpc-1"}, Allowed},
		"one of two":        {statement(`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"arn:aws:ec2:*:*:vpc/vpc-1"}`), []string{"arn:aws:ec2:r:a:vpc/vpc-1", "arn:aws:ec2:r:a:vpc/vpc-2"}, NotAllowed},
		"resource, for all": {statement(`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"arn:aws:ec2:*:*:vpc/vpc-1"}`), nil, NotAllowed},
		"condition":         {statement(`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"}}}`), nil, Allowed},
		"condition fails":   {statement(`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-2"}}}`), nil, NotAllowed},
		"condition unknown": {statement(all + `,{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}}`), nil, Denied},
		"if exists":         {statement(`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-1"}}}`), nil, Allowed},
		"no policy":         {`{`, nil, NotAllowed},
	} {
		a.Resources = c.resources
		if got := a.Evaluate(c.policy); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
	if err := CheckAccessPolicy(statement(all)); err != nil {
		t.Error(err)
	}
	if err := CheckAccessPolicy(statement(`{"Effect":"Allow","Action":"*","Resource":"*"}`)); err == nil {
		t.Error("a statement without a principal passes")
	}
}
