package tools

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestMain lets the test binary be a tool.
func TestMain(m *testing.M) {
	if f, ok := Lookup(os.Args[0]); ok {
		os.Exit(f(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// tool runs a stand-in and returns its exit code and output.
func tool(t *testing.T, argv ...string) (int, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", argv[1:]...)
	cmd.Args[0] = argv[0]
	cmd.Env = []string{"no_proxy=*"}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func TestCurl(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		_, _ = w.Write([]byte(r.Method + " " + r.Host + " " + r.Header.Get("X-A") + " " + b.String() + "\n"))
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/there", http.StatusFound) })
	mux.HandleFunc("/missing", http.NotFound)
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/empty", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	plain, secure := httptest.NewServer(mux), httptest.NewTLSServer(mux)
	defer plain.Close()
	defer secure.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	_ = l.Close()
	_, port, _ := net.SplitHostPort(plain.Listener.Addr().String())
	u := plain.URL
	for _, c := range []struct {
		argv []string
		code int
		want string
	}{
		{[]string{"-s", "-H", "X-A: b", "-H", "Host: web", u}, 0, "GET web b \n"},
		{[]string{"-sXPUT", "-d", "a=1", "-d", "b", u}, 0, "a=1&b\n"},
		{[]string{"-so/dev/null", "-w", "%{http_code} %{remote_port}\\n", u + "/missing"}, 0, "404 " + port + "\n"},
		{[]string{"-sSf", u + "/missing"}, 22, "curl: (22) The requested URL returned error: 404"},
		{[]string{"-sL", u + "/moved"}, 0, "GET 127.0.0.1"},
		{[]string{"-sI", u + "/moved"}, 0, "HTTP/1.1 302 Found"},
		{[]string{"-s", "--resolve", "web.example:" + port + ":127.0.0.1", "http://web.example:" + port + "/"}, 0, "GET web.example:"},
		{[]string{"-sS", "-m", "0.2", u + "/slow"}, 28, "curl: (28) Operation timed out after"},
		{[]string{"-sS", u + "/empty"}, 52, "curl: (52) Empty reply from server"},
		{[]string{"-sS", nobody}, 7, "Couldn't connect to server"},
		{[]string{"-s", nobody}, 7, ""},
		{[]string{"-sS", "http://nonesuch.invalid/"}, 6, "curl: (6) Could not resolve host: nonesuch.invalid"},
		{[]string{"-sS", secure.URL}, 60, "curl: (60)"},
		{[]string{"-sSk", secure.URL}, 0, "GET 127.0.0.1"},
		{[]string{"--proxy", "x", u}, 2, "option --proxy: is unknown to Musubi's stand-in"},
		{[]string{"--version"}, 0, "Musubi's stand-in"},
		{nil, 2, "no URL"},
	} {
		code, out := tool(t, append([]string{"curl"}, c.argv...)...)
		if code != c.code || !strings.Contains(out, c.want) || (c.want == "" && out != "") {
			t.Errorf("curl %v: code %d, %q; want %d, %q", c.argv, code, out, c.code, c.want)
		}
	}
}

// nameServer answers for web.example.
func nameServer(t *testing.T) (port string) {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		m.RecursionAvailable = true
		records := map[string]string{
			"web.example. A": "web.example. 60 IN A 10.0.1.10", "alias.example. A": "alias.example. 60 IN CNAME web.example.",
			"10.1.0.10.in-addr.arpa. PTR": "10.1.0.10.in-addr.arpa. 60 IN PTR ip-10-0-1-10.ec2.internal.",
		}
		name := q.Question[0].Name
		text, ok := records[name+" "+dns.TypeToString[q.Question[0].Qtype]]
		if ok {
			rr, err := dns.NewRR(text)
			if err != nil {
				t.Error(err)
			}
			m.Answer = append(m.Answer, rr)
		} else if !strings.HasPrefix(name, "web.") && !strings.HasPrefix(name, "alias.") {
			m.Rcode = dns.RcodeNameError
		}
		_ = w.WriteMsg(m)
	})
	ready := make(chan struct{})
	s := &dns.Server{PacketConn: pc, Handler: handler, NotifyStartedFunc: func() { close(ready) }}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.ActivateAndServe() }()
	<-ready
	t.Cleanup(func() { _ = s.Shutdown(); <-done })
	_, port, _ = net.SplitHostPort(pc.LocalAddr().String())
	return port
}

func TestNameTools(t *testing.T) {
	port := nameServer(t)
	for _, c := range []struct {
		argv []string
		code int
		want string
	}{
		{[]string{"dig", "@127.0.0.1", "-p", port, "+short", "web.example"}, 0, "10.0.1.10\n"},
		{[]string{"dig", "@127.0.0.1", "-p", port, "web.example"}, 0, ";; ANSWER SECTION:\nweb.example.\t60\tIN\tA\t10.0.1.10\n"},
		{[]string{"dig", "@127.0.0.1", "-p", port, "none.example"}, 0, "status: NXDOMAIN"},
		{[]string{"dig", "@127.0.0.1", "-p", port, "+short", "-x", "10.0.1.10"}, 0, "ip-10-0-1-10.ec2.internal.\n"},
		{[]string{"dig", "@127.0.0.1", "-p", "1", "+time=1", "+tries=1", "web.example"}, 9, "no servers could be reached"},
		{[]string{"dig", "+dnssec", "x"}, 1, "does not know +dnssec"},
		{[]string{"nslookup", "-port=" + port, "web.example", "127.0.0.1"}, 0, "Server:\t\t127.0.0.1\nAddress:\t127.0.0.1#" + port + "\n\nNon-authoritative answer:\nName:\tweb.example\nAddress: 10.0.1.10\n\n"},
		{[]string{"nslookup", "-port=" + port, "alias.example", "127.0.0.1"}, 0, "alias.example\tcanonical name = web.example.\n"},
		{[]string{"nslookup", "-port=" + port, "none.example", "127.0.0.1"}, 1, "** server can't find none.example: NXDOMAIN"},
		{[]string{"nslookup", "-port=" + port, "10.0.1.10", "127.0.0.1"}, 0, "10.1.0.10.in-addr.arpa\tname = ip-10-0-1-10.ec2.internal.\n"},
	} {
		if code, out := tool(t, c.argv...); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%v: code %d, %q; want %d, %q", c.argv, code, out, c.code, c.want)
		}
	}
}

func TestSite(t *testing.T) {
	s := site{name: "Apache/2.4.62 (Amazon Linux)", root: t.TempDir(), notice: "test page\n"}
	var log bytes.Buffer
	server := httptest.NewServer(s.handler(&log))
	defer server.Close()
	get := func(path string) (int, string, http.Header) {
		t.Helper()
		r, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Body.Close() }()
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		return r.StatusCode, b.String(), r.Header
	}
	if code, body, _ := get("/"); code != 403 || body != "test page\n" {
		t.Errorf("empty: %d %q", code, body)
	}
	if err := errors.Join(os.WriteFile(s.root+"/index.html", []byte("hello\n"), 0o644), os.Mkdir(s.root+"/sub", 0o755),
		os.WriteFile(s.root+"/sub/a.txt", []byte("a"), 0o644)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/": 200, "/index.html": 200, "/sub/a.txt": 200, "/sub": 403, "/none": 404, "/../../etc/passwd": 404, "/sub/a.txt/": 404} {
		if code, body, h := get(path); code != want || h.Get("Server") != s.name || (path == "/" && body != "hello\n") {
			t.Errorf("%s: %d %q %v; want %d", path, code, body, h, want)
		}
	}
	if !strings.Contains(log.String(), `"GET / HTTP/1.1" 403 10 "-" "Go-http-client/1.1"`) {
		t.Errorf("log: %s", log.String())
	}
}

