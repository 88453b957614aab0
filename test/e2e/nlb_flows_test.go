package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestNLBFlows: stickiness, both protocols on one port, idle timeouts, zones that
// leave the name, and targets by address.
func TestNLBFlows(t *testing.T) {
	t.Parallel()
	l := newBalancing(t)
	ids := []string{l.servers[0].id, l.servers[1].id, l.servers[2].id}
	both := l.targetGroup("both", l.vpc, "TCP_UDP", "80")
	byAddress := l.targetGroup("address", l.vpc, "TCP", "80", "TargetType", "ip")
	l.register(both, ids...)
	l.register(byAddress, "10.0.0.80", "10.0.1.80", "10.0.2.80")
	l.attribute(l.tcp, "load_balancing.cross_zone.enabled", "true")
	l.attribute(both, "load_balancing.cross_zone.enabled", "true")
	l.attribute(byAddress, "load_balancing.cross_zone.enabled", "true")
	l.listener(l.lb, "TCP", "80", l.tcp)
	l.listener(l.lb, "UDP", "53", l.udp)
	l.listener(l.lb, "TCP_UDP", "5353", both)
	l.listener(l.lb, "TCP", "8080", byAddress)
	for _, g := range []string{l.tcp, l.udp, both} {
		l.waitHealth(g, "healthy", ids...)
	}
	idle, lasting := l.idleTimeout()
	l.step(step{"stickiness", func() { l.stickiness(both) }})
	l.step(step{"addresses", func() { l.byAddress(byAddress) }})
	l.step(step{"zones", func() { l.zonesLeave() }})
	l.step(step{"idle", func() {
		l.eventually(70*time.Second, "the time to pass", func() bool { return time.Since(idle.since) > 66*time.Second })
		if got := idle.say("late"); got != "reset" && got != "" && got != "timeout" {
			l.t.Errorf("after the short timeout: %q", got)
		}
		if got := lasting.say("in time"); got != "in time" {
			l.t.Errorf("on a listener with the longer timeout: %q", got)
		}
	}})
}

// idling is a connection on which nothing was said since.
type idling struct {
	*held
	since time.Time
}

// idleTimeout shortens a listener's timeout in place, and leaves two connections
// alone: a new one there, and one of another listener.
func (l *balancing) idleTimeout() (short, long idling) {
	l.t.Helper()
	l.serveTLS("spare", "80")
	group := l.targetGroup("idle", l.vpc, "TCP", "80")
	l.attribute(group, "load_balancing.cross_zone.enabled", "true")
	listener := l.listener(l.lb, "TCP", "9090", group)
	l.listener(l.lb, "TCP", "9091", group)
	l.register(group, l.spare.id)
	l.waitHealth(group, "healthy", l.spare.id)
	open := func(port string) idling {
		h, hello := l.keep("client", "tls", "hold", l.lb.dns+":"+port)
		if !strings.Contains(hello, "hears") {
			l.t.Fatalf("hold: %s", hello)
		}
		return idling{h, time.Now()}
	}
	before, _ := l.hold("client", l.lb.dns+":9090")
	l.elb("ModifyListenerAttributes", "ListenerArn", listener, "Attributes.member.1.Key", "tcp.idle_timeout.seconds", "Attributes.member.1.Value", "60")
	l.says("the idle timeout", "60", func() string {
		return l.elb("DescribeListenerAttributes", "ListenerArn", listener).text("DescribeListenerAttributesResult/Attributes/member/Value")
	})
	if got := before.say("goes on"); got != "goes on" {
		l.t.Errorf("a connection while its listener's timeout changed: %q", got)
	}
	before.close()
	// What the API says is in the kernel a moment later; nothing tells when.
	changed := time.Now()
	l.eventually(10*time.Second, "the kernel to hear of it", func() bool { return time.Since(changed) > 3*time.Second })
	return open("9090"), open("9091")
}

