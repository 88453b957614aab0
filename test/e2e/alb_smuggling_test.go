package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// modes are those of desync mitigation, in the order of the tables' columns.
var modes = []string{"monitor", "defensive", "strictest"}

// smuggling is a lab with a load balancer per mode, before the same target.
type smuggling struct {
	*world
	target string
	at     map[string]string // mode to address
}

func newSmuggling(t *testing.T) *smuggling {
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/16")
	open := w.open(vpc)
	subnets := []string{w.subnet(vpc, "10.0.0.0/24", 0), w.subnet(vpc, "10.0.1.0/24", 1)}
	l := &smuggling{world: w, at: map[string]string{}, target: w.launch("target", subnets[0], open, "")}
	w.running(l.target, w.launch("client", subnets[0], open, ""))
	w.probe("target", "target")
	w.probe("client", "")
	ca := newAuthority(t, "The tests' authority")
	cert := w.imported(ca, "", 1, serviceName)
	for _, mode := range modes {
		group := w.httpGroup(mode, vpc, "80")
		w.register(group, l.target)
		lb := w.application(mode, subnets, open)
		w.setting(lb, "routing.http.desync_mitigation_mode", mode)
		w.listen(lb, "HTTP", "80", forward(group))
		w.listen(lb, "HTTPS", "443", forward(group), "Certificates.member.1.CertificateArn", cert)
		w.waitActive(lb)
		w.waitHealth(group, "healthy", l.target)
		l.at[mode] = w.nodes(lb)[w.zones[0]]
	}
	return l
}

// want is what has to become of an attempt: the status codes of the responses, how
// the connection ends, and how many requests the target gets.
type want struct {
	codes string
	end   string
	seen  int
}

var (
	passes  = want{"200 200", "open", 2} // both requests, as two
	single  = want{"200", "closed", 1}   // the first, on a connection that nobody uses again
	refused = want{"400", "closed", 0}   // neither
	unknown = want{"501", "closed", 0}   // an encoding that nobody knows
	one     = want{"200", "open", 1}     // there is no second
)

// attack is bytes, and what becomes of them in each mode. HEAD stands for the first
// request's line and host, NEXT for the request that is to be smuggled.
type attack struct {
	name, send                    string
	monitor, defensive, strictest want
	must, mustNot                 string // in the first request that the target gets
}

