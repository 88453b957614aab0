package e2e

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Parameters of requests that recur.
const (
	toWeb    = "Type=forward DefaultActions.member.1.TargetGroupArn={web}"
	asText   = "DefaultActions.member.1.Type=fixed-response DefaultActions.member.1.FixedResponseConfig.StatusCode=200"
	ruleText = "Actions.member.1.Type=fixed-response Actions.member.1.FixedResponseConfig.StatusCode=200"
	onPath   = "Conditions.member.1.Field=path-pattern Conditions.member.1.Values.member.1=/x"
)

// balancingWorld makes what the refusals of load balancers are about.
func balancingWorld(m *musubi, w *wire) names {
	n := names{"long": strings.Repeat("x", 1025)}
	make := func(service, name, line, element string) {
		m.t.Helper()
		n[name] = w.must(service, n.expand(line), element)
	}
	ec2 := func(name, line, element string) { m.t.Helper(); make("ec2", name, line, element) }
	elb := func(name, line, element string) { m.t.Helper(); make("elasticloadbalancing", name, line, element) }
	ec2("vpc", "CreateVpc CidrBlock=10.0.0.0/16", "vpcId")
	ec2("far-vpc", "CreateVpc CidrBlock=10.9.0.0/16", "vpcId")
	ec2("a", "CreateSubnet VpcId={vpc} CidrBlock=10.0.1.0/24 AvailabilityZone=ap-northeast-1a", "subnetId")
	ec2("a2", "CreateSubnet VpcId={vpc} CidrBlock=10.0.2.0/24 AvailabilityZone=ap-northeast-1a", "subnetId")
	ec2("c", "CreateSubnet VpcId={vpc} CidrBlock=10.0.3.0/24 AvailabilityZone=ap-northeast-1c", "subnetId")
	ec2("small", "CreateSubnet VpcId={vpc} CidrBlock=10.0.4.0/28 AvailabilityZone=ap-northeast-1c", "subnetId")
	ec2("far", "CreateSubnet VpcId={far-vpc} CidrBlock=10.9.1.0/24 AvailabilityZone=ap-northeast-1c", "subnetId")
	ec2("far-sg", "CreateSecurityGroup VpcId={far-vpc} GroupName=far GroupDescription=far", "groupId")
	elb("alb", "CreateLoadBalancer Name=alb Scheme=internal Subnets.member.1={a} Subnets.member.2={c}", "LoadBalancerArn")
	elb("alb2", "CreateLoadBalancer Name=alb2 Scheme=internal Subnets.member.1={a} Subnets.member.2={c}", "LoadBalancerArn")
	elb("kept", "CreateLoadBalancer Name=kept Scheme=internal Subnets.member.1={a} Subnets.member.2={c}", "LoadBalancerArn")
	elb("nlb", "CreateLoadBalancer Name=nlb Type=network Scheme=internal Subnets.member.1={a}", "LoadBalancerArn")
	w.must("elasticloadbalancing", n.expand("ModifyLoadBalancerAttributes LoadBalancerArn={kept} Attributes.member.1.Key=deletion_protection.enabled Attributes.member.1.Value=true"), "")
	elb("web", "CreateTargetGroup Name=web Protocol=HTTP Port=80 VpcId={vpc}", "TargetGroupArn")
	elb("other", "CreateTargetGroup Name=other Protocol=HTTP Port=80 VpcId={vpc}", "TargetGroupArn")
	elb("sticky", "CreateTargetGroup Name=sticky Protocol=HTTP Port=80 VpcId={vpc}", "TargetGroupArn")
	elb("grpc", "CreateTargetGroup Name=grpc Protocol=HTTP ProtocolVersion=GRPC Port=80 VpcId={vpc}", "TargetGroupArn")
	elb("foreign", "CreateTargetGroup Name=foreign Protocol=HTTP Port=80 VpcId={far-vpc}", "TargetGroupArn")
	elb("tcp", "CreateTargetGroup Name=tcp Protocol=TCP Port=80 VpcId={vpc}", "TargetGroupArn")
	elb("tls", "CreateTargetGroup Name=tls Protocol=TLS Port=443 VpcId={vpc}", "TargetGroupArn")
	elb("udp", "CreateTargetGroup Name=udp Protocol=UDP Port=53 VpcId={vpc}", "TargetGroupArn")
	elb("to-alb", "CreateTargetGroup Name=to-alb Protocol=TCP Port=80 TargetType=alb VpcId={vpc}", "TargetGroupArn")
	elb("to-none", "CreateTargetGroup Name=to-none Protocol=TCP Port=81 TargetType=alb VpcId={vpc}", "TargetGroupArn")
	w.must("elasticloadbalancing", n.expand("ModifyTargetGroupAttributes TargetGroupArn={sticky} Attributes.member.1.Key=stickiness.enabled Attributes.member.1.Value=true"), "")
	balancingCertificates(m, w, n)
	elb("http", "CreateListener LoadBalancerArn={alb} Protocol=HTTP Port=80 DefaultActions.member.1."+toWeb, "ListenerArn")
	elb("https", "CreateListener LoadBalancerArn={alb} Protocol=HTTPS Port=443 Certificates.member.1.CertificateArn={acm} MutualAuthentication.Mode=verify MutualAuthentication.TrustStoreArn={trust} "+asText, "ListenerArn")
	elb("https2", "CreateListener LoadBalancerArn={alb2} Protocol=HTTPS Port=443 Certificates.member.1.CertificateArn={iam} "+asText, "ListenerArn")
	elb("net", "CreateListener LoadBalancerArn={nlb} Protocol=TCP Port=80 DefaultActions.member.1.Type=forward DefaultActions.member.1.TargetGroupArn={tcp}", "ListenerArn")
	elb("rule", "CreateRule ListenerArn={http} Priority=10 "+onPath+" Actions.member.1.Type=forward Actions.member.1.TargetGroupArn={sticky}", "RuleArn")
	elb("rule2", "CreateRule ListenerArn={http} Priority=20 "+onPath+" "+ruleText, "RuleArn")
	elb("rule3", "CreateRule ListenerArn={https} Priority=20 "+onPath+" "+ruleText, "RuleArn")
	a := w.query("elasticloadbalancing", n.expand("DescribeRules ListenerArn={http}"))
	n["default"] = ""
	for _, member := range strings.Split(a.body, "<member>") {
		if strings.Contains(member, "<IsDefault>true</IsDefault>") || strings.Contains(member, "<Priority>default</Priority>") {
			n["default"] = textOf("<x>"+a.body[strings.LastIndex(a.body, "<RuleArn>"):], "RuleArn")
		}
	}
	w.must("elasticloadbalancing", n.expand("RegisterTargets TargetGroupArn={to-alb} Targets.member.1.Id={alb}"), "")
	ec2("service", "CreateVpcEndpointServiceConfiguration NetworkLoadBalancerArn.1={nlb} AcceptanceRequired=false", "serviceId")
	return n
}

