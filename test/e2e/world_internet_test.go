package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestWorldInternet: two VPCs with the same range meet on the internet.
//
//	vpc a 10.0.0.0/16                        vpc b 10.0.0.0/16
//	  public  10.0.0.0/24  pub (public IP)     public 10.0.0.0/24  server (EIP)
//	  private 10.0.1.0/24  priv (by NAT)
func TestWorldInternet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.vpc("10.0.0.0/16"), w.vpc("10.0.0.0/16")
	public, private := w.subnet(a, "10.0.0.0/24", 0), w.subnet(a, "10.0.1.0/24", 0)
	other := w.subnet(b, "10.0.0.0/24", 0)
	w.ec2("ModifySubnetAttribute", "SubnetId", public, "MapPublicIpOnLaunch.Value", "true")
	sgA, sgB := w.open(a), w.open(b)
	ids := []string{
		w.launch("pub", public, sgA, "", "PrivateIpAddress", "10.0.0.10"),
		w.launch("priv", private, sgA, ""),
		w.launch("server", other, sgB, "", "PrivateIpAddress", "10.0.0.10"),
	}
	pub := w.running(ids...)[0]
	for _, id := range ids {
		w.peer(id, "80")
	}
	if !strings.HasPrefix(pub.public, "198.1") {
		t.Fatalf("pub has the public address %q", pub.public)
	}
	allocation, server := w.address()
	if _, err := w.ask("ec2", "AssociateAddress", "AllocationId", allocation, "InstanceId", ids[2]); errorCode(err) != "Gateway.NotAttached" {
		t.Errorf("an address was associated in a VPC without an internet gateway: %v", err)
	}
	gwB := w.gateway(b)
	w.ec2("AssociateAddress", "AllocationId", allocation, "InstanceId", ids[2])
	hears := func(from, network, address, source string) {
		t.Helper()
		want := "hears " + source + ":"
		var got string
		w.eventually(10*time.Second, from+" to be heard as "+source, func() bool {
			got = w.callFrom(from, network, address+":80")
			return strings.Contains(got, want)
		})
		if !strings.Contains(got, want) {
			t.Errorf("%s calls %s: %s", from, address, got)
		}
	}
	fails := func(from, address string) {
		t.Helper()
		var got string
		w.eventually(10*time.Second, from+" not to reach "+address, func() bool {
			got = w.callFrom(from, "tcp", address+":80")
			return got == "timeout" || got == "unreachable"
		})
	}

	fails("pub", server) // no gateways yet
	gwA := w.gateway(a)
	fails("pub", server) // no routes yet
	table := w.table(a, []string{"GatewayId", gwA}, public)
	w.table(b, []string{"GatewayId", gwB}, other)
	hears("pub", "tcp", server, pub.public)
	hears("pub", "udp", server, pub.public)
	if got := w.ping("pub", server); got != "pong" {
		t.Errorf("ping over the internet: %s", got)
	}
	hears("server", "tcp", pub.public, server)
	// The same private address is a different host in each VPC.
	if got := w.callFrom("priv", "tcp", "10.0.0.10:80"); !strings.Contains(got, "hears 10.0.1.") {
		t.Errorf("priv calls 10.0.0.10: %s", got)
	}

	fails("priv", server) // the private subnet has no way out
	natAllocation, natIP := w.address()
	nat := w.ec2("CreateNatGateway", "SubnetId", public, "AllocationId", natAllocation).text("natGateway/natGatewayId")
	w.eventually(20*time.Second, "an available NAT gateway", func() bool {
		return w.ec2("DescribeNatGateways", "NatGatewayId.1", nat).text("natGatewaySet/item/state") == "available"
	})
	privateTable := w.table(a, []string{"NatGatewayId", nat}, private)
	hears("priv", "tcp", server, natIP)
	hears("priv", "udp", server, natIP)
	if got := w.ping("priv", server); got != "pong" {
		t.Errorf("ping by NAT: %s", got)
	}
	if got := w.callFrom("server", "tcp", natIP+":80"); got != "timeout" {
		t.Errorf("the NAT gateway lets connections in: %s", got)
	}

	// A route is as good as its target.
	w.ec2("DeleteRoute", "RouteTableId", table, "DestinationCidrBlock", "0.0.0.0/0")
	fails("pub", server)
	fails("priv", server)
	w.ec2("CreateRoute", "RouteTableId", table, "DestinationCidrBlock", "0.0.0.0/0", "GatewayId", gwA)
	hears("priv", "tcp", server, natIP)

	// A moved address takes effect at once, and the old one leads nowhere.
	w.ec2("DisassociateAddress", "PublicIp", server)
	fails("pub", server)
	w.ec2("AssociateAddress", "AllocationId", allocation, "InstanceId", ids[2])
	hears("pub", "tcp", server, pub.public)

	w.ec2("DeleteNatGateway", "NatGatewayId", nat)
	w.eventually(20*time.Second, "the NAT gateway to be deleted", func() bool {
		return w.ec2("DescribeNatGateways", "NatGatewayId.1", nat).text("natGatewaySet/item/state") == "deleted"
	})
	fails("priv", server)
	if out, err := w.tryAWS("ec2", "describe-route-tables", "--route-table-ids", privateTable, "--query", "RouteTables[0].Routes[?DestinationCidrBlock=='0.0.0.0/0'].State"); err != nil || !strings.Contains(out, "blackhole") {
		t.Errorf("the route to a deleted NAT gateway: %v %s", err, out)
	}
	if _, err := w.ask("ec2", "DetachInternetGateway", "InternetGatewayId", gwA, "VpcId", a); errorCode(err) != "DependencyViolation" {
		t.Errorf("an internet gateway in use was detached: %v", err)
	}
}

