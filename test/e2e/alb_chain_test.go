package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const serviceName = "service.test"

// chain is a consumer of another account, in front of a whole chain: endpoint,
// network load balancer, application load balancer, two targets.
type chain struct {
	*world
	ca       *authority
	alb      balancer
	listener string
	cert     string // ARN
	groups   map[string]string
	servers  []string
}

const consumerAccount = "222222222222"

func newChain(t *testing.T) *chain {
	w := newWorld(t)
	l := &chain{world: w, ca: newAuthority(t, "The tests' authority"), groups: map[string]string{}}
	vpc := w.vpc("10.0.0.0/16")
	open := w.open(vpc)
	var subnets []string
	for i := range 2 {
		subnets = append(subnets, w.subnet(vpc, fmt.Sprintf("10.0.%d.0/24", i), i))
		l.servers = append(l.servers, w.launch(fmt.Sprintf("server%d", i), subnets[i], open, ""))
	}
	theirs := w.account(consumerAccount)
	consumer := theirs.vpc("10.0.0.0/16")
	clients := theirs.open(consumer)
	there := []string{theirs.subnet(consumer, "10.0.0.0/24", 0), theirs.subnet(consumer, "10.0.1.0/24", 1)}
	client := theirs.launch("client", there[0], clients, "")
	l.cert = w.imported(l.ca, "", 0xa, serviceName)

	w.running(l.servers...)
	for i, s := range l.servers {
		w.probe(s, fmt.Sprintf("server%d", i))
	}
	l.alb = w.application("web", subnets, open)
	for name, v := range map[string][]string{
		"http": {"HTTP", "80", "HTTP1"}, "http2": {"HTTP", "81", "HTTP2"}, "grpc": {"HTTP", "82", "GRPC"}, "https": {"HTTPS", "443", "HTTP1"},
	} {
		more := []string{"Protocol", v[0], "ProtocolVersion", v[2], "HealthCheckProtocol", v[0]}
		if name == "grpc" {
			more = append(more, "HealthCheckPath", "/AWS.ALB/healthcheck", "Matcher.GrpcCode", "12")
		}
		l.groups[name] = w.httpGroup(name, vpc, v[1], more...)
		w.register(l.groups[name], l.servers...)
	}
	l.listener = w.listen(l.alb, "HTTPS", "443", forward(l.groups["http"]), "Certificates.member.1.CertificateArn", l.cert)
	w.rule(l.listener, 1, forward(l.groups["grpc"]), condition("path-pattern", "/grpc.testing.*"))
	w.rule(l.listener, 2, forward(l.groups["http2"]), condition("path-pattern", "/http2/*"))
	w.rule(l.listener, 3, forward(l.groups["https"]), condition("path-pattern", "/https/*"))

	nlb := w.balancer("front", subnets)
	behind := w.targetGroup("alb", vpc, "TCP", "443", "TargetType", "alb", "HealthCheckProtocol", "HTTPS", "HealthCheckPath", "/health")
	w.register(behind, l.alb.arn)
	w.listener(nlb, "TCP", "443", behind)
	theirs.running(client)
	w.waitActive(l.alb)
	w.waitActive(nlb)
	for _, g := range l.groups {
		w.waitHealth(g, "healthy", l.servers...)
	}
	w.waitHealth(behind, "healthy", l.alb.arn)

	id, name := w.service(nlb)
	w.ec2("ModifyVpcEndpointServicePermissions", "ServiceId", id, "AddAllowedPrincipals.1", "arn:aws:iam::"+consumerAccount+":root")
	e := theirs.endpoint(consumer, name, there, clients)
	w.probe("client", "")
	w.install("client", "/etc/authority.pem", "644", l.ca.pem)
	// The name leads to the endpoint: what a private zone does in the demo.
	w.mustExec("client", "echo $(dig +short "+e.names[0]+" | head -n 1) "+serviceName+" >>/etc/hosts")
	return l
}

// trusting runs a command in the client, which trusts the tests' authority.
func (l *chain) trusting(command string) (string, error) {
	return l.exec("client", "export SSL_CERT_FILE=/etc/authority.pem CURL_CA_BUNDLE=/etc/authority.pem; "+command)
}

func (l *chain) get(arguments string) webReply {
	l.t.Helper()
	out, err := l.trusting("curl -sS -i --http1.1 --max-time 20 " + arguments)
	return parsedReply(out, err)
}

