package e2e

import (
	"net"
	"net/netip"
	"strings"
	"testing"
)

// guardedLab is a dual-stack network load balancer with a security group, IPv4
// targets, an application load balancer behind it, and two consumers that come
// over one dual-stack endpoint.
type guardedLab struct {
	*world
	vpc           string
	subnets       []string
	front         string // the load balancer's group
	lb, alb       balancer
	group, behind string // target groups: of servers, of the application load balancer
	headers       string // and with proxy protocol
	in            []instance
	endpoint      endpoint
}

func newGuardedLab(t *testing.T) *guardedLab {
	w := newWorld(t)
	l := &guardedLab{world: w}
	l.vpc, l.subnets = w.dualVPC(2)
	consumer, there := w.dualVPC(1)
	open, others := w.open(l.vpc), w.open(consumer)
	l.front = w.group(l.vpc, "front")
	ids := []string{
		w.launch("server", l.subnets[0], open, "", "PrivateIpAddress", "10.0.0.80"),
		w.launch("client", l.subnets[0], open, "", "PrivateIpAddress", "10.0.0.9", "Ipv6AddressCount", "1"),
		w.launch("known", there[0], others, "", "PrivateIpAddress", "10.0.0.100", "Ipv6AddressCount", "1"),
		w.launch("stranger", there[0], others, "", "PrivateIpAddress", "10.0.0.101", "Ipv6AddressCount", "1"),
	}
	l.group = w.targetGroup("servers", l.vpc, "TCP", "80")
	l.behind = w.targetGroup("behind", l.vpc, "TCP", "80", "TargetType", "alb", "HealthCheckProtocol", "HTTP")
	l.headers = w.targetGroup("headers", l.vpc, "TCP", "81")
	w.attribute(l.headers, "proxy_protocol_v2.enabled", "true")
	l.lb = w.balancer("lb", l.subnets, "IpAddressType", "dualstack", "SecurityGroups.member.1", l.front)
	l.alb = w.balancer("alb", l.subnets, "Type", "application", "SecurityGroups.member.1", open)
	w.crossZone(l.lb, "true")
	w.listener(l.lb, "TCP", "80", l.group)
	w.listener(l.lb, "TCP", "8080", l.behind)
	for port, group := range map[string]string{"443": l.group, "8443": l.headers} {
		w.elb("CreateListener", "LoadBalancerArn", l.lb.arn, "Protocol", "TLS", "Port", port,
			"Certificates.member.1.CertificateArn", w.uploaded("port"+port+".example"),
			"DefaultActions.member.1.Type", "forward", "DefaultActions.member.1.TargetGroupArn", group)
	}
	l.in = w.running(ids...)
	for _, id := range ids {
		w.peer(id)
	}
	w.peer("server", "80")
	w.serveTLS("server", "81,pp")
	w.register(l.group, ids[0])
	w.register(l.headers, ids[0])
	w.waitActive(l.lb)
	w.waitActive(l.alb)
	_, name := w.service(l.lb, "SupportedIpAddressType.1", "ipv4", "SupportedIpAddressType.2", "ipv6")
	l.endpoint = w.endpoint(consumer, name, there, others, "IpAddressType", "dualstack")
	return l
}

func (l *guardedLab) call(from, network, port string) func() string {
	name := l.lb.dns
	if from == "known" || from == "stranger" {
		name = l.endpoint.names[0]
	}
	return func() string { return l.callFrom(from, network, name+":"+port) }
}

func TestNLBGuarded(t *testing.T) {
	t.Parallel()
	l := newGuardedLab(t)
	l.waitHealth(l.group, "healthy", l.in[0].id)
	l.step(step{"dual stack", func() { l.dualStack() }})
	l.step(step{"security groups", func() { l.guards() }})
	l.step(step{"TLS", func() { l.ends() }})
	l.step(step{"application load balancer", func() { l.application() }})
}

