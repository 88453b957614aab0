package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// tlsLab is a network load balancer that ends TLS, on the internet, with a
// target in each of two zones, a client beside them and one that comes over
// PrivateLink from a VPC with the same range.
type tlsLab struct {
	*world
	lb           balancer
	group        map[string]string // target groups by name
	listeners    map[string]string // by port
	servers      []instance
	client       instance
	consumer     instance
	endpoint     endpoint
	certificates map[string]string
	node         string // the private address of the load balancer in zone 0
}

func newTLSLab(t *testing.T) *tlsLab {
	w := newWorld(t)
	l := &tlsLab{world: w, group: map[string]string{}, listeners: map[string]string{}, certificates: map[string]string{}}
	v := w.vpc("10.0.0.0/16")
	open := w.open(v)
	w.gatewayOf(v)
	subnets := []string{w.subnet(v, "10.0.0.0/24", 0), w.subnet(v, "10.0.1.0/24", 1)}
	apart := w.subnet(v, "10.0.100.0/24", 0)
	c := w.vpc("10.0.0.0/16")
	there := w.subnet(c, "10.0.0.0/24", 0)
	ids := []string{
		w.launch("server0", subnets[0], open, "", "PrivateIpAddress", "10.0.0.80"),
		w.launch("server1", subnets[1], open, "", "PrivateIpAddress", "10.0.1.80"),
		w.launch("client", apart, open, "", "PrivateIpAddress", "10.0.100.9"),
		w.launch("consumer", there, w.open(c), "", "PrivateIpAddress", "10.0.0.200"),
	}
	l.lb = w.balancer("lb", subnets, "Scheme", "internet-facing")
	w.crossZone(l.lb, "true")
	l.addGroups(v)
	in := w.running(ids...)
	l.servers, l.client, l.consumer = in[:2], in[2], in[3]
	for i, id := range ids {
		w.peer(id)
		if i < 2 {
			w.peer(id, "80")
			w.serveTLS(id, "81,pp", "443,tls", "444,tls,pp", "8443,tls,http", "8080,http")
		}
	}
	for name, g := range l.group {
		switch name {
		case "ip":
			w.register(g, l.servers[0].ip, l.servers[1].ip)
		case "one":
			w.register(g, ids[0])
		case "other":
			w.register(g, ids[1])
		default:
			w.register(g, ids[:2]...)
		}
	}
	l.addListeners()
	w.waitActive(l.lb)
	for _, e := range w.ec2("DescribeNetworkInterfaces", "Filter.1.Name", "subnet-id", "Filter.1.Value.1", subnets[0]).all("networkInterfaceSet/item") {
		if strings.HasPrefix(e.text("description"), "ELB ") {
			l.node = e.text("privateIpAddress")
		}
	}
	_, name := w.service(l.lb)
	l.endpoint = w.endpoint(c, name, []string{there}, w.open2(c))
	return l
}

// gatewayOf gives a VPC an internet gateway, and all its subnets a way there.
func (w *world) gatewayOf(vpc string) {
	w.t.Helper()
	main := w.ec2("DescribeRouteTables", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", vpc).text("routeTableSet/item/routeTableId")
	w.ec2("CreateRoute", "RouteTableId", main, "DestinationCidrBlock", "0.0.0.0/0", "GatewayId", w.gateway(vpc))
}

func (w *world) crossZone(lb balancer, value string) {
	w.t.Helper()
	w.elb("ModifyLoadBalancerAttributes", "LoadBalancerArn", lb.arn,
		"Attributes.member.1.Key", "load_balancing.cross_zone.enabled", "Attributes.member.1.Value", value)
}

func (l *tlsLab) addGroups(vpc string) {
	g := func(name, protocol, port string, more ...string) {
		l.group[name] = l.targetGroup(name, vpc, protocol, port, more...)
	}
	g("plain", "TCP", "80")
	g("ip", "TCP", "80", "TargetType", "ip")
	g("one", "TCP", "80")
	g("other", "TCP", "80")
	g("pp", "TCP", "81")
	g("tls", "TLS", "443")
	g("tlspp", "TLS", "444")
	g("http", "TCP", "80", "HealthCheckProtocol", "HTTP", "HealthCheckPort", "8080", "Matcher.HttpCode", "200")
	g("https", "TCP", "80", "HealthCheckProtocol", "HTTPS", "HealthCheckPort", "8443", "Matcher.HttpCode", "200-299,418")
	for _, name := range []string{"pp", "tlspp"} {
		l.attribute(l.group[name], "proxy_protocol_v2.enabled", "true")
	}
}

// imported is a certificate in ACM; with an ARN it takes that one's place.
func (l *tlsLab) imported(arn string, names ...string) string {
	l.t.Helper()
	dir := l.t.TempDir()
	certificate, key := pems(l.t, names...)
	for name, text := range map[string]string{"c": certificate, "k": key} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			l.t.Fatal(err)
		}
	}
	args := []string{"acm", "import-certificate", "--certificate", "fileb://" + dir + "/c", "--private-key", "fileb://" + dir + "/k"}
	if arn != "" {
		args = append(args, "--certificate-arn", arn)
	}
	return l.aws(args...)["CertificateArn"].(string)
}

