package l7

import (
	"bytes"
	"net/http"
	"time"

	"github.com/musubi-net/musubi/internal/dataplane/l7/balance"
	"github.com/musubi-net/musubi/internal/dataplane/l7/h1"
	"github.com/musubi-net/musubi/internal/dataplane/l7/rules"
	"github.com/musubi-net/musubi/internal/spec"
)

// exchange is one request and its response.
type exchange struct {
	client *client
	cfg    *config
	req    *h1.Request
	// w is where the response goes, and body where the request's comes from, if
	// the client speaks HTTP/2.
	w    http.ResponseWriter
	http *http.Request

	host, path, query []byte
	// target is the request target for the target: a path and a query.
	target  []byte
	match   rules.Request
	upgrade bool
	// last says that the connection ends with this response, drained that the
	// whole request was read, aborted that the response did not come to its end.
	last, drained, aborted bool

	rule    *spec.BalancerRule
	group   *group
	lease   *balance.Lease
	sticky  bool
	cookies []byte // Set-Cookie lines
	trace   []byte // X-Amzn-Trace-Id
	log     record
}

// reset makes the exchange one of a client that speaks HTTP/1.
func (x *exchange) reset(c *client, cfg *config) {
	*x = exchange{client: c, cfg: cfg, req: &c.request, cookies: x.cookies[:0], trace: x.trace[:0]}
	x.log.begin(x)
}

// serve judges, routes and answers a request that was parsed.
func (x *exchange) serve() {
	c, r := x.client, x.req
	x.last = r.Close || r.Tier >= h1.Ambiguous && x.cfg.http.Desync != "monitor" ||
		time.Duration(c.s.clock.Load()-c.began.UnixNano()) >= x.cfg.life || c.f.retired.Load()
	x.drained = r.Length == 0
	if f := x.judge(); f != nil {
		x.refuse(f)
		return
	}
	x.upgrade = r.Upgrade != nil && r.Minor >= 1 && r.Length == 0 && !h1.HasToken(r.Upgrade, "h2c")
	if f := x.act(); f != nil {
		x.answerFailure(f)
	}
	x.log.end(x)
}

// judge refuses what AWS does not forward.
func (x *exchange) judge() *failure {
	r := x.req
	if blocked(x.cfg.http.Desync, r.Tier) {
		return fail(400)
	}
	if err := r.Framing(); err != nil {
		return parseFailure(err)
	}
	switch string(r.Method) {
	case "TRACE":
		return fail(405)
	case "CONNECT":
		return fail(400)
	}
	if !x.locate() {
		return fail(400)
	}
	if x.forwardedAddresses() > 30 {
		return fail(463)
	}
	return nil
}

// blocked is AWS's table of modes and classifications.
func blocked(mode string, t h1.Tier) bool {
	switch mode {
	case "monitor":
		return false
	case "strictest":
		return t > h1.Compliant
	}
	return t == h1.Severe
}

// locate finds the host, the path and the query.
func (x *exchange) locate() bool {
	r, hosts := x.req, 0
	for i := range r.Fields {
		if f := &r.Fields[i]; f.ID == h1.Host && f.Tier != h1.Bad {
			if hosts == 0 {
				x.host = f.Value
			}
			hosts++
		}
	}
	t := r.Target
	switch {
	case t[0] == '/':
	case len(t) == 1 && t[0] == '*':
		if string(r.Method) != "OPTIONS" {
			return false
		}
	default:
		authority, path, ok := absolute(t)
		if !ok {
			return false
		}
		x.host, t = authority, path
	}
	if hosts == 0 && r.Minor >= 1 && x.w == nil || bytes.ContainsAny(x.host, "/ \t@") {
		return false
	}
	x.target = t
	x.path = t
	if i := bytes.IndexByte(t, '?'); i >= 0 {
		x.path, x.query = t[:i], t[i+1:]
	}
	return true
}

var root = []byte("/")

// absolute takes the request target of clients that think they speak to a proxy.
func absolute(t []byte) (authority, path []byte, ok bool) {
	switch {
	case len(t) > 7 && h1.Equal(t[:7], "http://"):
		t = t[7:]
	case len(t) > 8 && h1.Equal(t[:8], "https://"):
		t = t[8:]
	default:
		return nil, nil, false
	}
	i := bytes.IndexAny(t, "/?")
	switch {
	case i < 0:
		return t, root, len(t) > 0
	case t[i] == '?':
		return t[:i], append([]byte{'/'}, t[i:]...), i > 0
	}
	return t[:i], t[i:], i > 0
}

// forwardedAddresses counts the addresses in X-Forwarded-For.
func (x *exchange) forwardedAddresses() (n int) {
	for i := range x.req.Fields {
		if f := &x.req.Fields[i]; f.ID == h1.ForwardedFor {
			h1.Tokens(f.Value, func([]byte) bool { n++; return true })
		}
	}
	return n
}