// attacks are the table. Whatever a mode lets through, the target and the load
// balancer agree on where each request ends: that is what codes and counts say.
var attacks = []attack{
	{"ordinary", "HEADContent-Length: 2\r\n\r\nabNEXT", passes, passes, passes, "Content-Length: 2\r\n", ""},
	{"chunked", "HEADTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nNEXT", passes, passes, passes, "Transfer-Encoding: chunked", ""},
	{"CL.TE", "HEADContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nNEXT", passes, single, refused, "Transfer-Encoding: chunked", "Content-Length"},
	{"TE.CL", "HEADTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\nNEXT", passes, single, refused, "Transfer-Encoding: chunked", "Content-Length"},
	{"CL.CL equal", "HEADContent-Length: 0\r\nContent-Length: 0\r\n\r\nNEXT", passes, single, refused, "", "Content-Length: 0\r\nContent-Length: 0"},
	{"CL.CL", "HEADContent-Length: 0\r\nContent-Length: 45\r\n\r\nNEXT", passes, refused, refused, "", "Content-Length: 45"},
	{"CL list", "HEADContent-Length: 0, 45\r\n\r\nNEXT", refused, refused, refused, "", ""},
	{"CL sign", "HEADContent-Length: +0\r\n\r\nNEXT", refused, refused, refused, "", ""},
	{"CL hexadecimal", "HEADContent-Length: 0x2d\r\n\r\nNEXT", refused, refused, refused, "", ""},
	{"CL negative", "HEADContent-Length: -1\r\n\r\nNEXT", refused, refused, refused, "", ""},
	{"CL too large", "HEADContent-Length: 99999999999999999999\r\n\r\nNEXT", refused, refused, refused, "", ""},
	{"CL folded", "HEADContent-Length: 1\r\n 0\r\n\r\nNEXT", refused, refused, refused, "", ""},
	{"TE.TE", "HEADTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\nNEXT", unknown, refused, refused, "", ""},
	{"TE xchunked", "HEADTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\nNEXT", unknown, refused, refused, "", ""},
	{"TE gzip", "HEADTransfer-Encoding: gzip\r\n\r\nNEXT", unknown, unknown, unknown, "", ""},
	{"TE space before the colon", "HEADTransfer-Encoding : chunked\r\n\r\n0\r\n\r\nNEXT", want{"400 400", "closed", 1}, want{"400", "closed", 1}, refused, "", "Transfer-Encoding: chunked"},
	{"TE in a folded line", "HEADFoo: a\r\n Transfer-Encoding: chunked\r\n\r\nNEXT", passes, single, refused, "Foo: a Transfer-Encoding: chunked\r\n", ""},
	{"TE behind a bare CR", "HEADFoo: a\rTransfer-Encoding: chunked\r\n\r\nNEXT", passes, refused, refused, "", "chunked"},
	{"CL underscore", "HEADContent_Length: 45\r\n\r\nNEXT", passes, single, refused, "", ""},
	{"header NUL", "HEADFoo: a\x00b\r\n\r\nNEXT", passes, refused, refused, "", "Foo"},
	{"GET with a body", "GET /first HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcNEXT", passes, single, refused, "", ""},
	{"chunk of no size", "HEADTransfer-Encoding: chunked\r\n\r\nx\r\nNEXT", want{"400", "closed", -1}, want{"400", "closed", -1}, want{"400", "closed", -1}, "", ""},
	{"chunk that ends in LF", "HEADTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\nNEXT", want{"400", "closed", -1}, want{"400", "closed", -1}, want{"400", "closed", -1}, "", ""},
	{"chunk that is too long", "HEADTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nNEXT", want{"400", "closed", -1}, want{"400", "closed", -1}, want{"400", "closed", -1}, "", ""},
	{"HTTP/0.9", "GET /first\r\n\r\nNEXT", refused, refused, refused, "", ""},
	{"HTTP/2.0", "GET /first HTTP/2.0\r\nHost: a\r\n\r\nNEXT", want{"505", "closed", 0}, want{"505", "closed", 0}, want{"505", "closed", 0}, "", ""},
	{"bare LF", "POST /first HTTP/1.1\nHost: a\n\n", one, one, refused, "Host: a\r\n", ""},
	{"space in the target", "GET /first HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n", one, one, refused, ".%20HTTP/1.1 HTTP/1.1\r\n", ""},
	{"no host", "GET /first HTTP/1.1\r\n\r\nNEXT", refused, refused, refused, "", ""},
	{"two hosts", "GET /first HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", one, one, one, "Host: a\r\n", "Host: b"},
	{"field without a name", "HEAD: x\r\n\r\n", one, single, refused, "", ""},
	{"line without a colon", "HEADfoo\r\n\r\nNEXT", refused, refused, refused, "", ""},
	{"field of 17 KB", "HEADFoo: " + strings.Repeat("a", 17<<10) + "\r\n\r\nNEXT", refused, refused, refused, "", ""},
	{"line of 17 KB", "GET /" + strings.Repeat("a", 17<<10) + " HTTP/1.1\r\nHost: a\r\n\r\nNEXT", want{"414", "closed", 0}, want{"414", "closed", 0}, want{"414", "closed", 0}, "", ""},
	{"TRACE", "TRACE /first HTTP/1.1\r\nHost: a\r\n\r\n", want{"405", "closed", 0}, want{"405", "closed", 0}, want{"405", "closed", 0}, "", ""},
	{"CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\nNEXT", refused, refused, refused, "", ""},
}

