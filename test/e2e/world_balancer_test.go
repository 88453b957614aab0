package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// balancing is a lab with a network load balancer in three zones, a server in
// each, a client in the VPC, and one that comes over PrivateLink from a VPC with
// the same range.
type balancing struct {
	*world
	vpc           string
	subnets       []string // of the load balancer and the servers, by zone
	servers       []instance
	client        instance
	spare         instance // registered later
	lb            balancer
	tcp, udp      string // target groups
	endpoint      endpoint
	guarded, open string // security groups
}

func newBalancing(t *testing.T) *balancing {
	w := newWorld(t)
	l := &balancing{world: w, vpc: w.vpc("10.0.0.0/16")}
	l.open, l.guarded = w.open(l.vpc), w.group(l.vpc, "guarded")
	w.allow(l.guarded, "-1", "-1", "-1", "10.0.0.0/22") // the nodes
	w.allow(l.guarded, "-1", "-1", "-1", "10.0.100.0/24")
	var ids []string
	for i := range 3 {
		l.subnets = append(l.subnets, w.subnet(l.vpc, fmt.Sprintf("10.0.%d.0/24", i), i))
		group := l.open
		if i == 1 {
			group = l.guarded
		}
		ids = append(ids, w.launch(fmt.Sprintf("server%d", i), l.subnets[i], group, "", "PrivateIpAddress", fmt.Sprintf("10.0.%d.80", i)))
	}
	apart := w.subnet(l.vpc, "10.0.100.0/24", 0)
	ids = append(ids, w.launch("client", apart, l.open, ""), w.launch("spare", apart, l.open, ""))
	consumer := w.vpc("10.0.0.0/16")
	there := []string{w.subnet(consumer, "10.0.0.0/24", 0), w.subnet(consumer, "10.0.1.0/24", 1)}
	consumers := w.open(consumer)
	ids = append(ids, w.launch("consumer", there[0], consumers, ""))

	l.tcp, l.udp = w.targetGroup("tcp", l.vpc, "TCP", "80"), w.targetGroup("udp", l.vpc, "UDP", "80", "HealthCheckPort", "80")
	l.lb = w.balancer("lb", l.subnets)
	in := w.running(ids...)
	l.servers, l.client, l.spare = in[:3], in[3], in[4]
	for i, id := range ids {
		if i < 3 {
			w.peer(id, "80")
		} else {
			w.peer(id)
		}
	}
	for _, g := range []string{l.tcp, l.udp} {
		w.register(g, ids[:3]...)
	}
	w.waitActive(l.lb)
	_, name := w.service(l.lb)
	l.endpoint = w.endpoint(consumer, name, there, consumers)
	return l
}

// zonal is the load balancer's name in a zone, with a port.
func (l *balancing) zonal(zone int, port string) string {
	return l.zones[zone] + "." + l.lb.dns + ":" + port
}

// answering calls n times and returns which servers answered, sorted, and whom
// they heard. A call that fails stands among the servers by how it did.
func (l *balancing) answering(from, network, address string, n int) (hosts, heard []string) {
	l.t.Helper()
	for _, line := range l.callsFrom(from, network, address, n) {
		host, client, ok := strings.Cut(line, " hears ")
		if ok {
			host, _, _ = strings.Cut(host, ".")
			client = client[:strings.LastIndexByte(client, ':')]
		}
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
		if !slices.Contains(heard, client) {
			heard = append(heard, client)
		}
	}
	slices.Sort(hosts)
	return hosts, heard
}

// expect waits until just these servers answer.
func (l *balancing) expect(what, from, network, address string, servers ...string) {
	l.t.Helper()
	var want, hosts []string
	for _, a := range servers {
		want = append(want, "ip-"+strings.ReplaceAll(a, ".", "-"))
	}
	slices.Sort(want)
	l.eventually(15*time.Second, what, func() bool {
		hosts, _ = l.answering(from, network, address, 12)
		return slices.Equal(hosts, want)
	})
	if !slices.Equal(hosts, want) {
		l.t.Fatalf("%s: %v answer, want %v", what, hosts, want)
	}
}

