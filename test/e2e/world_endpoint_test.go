package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestWorldEndpoint: who may connect to an endpoint service, and when.
func TestWorldEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	provider, consumer := w.vpc("10.0.0.0/16"), w.vpc("10.0.0.0/16")
	var subnets, there []string
	for i, cidr := range []string{"10.0.0.0/24", "10.0.1.0/24"} {
		subnets, there = append(subnets, w.subnet(provider, cidr, i)), append(there, w.subnet(consumer, cidr, i))
	}
	servers, clients := w.open(provider), w.open(consumer)
	ids := []string{w.launch("server", subnets[0], servers, ""), w.launch("client", there[0], clients, "")}
	w.running(ids...)
	w.peer("server", "80")
	w.peer("client")
	tg := w.targetGroup("tg", provider, "TCP", "80")
	w.attribute(tg, "load_balancing.cross_zone.enabled", "true")
	lb := w.balancer("lb", subnets)
	w.listener(lb, "TCP", "80", tg)
	w.register(tg, ids[0])
	w.waitActive(lb)
	w.waitHealth(tg, "healthy", ids[0])
	expect := func(what, want, address string) {
		t.Helper()
		var got string
		w.eventually(10*time.Second, what+": "+want, func() bool {
			got = w.callFrom("client", "tcp", address+":80")
			return strings.Contains(got, want)
		})
		if !strings.Contains(got, want) {
			t.Errorf("%s: %q", what, got)
		}
	}
	state := func(id string) string {
		return w.ec2("DescribeVpcEndpoints", "VpcEndpointId.1", id).text("vpcEndpointSet/item/state")
	}
	becomes := func(id, want string) {
		t.Helper()
		w.eventually(15*time.Second, id+" to be "+want, func() bool { return state(id) == want })
	}

	// Acceptance.
	service, name := w.service(lb, "AcceptanceRequired", "true")
	id := w.ec2("CreateVpcEndpoint", "VpcEndpointType", "Interface", "VpcId", consumer, "ServiceName", name,
		"SubnetId.1", there[0], "SecurityGroupId.1", clients).text("vpcEndpoint/vpcEndpointId")
	becomes(id, "pendingAcceptance")
	address := func(n int) string {
		e := w.ec2("DescribeVpcEndpoints", "VpcEndpointId.1", id).all("vpcEndpointSet/item/networkInterfaceIdSet/item")
		if len(e) <= n {
			return ""
		}
		eni := strings.TrimSpace(e[n].Text)
		return w.ec2("DescribeNetworkInterfaces", "NetworkInterfaceId.1", eni).text("networkInterfaceSet/item/privateIpAddress")
	}
	at := address(0)
	expect("before it is accepted", "timeout", at)
	w.ec2("AcceptVpcEndpointConnections", "ServiceId", service, "VpcEndpointId.1", id)
	becomes(id, "available")
	expect("accepted", "hears", at)
	w.ec2("RejectVpcEndpointConnections", "ServiceId", service, "VpcEndpointId.1", id)
	becomes(id, "rejected")
	expect("rejected", "timeout", at)
	w.ec2("AcceptVpcEndpointConnections", "ServiceId", service, "VpcEndpointId.1", id)
	becomes(id, "available")
	expect("accepted again", "hears", at)

	// Its security groups.
	closed := w.group(consumer, "closed")
	w.aws("ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", id, "--add-security-group-ids", closed, "--remove-security-group-ids", clients)
	expect("another group", "timeout", at)
	w.allow(closed, "tcp", "80", "80", clients)
	expect("a rule by group", "hears", at)
	w.allow(closed, "icmp", "-1", "-1", "0.0.0.0/0")
	if got := w.ping("client", at); got != "timeout" {
		t.Errorf("an endpoint answers ping: %s", got)
	}
	if got := w.callFrom("client", "tcp", at+":81"); got != "timeout" {
		t.Errorf("a port without a listener: %s", got)
	}

	// Another zone, and back.
	w.aws("ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", id, "--add-subnet-ids", there[1])
	becomes(id, "available")
	var second string
	w.eventually(10*time.Second, "two interfaces", func() bool { second = address(1); return second != "" })
	for _, a := range []string{address(0), second} {
		expect("each zone", "hears", a)
	}
	w.aws("ec2", "modify-vpc-endpoint", "--vpc-endpoint-id", id, "--remove-subnet-ids", there[0])
	becomes(id, "available")
	expect("the zone that left", "timeout", at)
	expect("the zone that stays", "hears", address(0))

	// What is in use can not go.
	if _, err := w.ask("ec2", "DeleteSecurityGroup", "GroupId", closed); errorCode(err) != "DependencyViolation" {
		t.Errorf("delete the endpoint's group: %v", err)
	}
	if _, err := w.ask("elasticloadbalancing", "DeleteLoadBalancer", "LoadBalancerArn", lb.arn); errorCode(err) != "ResourceInUse" {
		t.Errorf("delete a load balancer of a service: %v", err)
	}
	v := w.aws("ec2", "delete-vpc-endpoint-service-configurations", "--service-ids", service)
	if code := dig(v, "Unsuccessful", 0, "Error", "Code"); code != "ExistingVpcEndpointConnections" {
		t.Errorf("delete a service with connections: %v", v)
	}
	last := address(0)
	names := w.ec2("DescribeVpcEndpoints", "VpcEndpointId.1", id).text("vpcEndpointSet/item/dnsEntrySet/item/dnsName")
	w.resolves("client", names, last)
	w.ec2("DeleteVpcEndpoints", "VpcEndpointId.1", id)
	w.eventually(15*time.Second, "the endpoint to be gone", func() bool {
		_, err := w.ask("ec2", "DescribeVpcEndpoints", "VpcEndpointId.1", id)
		return errorCode(err) == "InvalidVpcEndpointId.NotFound"
	})
	expect("a deleted endpoint", "timeout", last)
	w.answers("client", names, "NXDOMAIN")
	w.aws("ec2", "delete-vpc-endpoint-service-configurations", "--service-ids", service)
	w.elb("DeleteLoadBalancer", "LoadBalancerArn", lb.arn)
	w.eventually(15*time.Second, "the interfaces to be gone", func() bool {
		return len(w.ids("DescribeNetworkInterfaces", "networkInterfaceSet/item", "networkInterfaceId")) == len(ids)
	})
}

