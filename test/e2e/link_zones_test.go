package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// zonesLab is a provider with a network load balancer in each of some zones, and
// a consumer whose zone names mean other zones.
type zonesLab struct {
	*world
	consumer  *world
	provider  string
	ids       map[string]int // where a zone id is among the provider's zones
	there     []string       // the consumer's subnets, by its own zones
	theirs    []int          // the provider's zone that each of the consumer's is
	vpc       string
	group     string
	listening string // security group of the servers
	service   string
	name      string
}

// zoneIDs are the ids of an account's zones, in order of their names.
func (w *world) zoneIDs() (out []string) {
	w.t.Helper()
	for _, z := range w.ec2("DescribeAvailabilityZones").all("availabilityZoneInfo/item") {
		out = append(out, z.text("zoneId"))
	}
	return out
}

func newZonesLab(t *testing.T) *zonesLab {
	m := prepare(t)
	m.must("up", "--detach", "--listen", "127.0.0.1:0", "--shuffle-zones")
	l := &zonesLab{world: newWorldIn(t, m), ids: map[string]int{}}
	own := l.zoneIDs()
	for i, id := range own {
		l.ids[id] = i
	}
	for n := 1; n < 100; n++ {
		l.consumer = l.in(fmt.Sprintf("%012d", n), "")
		if fmt.Sprint(l.consumer.zoneIDs()) != fmt.Sprint(own) {
			break
		}
	}
	theirs := l.consumer.zoneIDs()
	if fmt.Sprint(theirs) == fmt.Sprint(own) {
		t.Fatalf("all accounts have the zones %v", own)
	}
	l.provider, l.vpc = l.world.vpc("10.0.0.0/16"), l.consumer.vpc("10.0.0.0/16")
	l.listening = l.open(l.provider)
	l.group = l.consumer.open(l.vpc)
	for i, id := range theirs {
		l.there = append(l.there, l.consumer.subnet(l.vpc, fmt.Sprintf("10.0.%d.0/24", i), i))
		l.theirs = append(l.theirs, l.ids[id])
	}
	return l
}

// add makes a load balancer in a zone, with a server there.
func (l *zonesLab) add(n, zone int) balancer {
	l.t.Helper()
	s := l.subnet(l.provider, fmt.Sprintf("10.0.%d.0/24", n), zone)
	name := fmt.Sprintf("server%d", n)
	id := l.launch(name, s, l.listening, "", "PrivateIpAddress", fmt.Sprintf("10.0.%d.80", n))
	tg := l.targetGroup(fmt.Sprintf("tg%d", n), l.provider, "TCP", "80")
	lb := l.balancer(fmt.Sprintf("lb%d", n), []string{s})
	l.listener(lb, "TCP", "80", tg)
	l.running(id)
	l.peer(name, "80")
	l.register(tg, id)
	l.waitActive(lb)
	l.waitHealth(tg, "healthy", id)
	return lb
}

// from is the consumer's zone that is this one of the provider's.
func (l *zonesLab) from(zone int) int {
	for i, z := range l.theirs {
		if z == zone {
			return i
		}
	}
	l.t.Fatalf("nobody has zone %d", zone)
	return 0
}

// zonal is an endpoint's name in a zone of the consumer's.
func (l *zonesLab) zonal(e endpoint, zone int) string {
	l.t.Helper()
	for _, d := range l.consumer.ec2("DescribeVpcEndpoints", "VpcEndpointId.1", e.id).all("vpcEndpointSet/item/dnsEntrySet/item") {
		if n := d.text("dnsName"); strings.Contains(n, "-"+l.consumer.zones[zone]+".") {
			return n
		}
	}
	l.t.Fatalf("the endpoint has no name in %s", l.consumer.zones[zone])
	return ""
}

