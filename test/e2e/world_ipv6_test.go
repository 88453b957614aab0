package e2e

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// dualVPC makes a VPC with an IPv6 range, and a subnet of both families per
// zone asked for.
func (w *world) dualVPC(zones int) (vpc string, subnets []string) {
	w.t.Helper()
	vpc = w.vpc("10.0.0.0/16", "AmazonProvidedIpv6CidrBlock", "true")
	var block netip.Prefix
	w.eventually(10*time.Second, "an IPv6 range", func() bool {
		e := w.ec2("DescribeVpcs", "VpcId.1", vpc)
		var err error
		block, err = netip.ParsePrefix(e.text("vpcSet/item/ipv6CidrBlockAssociationSet/item/ipv6CidrBlock"))
		return err == nil
	})
	for i := range zones {
		a := block.Addr().As16()
		a[7] = byte(i)
		six := netip.PrefixFrom(netip.AddrFrom16(a), 64).String()
		subnets = append(subnets, w.subnet(vpc, "10.0."+string(rune('0'+i))+".0/24", i, "Ipv6CidrBlock", six))
	}
	return vpc, subnets
}

func TestWorldIPv6(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	provider, subnets := w.dualVPC(2)
	consumer, there := w.dualVPC(1)
	clients, servers := w.group(provider, "clients"), w.group(provider, "servers")
	ids := []string{
		w.launch("client", subnets[0], clients, "", "Ipv6AddressCount", "1"),
		w.launch("server0", subnets[0], servers, "", "Ipv6AddressCount", "1"),
		w.launch("server1", subnets[1], servers, "", "Ipv6AddressCount", "1"),
		w.launch("consumer", there[0], w.open(consumer), "", "Ipv6AddressCount", "1"),
	}
	in := w.running(ids...)
	client, s0, s1 := in[0], in[1], in[2]
	for i, id := range ids {
		w.peer(id)
		if i == 1 || i == 2 {
			w.peer(id, "80")
		}
	}
	expect := func(what, want string, got func() string) {
		t.Helper()
		var last string
		w.eventually(10*time.Second, what, func() bool {
			last = got()
			return strings.Contains(last, want)
		})
		if !strings.Contains(last, want) {
			t.Errorf("%s: %q, want %q", what, last, want)
		}
	}
	call := func(from, network, to string) func() string {
		return func() string { return w.callFrom(from, network, to) }
	}
	ping := func(to string) func() string { return func() string { return w.ping("client", to) } }

	expect("no rule", "timeout", call("client", "tcp6", "["+s0.ip6+"]:80"))
	w.allow(servers, "tcp", "80", "80", clients)
	expect("a rule by group", "hears ["+client.ip6+"]", call("client", "tcp6", "["+s0.ip6+"]:80"))
	expect("a rule by group, another subnet", "hears ["+client.ip6+"]", call("client", "tcp6", "["+s1.ip6+"]:80"))
	expect("the rule holds for IPv4", "hears "+client.ip, call("client", "tcp4", s0.ip+":80"))
	w.revoke(servers, "tcp", "80", "80", clients)
	expect("a revoked rule", "timeout", call("client", "tcp6", "["+s0.ip6+"]:80"))
	w.allow(servers, "-1", "-1", "-1", "::/0")
	expect("a rule by range", "hears ["+client.ip6+"]", call("client", "tcp6", "["+s0.ip6+"]:80"))
	expect("not for IPv4", "timeout", call("client", "tcp4", s0.ip+":80"))
	expect("UDP", "hears ["+client.ip6+"]", call("client", "udp6", "["+s1.ip6+"]:80"))
	expect("ping", "pong", ping(s1.ip6))
	if got := w.callFrom("consumer", "tcp6", "["+s0.ip6+"]:80"); got != "timeout" && got != "unreachable" {
		t.Errorf("another VPC reaches an IPv6 address without a gateway: %s", got)
	}

	// A dual-stack load balancer, and an endpoint to it.
	tg := w.targetGroup("six", provider, "TCP", "80", "TargetType", "ip", "IpAddressType", "ipv6")
	w.attribute(tg, "load_balancing.cross_zone.enabled", "true")
	lb := w.balancer("dual", subnets, "IpAddressType", "dualstack")
	w.listener(lb, "TCP", "80", tg)
	w.register(tg, s0.ip6, s1.ip6)
	w.waitActive(lb)
	w.waitHealth(tg, "healthy", s0.ip6, s1.ip6)
	six := strings.Fields(w.mustExec("client", "dig +short AAAA "+lb.dns))
	four := strings.Fields(w.mustExec("client", "dig +short A "+lb.dns))
	if len(six) != 2 || len(four) != 2 {
		t.Errorf("the dual-stack name: %v %v", six, four)
	}
	// Targets by address do not hear the client, but the node.
	host := func(line string) string { h, _, _ := strings.Cut(line, " hears "); return strings.Split(h, ".")[0] }
	var hosts []string
	for _, line := range w.callsFrom("client", "tcp6", lb.dns+":80", 20) {
		hosts = append(hosts, host(line))
		if !strings.Contains(line, " hears [2") || strings.Contains(line, client.ip6) {
			t.Errorf("over the load balancer: %s", line)
		}
	}
	slices.Sort(hosts)
	if hosts = slices.Compact(hosts); len(hosts) != 2 {
		t.Errorf("over the load balancer %v answer", hosts)
	}
	w.attribute(tg, "preserve_client_ip.enabled", "true")
	expect("with the client preserved", "hears ["+client.ip6+"]", call("client", "tcp6", lb.dns+":80"))

	_, name := w.service(lb, "SupportedIpAddressType.1", "ipv4", "SupportedIpAddressType.2", "ipv6")
	e := w.endpoint(consumer, name, there, w.open2(consumer), "IpAddressType", "dualstack")
	out := strings.TrimSpace(w.mustExec("consumer", "dig +short AAAA "+e.names[0]))
	if _, err := netip.ParseAddr(out); err != nil {
		t.Errorf("the endpoint's AAAA: %q", out)
	}
	groups := w.ec2("DescribeVpcEndpoints", "VpcEndpointId.1", e.id).text("vpcEndpointSet/item/groupSet/item/groupId")
	expect("the endpoint's group has no IPv6 rule", "timeout", call("consumer", "tcp6", e.names[0]+":80"))
	w.allow(groups, "tcp", "80", "80", "::/0")
	expect("over PrivateLink", "hears ["+six[0][:4], call("consumer", "tcp6", e.names[0]+":80"))
	if got := w.callFrom("consumer", "tcp6", e.names[0]+":80"); strings.Contains(got, in[3].ip6) {
		t.Errorf("the consumer's address crossed PrivateLink: %s", got)
	}
}