// TestALBSmuggling: requests that could be understood in two ways.
func TestALBSmuggling(t *testing.T) {
	t.Parallel()
	l := newSmuggling(t)
	for i, mode := range modes {
		sub(t, l.musubi, mode, func() { l.mode(i, mode) })
	}
	sub(t, l.musubi, "next request", l.nextRequest)
	sub(t, l.musubi, "HTTP/2", l.downgrade)
}

func (a *attack) want(mode int) want {
	return [...]want{a.monitor, a.defensive, a.strictest}[mode]
}

// bytes are what an attack sends; the paths tell whose it is.
func (a *attack) bytes(n int) []byte {
	return []byte(strings.NewReplacer(
		"HEAD", fmt.Sprintf("POST /first-%d. HTTP/1.1\r\nHost: a\r\n", n),
		"/first", fmt.Sprintf("/first-%d.", n),
		"NEXT", fmt.Sprintf("GET /next-%d. HTTP/1.1\r\nHost: a\r\n\r\n", n)).Replace(a.send))
}

// mode makes every attempt in a mode.
func (l *smuggling) mode(mode int, name string) {
	var attempts []rawAttempt
	for i := range attacks {
		attempts = append(attempts, rawAttempt{Address: l.at[name] + ":80", Send: attacks[i].bytes(i)})
	}
	l.seen("target")
	out := l.raw("client", attempts...)
	seen := l.seen("target")
	for i := range attacks {
		a := &attacks[i]
		var got []string
		for _, s := range seen {
			if line, _, _ := strings.Cut(s, "\r\n"); strings.Contains(line, fmt.Sprintf("-%d.", i)) {
				got = append(got, s)
			}
		}
		w := a.want(mode)
		if codes := statusCodes(out[i].Received); codes != w.codes || out[i].End != w.end {
			l.t.Errorf("%s: answered %s and %s, want %s and %s\n%.300q", a.name, codes, out[i].End, w.codes, w.end, out[i].Received)
		}
		if w.seen >= 0 && len(got) != w.seen {
			l.t.Errorf("%s: the target got %d requests, want %d: %.500q", a.name, len(got), w.seen, got)
		}
		if len(got) > 0 && (!strings.Contains(got[0], a.must) || a.mustNot != "" && strings.Contains(got[0], a.mustNot)) {
			l.t.Errorf("%s: the target got %q, want %q and not %q", a.name, got[0], a.must, a.mustNot)
		}
	}
	// What the target got belongs to somebody: nothing else was made of it.
	for _, s := range seen {
		if line, _, _ := strings.Cut(s, "\r\n"); !strings.Contains(line, " /first-") && !strings.Contains(line, " /next-") {
			l.t.Errorf("the target got %.300q", s)
		}
	}
}

// statusCodes are those of the responses in a stream.
func statusCodes(stream []byte) string {
	var codes []string
	for line := range strings.Lines(string(stream)) {
		if _, rest, ok := strings.Cut(line, "HTTP/1.1 "); ok && len(rest) >= 3 {
			codes = append(codes, rest[:3])
		}
	}
	return strings.Join(codes, " ")
}

// nextRequest: whoever comes after an attack, on a connection to the target that
// the attack may have used, gets the answer to its own request.
func (l *smuggling) nextRequest() {
	for _, mode := range modes {
		var attempts []rawAttempt
		for i := range attacks {
			attempts = append(attempts, rawAttempt{Address: l.at[mode] + ":80", Send: attacks[i].bytes(i)})
			for k := range 3 {
				innocent := fmt.Sprintf("GET /innocent-%d-%d. HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", i, k)
				attempts = append(attempts, rawAttempt{Address: l.at[mode] + ":80", Send: []byte(innocent), Silence: 5000})
			}
		}
		for n, o := range l.raw("client", attempts...) {
			i, k := n/4, n%4-1
			if k >= 0 && !strings.Contains(string(o.Received), fmt.Sprintf(`"URI":"/innocent-%d-%d."`, i, k)) {
				l.t.Errorf("%s, after %s: %.300q", mode, attacks[i].name, o.Received)
			}
		}
	}
}