func TestLinkBalancers(t *testing.T) {
	t.Parallel()
	l := newZonesLab(t)
	first := l.add(0, 0)
	l.service, l.name = l.world.service(first)
	l.permitAll(l.service)
	client := l.consumer.launch("client", l.there[0], l.group, "")
	l.consumer.running(client)
	l.peer("client")
	call := func(name string) func() string {
		return func() string { return l.callFrom("client", "tcp", name+":80") }
	}
	modify := func(what string, lb balancer) error {
		_, err := l.ask("ec2", "ModifyVpcEndpointServiceConfiguration", "ServiceId", l.service, what+"NetworkLoadBalancerArn.1", lb.arn)
		return err
	}

	// Zones are matched by what they are, not by what they are called.
	here, other := l.from(0), l.from(1)
	t.Logf("the consumer's zones are the provider's %v", l.theirs)
	l.consumer.refuses("another zone", "InvalidParameter",
		"The VPC endpoint service "+l.name+" does not support the availability zone of the subnet: "+l.there[other],
		"CreateVpcEndpoint", "VpcEndpointType", "Interface", "VpcId", l.vpc, "ServiceName", l.name, "SubnetId.1", l.there[other])
	e := l.consumer.ec2("DescribeVpcEndpointServices", "ServiceName.1", l.name).all("serviceDetailSet/item/availabilityZoneSet/item")
	if len(e) != 1 || strings.TrimSpace(e[0].Text) != l.consumer.zones[here] {
		t.Errorf("the service's zones as the consumer calls them: %v, want %s", e, l.consumer.zones[here])
	}
	one := l.consumer.endpoint(l.vpc, l.name, []string{l.there[here]}, l.group)
	l.says("the zone's load balancer", "ip-10-0-0-80", call(one.names[0]))

	// A load balancer in another zone.
	second := l.add(1, 1)
	if err := modify("Add", second); err != nil {
		t.Fatal(err)
	}
	l.consumer.ec2("ModifyVpcEndpoint", "VpcEndpointId", one.id, "AddSubnetId.1", l.there[other])
	l.consumer.endpointBecomes(one.id, "available")
	l.says("the second zone's", "ip-10-0-1-80", call(l.zonal(one, other)))
	l.says("the first zone's", "ip-10-0-0-80", call(l.zonal(one, here)))
	l.says("the regional name, here", "ip-10-0-0-80", call(one.names[0]))
	l.says("the regional name, there", "ip-10-0-1-80", call(one.names[0]))

	// Another one in the first zone.
	third := l.add(2, 0)
	if err := modify("Add", third); err != nil {
		t.Fatal(err)
	}
	two := l.consumer.endpoint(l.vpc, l.name, []string{l.there[here]}, l.group)
	l.says("one of the two", "ip-10-0-", call(two.names[0]))
	l.says("the one before stays", "ip-10-0-0-80", call(l.zonal(one, here)))

	// What carries connections does not leave.
	for _, lb := range []balancer{first, second} {
		if err := modify("Remove", lb); errorCode(err) != "ExistingVpcEndpointConnections" {
			t.Errorf("remove a load balancer in use: %v", err)
		}
	}
	l.consumer.ec2("DeleteVpcEndpoints", "VpcEndpointId.1", two.id)
	l.consumer.endpointBecomes(two.id, "InvalidVpcEndpointId.NotFound")
	if err := modify("Remove", third); err != nil {
		t.Errorf("remove a load balancer that nobody uses: %v", err)
	}
	l.elb("DeleteLoadBalancer", "LoadBalancerArn", third.arn)
	l.says("the first one serves on", "ip-10-0-0-80", call(l.zonal(one, here)))
	if err := modify("Add", third); errorCode(err) != "InvalidParameter" {
		t.Errorf("add a load balancer that is gone: %v", err)
	}
	l.consumer.ec2("ModifyVpcEndpoint", "VpcEndpointId", one.id, "RemoveSubnetId.1", l.there[other])
	l.consumer.endpointBecomes(one.id, "available")
	if err := modify("Remove", second); err != nil {
		t.Errorf("remove a load balancer whose zone the endpoint left: %v", err)
	}
	l.consumer.refuses("a zone that left the service", "InvalidParameter", "does not support the availability zone",
		"ModifyVpcEndpoint", "VpcEndpointId", one.id, "AddSubnetId.1", l.there[other])
	if err := modify("Remove", first); err == nil {
		t.Error("the last load balancer left the service")
	}
}