func (l *balancing) stickiness(both string) {
	all := []string{"10.0.0.80", "10.0.1.80", "10.0.2.80"}
	l.expect("TCP of both", "client", "tcp", l.zonal(0, "5353"), all...)
	l.expect("UDP of both", "client", "udp", l.zonal(0, "5353"), all...)
	l.hears("UDP is heard", "client", "udp", l.zonal(0, "5353"), l.client.ip)
	l.expect("over PrivateLink", "consumer", "udp", l.endpoint.names[0]+":5353", all...)
	l.attribute(both, "stickiness.enabled", "true")
	for _, x := range [][]string{{"client", "tcp", l.zonal(0, "5353")}, {"client", "udp", l.zonal(0, "5353")}, {"consumer", "tcp", l.endpoint.names[0] + ":5353"}} {
		var hosts []string
		l.eventually(15*time.Second, "one target for a client", func() bool {
			hosts, _ = l.answering(x[0], x[1], x[2], 15)
			return len(hosts) == 1 && strings.HasPrefix(hosts[0], "ip-")
		})
		if len(hosts) != 1 {
			l.t.Errorf("sticky, %v: %v", x, hosts)
		}
	}
	l.attribute(both, "stickiness.enabled", "false")
	l.expect("not sticky any more", "client", "tcp", l.zonal(0, "5353"), all...)
}

func (l *balancing) byAddress(group string) {
	l.waitHealth(group, "healthy", "10.0.0.80", "10.0.1.80", "10.0.2.80")
	l.expect("targets by address", "client", "tcp", l.zonal(1, "8080"), "10.0.0.80", "10.0.1.80", "10.0.2.80")
	l.hears("targets by address hear the node", "client", "tcp", l.zonal(1, "8080"), l.node(1))
	l.attribute(group, "preserve_client_ip.enabled", "true")
	l.hears("or the client", "client", "tcp", l.zonal(1, "8080"), l.client.ip)
	l.hears("but not over PrivateLink", "consumer", "tcp", l.endpoint.names[1]+":8080", l.nodeOf(l.endpoint.names[1]))
	_, err := l.ask("elasticloadbalancing", "RegisterTargets", "TargetGroupArn", group, "Targets.member.1.Id", "8.8.8.8")
	if code := errorCode(err); code != "InvalidTarget" {
		l.t.Errorf("a public target: %v", err)
	}
}

// nodeOf is the node that an endpoint's zonal name leads to.
func (l *balancing) nodeOf(name string) string {
	for i, z := range l.zones {
		if strings.Contains(name, "-"+z+".") {
			return l.node(i)
		}
	}
	return ""
}

// zonesLeave: what is in the name, by zone.
func (l *balancing) zonesLeave() {
	nodes := []string{l.node(0), l.node(1), l.node(2)}
	for i := range nodes {
		if !strings.HasPrefix(nodes[i], "10.0."+string(rune('0'+i))+".") {
			l.t.Errorf("the name of zone %d leads to %q", i, nodes[i])
		}
	}
	in := func(what string, want ...string) {
		l.t.Helper()
		var got []string
		slices.Sort(want)
		l.eventually(20*time.Second, what, func() bool {
			got = strings.Fields(l.mustExec("client", "dig +short "+l.lb.dns))
			slices.Sort(got)
			return slices.Equal(got, want)
		})
		if !slices.Equal(got, want) {
			l.t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	in("all zones", nodes...)
	// With cross-zone off a zone without targets of its own leaves.
	l.attribute(l.udp, "deregistration_delay.timeout_seconds", "0")
	l.deregister(l.udp, l.servers[2].id)
	in("a zone without targets", nodes[:2]...)
	l.register(l.udp, l.servers[2].id)
	in("back", nodes...)

	// A target that fails its checks takes its zone along.
	l.mustExec("server2", "systemctl stop peer")
	l.waitHealth(l.udp, "unhealthy/Target.FailedHealthChecks", l.servers[2].id)
	in("a zone with nothing healthy", nodes[:2]...)
	l.mustExec("server0", "systemctl stop peer")
	l.mustExec("server1", "systemctl stop peer")
	for _, s := range l.servers[:2] {
		l.waitHealth(l.udp, "unhealthy/Target.FailedHealthChecks", s.id)
		l.waitHealth(l.tcp, "unhealthy/Target.FailedHealthChecks", s.id)
	}
	in("fail open: all zones", nodes...)
	// All targets are used, healthy or not: what refuses is heard.
	if got := l.callFrom("client", "tcp", l.zonal(0, "80")); got != "refused" && got != "reset" {
		l.t.Errorf("fail open: %s", got)
	}
	for _, s := range []string{"server0", "server1", "server2"} {
		l.mustExec(s, "systemctl start peer")
	}
	for _, s := range l.servers {
		l.waitHealth(l.udp, "healthy", s.id)
		l.waitHealth(l.tcp, "healthy", s.id)
	}
	in("all healthy again", nodes...)
	l.expect("they serve again", "client", "tcp", l.zonal(0, "80"), "10.0.0.80", "10.0.1.80", "10.0.2.80")
}