// TestWorldInternetFacing: a load balancer on the internet, in front of targets
// in a private subnet.
func TestWorldInternetFacing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.vpc("10.0.0.0/16"), w.vpc("10.0.0.0/16")
	clients, front, back := w.subnet(a, "10.0.0.0/24", 0), w.subnet(b, "10.0.0.0/24", 0), w.subnet(b, "10.0.1.0/24", 0)
	w.ec2("ModifySubnetAttribute", "SubnetId", clients, "MapPublicIpOnLaunch.Value", "true")
	w.table(a, []string{"GatewayId", w.gateway(a)}, clients)
	gateway := w.gateway(b)
	w.table(b, []string{"GatewayId", gateway}, front)
	open := w.open(b)
	in := w.running(w.launch("client", clients, w.open(a), ""), w.launch("target", back, open, ""), w.launch("inside", back, open, ""))
	w.peer("client")
	w.peer("inside")
	w.peer("target", "80")
	allocation, public := w.address()
	tg := w.targetGroup("tg", b, "TCP_UDP", "80")
	e := w.elb("CreateLoadBalancer", "Name", "lb", "Type", "network", "Scheme", "internet-facing",
		"SubnetMappings.member.1.SubnetId", front, "SubnetMappings.member.1.AllocationId", allocation).all("CreateLoadBalancerResult/LoadBalancers/member")[0]
	lb := balancer{e.text("LoadBalancerArn"), e.text("DNSName")}
	w.listener(lb, "TCP_UDP", "80", tg)
	w.register(tg, in[1].id)
	w.waitActive(lb)
	w.waitHealth(tg, "healthy", in[1].id)
	w.resolves("client", lb.dns, public)
	expect := func(what, want, from, network, address string) {
		t.Helper()
		var got string
		w.eventually(10*time.Second, what+": "+want, func() bool {
			got = w.callFrom(from, network, address+":80")
			return strings.Contains(got, want)
		})
		if !strings.Contains(got, want) {
			t.Errorf("%s: %q", what, got)
		}
	}
	expect("over the internet", "hears "+in[0].public+":", "client", "tcp", lb.dns)
	expect("over the internet, UDP", "hears "+in[0].public+":", "client", "udp", lb.dns)
	expect("the target has no way out", "timeout", "target", "tcp", in[0].public)
	// Only groups without UDP may hide the client.
	hidden := w.targetGroup("hidden", b, "TCP", "80")
	w.attribute(hidden, "preserve_client_ip.enabled", "false")
	w.listener(lb, "TCP", "81", hidden)
	w.register(hidden, in[1].id)
	w.says("with the node as source", "hears 10.0.0.", func() string { return w.callFrom("client", "tcp", lb.dns+":81") })
	if _, err := w.ask("ec2", "ReleaseAddress", "AllocationId", allocation); err == nil {
		t.Error("the address of a load balancer was released")
	}
	w.elb("DeleteLoadBalancer", "LoadBalancerArn", lb.arn)
	expect("a load balancer that is gone", "timeout", "client", "tcp", public)
	w.eventually(10*time.Second, "the address to be free", func() bool {
		_, err := w.ask("ec2", "ReleaseAddress", "AllocationId", allocation)
		return err == nil
	})
}