// hears waits until the servers hear the client as this address.
func (l *balancing) hears(what, from, network, address, want string) {
	l.t.Helper()
	var heard []string
	l.eventually(15*time.Second, what, func() bool {
		_, heard = l.answering(from, network, address, 1)
		return slices.Equal(heard, []string{want})
	})
	if !slices.Equal(heard, []string{want}) {
		l.t.Errorf("%s: heard as %v, want %s", what, heard, want)
	}
}

// node is the load balancer's address in a zone.
func (l *balancing) node(zone int) string {
	l.t.Helper()
	return strings.TrimSpace(l.mustExec("client", "dig +short "+l.zones[zone]+"."+l.lb.dns))
}

func TestWorldBalancer(t *testing.T) {
	t.Parallel()
	l := newBalancing(t)
	ids := []string{l.servers[0].id, l.servers[1].id, l.servers[2].id}
	step := func(f func()) {
		t.Helper()
		if t.Failed() {
			t.FailNow()
		}
		f()
	}
	if got := l.health(l.tcp)[ids[0]]; got != "unused/Target.NotInUse" {
		t.Errorf("a target without a listener is %s", got)
	}
	l.listener(l.lb, "TCP", "80", l.tcp)
	l.listener(l.lb, "UDP", "53", l.udp)
	l.waitHealth(l.tcp, "healthy", ids...)
	l.waitHealth(l.udp, "healthy", ids...)
	step(l.clientAddresses)
	step(l.crossZones)
	step(l.targetStates)
	step(l.unhealthy)
	step(l.instanceStates)
}

// clientAddresses: whom a target hears.
func (l *balancing) clientAddresses() {
	l.hears("in the VPC the client is heard", "client", "tcp", l.zonal(0, "80"), l.client.ip)
	l.hears("in the VPC the client is heard by UDP", "client", "udp", l.zonal(0, "53"), l.client.ip)
	l.attribute(l.tcp, "preserve_client_ip.enabled", "false")
	l.hears("without preservation the node is heard", "client", "tcp", l.zonal(0, "80"), l.node(0))
	l.attribute(l.tcp, "preserve_client_ip.enabled", "true")
	l.hears("the client is heard again", "client", "tcp", l.zonal(0, "80"), l.client.ip)
	l.hears("over PrivateLink the node is heard", "consumer", "tcp", l.endpoint.names[0]+":80", l.node(0))
	for _, port := range []string{"81", "22"} {
		if got := l.callFrom("client", "tcp", l.lb.dns+":"+port); got != "timeout" {
			l.t.Errorf("a port without a listener: %s", got)
		}
	}
	if got := l.ping("client", l.node(0)); got != "timeout" {
		l.t.Errorf("a node answers ping: %s", got)
	}
}

