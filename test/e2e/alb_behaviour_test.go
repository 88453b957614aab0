package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// behaving is a lab with an application load balancer in two zones, two targets in
// the first zone and one in the second, and two clients in the same VPC, of which
// the security group of the load balancer knows one at first.
type behaving struct {
	*world
	vpc, open, guard string
	subnets          []string
	targets          []instance
	client, other    instance
	ca               *authority
	alb              balancer
	all, a, b        string // target groups: of all, of the first two, of the third
	node             string // the load balancer's address in the first zone
}

func newBehaving(t *testing.T) *behaving {
	w := newWorld(t)
	l := &behaving{world: w, vpc: w.vpc("10.0.0.0/16"), ca: newAuthority(t, "The tests' authority")}
	l.open, l.guard = w.open(l.vpc), w.group(l.vpc, "load balancer")
	for i := range 2 {
		l.subnets = append(l.subnets, w.subnet(l.vpc, fmt.Sprintf("10.0.%d.0/24", i), i))
	}
	var ids []string
	for i, zone := range []int{0, 0, 1} {
		ids = append(ids, w.launch(fmt.Sprintf("target%d", i), l.subnets[zone], l.open, ""))
	}
	ids = append(ids, w.launch("client", l.subnets[0], l.open, "", "PrivateIpAddress", "10.0.0.100"),
		w.launch("other", l.subnets[0], l.open, "", "PrivateIpAddress", "10.0.0.101"))
	in := w.running(ids...)
	l.targets, l.client, l.other = in[:3], in[3], in[4]
	for i := range l.targets {
		w.probe(ids[i], fmt.Sprint(i))
	}
	w.probe("client", "")
	w.allow(l.guard, "-1", "-1", "-1", l.client.ip+"/32")

	l.all, l.a, l.b = w.httpGroup("all", l.vpc, "80"), w.httpGroup("a", l.vpc, "80"), w.httpGroup("b", l.vpc, "80")
	w.register(l.all, ids[:3]...)
	w.register(l.a, ids[:2]...)
	w.register(l.b, ids[2])
	l.alb = w.application("app", l.subnets, l.guard)
	l.node = w.nodes(l.alb)[w.zones[0]]
	if err := os.MkdirAll(filepath.Join(w.dir, "s3", "logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	w.elb("ModifyLoadBalancerAttributes", "LoadBalancerArn", l.alb.arn,
		"Attributes.member.1.Key", "access_logs.s3.enabled", "Attributes.member.1.Value", "true",
		"Attributes.member.2.Key", "access_logs.s3.bucket", "Attributes.member.2.Value", "logs",
		"Attributes.member.3.Key", "access_logs.s3.prefix", "Attributes.member.3.Value", "app")
	w.listen(l.alb, "HTTP", "80", forward(l.all))
	w.waitActive(l.alb)
	w.waitHealth(l.all, "healthy", ids[:3]...)
	return l
}

// TestALBBehaviour: what an application load balancer does with real targets.
func TestALBBehaviour(t *testing.T) {
	t.Parallel()
	l := newBehaving(t)
	for _, part := range []struct {
		name string
		f    func()
	}{
		{"round robin", l.roundRobin}, {"conditions", l.conditions}, {"actions", l.actions}, {"weights", l.weights},
		{"stickiness", l.stickiness}, {"forwarded headers", l.forwarded}, {"zones", l.zonesOfGroups},
		{"codes", l.codes}, {"deregistration", l.deregistration}, {"fail open", l.failsOpen},
		{"server names", l.serverNames}, {"mutual TLS", l.mutual}, {"security group", l.securityGroup},
		{"idle timeout", l.idle}, {"access log", l.accessLog},
	} {
		sub(t, l.musubi, part.name, part.f)
	}
}

// get calls the load balancer's first node.
func (l *behaving) get(port, pathAndMore string) webReply {
	l.t.Helper()
	return l.curl("client", "http://"+l.node+":"+port+pathAndMore)
}

// settle makes a setting and waits until it shows.
func (l *behaving) settle(key, value string, shows func() bool) {
	l.t.Helper()
	l.setting(l.alb, key, value)
	l.eventually(10*time.Second, key+" to be "+value, shows)
}

// heardFrom counts who answers n requests, a connection each.
func (l *behaving) heardFrom(n int, address string) map[string]int {
	l.t.Helper()
	out, err := l.exec("client", fmt.Sprintf("for i in $(seq %d); do curl -sS --max-time 5 %s; done", n, address))
	if err != nil {
		l.t.Fatalf("%v %s", err, tail(out, 500))
	}
	counts := map[string]int{}
	for _, m := range regexp.MustCompile(`"Name":"(\w+)"`).FindAllStringSubmatch(out, -1) {
		counts[m[1]]++
	}
	return counts
}

func (l *behaving) roundRobin() {
	// Three requests make a round at whichever node they arrive.
	if got := l.heardFrom(12, "http://"+l.node+"/"); got["0"] != 4 || got["1"] != 4 || got["2"] != 4 {
		l.t.Errorf("12 requests went to %v", got)
	}
	if out, err := l.exec("client", "curl -sS http://"+l.alb.dns+"/"); err != nil || !strings.Contains(out, `"Name"`) {
		l.t.Errorf("by name: %v %s", err, out)
	}
}

// conditions: each kind, alone and together.
func (l *behaving) conditions() {
	listener := l.listen(l.alb, "HTTP", "81", fixed("404", "none"))
	header := []string{"Field", "http-header", "HttpHeaderConfig.HttpHeaderName", "X-Kind", "HttpHeaderConfig.Values.member.1", "special-?", "HttpHeaderConfig.Values.member.2", "rare"}
	query := []string{"Field", "query-string", "QueryStringConfig.Values.member.1.Key", "version", "QueryStringConfig.Values.member.1.Value", "v*", "QueryStringConfig.Values.member.2.Value", "any\\*"}
	for i, r := range [][][]string{
		{{"host and path"}, condition("host-header", "both.example.com"), condition("path-pattern", "/both")},
		{{"host"}, condition("host-header", "a.example.com", "*.b.example.com")},
		{{"path"}, condition("path-pattern", "/img/*.png", "/x?z")},
		{{"header"}, header},
		{{"method"}, []string{"Field", "http-request-method", "HttpRequestMethodConfig.Values.member.1", "DELETE"}},
		{{"query"}, query},
		{{"source"}, []string{"Field", "source-ip", "SourceIpConfig.Values.member.1", l.other.ip + "/32"}},
	} {
		l.rule(listener, i+1, fixed("200", r[0][0]), r[1:]...)
	}
	at := "http://" + l.node + ":81"
	l.eventually(10*time.Second, "the rules", func() bool { return l.get("81", "/x1z").body == "path" })
	for arguments, want := range map[string]string{
		at + "/":                                               "none",
		"-H 'Host: A.Example.COM' " + at + "/":                 "host",
		"-H 'Host: x.b.example.com:81' " + at + "/":            "host",
		"-H 'Host: b.example.com' " + at + "/":                 "none",
		"-H 'Host: both.example.com' " + at + "/both":          "host and path",
		"-H 'Host: both.example.com' " + at + "/":              "none",
		at + "/img/a/b.png":                                    "path",
		at + "/img/a.PNG":                                      "none",
		at + "/?/img/a.png":                                    "none",
		at + "/xyyz":                                           "none",
		"-H 'x-kind: SPECIAL-1' " + at + "/":                   "header",
		"-H 'X-Kind: special-12' " + at + "/":                  "none",
		"-H 'X-Kind: rare' " + at + "/":                        "header",
		"-X DELETE " + at + "/":                                "method",
		"-X delete " + at + "/":                                "none",
		"'" + at + "/?a=1&VERSION=V2'":                         "query",
		"'" + at + "/?version=2'":                              "none",
		"'" + at + "/?k=any*'":                                 "query",
		"'" + at + "/?k=anything'":                             "none",
		"-H 'X-Forwarded-For: " + l.other.ip + "' " + at + "/": "none",
	} {
		if r := l.curl("client", arguments); r.body != want {
			l.t.Errorf("%s: %q %s, want %q", arguments, r.body, r.err, want)
		}
	}
	l.allow(l.guard, "-1", "-1", "-1", l.other.ip+"/32")
	l.eventually(10*time.Second, "the source", func() bool { return l.curl("other", "--max-time 1 "+at+"/").body == "source" })
	l.revoke(l.guard, "-1", "-1", "-1", l.other.ip+"/32")
}

// actions: redirects with every placeholder, and fixed responses.
func (l *behaving) actions() {
	listener := l.listen(l.alb, "HTTP", "82", fixed("503", "later"))
	const r = "RedirectConfig."
	l.rule(listener, 1, []string{"Type", "redirect", r + "Protocol", "HTTPS", r + "Port", "443", r + "StatusCode", "HTTP_301"}, condition("path-pattern", "/secure*"))
	l.rule(listener, 2, []string{"Type", "redirect", r + "Host", "www.#{host}", r + "Path", "/new/#{path}", r + "Query", "#{query}&from=#{host}:#{port}&by=#{protocol}", r + "StatusCode", "HTTP_302"},
		condition("path-pattern", "/old*"))
	l.rule(listener, 3, []string{"Type", "fixed-response", "FixedResponseConfig.StatusCode", "418", "FixedResponseConfig.ContentType", "application/json", "FixedResponseConfig.MessageBody", `{"a":1}`},
		condition("path-pattern", "/json"))
	l.eventually(10*time.Second, "the rules", func() bool { return l.get("82", "/json").code() == 418 })
	for _, c := range []struct {
		path, location, body, kind string
		code                       int
	}{
		{"/secure/a?b=c", "https://a.test:443/secure/a?b=c", "", "text/html", 301},
		{"/old/a%20b?c", "http://www.a.test:82/new/old/a%20b?c&from=a.test:82&by=http", "", "text/html", 302},
		{"/json", "", `{"a":1}`, "application/json; charset=utf-8", 418},
		{"/", "", "later", "text/plain; charset=utf-8", 503},
	} {
		res := l.get("82", "'"+c.path+"' -H 'Host: a.test:82'")
		if res.code() != c.code || res.Header.Get("Location") != c.location || c.body != "" && res.body != c.body ||
			res.Header.Get("Content-Type") != c.kind || res.Header.Get("Server") != "awselb/2.0" {
			l.t.Errorf("%s: %d %v %q %s", c.path, res.code(), res.Header, res.body, res.err)
		}
	}
}

// cookies are those of a response, for the next request.
func cookies(r webReply) string {
	var out []string
	for _, c := range r.Cookies() {
		out = append(out, c.Name+"="+c.Value)
	}
	return strings.Join(out, "; ")
}

func hasCookie(r webReply, name string) bool {
	for _, c := range r.Cookies() {
		if c.Name == name {
			return true
		}
	}
	return false
}

// weights: groups get requests as their weights say, and keep clients.
func (l *behaving) weights() {
	listener := l.listen(l.alb, "HTTP", "83", forward(l.a, "1", l.b, "3"))
	l.waitHealth(l.a, "healthy", l.targets[0].id, l.targets[1].id)
	l.waitHealth(l.b, "healthy", l.targets[2].id)
	at := "http://" + l.node + ":83/"
	got := l.heardFrom(80, at)
	if n := got["2"]; n < 42 || n > 76 || got["0"]+got["1"]+n != 80 {
		l.t.Errorf("of 80 requests, 60 of them for target 2: %v", got)
	}
	sticky := append(forward(l.a, "1", l.b, "1"), "ForwardConfig.TargetGroupStickinessConfig.Enabled", "true", "ForwardConfig.TargetGroupStickinessConfig.DurationSeconds", "60")
	l.elb("ModifyListener", append([]string{"ListenerArn", listener}, prefixed("DefaultActions.member.1.", sticky)...)...)
	var first webReply
	l.eventually(10*time.Second, "a cookie of the group", func() bool {
		first = l.get("83", "/")
		return first.code() == 200 && hasCookie(first, "AWSALBTG") && hasCookie(first, "AWSALBTGCORS")
	})
	group := func(name string) bool { return name == "2" }
	for name := range l.heardFrom(12, "-H 'Cookie: "+cookies(first)+"' "+at) {
		if group(name) != group(first.saw.Name) {
			l.t.Errorf("with the cookie of target %s's group, target %s answers", first.saw.Name, name)
		}
	}
	l.elb("ModifyListener", append([]string{"ListenerArn", listener}, prefixed("DefaultActions.member.1.", forward(l.a, "1", l.b, "0"))...)...)
	l.eventually(10*time.Second, "nothing for a weight of 0", func() bool { return l.heardFrom(10, at)["2"] == 0 })
}

// stickiness of targets, by the load balancer's cookie and by the application's.
func (l *behaving) stickiness() {
	set := func(key, value string) { l.attribute(l.all, key, value) }
	set("stickiness.enabled", "true")
	var first webReply
	l.eventually(10*time.Second, "a cookie", func() bool {
		first = l.get("80", "/")
		return hasCookie(first, "AWSALB") && hasCookie(first, "AWSALBCORS")
	})
	if got := l.heardFrom(9, "-H 'Cookie: "+cookies(first)+"' http://"+l.node+"/"); got[first.saw.Name] != 9 {
		l.t.Errorf("target %s's cookie leads to %v", first.saw.Name, got)
	}
	if got := l.heardFrom(9, "-H 'Cookie: AWSALB=nonsense' http://"+l.node+"/"); len(got) != 3 {
		l.t.Errorf("a cookie of nobody leads to %v", got)
	}
	set("stickiness.app_cookie.cookie_name", "session")
	set("stickiness.type", "app_cookie")
	session := "/?set=" + url.QueryEscape("session=1")
	l.eventually(10*time.Second, "a cookie beside the application's", func() bool {
		first = l.get("80", "'"+session+"'")
		return hasCookie(first, "session") && hasCookie(first, "AWSALBAPP-0")
	})
	if got := l.heardFrom(9, "-H 'Cookie: "+cookies(first)+"' http://"+l.node+"/"); got[first.saw.Name] != 9 {
		l.t.Errorf("target %s's session leads to %v", first.saw.Name, got)
	}
	set("stickiness.enabled", "false")
	l.eventually(10*time.Second, "no cookies", func() bool { return !hasCookie(l.get("80", "'"+session+"'"), "AWSALBAPP-0") })
}

// forwarded: what the load balancer adds to requests, keeps and takes away.
func (l *behaving) forwarded() {
	xff := func() string {
		return l.get("80", "/ -H 'X-Forwarded-For: 192.0.2.1'").saw.Header.Get("X-Forwarded-For")
	}
	if got := xff(); got != "192.0.2.1, "+l.client.ip {
		l.t.Errorf("append: %q", got)
	}
	const mode = "routing.http.xff_header_processing.mode"
	l.settle(mode, "preserve", func() bool { return xff() == "192.0.2.1" })
	l.settle(mode, "remove", func() bool { return xff() == "" })
	l.settle(mode, "append", func() bool { return xff() != "" })
	const port = "routing.http.xff_client_port.enabled"
	l.settle(port, "true", func() bool { return regexp.MustCompile(`, 10\.0\.0\.100:\d+$`).MatchString(xff()) })
	l.settle(port, "false", func() bool { return xff() == "192.0.2.1, "+l.client.ip })
	host := func() string { return l.get("80", "/ -H 'Host: a.test:1234'").saw.Host }
	if got := host(); got != "a.test" {
		l.t.Errorf("Host on port 80: %q", got)
	}
	l.settle("routing.http.preserve_host_header.enabled", "true", func() bool { return host() == "a.test:1234" })
	l.settle("routing.http.preserve_host_header.enabled", "false", func() bool { return host() == "a.test" })
	field := func() string { return l.get("80", "/ -H 'under_score: 1'").saw.Header.Get("under_score") }
	if field() != "1" {
		l.t.Error("an unusual field is dropped")
	}
	l.settle("routing.http.drop_invalid_header_fields.enabled", "true", func() bool { return field() == "" })
	l.settle("routing.http.drop_invalid_header_fields.enabled", "false", func() bool { return field() == "1" })
	r := l.get("80", "/ -H 'X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678;Foo=bar'")
	if got := r.saw.Header.Get("X-Amzn-Trace-Id"); !regexp.MustCompile(`^Self=1-[0-9a-f]{8}-[0-9a-f]{24};Root=1-67891233-abcdef012345678912345678;Foo=bar$`).MatchString(got) {
		l.t.Errorf("trace: %q", got)
	}
	if peer, _, _ := strings.Cut(r.saw.Remote, ":"); peer != l.node {
		l.t.Errorf("the target hears %s, not %s", peer, l.node)
	}
}

// zonesOfGroups: a node keeps to its zone where the target group says so.
func (l *behaving) zonesOfGroups() {
	const key = "load_balancing.cross_zone.enabled"
	l.attribute(l.all, key, "false")
	second := l.nodes(l.alb)[l.zones[1]]
	l.eventually(10*time.Second, "only the second zone's target", func() bool { return l.heardFrom(6, "http://"+second+"/")["2"] == 6 })
	if got := l.heardFrom(8, "http://"+l.node+"/"); got["0"] != 4 || got["1"] != 4 {
		l.t.Errorf("the first zone's node: %v", got)
	}
	l.attribute(l.all, key, "use_load_balancer_configuration")
	l.eventually(10*time.Second, "all targets", func() bool { return len(l.heardFrom(6, "http://"+second+"/")) == 3 })
}

// codes that the load balancer answers itself.
func (l *behaving) codes() {
	l.settle("idle_timeout.timeout_seconds", "2", func() bool { return l.get("80", "'/?delay=4s'").code() == 504 })
	for path, want := range map[string]int{
		"'/?status=404'":  404,
		"'/?end=close'":   502,
		"'/?end=reset'":   502,
		"'/?end=garbage'": 502,
		"'/?large=40000'": 502,
		"'/?large=30000'": 200,
		"'/?delay=1s'":    200,
		"/ -X TRACE":      405,
		"/ -H 'X-Forwarded-For: " + strings.Repeat("192.0.2.1, ", 30) + "192.0.2.1'": 463,
	} {
		r := l.get("80", path)
		if r.code() != want || want > 404 && r.Header.Get("Server") != "awselb/2.0" {
			l.t.Errorf("%.60s: %d %s, want %d", path, r.code(), r.err, want)
		}
	}
	none, refusing := l.httpGroup("none", l.vpc, "80"), l.httpGroup("refusing", l.vpc, "1")
	l.register(refusing, l.targets[0].id)
	listener := l.listen(l.alb, "HTTP", "84", forward(none))
	l.rule(listener, 1, forward(refusing), condition("path-pattern", "/refusing"))
	for path, want := range map[string]int{"/": 503, "/refusing": 502} {
		var r webReply
		l.eventually(10*time.Second, fmt.Sprintf("%s: %d", path, want), func() bool { r = l.get("84", path); return r.code() == want })
	}
	// A client that leaves is in the log only.
	l.mustExec("client", "curl -s --max-time 0.5 'http://"+l.node+"/left?delay=1.5s'; true")
	l.settle("idle_timeout.timeout_seconds", "60", func() bool { return l.get("80", "'/?delay=3s'").code() == 200 })
}

// deregistration: what is under way is finished, and nothing new begins.
func (l *behaving) deregistration() {
	l.attribute(l.b, "deregistration_delay.timeout_seconds", "6")
	l.listen(l.alb, "HTTP", "85", forward(l.b))
	at := "http://" + l.node + ":85/"
	l.eventually(10*time.Second, "the listener", func() bool { return l.get("85", "/").code() == 200 })
	type result struct{ short, long webReply }
	done := make(chan result, 1)
	begun := "curl -sS -i --max-time 20 '" + at + "?delay=3s' >/tmp/short & curl -sS -i --max-time 20 '" + at + "?delay=12s' >/tmp/long & echo begun >/tmp/begun; wait"
	go func() {
		_, _ = l.run(l.t.Context(), nil, "exec", "client", "--", "/bin/sh", "-c", begun)
		short, _ := l.run(l.t.Context(), nil, "exec", "client", "--", "cat", "/tmp/short")
		long, _ := l.run(l.t.Context(), nil, "exec", "client", "--", "cat", "/tmp/long")
		done <- result{parsedReply(short, nil), parsedReply(long, nil)}
	}()
	l.eventually(10*time.Second, "requests under way", func() bool {
		return strings.Contains(strings.Join(l.seen(l.targets[2].id), ""), "delay=12s")
	})
	l.elb("DeregisterTargets", "TargetGroupArn", l.b, "Targets.member.1.Id", l.targets[2].id)
	l.eventually(3*time.Second, "no new requests", func() bool { return l.get("85", "/").code() == 503 })
	r := <-done
	if r.short.code() != 200 {
		l.t.Errorf("a request that ends in time: %d %s", r.short.code(), r.short.err)
	}
	if r.long.code() != 502 {
		l.t.Errorf("a request that takes longer than the delay: %d %s", r.long.code(), r.long.err)
	}
}

// failsOpen: targets that all fail their checks are better than none.
func (l *behaving) failsOpen() {
	l.elb("ModifyTargetGroup", "TargetGroupArn", l.all, "Matcher.HttpCode", "404")
	for _, t := range l.targets {
		l.waitHealth(l.all, "unhealthy/Target.ResponseCodeMismatch", t.id)
	}
	v := l.aws("elbv2", "describe-target-health", "--target-group-arn", l.all, "--targets", "Id="+l.targets[0].id)
	if d := dig(v, "TargetHealthDescriptions", 0, "TargetHealth", "Description"); d != "Health checks failed with these codes: [200]" {
		l.t.Errorf("description %v", d)
	}
	if got := l.heardFrom(6, "http://"+l.node+"/"); got["0"]+got["1"]+got["2"] != 6 {
		l.t.Errorf("with unhealthy targets only: %v", got)
	}
	l.elb("ModifyTargetGroup", "TargetGroupArn", l.all, "Matcher.HttpCode", "200")
}

// serverNames: a listener with three certificates.
func (l *behaving) serverNames() {
	one, two, three := l.imported(l.ca, "", 1, "one.test"), l.imported(l.ca, "", 2, "two.test"), l.imported(l.ca, "", 3, "*.three.test")
	listener := l.listen(l.alb, "HTTPS", "443", forward(l.all), "Certificates.member.1.CertificateArn", one)
	for _, c := range []string{two, three} {
		l.elb("AddListenerCertificates", "ListenerArn", listener, "Certificates.member.1.CertificateArn", c)
	}
	l.install("client", "/etc/authority.pem", "644", l.ca.pem)
	ask := func(name string) webReply {
		return l.curl("client", "--cacert /etc/authority.pem --resolve "+name+":443:"+l.node+" https://"+name+"/")
	}
	for _, name := range []string{"one.test", "two.test", "a.three.test"} {
		l.eventually(10*time.Second, name, func() bool { return ask(name).code() == 200 })
	}
	if r := ask("a.b.three.test"); r.code() != 0 || !strings.Contains(r.err, "curl: (60)") {
		l.t.Errorf("a name that is on no certificate: %d %s", r.code(), r.err)
	}
	// The policy that listeners have by default knows no TLS 1.3.
	modern := func() webReply {
		return l.curl("client", "--tlsv1.3 --cacert /etc/authority.pem --resolve one.test:443:"+l.node+" https://one.test/")
	}
	if r := modern(); r.code() != 0 || !strings.Contains(r.err, "protocol version") {
		l.t.Errorf("TLS 1.3 by the old policy: %d %s", r.code(), r.err)
	}
	l.elb("ModifyListener", "ListenerArn", listener, "SslPolicy", "ELBSecurityPolicy-TLS13-1-2-2021-06")
	l.eventually(10*time.Second, "TLS 1.3 by another policy", func() bool { return modern().code() == 200 })
	l.settle("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "true", func() bool {
		return strings.HasPrefix(ask("one.test").saw.Header.Get("X-Amzn-Tls-Version"), "TLSv1.")
	})
}

