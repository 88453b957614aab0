package main

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// TestWebJobs runs every kind of web client against a target on the loopback; for
// HTTPS something before it ends TLS.
func TestWebJobs(t *testing.T) {
	at := netip.MustParseAddr("127.0.53.10")
	in, stop := io.Pipe()
	ready, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- (&serverWork{}).run(at, in, out) }()
	if _, err := io.ReadFull(ready, make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	secure := endTLS(t, netip.AddrPortFrom(at, echoPort).String())
	for _, c := range webCells() {
		j := job{Do: doWeb, Address: at, Port: echoPort, Secure: c.secure, Once: c.once, Count: c.count, Warm: time.Millisecond, Time: 100 * time.Millisecond}
		if c.secure {
			j.Address, j.Port = secure.Addr(), secure.Port()
		}
		o, err := web(j)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if o.All < o.Operations || o.All == 0 || o.P99 < o.P50 || o.Client <= 0 {
			t.Errorf("%s: %+v", c.name, o)
		}
	}
	_ = stop.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// endTLS passes on what comes by TLS.
func endTLS(t *testing.T, to string) netip.AddrPort {
	chain, key, err := selfSigned()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				far, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer func() { _ = far.Close() }()
				go func() {
					_, _ = io.Copy(far, c)
					_ = far.Close()
				}()
				_, _ = io.Copy(c, far)
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func TestAnswerReader(t *testing.T) {
	for size := range len(answer) {
		var r answerReader
		done := false
		for rest := answer; len(rest) > 0; {
			if done {
				t.Fatalf("done early in steps of %d", size+1)
			}
			n := min(size+1, len(rest))
			var err error
			if done, err = r.take(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if !done {
			t.Fatalf("not done in steps of %d", size+1)
		}
	}
	if _, err := new(answerReader).take([]byte("HTTP/1.1 502 Bad Gateway\r\n\r\n")); err == nil {
		t.Error("502 was taken")
	}
}

func webFixed(shares map[string]float64) measured {
	m := measured{}
	for _, c := range webCells() {
		m[c.name] = map[string][]outcome{}
		for name, f := range shares {
			for range 3 {
				m[c.name][name] = append(m[c.name][name], outcome{
					Operations: int(50_000 * f), Seconds: 1, P50: 200 / f, P99: 15000 / f, All: 60_000, Proxy: 1 / f, Client: .5, Whole: 1,
				})
			}
		}
	}
	return m
}

func TestWebTable(t *testing.T) {
	names := []string{alb, haproxy, nginx}
	r := webReportOf(options{rounds: 3, time: time.Second}, names, webFixed(map[string]float64{alb: 1, haproxy: .04, nginx: 1.25}), .5)
	text := r.text()
	for _, want := range []string{
		"HTTPS once, 128   50.0 k/s   2000 /s  62.5 k/s       25 (25-25)    .80 (.80-.80)",
		"The ALB is not behind HAProxy anywhere.", "The ALB is behind nginx everywhere: HTTP, 1 .80; HTTP, 1 p50 .80;",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, l := range strings.Split(text, "\n") {
		if utf8.RuneCountInString(l) > width {
			t.Errorf("too wide: %q", l)
		}
	}
	b, err := json.Marshal(results{ALB: r})
	if err != nil || !strings.Contains(string(b), `"alb":{"rounds":3`) || !strings.Contains(string(b), `"key":"https_once_128_p99"`) {
		t.Errorf("%s %v", b, err)
	}
}

func TestParseProcess(t *testing.T) {
	g, s, ok := parseProcess("12 (a) b) S 1 77 77 0 -1 4194560 9 0 0 0 150 250 3 4 20 0 1 0 5 6 7")
	if g != 77 || s != 4 || !ok {
		t.Error(g, s, ok)
	}
	if _, _, ok := parseProcess("12 (a) S 1"); ok {
		t.Error("too little was read")
	}
}

func TestReverseProxiesAreAlike(t *testing.T) {
	p := portsOf(1)
	for name, text := range map[string]string{haproxy: haproxyWeb(p, "/run/c.pem"), nginx: nginxWeb(p, "/run/x", "/run/c.pem")} {
		for _, want := range []string{"10.0.2.100:8001", "10.0.2.100:8401", "10.0.2.10:7000", "10.0.2.11:7000", "X-Forwarded-Port", "TLS_AES_128_GCM_SHA256", "/run/c.pem"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %s in\n%s", name, want, text)
			}
		}
	}
}