func (l *balancing) crossZones() {
	s := []string{"10.0.0.80", "10.0.1.80", "10.0.2.80"}
	l.expect("cross-zone off", "client", "tcp", l.zonal(0, "80"), s[0])
	l.expect("cross-zone off, UDP", "client", "udp", l.zonal(1, "53"), s[1])
	l.expect("the regional name", "client", "tcp", l.lb.dns+":80", s...)
	var zonal []string
	for i := range 2 {
		for _, n := range l.endpoint.names {
			if strings.Contains(n, "-"+l.zones[i]+".") {
				zonal = append(zonal, n)
			}
		}
	}
	if len(zonal) != 2 {
		l.t.Fatalf("the endpoint's names: %v", l.endpoint.names)
	}
	l.expect("over PrivateLink into the other zone", "consumer", "tcp", zonal[1]+":80", s[1])
	l.expect("UDP over PrivateLink", "consumer", "udp", zonal[0]+":53", s[0])
	l.expect("over PrivateLink", "consumer", "tcp", l.endpoint.names[0]+":80", s[:2]...)
	l.attribute(l.tcp, "load_balancing.cross_zone.enabled", "true")
	l.expect("on for the target group", "client", "tcp", l.zonal(0, "80"), s...)
	l.expect("on for the target group, over PrivateLink", "consumer", "tcp", zonal[0]+":80", s...)
	l.expect("not for the other target group", "client", "udp", l.zonal(0, "53"), s[0])
	l.attribute(l.tcp, "load_balancing.cross_zone.enabled", "false")
	l.elb("ModifyLoadBalancerAttributes", "LoadBalancerArn", l.lb.arn,
		"Attributes.member.1.Key", "load_balancing.cross_zone.enabled", "Attributes.member.1.Value", "true")
	l.expect("off for the target group, on for the load balancer", "client", "tcp", l.zonal(0, "80"), s[0])
	l.expect("on for the load balancer, UDP", "client", "udp", l.zonal(0, "53"), s...)
	l.attribute(l.tcp, "load_balancing.cross_zone.enabled", "use_load_balancer_configuration")
	l.expect("as the load balancer", "client", "tcp", l.zonal(0, "80"), s...)
}

// targetStates follows a target from its registration to its end.
func (l *balancing) targetStates() {
	id := l.spare.id
	l.attribute(l.tcp, "deregistration_delay.timeout_seconds", "3")
	l.register(l.tcp, id)
	v := l.aws("elbv2", "describe-target-health", "--target-group-arn", l.tcp, "--targets", "Id="+id)
	if h := dig(v, "TargetHealthDescriptions", 0, "TargetHealth"); fmt.Sprint(h) != fmt.Sprint(map[string]any{
		"State": "initial", "Reason": "Elb.InitialHealthChecking", "Description": "Initial health checks in progress"}) {
		l.t.Errorf("a new target: %v", h)
	}
	l.waitHealth(l.tcp, "unhealthy/Target.FailedHealthChecks", id)
	l.expect("an unhealthy target", "client", "tcp", l.zonal(0, "80"), "10.0.0.80", "10.0.1.80", "10.0.2.80")
	l.peer("spare", "80")
	l.waitHealth(l.tcp, "healthy", id)
	l.expect("a healthy target", "client", "tcp", l.zonal(0, "80"), l.spare.ip, "10.0.0.80", "10.0.1.80", "10.0.2.80")

	// Connections to a target that drains go on; new ones go elsewhere.
	var h *held
	host := "ip-" + strings.ReplaceAll(l.spare.ip, ".", "-")
	for range 40 {
		var hello string
		if h, hello = l.hold("client", l.zonal(0, "80")); strings.HasPrefix(hello, host+".") || strings.HasPrefix(hello, host+" ") {
			break
		}
		h.close()
		h = nil
	}
	if h == nil {
		l.t.Fatal("no connection of 40 went to the spare target")
	}
	l.elb("DeregisterTargets", "TargetGroupArn", l.tcp, "Targets.member.1.Id", id)
	if got := l.health(l.tcp)[id]; got != "draining/Target.DeregistrationInProgress" {
		l.t.Errorf("a deregistered target is %s", got)
	}
	l.expect("a draining target", "client", "tcp", l.zonal(0, "80"), "10.0.0.80", "10.0.1.80", "10.0.2.80")
	if got := h.say("drain"); got != "drain" {
		l.t.Errorf("the connection to a draining target: %q", got)
	}
	l.eventually(20*time.Second, "the target to be gone", func() bool { _, there := l.health(l.tcp)[id]; return !there })
	if got := h.say("after"); got != "after" {
		l.t.Errorf("the connection after the delay: %q", got)
	}
	h.close()
	v = l.aws("elbv2", "describe-target-health", "--target-group-arn", l.tcp, "--targets", "Id="+id)
	if h := dig(v, "TargetHealthDescriptions", 0, "TargetHealth"); dig(h, "State") != "unused" || dig(h, "Reason") != "Target.NotRegistered" {
		l.t.Errorf("a target that is not registered: %v", h)
	}
}