// permitAll lets everybody connect to a service.
func (w *world) permitAll(service string) {
	w.t.Helper()
	w.ec2("ModifyVpcEndpointServicePermissions", "ServiceId", service, "AddAllowedPrincipals.1", "*")
}

// TestLinkRegions: a service in one region, an endpoint in another.
func TestLinkRegions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const far = "us-east-1"
	c := w.in(linkConsumer, far)
	provider := w.vpc("10.0.0.0/16")
	s := w.subnet(provider, "10.0.0.0/24", 0)
	server := w.launch("server", s, w.open(provider), "")
	vpc := c.vpc("10.0.0.0/16")
	var there []string
	ids := c.zoneIDs()
	for i, id := range ids {
		if id != "use1-az3" && len(there) < 2 {
			there = append(there, c.subnet(vpc, fmt.Sprintf("10.0.%d.0/24", i), i))
		}
	}
	group := c.open(vpc)
	client := c.launch("client", there[0], group, "", "PrivateIpAddress", "10.0.0.77")
	w.running(server)
	c.running(client)
	w.peer("server", "80")
	w.serveTLS("server", "81,pp")
	w.peer("client")
	plain, pp := w.targetGroup("plain", provider, "TCP", "80"), w.targetGroup("pp", provider, "TCP", "81")
	w.attribute(pp, "proxy_protocol_v2.enabled", "true")
	lb := w.balancer("lb", []string{s})
	w.listener(lb, "TCP", "80", plain)
	w.listener(lb, "TCP", "81", pp)
	w.register(plain, server)
	w.register(pp, server)
	w.waitActive(lb)
	w.waitHealth(plain, "healthy", server)
	w.waitHealth(pp, "healthy", server)

	service, name := w.service(lb)
	w.permitAll(service)
	c.refuses("a region that is not supported", "InvalidServiceName", "does not exist", "CreateVpcEndpoint", "VpcEndpointType", "Interface",
		"VpcId", vpc, "ServiceName", name, "ServiceRegion", "ap-northeast-1", "SubnetId.1", there[0])
	w.ec2("ModifyVpcEndpointServiceConfiguration", "ServiceId", service, "AddSupportedRegion.1", far)
	e := c.endpoint(vpc, name, there, group, "ServiceRegion", "ap-northeast-1")
	if !strings.HasSuffix(e.names[0], ".ap-northeast-1.vpce.amazonaws.com") {
		t.Errorf("the endpoint's name: %s", e.names[0])
	}
	for _, n := range e.names {
		w.says(n, "hears 10.0.0.", func() string { return w.callFrom("client", "tcp", n+":80") })
	}
	w.says("proxy protocol", " proxy 10.0.0.77:", func() string { return w.callTLS("client", e.names[0]+":81") })
	w.says("the endpoint", "ea=01:"+e.id, func() string { return w.callTLS("client", e.names[0]+":81") })
	w.says("the connection's region", far, func() string {
		return w.ec2("DescribeVpcEndpointConnections", "Filter.1.Name", "service-id", "Filter.1.Value.1", service).
			text("vpcEndpointConnectionSet/item/vpcEndpointRegion")
	})
	w.ec2("RejectVpcEndpointConnections", "ServiceId", service, "VpcEndpointId.1", e.id)
	w.says("rejected", "timeout", func() string { return w.callFrom("client", "tcp", e.names[0]+":80") })
	w.ec2("AcceptVpcEndpointConnections", "ServiceId", service, "VpcEndpointId.1", e.id)
	w.says("accepted again", "hears", func() string { return w.callFrom("client", "tcp", e.names[0]+":80") })
}