// mutual TLS: passed through, and verified against a trust store.
func (l *behaving) mutual() {
	bundle := filepath.Join(l.dir, "s3", "trust")
	if err := os.MkdirAll(bundle, 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bundle, "bundle.pem"), l.ca.pem, 0o644); err != nil {
		l.t.Fatal(err)
	}
	store := l.elb("CreateTrustStore", "Name", "clients", "CaCertificatesBundleS3Bucket", "trust", "CaCertificatesBundleS3Key", "bundle.pem").
		text("CreateTrustStoreResult/TrustStores/member/TrustStoreArn")
	cert := l.imported(l.ca, "", 4, "mutual.test")
	l.eventually(20*time.Second, "the trust store", func() bool {
		return l.elb("DescribeTrustStores", "TrustStoreArns.member.1", store).text("DescribeTrustStoresResult/TrustStores/member/Status") == "ACTIVE"
	})
	l.listen(l.alb, "HTTPS", "8443", forward(l.all), "Certificates.member.1.CertificateArn", cert, "MutualAuthentication.Mode", "passthrough")
	l.listen(l.alb, "HTTPS", "8444", forward(l.all), "Certificates.member.1.CertificateArn", cert, "MutualAuthentication.Mode", "verify", "MutualAuthentication.TrustStoreArn", store)
	for name, a := range map[string]*authority{"good": l.ca, "bad": newAuthority(l.t, "Somebody else")} {
		c, k := a.issue(0x1234, "client-"+name)
		l.install("client", "/etc/"+name+".pem", "600", append(c, k...))
	}
	ask := func(port, more string) webReply {
		return l.curl("client", "--cacert /etc/authority.pem --resolve mutual.test:"+port+":"+l.node+" https://mutual.test:"+port+"/ "+more)
	}
	l.eventually(10*time.Second, "the listener", func() bool { return ask("8444", "--cert /etc/good.pem").code() == 200 })
	for _, name := range []string{"good", "bad"} {
		r := ask("8443", "--cert /etc/"+name+".pem")
		if got, err := url.PathUnescape(r.saw.Header.Get("X-Amzn-Mtls-Clientcert")); r.code() != 200 || err != nil || !strings.HasPrefix(got, "-----BEGIN CERTIFICATE-----\n") {
			l.t.Errorf("a %s certificate passed through: %d %q %s", name, r.code(), got, r.err)
		}
	}
	if r := ask("8443", ""); r.code() != 200 || r.saw.Header.Get("X-Amzn-Mtls-Clientcert") != "" {
		l.t.Errorf("no certificate passed through: %d %s", r.code(), r.err)
	}
	r := ask("8444", "--cert /etc/good.pem")
	if h := r.saw.Header; h.Get("X-Amzn-Mtls-Clientcert-Subject") != "CN=client-good" || h.Get("X-Amzn-Mtls-Clientcert-Issuer") != "CN=The tests' authority" ||
		h.Get("X-Amzn-Mtls-Clientcert-Serial-Number") != "1234" || h.Get("X-Amzn-Mtls-Clientcert-Validity") == "" || h.Get("X-Amzn-Mtls-Clientcert-Leaf") == "" {
		l.t.Errorf("a verified certificate: %v", h)
	}
	for _, more := range []string{"", "--cert /etc/bad.pem"} {
		if r := ask("8444", more); r.code() != 0 {
			l.t.Errorf("verify with %q: %d", more, r.code())
		}
	}
}