// TestALBChain: every protocol through the whole chain, HTTP/2's conformance
// suite, and a certificate that changes under traffic.
func TestALBChain(t *testing.T) {
	t.Parallel()
	l := newChain(t)
	sub(t, l.musubi, "curl", l.curls)
	sub(t, l.musubi, "gRPC", l.grpc)
	sub(t, l.musubi, "WebSocket", l.webSocket)
	sub(t, l.musubi, "large", l.large)
	sub(t, l.musubi, "rotation", l.rotation)
	sub(t, l.musubi, "h2spec", l.h2spec)
}

// curls: HTTP/1.1 and HTTP/2 from the client, and to the targets.
func (l *chain) curls() {
	const url = "https://" + serviceName
	heard := map[string]bool{}
	for range 12 {
		r := l.get(url + "/hello?x=1")
		if r.code() != 200 {
			l.t.Fatalf("%d %s %s", r.code(), r.body, r.err)
		}
		heard[r.saw.Name] = true
		if h := r.saw.Header; r.saw.URI != "/hello?x=1" || r.saw.Proto != "HTTP/1.1" || r.saw.Host != serviceName ||
			h.Get("X-Forwarded-Proto") != "https" || h.Get("X-Forwarded-Port") != "443" ||
			!strings.HasPrefix(h.Get("X-Forwarded-For"), "10.0.") || !strings.HasPrefix(h.Get("X-Amzn-Trace-Id"), "Root=1-") {
			l.t.Fatalf("the target saw %+v", r.saw)
		}
	}
	if len(heard) != 2 {
		l.t.Errorf("answers come from %v", heard)
	}
	for _, c := range []struct{ client, path, version, target string }{
		{"--http1.1", "/", "1.1", "HTTP/1.1"},
		{"--http2", "/", "2", "HTTP/1.1"},
		{"--http2", "/http2/", "2", "HTTP/2.0"},
		{"--http1.1", "/https/", "1.1", "HTTP/1.1"},
		{"--http2", "/https/", "2", "HTTP/1.1"},
	} {
		out, err := l.trusting("curl -sS --max-time 10 " + c.client + " -d body -w '\\n%{http_version} %{http_code}' " + url + c.path)
		body, end, _ := strings.Cut(out, "\n\n")
		var s saw
		if err != nil || end != c.version+" 200" || json.Unmarshal([]byte(body), &s) != nil || s.Proto != c.target || s.Body != "body" || s.Method != "POST" {
			l.t.Errorf("curl %s %s: %v %s", c.client, c.path, err, out)
		}
	}
	if r := l.get(url + "/http2/"); r.code() != 464 {
		l.t.Errorf("HTTP/1.1 for targets that speak HTTP/2: %d", r.code())
	}
	if out, err := l.trusting("curl -sS --http2 -o /dev/null -w '%{http_code}' " + url + "/grpc.testing.TestService/EmptyCall"); err != nil || out != "464" {
		l.t.Errorf("GET for targets that speak gRPC: %v %s", err, out)
	}
}

func (l *chain) grpc() {
	cases := []string{"empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream",
		"timeout_on_sleeping_server", "cancel_after_begin", "cancel_after_first_response", "custom_metadata",
		"status_code_and_message", "special_status_message", "unimplemented_method"}
	out, err := l.trusting("probe grpc " + serviceName + ":443 " + strings.Join(cases, " "))
	if err != nil || strings.Count(out, "ok ") != len(cases) {
		l.t.Errorf("%v\n%s", err, out)
	}
}

func (l *chain) webSocket() {
	for _, path := range []string{"/websocket", "/https/websocket"} {
		if out, err := l.trusting("probe websocket wss://" + serviceName + path); err != nil || out != "ok\n" {
			l.t.Errorf("%s: %v %s", path, err, out)
		}
	}
}

// large bodies arrive whole, in both directions.
func (l *chain) large() {
	for _, version := range []string{"--http1.1", "--http2"} {
		out, err := l.trusting("curl -sS --max-time 60 " + version + " -o /dev/null -w '%{http_code} %{size_download}' 'https://" + serviceName + "/?bytes=50000000'")
		if err != nil || out != "200 50000000" {
			l.t.Errorf("%s: %v %s", version, err, out)
		}
		out, err = l.trusting("head -c 700000 /dev/zero | tr '\\0' '~' | curl -sS --max-time 60 " + version +
			" -H 'Transfer-Encoding: chunked' -T - https://" + serviceName + "/ | grep -o '~' | wc -l")
		if err != nil || strings.TrimSpace(out) != "700000" {
			l.t.Errorf("upload %s: %v %s", version, err, tail(out, 300))
		}
	}
}

