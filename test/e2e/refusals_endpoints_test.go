package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// endpointWorld makes services in one account and endpoints in another.
func endpointWorld(m *musubi, w *wire) names {
	n := names{"consumer": "111111111111"}
	consumer := w.as(n["consumer"])
	ec2 := func(w *wire, name, line, element string) {
		m.t.Helper()
		n[name] = w.must("ec2", n.expand(line), element)
	}
	ec2(w, "vpc", "CreateVpc CidrBlock=10.0.0.0/16", "vpcId")
	ec2(w, "a", "CreateSubnet VpcId={vpc} CidrBlock=10.0.1.0/24 AvailabilityZone=ap-northeast-1a", "subnetId")
	ec2(w, "c", "CreateSubnet VpcId={vpc} CidrBlock=10.0.2.0/24 AvailabilityZone=ap-northeast-1c", "subnetId")
	for _, name := range []string{"lb", "held", "free"} {
		n[name] = w.must("elasticloadbalancing", n.expand("CreateLoadBalancer Name="+name+" Type=network Scheme=internal Subnets.member.1={a}"), "LoadBalancerArn")
	}
	n["alb"] = w.must("elasticloadbalancing", n.expand("CreateLoadBalancer Name=alb Scheme=internal Subnets.member.1={a} Subnets.member.2={c}"), "LoadBalancerArn")
	ec2(w, "service", "CreateVpcEndpointServiceConfiguration NetworkLoadBalancerArn.1={lb} AcceptanceRequired=false", "serviceId")
	ec2(w, "named", "CreateVpcEndpointServiceConfiguration NetworkLoadBalancerArn.1={held} AcceptanceRequired=false PrivateDnsName=api.example.com", "serviceId")
	for _, s := range []string{"service", "named"} {
		n[s+"-name"] = "com.amazonaws.vpce.ap-northeast-1." + n[s]
		w.must("ec2", n.expand("ModifyVpcEndpointServicePermissions ServiceId={"+s+"} AddAllowedPrincipals.1=arn:aws:iam::111111111111:root"), "")
	}
	n["topic"] = w.must("sns", "CreateTopic Name=topic", "TopicArn")
	ec2(consumer, "cvpc", "CreateVpc CidrBlock=10.0.0.0/16", "vpcId")
	ec2(consumer, "plain-vpc", "CreateVpc CidrBlock=10.0.0.0/16", "vpcId")
	ec2(consumer, "ca", "CreateSubnet VpcId={cvpc} CidrBlock=10.0.1.0/24 AvailabilityZone=ap-northeast-1a", "subnetId")
	ec2(consumer, "ca2", "CreateSubnet VpcId={cvpc} CidrBlock=10.0.2.0/24 AvailabilityZone=ap-northeast-1a", "subnetId")
	ec2(consumer, "cc", "CreateSubnet VpcId={cvpc} CidrBlock=10.0.3.0/24 AvailabilityZone=ap-northeast-1c", "subnetId")
	ec2(consumer, "plain", "CreateSubnet VpcId={plain-vpc} CidrBlock=10.0.1.0/24 AvailabilityZone=ap-northeast-1a", "subnetId")
	consumer.must("ec2", n.expand("ModifyVpcAttribute VpcId={cvpc} EnableDnsHostnames.Value=true"), "")
	ec2(consumer, "endpoint", "CreateVpcEndpoint VpcEndpointType=Interface VpcId={cvpc} ServiceName={service-name} SubnetId.1={ca}", "vpcEndpointId")
	ec2(consumer, "eni", "DescribeNetworkInterfaces Filter.1.Name=subnet-id Filter.1.Value.1={ca}", "networkInterfaceId")
	return n
}

