package app

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/iam"
)

func TestResourcesOf(t *testing.T) {
	db, err := cloud.NewDB(cloud.NewSchema(iam.Tables()...))
	if err != nil {
		t.Fatal(err)
	}
	const ec2 = "arn:aws:ec2:r:a:"
	for name, c := range map[string]struct{ service, operation, params, body, path, want string }{
		"describe":   {"ec2", "DescribeVpcs", "VpcId.1=vpc-12345678", "", "/", ""},
		"ec2":        {"ec2", "CreateSubnet", "VpcId=vpc-12345678&CidrBlock=10.0.0.0/24", "", "/", ec2 + "vpc/vpc-12345678"},
		"made":       {"ec2", "CreateVpc", "CidrBlock=10.0.0.0/16", "", "/", ec2 + "vpc/*"},
		"run":        {"ec2", "RunInstances", "ImageId=ami-12345678&IamInstanceProfile.Arn=arn:aws:iam::a:instance-profile/x", "", "/", "arn:aws:ec2:r::image/ami-12345678 " + ec2 + "instance/*"},
		"service":    {"ec2", "CreateTags", "ResourceId.1=vpce-svc-12345678", "", "/", ec2 + "vpc-endpoint-service/vpce-svc-12345678"},
		"balancer":   {"elasticloadbalancing", "CreateLoadBalancer", "Name=web&Type=network", "", "/", "arn:aws:elasticloadbalancing:r:a:loadbalancer/net/web/*"},
		"listener":   {"elasticloadbalancing", "DeleteListener", "ListenerArn=arn:aws:elasticloadbalancing:r:a:listener/1", "", "/", "arn:aws:elasticloadbalancing:r:a:listener/1"},
		"zone":       {"route53", "ChangeResourceRecordSets", "", "", "/2013-04-01/hostedzone/Z1/rrset/", "arn:aws:route53:::hostedzone/Z1"},
		"zones":      {"route53", "ListHostedZones", "", "", "/2013-04-01/hostedzone", ""},
		"role":       {"iam", "AttachRolePolicy", "RoleName=web&PolicyArn=arn:aws:iam::aws:policy/x", "", "/", "arn:aws:iam::a:role/web"},
		"assume":     {"sts", "AssumeRole", "RoleArn=arn:aws:iam::a:role/web", "", "/", "arn:aws:iam::a:role/web"},
		"session":    {"ssm", "StartSession", "", `{"Target":"i-12345678","DocumentName":"AWS-StartPortForwardingSession"}`, "/", ec2 + "instance/i-12345678 arn:aws:ssm:r::document/AWS-StartPortForwardingSession"},
		"terminate":  {"ssm", "TerminateSession", "", `{"SessionId":"me-1"}`, "/", "arn:aws:ssm:r:a:session/me-1"},
		"by tag":     {"ssm", "SendCommand", "", `{"DocumentName":"d","Targets":[{"Key":"tag:a","Values":["b"]}]}`, "/", ec2 + "instance/* arn:aws:ssm:r:a:document/d"},
		"targets":    {"ssm", "SendCommand", "", `{"DocumentName":"d","Targets":[{"Key":"InstanceIds","Values":["i-12345678"]}]}`, "/", ec2 + "instance/i-12345678 arn:aws:ssm:r:a:document/d"},
		"parameter":  {"ssm", "GetParameter", "", `{"Name":"/a/b:3","name":"other"}`, "/", "arn:aws:ssm:r:a:parameter/a/b"},
		"by ARN":     {"ssm", "GetParameters", "", `{"Names":["arn:aws:ssm:r:a:parameter/a/b","c"]}`, "/", "arn:aws:ssm:r:a:parameter/a/b arn:aws:ssm:r:a:parameter/c"},
		"by path":    {"ssm", "GetParametersByPath", "", `{"Path":"/a"}`, "/", "arn:aws:ssm:r:a:parameter/a"},
		"its tags":   {"ssm", "AddTagsToResource", "", `{"ResourceType":"Parameter","ResourceId":"/a"}`, "/", "arn:aws:ssm:r:a:parameter/a"},
		"space":      {"acm", "DeleteCertificate", "", ` {"CertificateArn":"arn:aws:acm:r:a:certificate/1"}`, "/", "arn:aws:acm:r:a:certificate/1"},
		"ssm, all":   {"ssm", "DescribeInstanceInformation", "", `{}`, "/", "arn:aws:ssm:r:a:*"},
		"ssm's ping": {"ssm", "UpdateInstanceInformation", "", `{"InstanceId":"i-12345678"}`, "/", ec2 + "instance/i-12345678"},
	} {
		params, err := url.ParseQuery(c.params)
		if err != nil {
			t.Fatal(err)
		}
		a := protocol.Access{
			Call:   protocol.Call{Caller: cloud.Caller{Scope: cloud.Scope{Account: "a", Region: "r"}}, Service: c.service, Operation: c.operation},
			Params: params, Body: []byte(c.body), Request: httptest.NewRequest("POST", c.path, nil),
		}
		if got := strings.Join(resourcesOf(db.Snapshot(), a), " "); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}