// uploaded is a server certificate of IAM.
func (w *world) uploaded(name string) string {
	w.t.Helper()
	certificate, key := pems(w.t, name)
	return w.call("iam", "UploadServerCertificate", "ServerCertificateName", strings.ReplaceAll(name, ".", "-"),
		"CertificateBody", certificate, "PrivateKey", key).
		text("UploadServerCertificateResult/ServerCertificateMetadata/Arn")
}

func (l *tlsLab) addListeners() {
	l.certificates["a"], l.certificates["b"] = l.imported("", "a.example"), l.uploaded("b.example")
	listen := func(protocol, port, group string) {
		more := []string{}
		if protocol == "TLS" {
			more = []string{"Certificates.member.1.CertificateArn", l.certificates["a"]}
		}
		l.listeners[port] = l.elb("CreateListener", append([]string{"LoadBalancerArn", l.lb.arn, "Protocol", protocol, "Port", port,
			"DefaultActions.member.1.Type", "forward", "DefaultActions.member.1.TargetGroupArn", l.group[group]}, more...)...).
			text("CreateListenerResult/Listeners/member/ListenerArn")
	}
	listen("TLS", "443", "plain")
	listen("TLS", "1443", "ip")
	listen("TLS", "2443", "tls")
	listen("TLS", "3443", "pp")
	listen("TLS", "4443", "tlspp")
	listen("TCP", "81", "pp")
	listen("TCP", "90", "one")

	listen("TCP", "8080", "http")
	listen("TCP", "8443", "https")
	listen("TLS", "5443", "http")
	l.elb("AddListenerCertificates", "ListenerArn", l.listeners["443"], "Certificates.member.1.CertificateArn", l.certificates["b"])
}

// to is where an instance finds the load balancer: the consumer at its endpoint,
// the client at the node's private address, for it has none of the internet.
func (l *tlsLab) to(instance string) string {
	if instance == "consumer" {
		return l.endpoint.names[0]
	}
	return l.node
}

// from lets an instance call the load balancer.
func (l *tlsLab) from(instance, port string, options ...string) func() string {
	return func() string { return l.callTLS(instance, l.to(instance)+":"+port, options...) }
}

func TestNLBTLS(t *testing.T) {
	t.Parallel()
	l := newTLSLab(t)
	for _, g := range []string{"plain", "tls", "pp", "http", "https"} {
		l.waitHealth(l.group[g], "healthy", l.servers[0].id, l.servers[1].id)
	}
	for _, step := range []step{
		{"certificates", l.names}, {"from the internet", l.internet}, {"addresses", l.addresses}, {"ALPN", l.alpn},
		{"proxy protocol", l.proxyProtocol}, {"rotation", l.rotation}, {"weights", l.weights},
		{"endings", l.endings}, {"health checks", l.checks},
	} {
		l.step(step)
	}
}

// step is a part of a lab's test, with what it finds. The parts after one that
// failed are left out: each relies on those before.
type step struct {
	name string
	run  func()
}

func (m *musubi) step(s step) {
	m.t.Helper()
	if m.t.Failed() {
		m.t.FailNow()
	}
	begin := time.Now()
	s.run()
	m.t.Logf("%s: %v", s.name, time.Since(begin).Round(time.Millisecond))
}