// serviceRefusals are what the account of the services is told.
var serviceRefusals = []apiRefusal{
	{"CreateVpcEndpointServiceConfiguration NetworkLoadBalancerArn.1={lb}", 0, "InvalidParameter", "…"},
	{"CreateVpcEndpointServiceConfiguration NetworkLoadBalancerArn.1={alb}", 0, "InvalidParameter", "…"},
	{"CreateVpcEndpointServiceConfiguration GatewayLoadBalancerArn.1={free}", 0, "UnsupportedOperation", "The value '{free}' of the parameter GatewayLoadBalancerArn is not served by Musubi."},
	{"CreateVpcEndpointServiceConfiguration NetworkLoadBalancerArn.1={free} SupportedIpAddressType.1=ipv6", 0, "InvalidParameter", "…"},
	{"CreateVpcEndpointServiceConfiguration NetworkLoadBalancerArn.1={free} PrivateDnsName=no+name", 0, "InvalidParameter", "…"},
	{"CreateVpcEndpointServiceConfiguration NetworkLoadBalancerArn.1={free} SupportedRegion.1=xx-north-9", 0, "InvalidParameter", "…"},
	{"ModifyVpcEndpointServiceConfiguration ServiceId={service} RemoveNetworkLoadBalancerArn.1={lb}", 0, "ExistingVpcEndpointConnections", "Service has existing active VPC Endpoint connections!"},
	{"ModifyVpcEndpointServiceConfiguration ServiceId={service} AddNetworkLoadBalancerArn.1={held}", 0, "InvalidParameter", "…"},
	{"ModifyVpcEndpointServiceConfiguration ServiceId=vpce-svc-0123456789abcdef0 AcceptanceRequired=true", 0, "InvalidVpcEndpointServiceId.NotFound", "The VpcEndpointService Id 'vpce-svc-0123456789abcdef0' does not exist"},
	{"ModifyVpcEndpointServicePermissions ServiceId={service} AddAllowedPrincipals.1=someone", 0, "InvalidPrincipal", "…"},
	{"StartVpcEndpointServicePrivateDnsVerification ServiceId={service}", 0, "InvalidParameter", "The VPC endpoint service {service} does not have a private DNS name."},
	{"CreateVpcEndpointConnectionNotification ServiceId={service} ConnectionNotificationArn=topic ConnectionEvents.1=Accept", 0, "InvalidConnectionNotification", "…"},
	{"CreateVpcEndpointConnectionNotification ServiceId={service} ConnectionNotificationArn={topic}-none ConnectionEvents.1=Accept", 0, "InvalidConnectionNotification", "…"},
	{"CreateVpcEndpointConnectionNotification ServiceId={service} ConnectionNotificationArn={topic} ConnectionEvents.1=Dance", 0, "InvalidParameter", "The connection event 'Dance' is not valid: …"},
	{"CreateVpcEndpointConnectionNotification ConnectionNotificationArn={topic} ConnectionEvents.1=Accept", 0, "InvalidParameterCombination", "…"},
	{"DescribeVpcEndpointConnections Filter.1.Name=vpc-endpoint-id Filter.1.Value.1={endpoint}", 0, "InvalidFilter", "…"},
}