// rotation: certificates change while a download, a connection that is kept and
// new connections go on.
func (l *chain) rotation() {
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	run := func(script string) *exec.Cmd {
		return l.command(ctx, "exec", "client", "--", "/bin/sh", "-c", "export SSL_CERT_FILE=/etc/authority.pem CURL_CA_BUNDLE=/etc/authority.pem; "+script)
	}
	var all sync.WaitGroup
	defer all.Wait()
	var download string
	all.Go(func() {
		out, err := run("curl -sS -o /dev/null -w '%{http_code} %{size_download}' 'https://" + serviceName + "/?bytes=8000000&rate=1000000'").CombinedOutput()
		download = fmt.Sprint(string(out), " ", err)
	})
	// New connections without a pause, until a file says that it is enough.
	var crowd string
	all.Go(func() {
		out, err := run("rm -f /tmp/enough; n=0; while [ ! -e /tmp/enough ]; do curl -sS -f -o /dev/null https://" + serviceName +
			"/ || exit 1; n=$((n+1)); done; echo $n requests").CombinedOutput()
		crowd = fmt.Sprint(string(out), err)
	})
	keep := run("exec probe keep https://" + serviceName + "/")
	in, err := keep.StdinPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	out, err := keep.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := keep.Start(); err != nil {
		l.t.Fatal(err)
	}
	from := bufio.NewReader(out)
	first := true
	kept := func(when string) {
		l.t.Helper()
		if _, err := io.WriteString(in, "\n"); err != nil {
			l.t.Fatal(err)
		}
		line, err := from.ReadString('\n')
		var k struct {
			Status        int
			Reused        bool
			Serial, Error string
		}
		if err != nil || json.Unmarshal([]byte(line), &k) != nil || k.Status != 200 || k.Error != "" || k.Serial != "a" || k.Reused == first {
			l.t.Errorf("%s, on the connection that is kept: %v %s", when, err, line)
		}
		first = false
	}
	presented := func(serial string) {
		l.t.Helper()
		l.eventually(10*time.Second, "new handshakes to get certificate "+serial, func() bool {
			out, err := l.trusting("echo | probe keep https://" + serviceName + "/")
			return err == nil && strings.Contains(out, `"Serial":"`+serial+`"`) && strings.Contains(out, `"Status":200`)
		})
	}
	kept("before")
	second := l.imported(l.ca, "", 0xb, serviceName)
	l.elb("ModifyListener", "ListenerArn", l.listener, "Certificates.member.1.CertificateArn", second)
	presented("b")
	kept("after the listener's certificate was replaced")
	l.imported(l.ca, second, 0xc, serviceName)
	presented("c")
	kept("after the certificate was imported again")
	l.mustExec("client", "touch /tmp/enough")
	if err := in.Close(); err != nil {
		l.t.Error(err)
	}
	if err := keep.Wait(); err != nil {
		l.t.Error(err)
	}
	all.Wait()
	if download != "200 8000000 <nil>" {
		l.t.Errorf("the download: %s", download)
	}
	if !strings.HasSuffix(crowd, "requests\n<nil>") {
		l.t.Errorf("new connections: %s", crowd)
	}
	l.t.Logf("%s", strings.TrimSpace(crowd))
}

// h2spec: every case of HTTP/2's conformance suite, from this machine.
func (l *chain) h2spec() {
	program, err := h2specProgram()
	if err != nil {
		l.t.Fatal(err)
	}
	file := filepath.Join(l.home, "h2spec")
	if err := os.WriteFile(file, program, 0o700); err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(l.t.Context(), 2*time.Minute)
	defer cancel()
	lead := l.command(ctx, "forward", "web:443", "0", "--json")
	out, err := lead.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := lead.Start(); err != nil {
		l.t.Fatal(err)
	}
	defer func() { cancel(); _ = lead.Wait() }()
	var at struct{ Listen string }
	if err := json.NewDecoder(out).Decode(&at); err != nil {
		l.t.Fatal(err)
	}
	_, port, _ := strings.Cut(at.Listen, ":")
	text, err := exec.CommandContext(ctx, file, "--strict", "-o", "10", "-t", "-k", "-h", "127.0.0.1", "-p", port).CombinedOutput()
	if err != nil || !strings.Contains(string(text), ", 0 failed") {
		l.t.Errorf("%v\n%s", err, tail(string(text), 5000))
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	l.t.Log(lines[len(lines)-1])
}