func (l *tlsLab) names() {
	for _, from := range []string{"client", "consumer"} {
		l.says("by name, from the "+from, "a.example", l.from(from, "443", "tls=a.example"))
		l.says("by another name, from the "+from, "b.example", l.from(from, "443", "tls=b.example"))
		l.says("by no known name, from the "+from, "a.example", l.from(from, "443", "tls=c.example"))
	}
	l.says("a target that speaks TLS", `tls "" for "a.example"`, l.from("client", "2443", "tls=a.example"))
	l.says("a target that speaks TLS, over PrivateLink", `tls "" for "a.example"`, l.from("consumer", "2443", "tls=a.example"))
	l.elb("RemoveListenerCertificates", "ListenerArn", l.listeners["443"], "Certificates.member.1.CertificateArn", l.certificates["b"])
	l.says("a certificate that was removed", "a.example", l.from("client", "443", "tls=b.example"))
}

// addresses: whom the targets of a TLS listener hear.
func (l *tlsLab) addresses() {
	own, node := "hears "+l.client.ip+":", "hears 10.0."
	l.says("an instance keeps the client's address", own, l.from("client", "443", "tls=a.example"))
	l.attribute(l.group["plain"], "preserve_client_ip.enabled", "false")
	l.says("not preserved", node, func() string {
		return strings.ReplaceAll(l.from("client", "443", "tls=a.example")(), l.client.ip, "client")
	})
	l.attribute(l.group["plain"], "preserve_client_ip.enabled", "true")
	l.says("preserved again", own, l.from("client", "443", "tls=a.example"))
	for range 4 {
		l.never("never over PrivateLink", l.consumer.ip, l.from("consumer", "443", "tls=a.example")())
	}
	l.says("over PrivateLink", node, l.from("consumer", "443", "tls=a.example"))
	l.says("an address does not", node, func() string {
		return strings.ReplaceAll(l.from("client", "1443", "tls=a.example")(), l.client.ip, "client")
	})
	l.attribute(l.group["ip"], "preserve_client_ip.enabled", "true")
	l.says("an address does when asked", own, l.from("client", "1443", "tls=a.example"))
	l.says("TLS to the target", own, l.from("client", "2443", "tls=a.example"))
}

func (l *tlsLab) alpn() {
	for _, x := range []struct{ policy, offer, agreed string }{
		{"None", "h2,http/1.1", ""},
		{"HTTP1Only", "h2,http/1.1", "http/1.1"},
		{"HTTP2Only", "http/1.1,h2", "h2"},
		{"HTTP2Only", "http/1.1", ""},
		{"HTTP2Optional", "h2,http/1.1", "http/1.1"},
		{"HTTP2Optional", "h2", "h2"},
		{"HTTP2Preferred", "http/1.1,h2", "h2"},
		{"HTTP2Preferred", "http/1.1", "http/1.1"},
		{"HTTP2Preferred", "", ""},
	} {
		l.elb("ModifyListener", "ListenerArn", l.listeners["2443"], "AlpnPolicy.member.1", x.policy)
		// The target hears of what was agreed.
		l.says(fmt.Sprintf("%s, %q offered", x.policy, x.offer), fmt.Sprintf("a.example %q: ip-", x.agreed),
			l.from("client", "2443", "tls=a.example", "alpn="+x.offer))
		l.says(fmt.Sprintf("%s, %q offered, the target", x.policy, x.offer), fmt.Sprintf("tls %q for", x.agreed),
			l.from("client", "2443", "tls=a.example", "alpn="+x.offer))
	}
}

// proxyProtocol reads what targets get before the client's own bytes.
func (l *tlsLab) proxyProtocol() {
	for _, x := range []struct{ port, tls string }{{"81", ""}, {"3443", "tls=a.example"}, {"4443", "tls=a.example"}} {
		direct := l.from("client", x.port, x.tls, "from="+l.client.ip+":0")
		l.says("directly, port "+x.port, " proxy "+l.client.ip+":", direct)
		l.never("directly there is no endpoint, port "+x.port, "ea=", direct())
		over := l.from("consumer", x.port, x.tls)
		l.says("over PrivateLink, port "+x.port, " proxy "+l.consumer.ip+":", over)
		l.says("the endpoint, port "+x.port, "ea=01:"+l.endpoint.id, over)
		l.says("to the listener, port "+x.port, ":"+x.port+" ea", over)
	}
	l.says("the client's own port", " proxy 10.0.0.200:45678>", l.from("consumer", "81", "from=10.0.0.200:45678"))
	l.attribute(l.group["pp"], "proxy_protocol_v2.enabled", "false")
	l.says("off", "no header: signature \"16-bytes-at-\"", l.from("client", "81", "say=16-bytes-at-once"))
	l.attribute(l.group["pp"], "proxy_protocol_v2.enabled", "true")
	l.says("on again", " proxy 10.0.0.200:", l.from("consumer", "81"))
}