// dualStack: clients of both families, targets of IPv4.
func (l *guardedLab) dualStack() {
	l.says("nobody is let in", "timeout", l.call("client", "tcp4", "80"))
	l.says("nobody is let in, IPv6", "timeout", l.call("client", "tcp6", "80"))
	l.allow(l.front, "tcp", "80", "80", "10.0.0.9/32")
	l.says("IPv4 keeps the client's address", "hears 10.0.0.9:", l.call("client", "tcp4", "80"))
	l.says("IPv6 is not let in by an IPv4 rule", "timeout", l.call("client", "tcp6", "80"))
	l.allow(l.front, "tcp", "80", "80", l.in[1].ip6+"/128")
	l.says("IPv6 is translated", "hears 10.0.", l.call("client", "tcp6", "80"))
	six := strings.Fields(l.mustExec("client", "dig +short AAAA "+l.lb.dns))
	if len(six) != 2 {
		l.t.Errorf("the name's IPv6 addresses: %v", six)
	}
	for _, a := range six {
		if _, err := netip.ParseAddr(a); err != nil {
			l.t.Errorf("AAAA: %s", a)
		}
	}
	if zonal := strings.Fields(l.mustExec("client", "dig +short AAAA "+l.zones[0]+"."+l.lb.dns)); len(zonal) != 1 {
		l.t.Errorf("the zonal name's IPv6 addresses: %v", zonal)
	}
}

// guards: over PrivateLink the consumer's own address counts, while the rules
// are enforced there.
func (l *guardedLab) guards() {
	for _, network := range []string{"tcp4", "tcp6"} {
		l.says("no rule for the consumers, "+network, "timeout", l.call("known", network, "80"))
	}
	l.allow(l.front, "tcp", "80", "80", "10.0.0.100/32")
	l.says("a rule for the consumer's address", "hears 10.0.", l.call("known", "tcp4", "80"))
	l.says("another consumer", "timeout", l.call("stranger", "tcp4", "80"))
	l.says("a rule for IPv4", "timeout", l.call("known", "tcp6", "80"))
	l.allow(l.front, "tcp", "80", "80", l.in[2].ip6+"/128")
	l.says("a rule for the consumer's IPv6 address", "hears 10.0.", l.call("known", "tcp6", "80"))
	l.says("another consumer, IPv6", "timeout", l.call("stranger", "tcp6", "80"))
	l.never("the consumer is not heard", "10.0.0.100", l.call("known", "tcp4", "80")())

	l.enforce("off")
	l.says("not enforced", "hears", l.call("stranger", "tcp4", "80"))
	l.says("not enforced, IPv6", "hears", l.call("stranger", "tcp6", "80"))
	l.revoke(l.front, "tcp", "80", "80", "10.0.0.9/32")
	l.says("but others are asked", "timeout", l.call("client", "tcp4", "80"))
	l.enforce("on")
	l.says("enforced again", "timeout", l.call("stranger", "tcp4", "80"))
	l.says("enforced again, IPv6", "timeout", l.call("stranger", "tcp6", "80"))
	l.says("a rule holds", "hears", l.call("known", "tcp4", "80"))
}