// balancingCertificates makes certificates of ACM and IAM, and trust stores.
func balancingCertificates(m *musubi, w *wire, n names) {
	m.t.Helper()
	certificate, key := newIssuer(m.t).both(m.t)
	imported := w.acm("ImportCertificate", jsonOf(m.t, map[string]any{"Certificate": certificate, "PrivateKey": key}))
	pending := w.acm("RequestCertificate", `{"DomainName":"pending.example.com","ValidationMethod":"DNS"}`)
	n["acm"], n["pending"] = fieldOf(m.t, imported, "CertificateArn"), fieldOf(m.t, pending, "CertificateArn")
	for _, name := range []string{"iam", "free"} {
		a := w.form("iam", url.Values{"Action": {"UploadServerCertificate"}, "ServerCertificateName": {name},
			"CertificateBody": {string(certificate)}, "PrivateKey": {string(key)}})
		if n[name] = textOf(a.body, "Arn"); n[name] == "" {
			m.t.Fatalf("server certificate: %d %s", a.status, a.body)
		}
	}
	m.object("trust", "ca.pem", certificate)
	m.object("trust", "text.pem", []byte("text"))
	n["trust"] = w.must("elasticloadbalancing", "CreateTrustStore Name=trust CaCertificatesBundleS3Bucket=trust CaCertificatesBundleS3Key=ca.pem", "TrustStoreArn")
}

func TestBalancingRefusals(t *testing.T) {
	t.Parallel()
	m := start(t)
	w := m.wire()
	n := balancingWorld(m, w)
	m.eventually(30*time.Second, "the load balancers to be active", func() bool {
		return !strings.Contains(w.query("elasticloadbalancing", "DescribeLoadBalancers").body, "provisioning")
	})
	before := m.status().Resources
	for _, r := range balancingRefusals {
		n.check(t, r, w.query("elasticloadbalancing", n.expand(r.request)))
	}
	for _, r := range iamCertificateRefusals {
		n.check(t, r, w.query("iam", n.expand(r.request)))
	}
	t.Run("ACM", func(t *testing.T) { acmRefusals(t, w, n) })
	t.Run("server certificates", func(t *testing.T) { serverCertificateRefusals(t, w) })
	if after := m.status().Resources; fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("refused requests changed something: %v, before %v", after, before)
	}
}