// securityGroup: who is not allowed hears nothing.
func (l *behaving) securityGroup() {
	ask := func() webReply { return l.curl("other", "--max-time 2 http://"+l.node+"/") }
	if r := ask(); r.code() != 0 || !strings.Contains(r.err, "curl: (28)") {
		l.t.Errorf("who is not allowed: %d %s", r.code(), r.err)
	}
	l.allow(l.guard, "tcp", "80", "80", l.other.ip+"/32")
	l.eventually(10*time.Second, "the new rule", func() bool { return ask().code() == 200 })
	if r := l.curl("other", "--max-time 2 http://"+l.node+":81/"); r.code() != 0 {
		l.t.Errorf("another port: %d", r.code())
	}
	l.revoke(l.guard, "tcp", "80", "80", l.other.ip+"/32")
	l.eventually(10*time.Second, "the rule to go", func() bool { return ask().code() == 0 })
}

// idle: a connection without requests ends, and one with a request is told so.
func (l *behaving) idle() {
	request := "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	l.settle("idle_timeout.timeout_seconds", "2", func() bool { return l.get("80", "'/?delay=4s'").code() == 504 })
	out := l.raw("client", rawAttempt{Address: l.node + ":80", Send: []byte(request), Silence: 8000},
		rawAttempt{Address: l.node + ":80", Send: []byte("GET / HTTP/1.1\r\nHo"), Silence: 8000})
	for i, want := range []string{"200", "408"} {
		if o := out[i]; statusCodes(o.Received) != want || o.End != "closed" || o.Millis < 1500 || o.Millis > 6000 {
			l.t.Errorf("%d: %s, %s after %d ms", i, statusCodes(o.Received), o.End, o.Millis)
		}
	}
	l.setting(l.alb, "idle_timeout.timeout_seconds", "60")
}