// ends: a listener that ends TLS, which user space carries, obeys the same.
func (l *guardedLab) ends() {
	call := func(from, kind, port string) func() string {
		name := l.lb.dns
		if from != "client" {
			name = l.endpoint.names[0]
		}
		address := strings.Fields(l.mustExec(from, "dig +short "+kind+" "+name))[0]
		return func() string {
			return l.callTLS(from, "'"+net.JoinHostPort(address, port)+"'", "tls=a.example")
		}
	}
	for _, from := range []string{"client", "known", "stranger"} {
		for _, kind := range []string{"A", "AAAA"} {
			l.says("no rule, "+from+" "+kind, "timeout", call(from, kind, "443"))
		}
	}
	l.allow(l.front, "tcp", "443", "443", "10.0.0.9/32")
	l.allow(l.front, "tcp", "443", "443", "10.0.0.100/32")
	l.says("the client", "port443.example \"\": ip-10-0-0-80", call("client", "A", "443"))
	l.says("the client keeps its address", "hears 10.0.0.9:", call("client", "A", "443"))
	l.says("the consumer with a rule", "hears 10.0.", call("known", "A", "443"))
	l.says("another consumer", "timeout", call("stranger", "A", "443"))
	l.says("an IPv4 rule", "timeout", call("client", "AAAA", "443"))
	for _, in := range l.in[1:3] {
		l.allow(l.front, "tcp", "443", "443", in.ip6+"/128")
		l.allow(l.front, "tcp", "8443", "8443", in.ip6+"/128")
	}
	l.says("IPv6, translated", "hears 10.0.", call("client", "AAAA", "443"))
	l.says("the consumer, translated", "hears 10.0.", call("known", "AAAA", "443"))
	l.says("another consumer, IPv6", "timeout", call("stranger", "AAAA", "443"))
	l.says("proxy protocol has the client's family", " proxy ["+l.in[1].ip6+"]:", call("client", "AAAA", "8443"))
	l.says("and the consumer's", " proxy ["+l.in[2].ip6+"]:", call("known", "AAAA", "8443"))
	l.says("with the endpoint", "ea=01:"+l.endpoint.id, call("known", "AAAA", "8443"))
	l.enforce("off")
	l.says("not enforced", "hears", call("stranger", "A", "443"))
	l.enforce("on")
	l.says("enforced again", "timeout", call("stranger", "A", "443"))
}

// enforce says whether the load balancer's groups hold over PrivateLink.
func (l *guardedLab) enforce(value string) {
	l.t.Helper()
	l.elb("SetSecurityGroups", "LoadBalancerArn", l.lb.arn, "SecurityGroups.member.1", l.front,
		"EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic", value)
}

// application: an application load balancer as the target.
func (l *guardedLab) application() {
	_, err := l.ask("elasticloadbalancing", "RegisterTargets", "TargetGroupArn", l.behind, "Targets.member.1.Id", l.alb.arn)
	if errorCode(err) != "ValidationError" || !strings.Contains(err.Error(), "must have at least one listener that matches") {
		l.t.Errorf("without a listener: %v", err)
	}
	answer := func(status, text string) []string {
		return []string{"DefaultActions.member.1.Type", "fixed-response", "DefaultActions.member.1.FixedResponseConfig.StatusCode", status,
			"DefaultActions.member.1.FixedResponseConfig.ContentType", "text/plain",
			"DefaultActions.member.1.FixedResponseConfig.MessageBody", text}
	}
	listener := l.elb("CreateListener", append(answer("200", "from-the-alb"), "LoadBalancerArn", l.alb.arn, "Protocol", "HTTP", "Port", "80")...).
		text("CreateListenerResult/Listeners/member/ListenerArn")
	l.register(l.behind, l.alb.arn)
	l.waitHealth(l.behind, "healthy", l.alb.arn)
	l.allow(l.front, "tcp", "8080", "8080", "10.0.0.0/8")
	l.allow(l.front, "tcp", "8080", "8080", "::/0")
	get := func(from, family string) func() string {
		name := l.lb.dns
		if from == "known" {
			name = l.endpoint.names[0]
		}
		return func() string {
			out, _ := l.exec(from, "curl -s -"+family+" -m 4 -w ' %{http_code}' http://"+name+":8080/")
			return out
		}
	}
	for _, from := range []string{"client", "known"} {
		for _, family := range []string{"4", "6"} {
			l.says("an ALB behind the NLB, from the "+from+", IPv"+family, "from-the-alb 200", get(from, family))
		}
	}
	if _, err := l.ask("elasticloadbalancing", "DeleteLoadBalancer", "LoadBalancerArn", l.alb.arn); errorCode(err) != "ResourceInUse" {
		l.t.Errorf("delete an ALB that is a target: %v", err)
	}
	l.elb("ModifyListener", append(answer("503", "out-of-order"), "ListenerArn", listener)...)
	l.waitHealth(l.behind, "unhealthy/Target.FailedHealthChecks", l.alb.arn)
	l.says("fails open", "out-of-order 503", get("client", "4"))
	l.elb("ModifyTargetGroup", "TargetGroupArn", l.behind, "Matcher.HttpCode", "200-399,503")
	l.waitHealth(l.behind, "healthy", l.alb.arn)
}