// Value makes the exchange what rules and cookies look into.
func (x *exchange) Value(name string, i int) (string, bool) {
	for k := range x.req.Fields {
		f := &x.req.Fields[k]
		if len(f.Name) != len(name) || f.Tier == h1.Bad || !bytes.EqualFold(f.Name, []byte(name)) {
			continue
		}
		if i == 0 {
			return view(f.Value), true
		}
		i--
	}
	return "", false
}

// act does what the first matching rule says.
func (x *exchange) act() *failure {
	x.match = rules.Request{
		Method: view(x.req.Method), Host: view(x.host), Path: view(x.path), RawQuery: view(x.query),
		Source: x.client.remote.Addr(), Header: x,
	}
	x.rule = x.cfg.rules.Match(&x.match)
	switch r := x.rule; {
	case r == nil:
		return fail(503)
	case r.Fixed != nil:
		x.log.actions = "fixed-response"
		x.answer(reply{status: r.Fixed.Status, contentType: charset(r.Fixed.ContentType), body: r.Fixed.Body})
		return nil
	case r.Redirect != nil:
		x.log.actions = "redirect"
		status, location := rules.Location(r.Redirect, &x.match, x.cfg.scheme, x.cfg.port)
		x.log.redirect = location
		x.answer(reply{status: status, contentType: "text/html", body: page(status), location: location})
		return nil
	case r.Forward != nil:
		x.log.actions = "forward"
		return x.forward(r.Forward)
	}
	return fail(503)
}

// charset is the media type of a fixed response as AWS sends it.
func charset(t string) string {
	switch t {
	case "":
		return "text/plain; charset=utf-8"
	case "text/plain", "text/css", "text/html", "application/javascript", "application/json":
		return t + "; charset=utf-8"
	}
	return t
}

// forward chooses a group and a target and does the exchange with it.
func (x *exchange) forward(a *spec.ForwardAction) *failure {
	if f := x.choose(a); f != nil {
		return f
	}
	var f *failure
	switch {
	case x.w != nil && x.group.version != "HTTP1":
		f = x.forwardHTTP2()
	case x.w != nil:
		f = x.forwardDown()
	default:
		f = x.forwardHTTP1()
	}
	x.lease.Done(balance.Outcome{Error: f != nil && !f.silent, Status: x.log.targetStatus})
	return f
}

// choose picks the group and the target: those that the client's cookies name, if
// there are any.
func (x *exchange) choose(a *spec.ForwardAction) *failure {
	lb := x.client.lb
	arn, kept := lb.s.cookies.Group(x, a)
	if !kept {
		g, ok := lb.balance.ChooseGroup(a)
		if !ok {
			return fail(503)
		}
		arn = g.Spec().ARN
	}
	x.group = x.cfg.groups[arn]
	if x.group == nil {
		return fail(503)
	}
	if !x.versionsFit() {
		return fail(464)
	}
	var ok bool
	s := x.group.Spec()
	if s.Stickiness != nil {
		if key, found := lb.s.cookies.Target(x, s); found {
			x.lease, ok = x.group.Find(x.cfg.zone, key)
			x.sticky = ok
		}
	}
	if !ok {
		if x.lease, ok = x.group.Pick(x.cfg.zone); !ok {
			return fail(503)
		}
	}
	if a.StickySeconds > 0 || s.Stickiness != nil {
		for _, v := range lb.s.cookies.SetGroup(a, arn) {
			x.cookies = appendLine(x.cookies, "Set-Cookie", v)
		}
	}
	return nil
}

// versionsFit is AWS's table of what a request of one version may be sent to.
func (x *exchange) versionsFit() bool {
	grpc := false
	if v, ok := x.Value("Content-Type", 0); ok {
		grpc = len(v) >= 16 && v[:16] == "application/grpc"
	}
	switch x.group.version {
	case "HTTP2":
		return x.w != nil
	case "GRPC":
		return x.w != nil && string(x.req.Method) == "POST"
	}
	return x.w == nil || !grpc
}

// fields makes a response's fields what cookies look into.
type fields []h1.Field

func (f fields) Value(name string, i int) (string, bool) {
	for k := range f {
		if len(f[k].Name) != len(name) || !bytes.EqualFold(f[k].Name, []byte(name)) {
			continue
		}
		if i == 0 {
			return view(f[k].Value), true
		}
		i--
	}
	return "", false
}

// setCookies adds the cookies that keep a client at the target that answered.
func (x *exchange) setCookies(response fields) {
	s := x.group.Spec()
	if s.Stickiness == nil {
		return
	}
	for _, v := range x.client.s.cookies.SetTarget(x, response, s, x.lease.Key, x.sticky) {
		x.cookies = appendLine(x.cookies, "Set-Cookie", v)
	}
}