// TestWorldInterfaces: interfaces and addresses that come and go while an
// instance runs.
func TestWorldInterfaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.vpc("10.0.0.0/16")
	s, s2 := w.subnet(v, "10.0.0.0/24", 0), w.subnet(v, "10.0.1.0/24", 0)
	g := w.open(v)
	in := w.running(w.launch("server", s, g, "", "PrivateIpAddress", "10.0.0.10"), w.launch("client", s, g, "", "PrivateIpAddress", "10.0.0.20"))
	w.peer("server", "80")
	w.peer("client")
	expect := func(what, want, from, address string) {
		t.Helper()
		var got string
		w.eventually(10*time.Second, what+": "+want, func() bool {
			got = w.callFrom(from, "tcp", address+":80")
			return strings.Contains(got, want)
		})
		if !strings.Contains(got, want) {
			t.Errorf("%s: %q", what, got)
		}
	}
	expect("an address of nobody", "timeout", "client", "10.0.0.99")
	w.aws("ec2", "assign-private-ip-addresses", "--network-interface-id", in[0].eni, "--private-ip-addresses", "10.0.0.99")
	expect("a secondary address", "hears 10.0.0.20", "client", "10.0.0.99")
	w.aws("ec2", "unassign-private-ip-addresses", "--network-interface-id", in[0].eni, "--private-ip-addresses", "10.0.0.99")
	expect("an address that went", "timeout", "client", "10.0.0.99")

	eni := w.ec2("CreateNetworkInterface", "SubnetId", s2, "PrivateIpAddress", "10.0.1.10", "SecurityGroupId.1", g).text("networkInterface/networkInterfaceId")
	expect("an interface of nobody", "timeout", "client", "10.0.1.10")
	attachment := w.ec2("AttachNetworkInterface", "NetworkInterfaceId", eni, "InstanceId", in[0].id, "DeviceIndex", "1").text("attachmentId")
	expect("a second interface", "hears 10.0.0.20", "client", "10.0.1.10")
	expect("the first one still", "hears 10.0.0.20", "client", "10.0.0.10")
	if out := w.mustExec("server", "cat /proc/net/dev"); !strings.Contains(out, "ens5:") || !strings.Contains(out, "ens6:") {
		t.Errorf("the links of the server:\n%s", out)
	}
	w.ec2("RebootInstances", "InstanceId.1", in[0].id)
	expect("after a reboot", "hears 10.0.0.20", "client", "10.0.1.10")
	w.ec2("DetachNetworkInterface", "AttachmentId", attachment)
	expect("a detached interface", "timeout", "client", "10.0.1.10")
	w.ec2("AttachNetworkInterface", "NetworkInterfaceId", eni, "InstanceId", in[1].id, "DeviceIndex", "1")
	w.peer("client", "80")
	expect("moved to another instance", "hears 10.0.0.10", "server", "10.0.1.10")
}