func TestWriteOut(t *testing.T) {
	o, err := parseCurl([]string{"x"})
	if err != nil {
		t.Fatal(err)
	}
	tr := &transfer{o: o, code: 200, total: 1500 * time.Millisecond, exit: 7}
	tr.url, _ = tr.url.Parse("http://x/")
	if got := tr.expand(`%{http_code} %{time_total}%%\t%{exitcode}\n%{nothing}`); got != "200 1.500000%\t7\n" {
		t.Errorf("%q", got)
	}
}

func TestCloudStatus(t *testing.T) {
	root := t.TempDir()
	for _, c := range []struct{ status, result, want, detail string }{
		{"", "", "not run", "Cloud-init enabled by systemd cloud-init-generator"},
		{`{"v1":{"datasource":null,"stage":"init","init":{"errors":[]}}}`, "", "running", "Running in stage: init"},
		{`{"v1":{"datasource":"DataSourceEc2Local","stage":null,"init":{"errors":[]}}}`, "{}", "done", "DataSourceEc2Local"},
		{`{"v1":{"datasource":"DataSourceEc2Local","stage":null,"modules-final":{"errors":["a","b"]}}}`, "{}", "error", "a\nb"},
	} {
		for path, text := range map[string]string{root + "/run/cloud-init/status.json": c.status, root + "/run/cloud-init/result.json": c.result} {
			if text == "" {
				continue
			}
			if err := errors.Join(os.MkdirAll(root+"/run/cloud-init", 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		if got, s := cloudStatus(root); got != c.want || detail(got, s) != c.detail {
			t.Errorf("%s: %s, %q", c.status, got, detail(got, s))
		}
	}
}