// accessLog: what happened is in a file of the bucket.
func (l *behaving) accessLog() {
	wants := []string{" 200 200 ", ` 460 - `, `"GET http://` + l.node + `:80/left?delay=1.5s HTTP/1.1"`, " 502 - ", " 503 - ", " 504 - ", " 463 - ",
		`"fixed-response"`, `"redirect"`, "https ", "app/app/", `"Root=1-`}
	read := func() string {
		var text strings.Builder
		root := filepath.Join(l.dir, "s3", "logs", "app", "AWSLogs", "000000000000", "elasticloadbalancing", "ap-northeast-1")
		files, _ := filepath.Glob(filepath.Join(root, "*", "*", "*", "000000000000_elasticloadbalancing_ap-northeast-1_app.app.*"))
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				continue // it gets another name when it is complete
			}
			text.Write(logText(b))
		}
		return text.String()
	}
	var text string
	l.eventually(15*time.Second, "the log's lines", func() bool {
		text = read()
		for _, w := range wants {
			if !strings.Contains(text, w) {
				return false
			}
		}
		return true
	})
	for _, w := range wants {
		if !strings.Contains(text, w) {
			l.t.Errorf("the access log does not say %q:\n%s", w, tail(text, 2000))
		}
	}
}

// logText is a log file's text, which is compressed once it is complete.
func logText(b []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return b
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return nil
	}
	return text
}
