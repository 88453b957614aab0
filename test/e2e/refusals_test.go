package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// apiRefusal is a request and the answer that AWS gives. {name} stands for the
// resources that refusalWorld makes; a message that ends in … is a beginning.
type apiRefusal struct {
	request string
	status  int
	code    string
	message string
}

// refusalWorld makes what the refusals are about.
func refusalWorld(m *musubi, w *wire) names {
	n := names{"account": "000000000000"}
	ec2 := func(name, line, element string) {
		m.t.Helper()
		n[name] = w.must("ec2", n.expand(line), element)
	}
	ec2("vpc", "CreateVpc CidrBlock=10.0.0.0/16", "vpcId")
	ec2("empty-vpc", "CreateVpc CidrBlock=10.9.0.0/16", "vpcId")
	ec2("a", "CreateSubnet VpcId={vpc} CidrBlock=10.0.1.0/24 AvailabilityZone=ap-northeast-1a", "subnetId")
	ec2("a2", "CreateSubnet VpcId={vpc} CidrBlock=10.0.2.0/24 AvailabilityZone=ap-northeast-1a", "subnetId")
	ec2("c", "CreateSubnet VpcId={vpc} CidrBlock=10.0.3.0/24 AvailabilityZone=ap-northeast-1c", "subnetId")
	ec2("far", "CreateSubnet VpcId={empty-vpc} CidrBlock=10.9.1.0/24 AvailabilityZone=ap-northeast-1a", "subnetId")
	ec2("igw", "CreateInternetGateway", "internetGatewayId")
	ec2("igw2", "CreateInternetGateway", "internetGatewayId")
	w.must("ec2", n.expand("AttachInternetGateway InternetGatewayId={igw} VpcId={vpc}"), "")
	ec2("rtb", "CreateRouteTable VpcId={vpc}", "routeTableId")
	w.must("ec2", n.expand("CreateRoute RouteTableId={rtb} DestinationCidrBlock=0.0.0.0/0 GatewayId={igw}"), "")
	ec2("assoc", "AssociateRouteTable RouteTableId={rtb} SubnetId={a}", "associationId")
	ec2("sg", "CreateSecurityGroup VpcId={vpc} GroupName=web GroupDescription=web", "groupId")
	ec2("sg2", "CreateSecurityGroup VpcId={vpc} GroupName=client GroupDescription=client", "groupId")
	w.must("ec2", n.expand("AuthorizeSecurityGroupIngress GroupId={sg} IpPermissions.1.IpProtocol=tcp IpPermissions.1.FromPort=80 IpPermissions.1.ToPort=80 IpPermissions.1.Groups.1.GroupId={sg2}"), "")
	w.must("ec2", n.expand("AuthorizeSecurityGroupIngress GroupId={sg} IpPermissions.1.IpProtocol=tcp IpPermissions.1.FromPort=22 IpPermissions.1.ToPort=22 IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0"), "")
	ec2("default-sg", "DescribeSecurityGroups Filter.1.Name=group-name Filter.1.Value.1=default Filter.2.Name=vpc-id Filter.2.Value.1={vpc}", "groupId")
	ec2("main-rtb", "DescribeRouteTables Filter.1.Name=association.main Filter.1.Value.1=true Filter.2.Name=vpc-id Filter.2.Value.1={vpc}", "routeTableId")
	ec2("eni", "CreateNetworkInterface SubnetId={a} PrivateIpAddress=10.0.1.50 SecurityGroupId.1={sg}", "networkInterfaceId")
	ec2("eip", "AllocateAddress Domain=vpc", "allocationId")
	ec2("eip2", "AllocateAddress Domain=vpc", "allocationId")
	ec2("address", "DescribeAddresses AllocationId.1={eip}", "publicIp")
	w.must("ec2", n.expand("AssociateAddress AllocationId={eip} NetworkInterfaceId={eni}"), "")
	ec2("ami", "DescribeImages Filter.1.Name=name Filter.1.Value.1=al2023-ami-2023*x86_64", "imageId")
	ec2("instance", "RunInstances ImageId={ami} InstanceType=t3.micro MinCount=1 MaxCount=1 SubnetId={a}", "instanceId")
	ec2("gone", "RunInstances ImageId={ami} InstanceType=t3.micro MinCount=1 MaxCount=1 SubnetId={a}", "instanceId")
	m.eventually(30*time.Second, "the instances to run", func() bool {
		a := w.query("ec2", n.expand("DescribeInstances InstanceId.1={instance} InstanceId.2={gone} Filter.1.Name=instance-state-name Filter.1.Value.1=running"))
		return strings.Contains(a.body, n["instance"]) && strings.Contains(a.body, n["gone"])
	})
	w.must("ec2", n.expand("TerminateInstances InstanceId.1={gone}"), "")
	elb := func(name, line, element string) {
		m.t.Helper()
		n[name] = w.must("elasticloadbalancing", n.expand(line), element)
	}
	elb("lb", "CreateLoadBalancer Name=lb Type=network Scheme=internal Subnets.member.1={a}", "LoadBalancerArn")
	elb("kept", "CreateLoadBalancer Name=kept Type=network Scheme=internal Subnets.member.1={a}", "LoadBalancerArn")
	w.must("elasticloadbalancing", n.expand("ModifyLoadBalancerAttributes LoadBalancerArn={kept} Attributes.member.1.Key=deletion_protection.enabled Attributes.member.1.Value=true"), "")
	elb("tg", "CreateTargetGroup Name=tg Protocol=TCP Port=80 VpcId={vpc}", "TargetGroupArn")
	elb("tg2", "CreateTargetGroup Name=tg2 Protocol=TCP Port=80 VpcId={vpc}", "TargetGroupArn")
	elb("udp", "CreateTargetGroup Name=udp Protocol=UDP Port=53 VpcId={vpc}", "TargetGroupArn")
	elb("listener", "CreateListener LoadBalancerArn={lb} Protocol=TCP Port=80 DefaultActions.member.1.Type=forward DefaultActions.member.1.TargetGroupArn={tg}", "ListenerArn")
	ec2("service", "CreateVpcEndpointServiceConfiguration NetworkLoadBalancerArn.1={lb} AcceptanceRequired=false", "serviceId")
	n["service-name"] = "com.amazonaws.vpce.ap-northeast-1." + n["service"]
	ec2("endpoint", "CreateVpcEndpoint VpcEndpointType=Interface VpcId={vpc} ServiceName={service-name} SubnetId.1={a}", "vpcEndpointId")
	n["other-vpc"] = w.as("111111111111").must("ec2", "CreateVpc CidrBlock=10.0.0.0/16", "vpcId")
	iam := func(line string) { m.t.Helper(); w.must("iam", n.expand(line), "") }
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	n["trust"] = trust
	iam("CreateRole RoleName=role AssumeRolePolicyDocument={trust}")
	iam("CreateInstanceProfile InstanceProfileName=profile")
	iam("AddRoleToInstanceProfile InstanceProfileName=profile RoleName=role")
	return n
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	m := start(t)
	w := m.wire()
	n := refusalWorld(m, w)
	before := m.status().Resources
	for service, list := range map[string][]apiRefusal{
		"ec2": ec2Refusals, "elasticloadbalancing": elbRefusals, "iam": iamRefusals, "sts": stsRefusals,
	} {
		for _, r := range list {
			n.check(t, r, w.query(service, n.expand(r.request)))
		}
	}
	for _, r := range strangerRefusals {
		n.check(t, r, w.as("111111111111").query("ec2", n.expand(r.request)))
	}
	if after := m.status().Resources; fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("refused requests changed something: %v, before %v", after, before)
	}
	t.Run("route53", func(t *testing.T) { route53Refusals(t, w, n) })
	t.Run("paging", func(t *testing.T) { pages(t, w, n) })
	t.Run("batches", func(t *testing.T) { batches(t, w, n) })
	t.Run("front door", func(t *testing.T) { frontDoor(t, w) })
	if s := m.status(); s.Unserved["ec2:CreateTransitGateway"] != 1 || s.Unserved["s3:GET"] != 1 {
		t.Errorf("status does not count what is not served: %v", s.Unserved)
	}
}

// check compares an answer with what AWS says.
func (n names) check(t *testing.T, r apiRefusal, got reply) {
	t.Helper()
	status := r.status
	if status == 0 {
		status = http.StatusBadRequest
	}
	want := n.expand(r.message)
	same := got.message == want
	if begin, ok := strings.CutSuffix(want, "…"); ok {
		same = strings.HasPrefix(got.message, begin)
	}
	if got.status != status || got.code != r.code || !same {
		t.Errorf("%s\n got %d %s: %s\nwant %d %s: %s", n.expand(r.request), got.status, got.code, got.message, status, r.code, want)
	}
}