// unhealthy: a target that fails its checks while its connections live.
func (l *balancing) unhealthy() {
	id := l.servers[1].id
	l.elb("ModifyLoadBalancerAttributes", "LoadBalancerArn", l.lb.arn,
		"Attributes.member.1.Key", "load_balancing.cross_zone.enabled", "Attributes.member.1.Value", "false")
	l.expect("zone 1", "client", "tcp", l.zonal(1, "80"), "10.0.1.80")
	node := l.node(1)
	h, hello := l.hold("client", l.zonal(1, "80"))
	if !strings.Contains(hello, "hears") {
		l.t.Fatalf("hold: %s", hello)
	}
	l.revoke(l.guarded, "-1", "-1", "-1", "10.0.0.0/22")
	l.waitHealth(l.tcp, "unhealthy/Target.FailedHealthChecks", id)
	l.eventually(10*time.Second, "the zone to leave the name", func() bool {
		return !strings.Contains(l.mustExec("client", "dig +short "+l.lb.dns), node+"\n")
	})
	if got := h.say("still"); got != "still" {
		// The only target of its zone fails open, and keeps its connections.
		l.t.Errorf("the connection to an unhealthy target that still serves its zone: %q", got)
	}
	l.elb("ModifyLoadBalancerAttributes", "LoadBalancerArn", l.lb.arn,
		"Attributes.member.1.Key", "load_balancing.cross_zone.enabled", "Attributes.member.1.Value", "true")
	l.expect("the others serve the zone", "client", "tcp", l.zonal(1, "80"), "10.0.0.80", "10.0.2.80")
	h.close()
	l.allow(l.guarded, "-1", "-1", "-1", "10.0.0.0/22")
	l.waitHealth(l.tcp, "healthy", id)
	l.eventually(10*time.Second, "the zone to come back", func() bool {
		return strings.Contains(l.mustExec("client", "dig +short "+l.lb.dns), node+"\n")
	})
	// With other targets at hand, its connections are ended.
	for range 40 {
		if h, hello = l.hold("client", l.zonal(1, "80")); strings.HasPrefix(hello, "ip-10-0-1-80") {
			break
		}
		h.close()
	}
	l.revoke(l.guarded, "-1", "-1", "-1", "10.0.0.0/22")
	l.waitHealth(l.tcp, "unhealthy/Target.FailedHealthChecks", id)
	l.eventually(10*time.Second, "its connection to be ended", func() bool { got := h.say("still"); return got == "reset" || got == "" })
	h.close()
	l.allow(l.guarded, "-1", "-1", "-1", "10.0.0.0/22")
	l.waitHealth(l.tcp, "healthy", id)
}

// instanceStates: what stopping and terminating do to targets.
func (l *balancing) instanceStates() {
	stopped, ended := l.servers[1].id, l.servers[2].id
	l.ec2("StopInstances", "InstanceId.1", stopped)
	l.ec2("TerminateInstances", "InstanceId.1", ended)
	l.waitState(stopped, "stopped")
	l.waitHealth(l.tcp, "unused/Target.InvalidState", stopped)
	l.eventually(20*time.Second, "the terminated target to be gone", func() bool { _, there := l.health(l.tcp)[ended]; return !there })
	l.expect("who is left", "client", "tcp", l.zonal(0, "80"), "10.0.0.80")
	l.ec2("StartInstances", "InstanceId.1", stopped)
	l.waitHealth(l.tcp, "healthy", stopped)
	l.expect("the started one serves again", "client", "tcp", l.zonal(0, "80"), "10.0.0.80", "10.0.1.80")
}