// endpointRefusals are what the account of the endpoints is told.
var endpointRefusals = []apiRefusal{
	{"CreateVpcEndpoint VpcEndpointType=Interface VpcId={cvpc} ServiceName={service-name} SubnetId.1={ca} SubnetId.2={ca2}", 0, "DuplicateSubnetsInSameZone", "Found another VPC endpoint subnet in the availability zone of {ca2}. VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service."},
	{"CreateVpcEndpoint VpcEndpointType=Interface VpcId={cvpc} ServiceName={service-name} SubnetId.1={cc}", 0, "InvalidParameter", "The VPC endpoint service {service-name} does not support the availability zone of the subnet: {cc}."},
	{"CreateVpcEndpoint VpcEndpointType=Interface VpcId={cvpc} ServiceName={service-name} SubnetId.1={plain}", 0, "InvalidParameter", "…"},
	{"CreateVpcEndpoint VpcEndpointType=Interface VpcId={cvpc} ServiceName={service-name} SubnetId.1={ca} SecurityGroupId.1=sg-0123456789abcdef0", 0, "InvalidGroup.NotFound", "The security group 'sg-0123456789abcdef0' does not exist"},
	{"CreateVpcEndpoint VpcEndpointType=Gateway VpcId={cvpc} ServiceName={service-name}", 0, "InvalidParameter", "Endpoint type (Gateway) does not match available service types ([Interface])."},
	{"CreateVpcEndpoint VpcEndpointType=GatewayLoadBalancer VpcId={cvpc} ServiceName={service-name} SubnetId.1={ca}", 0, "InvalidParameter", "Endpoint type (GatewayLoadBalancer) does not match available service types ([Interface])."},
	{"CreateVpcEndpoint VpcEndpointType=Interface VpcId={plain-vpc} ServiceName={service-name} SubnetId.1={plain} PrivateDnsEnabled=true", 0, "InvalidParameter", "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {plain-vpc}"},
	{"CreateVpcEndpoint VpcEndpointType=Interface VpcId={cvpc} ServiceName={service-name} SubnetId.1={ca} PrivateDnsEnabled=true", 0, "InvalidParameter", "Private DNS can't be enabled because the service {service-name} does not provide a private DNS name."},
	{"CreateVpcEndpoint VpcEndpointType=Interface VpcId={cvpc} ServiceName={named-name} SubnetId.1={ca} PrivateDnsEnabled=true", 0, "InvalidParameter", "Private DNS can't be enabled because the service {named-name} has not verified the private DNS name."},
	{"CreateVpcEndpoint VpcEndpointType=Interface VpcId={cvpc} ServiceName={service-name} SubnetId.1={ca} IpAddressType=dualstack", 0, "InvalidParameter", "The IP address type 'dualstack' is not supported by the VPC endpoint service {service-name}."},
	{"CreateVpcEndpoint VpcEndpointType=Interface VpcId={cvpc} ServiceName={service-name} SubnetId.1={ca} DnsOptions.DnsRecordIpType=ipv6", 0, "InvalidParameter", "The DNS record IP type 'ipv6' is not supported for the IP address type 'ipv4'."},
	{"CreateVpcEndpoint VpcEndpointType=Interface VpcId={cvpc} ServiceName={service-name} SubnetId.1={ca} PolicyDocument=policy", 0, "InvalidPolicyDocument", "…"},
	{"CreateVpcEndpoint VpcEndpointType=Interface VpcId={cvpc} ServiceName={service-name} SubnetId.1={ca} ServiceRegion=us-east-1", 0, "InvalidServiceName", "…"},
	{"ModifyVpcEndpoint VpcEndpointId={endpoint} AddSubnetId.1={ca2}", 0, "DuplicateSubnetsInSameZone", "…"},
	{"ModifyVpcEndpoint VpcEndpointId={endpoint} PrivateDnsEnabled=true", 0, "InvalidParameter", "Private DNS can't be enabled because the service {service-name} does not provide a private DNS name."},
	{"ModifyVpcEndpoint VpcEndpointId=vpce-0123456789abcdef0 PrivateDnsEnabled=false", 0, "InvalidVpcEndpointId.NotFound", "The VpcEndPoint ID 'vpce-0123456789abcdef0' does not exist"},
	{"DeleteNetworkInterface NetworkInterfaceId={eni}", 0, "InvalidParameterValue", "…"},
	{"DeleteSubnet SubnetId={ca}", 0, "DependencyViolation", "The subnet '{ca}' has dependencies and cannot be deleted."},
	{"DescribeVpcEndpointServiceConfigurations ServiceId.1={service}", 0, "InvalidVpcEndpointServiceId.NotFound", "The VpcEndpointService Id '{service}' does not exist"},
}

// snsRefusals are of the stand-in for SNS.
var snsRefusals = []apiRefusal{
	{"GetTopicAttributes TopicArn={topic}-none", 404, "NotFound", "Topic does not exist"},
	{"GetTopicAttributes TopicArn=topic", 0, "InvalidParameter", "…"},
	{"CreateTopic Name=no/slash", 0, "InvalidParameter", "…"},
	{"SetTopicAttributes TopicArn={topic} AttributeName=Colour AttributeValue=red", 0, "InvalidParameter", "…"},
	{"SetTopicAttributes TopicArn={topic} AttributeName=Policy AttributeValue=text", 0, "InvalidParameter", "…"},
	{"Subscribe TopicArn={topic} Protocol=email Endpoint=a@example.com", 0, "UnsupportedOperation", "The operation Subscribe of sns is not served by Musubi."},
}