// rotation: certificates change, connections go on.
func (l *tlsLab) rotation() {
	var all []*held
	for _, from := range []string{"client", "consumer"} {
		h, hello := l.keep(from, "tls", "hold", l.to(from)+":443", "tls=a.example")
		if !strings.Contains(hello, "a.example") {
			l.t.Fatalf("hold: %s", hello)
		}
		all = append(all, h)
	}
	go1 := func(when string) {
		l.t.Helper()
		for i, h := range all {
			if got := h.say(when); got != when {
				l.t.Errorf("connection %d %s: %q", i, when, got)
			}
		}
	}
	go1("before")
	next := l.imported("", "next.example")
	l.elb("ModifyListener", "ListenerArn", l.listeners["443"], "Certificates.member.1.CertificateArn", next)
	l.says("another certificate", "next.example", l.from("client", "443", "tls=a.example"))
	go1("after another certificate")
	if again := l.imported(next, "renewed.example"); again != next {
		l.t.Errorf("imported again as %s", again)
	}
	l.says("a renewed certificate", "renewed.example", l.from("client", "443", "tls=a.example"))
	l.says("a renewed certificate, over PrivateLink", "renewed.example", l.from("consumer", "443", "tls=a.example"))
	go1("after the renewal")
	l.elb("ModifyListener", "ListenerArn", l.listeners["443"], "SslPolicy", "ELBSecurityPolicy-TLS13-1-2-2021-06")
	l.says("another policy", "renewed.example", l.from("client", "443", "tls=a.example"))
	go1("after another policy")
	for _, h := range all {
		h.close()
	}
}

// weights: two groups behind a listener, in the kernel and in user space.
func (l *tlsLab) weights() {
	for _, port := range []string{"90", "1443"} {
		option := ""
		if port != "90" {
			option = "tls=a.example"
		}
		weigh := func(one, other string) {
			l.elb("ModifyListener", "ListenerArn", l.listeners[port], "DefaultActions.member.1.Type", "forward",
				"DefaultActions.member.1.ForwardConfig.TargetGroups.member.1.TargetGroupArn", l.group["one"],
				"DefaultActions.member.1.ForwardConfig.TargetGroups.member.1.Weight", one,
				"DefaultActions.member.1.ForwardConfig.TargetGroups.member.2.TargetGroupArn", l.group["other"],
				"DefaultActions.member.1.ForwardConfig.TargetGroups.member.2.Weight", other)
		}
		count := func() (one, other int) {
			text := l.from("client", port, option, "times=60")()
			return strings.Count(text, "ip-10-0-0-80"), strings.Count(text, "ip-10-0-1-80")
		}
		expect := func(what string, ok func(one, other int) bool) {
			l.t.Helper()
			var one, other int
			l.eventually(20*time.Second, what, func() bool { one, other = count(); return ok(one, other) })
			if l.t.Failed() {
				l.t.Errorf("port %s, %s: %d and %d", port, what, one, other)
			}
		}
		weigh("1", "1")
		expect("half each", func(a, b int) bool { return a+b == 60 && a > 12 && b > 12 })
		weigh("0", "5")
		expect("nothing for weight 0", func(a, b int) bool { return a == 0 && b == 60 })
		weigh("9", "1")
		expect("nine to one", func(a, b int) bool { return a+b == 60 && a > 42 && b > 0 })
	}
}

// checks: HTTP and HTTPS health checks with a matcher.
func (l *tlsLab) checks() {
	id := []string{l.servers[0].id, l.servers[1].id}
	expect := func(group, zero, one string) {
		l.t.Helper()
		l.waitHealth(l.group[group], zero, id[0])
		l.waitHealth(l.group[group], one, id[1])
	}
	expect("http", "healthy", "healthy")
	expect("https", "healthy", "healthy")
	l.mustExec("server0", "echo 418 >"+statusFile)
	expect("http", "unhealthy/Target.FailedHealthChecks", "healthy")
	expect("https", "healthy", "healthy")
	l.mustExec("server0", "echo 503 >"+statusFile)
	expect("https", "unhealthy/Target.FailedHealthChecks", "healthy")
	l.elb("ModifyTargetGroup", "TargetGroupArn", l.group["http"], "Matcher.HttpCode", "503")
	expect("http", "healthy", "unhealthy/Target.FailedHealthChecks")
	for range 6 {
		l.never("the unhealthy one serves", "ip-10-0-1-80", l.from("client", "8080")())
	}
}
