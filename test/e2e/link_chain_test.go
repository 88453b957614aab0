package e2e

import "testing"

// addressOf is the private address of the only interface with a description.
func (w *world) addressOf(description string) string {
	w.t.Helper()
	found := w.ec2("DescribeNetworkInterfaces", "Filter.1.Name", "description", "Filter.1.Value.1", description).all("networkInterfaceSet/item")
	if len(found) != 1 {
		w.t.Fatalf("%d interfaces are %q", len(found), description)
	}
	return found[0].text("privateIpAddress")
}

// before puts a load balancer before an address of its VPC, and offers it.
func (w *world) before(name, vpc, subnet, address string) (lb balancer, service string) {
	w.t.Helper()
	tg := w.targetGroup(name, vpc, "TCP", "80", "TargetType", "ip")
	lb = w.balancer(name, []string{subnet})
	w.listener(lb, "TCP", "80", tg)
	w.register(tg, address)
	w.waitActive(lb)
	w.waitHealth(tg, "healthy", address)
	_, service = w.service(lb)
	return lb, service
}

// TestLinkChain leads a client by two endpoints to a server: what is in the
// middle is a consumer and a provider at once, whose load balancer has the
// address of its endpoint as a target, or that of another load balancer.
func TestLinkChain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var vpcs, subnets, groups []string
	for range 3 {
		v := w.vpc("10.0.0.0/16")
		vpcs, subnets, groups = append(vpcs, v), append(subnets, w.subnet(v, "10.0.0.0/24", 0)), append(groups, w.open(v))
	}
	server := w.launch("server", subnets[2], groups[2], "", "PrivateIpAddress", "10.0.0.80")
	client := w.launch("client", subnets[0], groups[0], "")
	w.running(server, client)
	w.peer("server", "80")
	w.peer("client")
	_, last := w.before("last", vpcs[2], subnets[2], "10.0.0.80")
	inner := w.endpoint(vpcs[1], last, subnets[1:2], groups[1])
	middle, service := w.before("middle", vpcs[1], subnets[1], w.addressOf("VPC Endpoint Interface "+inner.id))
	outer := w.endpoint(vpcs[0], service, subnets[:1], groups[0])
	call := func() string { return w.callFrom("client", "tcp", outer.names[0]+":80") }
	w.says("by two endpoints", "ip-10-0-0-80", call)

	node := w.addressOf("ELB " + middle.arn[len(middle.arn)-len("net/middle/0123456789abcdef"):])
	_, service = w.before("front", vpcs[1], subnets[1], node)
	outer = w.endpoint(vpcs[0], service, subnets[:1], groups[0])
	w.says("and by two load balancers in the middle", "ip-10-0-0-80", call)

	// The endpoint's groups count for the load balancer, too.
	w.revoke(groups[1], "-1", "-1", "-1", "0.0.0.0/0")
	w.says("a closed group in the middle", "timeout", call)
}