func TestEndpointRefusals(t *testing.T) {
	t.Parallel()
	m := start(t)
	w := m.wire()
	n := endpointWorld(m, w)
	consumer := w.as(n["consumer"])
	m.eventually(30*time.Second, "the endpoint to be available", func() bool {
		return strings.Contains(consumer.query("ec2", n.expand("DescribeVpcEndpoints VpcEndpointId.1={endpoint}")).body, "available")
	})
	before := m.status().Resources
	for _, r := range serviceRefusals {
		n.check(t, r, w.query("ec2", n.expand(r.request)))
	}
	for _, r := range endpointRefusals {
		n.check(t, r, consumer.query("ec2", n.expand(r.request)))
	}
	for _, r := range snsRefusals {
		n.check(t, r, w.query("sns", n.expand(r.request)))
	}
	stranger := w.as("222222222222")
	vpc := stranger.must("ec2", "CreateVpc CidrBlock=10.0.0.0/16", "vpcId")
	for _, line := range []string{
		"CreateVpcEndpoint VpcEndpointType=Interface VpcId=" + vpc + " ServiceName={service-name}",
		"DescribeVpcEndpointServices ServiceName.1={service-name}",
	} {
		n.check(t, apiRefusal{line, 0, "InvalidServiceName", "The Vpc Endpoint Service '{service-name}' does not exist"}, stranger.query("ec2", n.expand(line)))
	}
	stranger.must("ec2", "DeleteVpc VpcId="+vpc, "")
	for _, b := range [][3]string{
		{"AcceptVpcEndpointConnections ServiceId={service} VpcEndpointId.1=vpce-0123456789abcdef0", "vpce-0123456789abcdef0", "InvalidVpcEndpointId.NotFound"},
		{"DeleteVpcEndpointServiceConfigurations ServiceId.1={service}", "{service}", "ExistingVpcEndpointConnections"},
		{"DeleteVpcEndpointConnectionNotifications ConnectionNotificationId.1=vpce-nfn-0123456789abcdef0", "vpce-nfn-0123456789abcdef0", "InvalidConnectionNotification"},
	} {
		a := w.query("ec2", n.expand(b[0]))
		if a.status != http.StatusOK || textOf(a.body, "resourceId") != n.expand(b[1]) || textOf(a.body, "code") != b[2] {
			t.Errorf("%s: %d %s", n.expand(b[0]), a.status, a.body)
		}
	}
	if after := m.status().Resources; fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("refused requests changed something: %v, before %v", after, before)
	}
	t.Run("private names", func(t *testing.T) { privateNameRefusals(t, m, w, n) })
}

// privateNameRefusals proves a service's name; then a zone of that name is in the
// way of an endpoint, and an endpoint is in the way of a zone.
func privateNameRefusals(t *testing.T, m *musubi, w *wire, n names) {
	zone := func(name, vpc string) string {
		return fmt.Sprintf("<CreateHostedZoneRequest %s><Name>%s</Name>%s<CallerReference>%d</CallerReference></CreateHostedZoneRequest>", route53NS, name, vpc, time.Now().UnixNano())
	}
	inVPC := func(vpc string) string {
		return "<VPC><VPCRegion>ap-northeast-1</VPCRegion><VPCId>" + n[vpc] + "</VPCId></VPC>"
	}
	made := w.rest("POST hostedzone", zone("example.com", ""))
	id := strings.TrimPrefix(textOf(made.body[strings.Index(made.body, "<HostedZone>"):], "Id"), "/hostedzone/")
	service := w.query("ec2", n.expand("DescribeVpcEndpointServiceConfigurations ServiceId.1={named}")).body
	_, proof, _ := strings.Cut(service, "<privateDnsNameConfiguration>")
	if textOf(proof, "value") == "" {
		t.Fatalf("no proof is asked for: %s", service)
	}
	if a := w.rest("POST hostedzone/"+id+"/rrset/", recordOf(textOf(proof, "name")+".api.example.com", "TXT", routed("", `"`+textOf(proof, "value")+`"`))); a.status != http.StatusOK {
		t.Fatalf("proof: %d %s", a.status, a.body)
	}
	w.must("ec2", n.expand("StartVpcEndpointServicePrivateDnsVerification ServiceId={named}"), "")
	m.eventually(30*time.Second, "the name to be verified", func() bool {
		return strings.Contains(w.query("ec2", n.expand("DescribeVpcEndpointServiceConfigurations ServiceId.1={named}")).body, "<state>verified</state>")
	})
	consumer := w.as(n["consumer"])
	if a := consumer.rest("POST hostedzone", zone("api.example.com", inVPC("cvpc"))); a.status != http.StatusCreated {
		t.Fatalf("zone: %d %s", a.status, a.body)
	}
	create := "CreateVpcEndpoint VpcEndpointType=Interface VpcId={cvpc} ServiceName={named-name} SubnetId.1={ca} PrivateDnsEnabled=true"
	n.check(t, apiRefusal{create, 0, "InvalidParameter", "private-dns-enabled cannot be set because there is already a conflicting DNS domain for api.example.com in the VPC {cvpc}"},
		consumer.query("ec2", n.expand(create)))
	consumer.must("ec2", n.expand("ModifyVpcAttribute VpcId={plain-vpc} EnableDnsHostnames.Value=true"), "")
	consumer.must("ec2", n.expand("CreateVpcEndpoint VpcEndpointType=Interface VpcId={plain-vpc} ServiceName={named-name} SubnetId.1={plain} PrivateDnsEnabled=true"), "vpcEndpointId")
	n.check(t, apiRefusal{"POST hostedzone of an endpoint's name", 0, "ConflictingDomainExists", "…"}, consumer.rest("POST hostedzone", zone("api.example.com", inVPC("plain-vpc"))))
}
