package l7

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/dataplane/l7/accesslog"
	"github.com/musubi-net/musubi/internal/dataplane/l7/h1"
	"github.com/musubi-net/musubi/internal/dataplane/tlsconf"
)

// record is what an exchange remembers for the access log. Times are taken only
// if there is one.
type record struct {
	on                   bool
	began, sentAt, heard time.Time
	status, targetStatus int
	body, sent           int64
	head                 int
	actions, redirect    string
	reason               string
	target               netip.AddrPort
	websocket            bool
}

func (r *record) begin(x *exchange) {
	if x.cfg.access != nil {
		r.on = true
		r.began = x.client.s.o.Now()
	}
}

// sentRequest and heardResponse note times.
func (r *record) sentRequest(x *exchange) {
	if r.on {
		r.sentAt = x.client.s.o.Now()
	}
}

func (r *record) heardResponse(x *exchange) {
	if r.on {
		r.heard = x.client.s.o.Now()
	}
}

// end writes the line.
func (r *record) end(x *exchange) {
	if !r.on {
		return
	}
	c, now := x.client, x.client.s.o.Now()
	e := accesslog.Entry{
		Type: x.kind(), Time: now, LoadBalancer: x.cfg.id, Client: c.remote, Target: r.target,
		RequestTime: -1, TargetTime: -1, ResponseTime: -1,
		Status: r.status, TargetStatus: r.targetStatus, Received: int64(r.head) + r.body, Sent: r.sent,
		Method: string(x.req.Method), Proto: x.protocol(), URL: x.url(),
		TraceID: string(x.trace), Priority: accesslog.NoRule, Created: r.began,
		Actions: r.actions, Redirect: r.redirect, Error: r.reason,
	}
	if v, ok := x.Value("User-Agent", 0); ok {
		e.UserAgent = v
	}
	if c.tls != nil {
		e.Cipher, e.TLS, e.ServerName = tlsconf.CipherName(c.tls.CipherSuite), tlsconf.VersionName(c.tls.Version), c.tls.ServerName
		e.Certificate = x.cfg.certificate(c.tls)
	}
	if x.rule != nil {
		e.Priority = x.rule.Priority
	}
	if x.group != nil {
		e.Group = x.group.Spec().ARN
	}
	if x.req.Tier > h1.Compliant {
		e.Classification, e.ClassificationReason = x.req.Tier.String(), x.req.Reason
	}
	if !r.sentAt.IsZero() {
		e.RequestTime = r.sentAt.Sub(r.began)
		if !r.heard.IsZero() {
			e.TargetTime, e.ResponseTime = r.heard.Sub(r.sentAt), now.Sub(r.heard)
		}
	}
	if r.target.IsValid() {
		e.Targets = []netip.AddrPort{r.target}
		if r.targetStatus != 0 {
			e.TargetStatuses = []int{r.targetStatus}
		}
	}
	c.s.logs.Access(x.cfg.access, &e)
}

// kind is the type of a request in the log.
func (x *exchange) kind() string {
	switch {
	case x.log.websocket && x.client.tls != nil:
		return "wss"
	case x.log.websocket:
		return "ws"
	case x.w != nil && x.group != nil && x.group.version == "GRPC":
		return "grpcs"
	case x.w != nil:
		return "h2"
	}
	return x.cfg.scheme
}

func (x *exchange) protocol() string {
	switch {
	case x.w != nil:
		return "HTTP/2.0"
	case len(x.req.Method) == 0:
		return ""
	case x.req.Minor == 0:
		return "HTTP/1.0"
	}
	return "HTTP/1.1"
}

// url is the request's as logs have it, with the listener's port if the client
// named none.
func (x *exchange) url() string {
	if len(x.req.Method) == 0 {
		return ""
	}
	host := x.host
	port := portAt(host)
	p := x.cfg.portText
	if port < len(host) {
		p = string(host[port+1:])
	}
	target := x.target
	if target == nil {
		target = x.req.Target
	}
	return x.cfg.scheme + "://" + string(host[:port]) + ":" + p + string(target)
}

// connected writes a line to the connection log.
func (c *client) connected(cfg *config, began time.Time, state *tls.ConnectionState, err error) {
	if cfg.connection == nil {
		return
	}
	now := c.s.o.Now()
	e := accesslog.Connection{Time: now, Client: c.remote, Port: cfg.port, Handshake: now.Sub(began), ConnTraceID: c.traceID()}
	if err != nil {
		e.Handshake = -1
		e.Verified = verdict(err)
	} else {
		e.TLS, e.Cipher, e.KeyExchange = tlsconf.VersionName(state.Version), tlsconf.CipherName(state.CipherSuite), state.CurveID.String()
		if len(state.PeerCertificates) > 0 {
			leaf := state.PeerCertificates[0]
			e.Subject, e.NotBefore, e.NotAfter = tlsconf.DistinguishedName(leaf.RawSubject), leaf.NotBefore, leaf.NotAfter
			e.Serial = serial(leaf)
			e.Verified = "Success"
		}
	}
	c.s.logs.Connection(cfg.connection, &e)
}

// verdict is a failed handshake in the connection log.
func verdict(err error) string {
	var refused *tlsconf.ClientError
	if errors.As(err, &refused) {
		return "Failed:" + refused.Code
	}
	return ""
}

func serial(c *x509.Certificate) string { return strings.ToUpper(c.SerialNumber.Text(16)) }

// traceID is the connection's, the same in all its lines.
func (c *client) traceID() string {
	return "TID_" + string(appendHex(appendHex(nil, c.random, 16), ^c.random, 16))
}

// certificate is the ARN of the certificate that a client was shown, which is
// known only if there is but one.
func (l *listener) certificate(*tls.ConnectionState) string { return l.onlyCertificate }
