package accesslog

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

// forwarded is the example of AWS's documentation for an HTTPS request.
func forwarded() *Entry {
	return &Entry{
		Type: "https", Time: at("2018-07-02T22:23:00.186641Z"), LoadBalancer: "app/my-loadbalancer/50dc6c495c0c9188",
		Client: netip.MustParseAddrPort("192.168.131.39:2817"), Target: netip.MustParseAddrPort("10.0.0.1:80"),
		RequestTime: 86 * time.Millisecond, TargetTime: 48 * time.Millisecond, ResponseTime: 37 * time.Millisecond,
		Status: 200, TargetStatus: 200, Sent: 57, Method: "GET", URL: "https://www.example.com:443/", Proto: "HTTP/1.1",
		UserAgent: "curl/7.46.0", Cipher: "ECDHE-RSA-AES128-GCM-SHA256", TLS: "TLSv1.2",
		Group:   "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067",
		TraceID: "Root=1-58337281-1d84f3d73c47ec4e58577259", ServerName: "www.example.com",
		Certificate: "arn:aws:acm:us-east-2:123456789012:certificate/12345678-1234-1234-1234-123456789012",
		Priority:    1, Created: at("2018-07-02T22:22:48.364000Z"), Actions: "authenticate,forward",
		Targets: []netip.AddrPort{netip.MustParseAddrPort("10.0.0.1:80")}, TargetStatuses: []int{200}, ConnTraceID: "TID_1234abcd5678ef90",
	}
}

func TestAccessLine(t *testing.T) {
	want := `https 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 ` +
		`0.086 0.048 0.037 200 200 0 57 "GET https://www.example.com:443/ HTTP/1.1" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 ` +
		`arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 ` +
		`"Root=1-58337281-1d84f3d73c47ec4e58577259" "www.example.com" ` +
		`"arn:aws:acm:us-east-2:123456789012:certificate/12345678-1234-1234-1234-123456789012" ` +
		`1 2018-07-02T22:22:48.364000Z "authenticate,forward" "-" "-" "10.0.0.1:80" "200" "-" "-" TID_1234abcd5678ef90 "-" "-" "-"` + "\n"
	if got := string(forwarded().Append(nil)); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestAccessLineOfRefusedRequest(t *testing.T) {
	e := &Entry{Type: "http", Time: at("2018-07-02T22:23:00.1Z"), LoadBalancer: "app/a/1", Client: netip.MustParseAddrPort("[::ffff:10.0.0.9]:9"),
		RequestTime: -1, TargetTime: -1, ResponseTime: -1, Status: 400, Sent: 272, URL: "http://a:80-", Priority: NoRule,
		Classification: "Severe", ClassificationReason: "BadHeader", Created: at("2018-07-02T22:23:00Z")}
	want := `http 2018-07-02T22:23:00.100000Z app/a/1 10.0.0.9:9 - -1 -1 -1 400 - 0 272 "- http://a:80- -" "-" - - - "-" "-" "-" ` +
		`- 2018-07-02T22:23:00.000000Z "-" "-" "-" "-" "-" "Severe" "BadHeader" - "-" "-" "-"` + "\n"
	if got := string(e.Append(nil)); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestForeignTextStaysInItsField(t *testing.T) {
	e := forwarded()
	e.UserAgent = "a\"b\\c\nd é" + strings.Repeat("x", maxAgent)
	e.Type, e.URL = "h 2", "https://a:443/\" \"x"
	got := string(e.Append(nil))
	if strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "h+2 ") {
		t.Errorf("got %q", got)
	}
	if !strings.Contains(got, `"a\x22b\x5Cc\x0Ad \xC3\xA9xxx`) || !strings.Contains(got, `"GET https://a:443/\x22 \x22x HTTP/1.1"`) {
		t.Errorf("got %q", got)
	}
	if n := strings.Count(got, "x") - strings.Count(got, `\x`); n > maxAgent {
		t.Errorf("the user agent was not cut: %d", n)
	}
}

func TestSeveralTargets(t *testing.T) {
	e := forwarded()
	e.Targets = append(e.Targets, netip.MustParseAddrPort("[fd00::1]:80"))
	e.TargetStatuses = []int{0, 200}
	if got := string(e.Append(nil)); !strings.Contains(got, ` "10.0.0.1:80 [fd00::1]:80" "- 200" `) {
		t.Errorf("got %s", got)
	}
}

func TestConnectionLine(t *testing.T) {
	c := &Connection{Time: at("2023-10-04T17:05:15.514108Z"), Client: netip.MustParseAddrPort("203.0.113.1:36280"), Port: 443,
		TLS: "TLSv1.2", Cipher: "ECDHE-RSA-AES128-GCM-SHA256", Handshake: 4036 * time.Millisecond,
		Subject: "CN=amazondomains.com,O=endEntity,L=Seattle,ST=Washington,C=US", NotBefore: at("2023-09-21T22:43:21Z"),
		NotAfter: at("2026-06-17T22:43:21Z"), Serial: "FEF257372D5C14D4", Verified: "Success",
		ConnTraceID: "TID_3180a73013c8ca4bac2f731159d4b0fe", KeyExchange: "x25519"}
	want := `2023-10-04T17:05:15.514108Z 203.0.113.1 36280 443 TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256 4.036 ` +
		`"CN=amazondomains.com,O=endEntity,L=Seattle,ST=Washington,C=US" NotBefore=2023-09-21T22:43:21Z;NotAfter=2026-06-17T22:43:21Z ` +
		`FEF257372D5C14D4 Success TID_3180a73013c8ca4bac2f731159d4b0fe x25519` + "\n"
	if got := string(c.Append(nil)); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	plain := &Connection{Time: c.Time, Client: c.Client, Port: 80, Handshake: -1, ConnTraceID: "TID_1"}
	if got, want := string(plain.Append(nil)), `2023-10-04T17:05:15.514108Z 203.0.113.1 36280 80 - - - "-" - - - TID_1 -`+"\n"; got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func BenchmarkAppend(b *testing.B) {
	e := forwarded()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = e.Append(buf[:0])
	}
}
