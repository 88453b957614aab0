package l7

import (
	"crypto/tls"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/dataplane/l7/accesslog"
	"github.com/musubi-net/musubi/internal/dataplane/l7/rules"
	"github.com/musubi-net/musubi/internal/spec"
)

// config is what a frontend works by. It is never changed, only replaced.
type config struct {
	*listener
	zone    string
	sources []netip.Addr
	// access and connection say where log lines go, nil for nowhere.
	access, connection *accesslog.Destination
}

// listener is what the frontends of a listener have in common.
type listener struct {
	id         string // app/<name>/<hex>
	arn        string
	http       spec.HTTPSettings
	idle, life time.Duration
	scheme     string // http, https
	port       uint16
	portText   string
	standard   bool // 80 or 443: no port in Host
	tls        *tls.Config
	mutual     string // mode of mutual TLS
	rules      *rules.Set
	groups     map[string]*group
	// inject are header lines that every response gets, instead of the fields in
	// replaced (lower case).
	inject   []byte
	replaced []string
	noServer bool // our own responses do not say who made them
	// names are other names for request headers about TLS.
	names map[string]string
	// onlyCertificate is the ARN of the certificate, if there is only one.
	onlyCertificate string
	destination     accesslog.Destination
	connections     accesslog.Destination
}

// at is the configuration of one of the listener's addresses.
func (l *listener) at(a spec.BalancerAddress) *config {
	c := &config{listener: l, zone: a.Zone, sources: a.Sources}
	if d := l.destination; d.Bucket != "" {
		d.Node = a.Address
		c.access = &d
	}
	if d := l.connections; d.Bucket != "" {
		d.Node = a.Address
		c.connection = &d
	}
	return c
}

func (lb *balancer) compile(b *spec.Balancer, l *spec.BalancerListener) (*listener, error) {
	out := &listener{
		id: b.ID, arn: l.ARN, http: b.HTTP, scheme: "http", port: l.Port, portText: strconv.Itoa(int(l.Port)),
		standard: l.Port == 80 || l.Port == 443,
		idle:     seconds(b.HTTP.IdleSeconds, 60), life: seconds(b.HTTP.KeepAliveSeconds, 3600),
		rules: rules.Compile(l.Rules), groups: make(map[string]*group, len(lb.groups)),
		destination: accesslog.Destination{Bucket: b.HTTP.LogBucket, Prefix: b.HTTP.LogPrefix,
			Account: b.Account, Region: b.Region, LoadBalancer: b.ID},
		connections: accesslog.Destination{Bucket: b.HTTP.ConnectionLogBucket, Prefix: b.HTTP.ConnectionLogPrefix,
			Account: b.Account, Region: b.Region, LoadBalancer: b.ID},
	}
	for arn, g := range lb.groups {
		out.groups[arn] = g
	}
	out.attributes(l.Attributes)
	if l.Protocol != "HTTPS" {
		return out, nil
	}
	out.scheme = "https"
	alpn := []string{"http/1.1"}
	if b.HTTP.HTTP2 {
		alpn = []string{"h2", "http/1.1"}
	}
	var err error
	if out.tls, err = lb.s.tls.Server(l.TLS, alpn); err != nil {
		return nil, err
	}
	if len(l.TLS.Certificates) == 1 {
		out.onlyCertificate = l.TLS.Certificates[0].ARN
	}
	if l.TLS.Mutual != nil {
		out.mutual = l.TLS.Mutual.Mode
	}
	return out, nil
}

func seconds(n, otherwise int) time.Duration {
	if n <= 0 {
		n = otherwise
	}
	return time.Duration(n) * time.Second
}

// injected are the response headers that a listener can set, by the part of the
// attribute's key.
var injected = []struct{ key, name string }{
	{"strict_transport_security", "Strict-Transport-Security"},
	{"access_control_allow_origin", "Access-Control-Allow-Origin"},
	{"access_control_allow_methods", "Access-Control-Allow-Methods"},
	{"access_control_allow_headers", "Access-Control-Allow-Headers"},
	{"access_control_allow_credentials", "Access-Control-Allow-Credentials"},
	{"access_control_expose_headers", "Access-Control-Expose-Headers"},
	{"access_control_max_age", "Access-Control-Max-Age"},
	{"content_security_policy", "Content-Security-Policy"},
	{"x_content_type_options", "X-Content-Type-Options"},
	{"x_frame_options", "X-Frame-Options"},
}

// attributes takes what a listener's attributes say about headers.
func (l *listener) attributes(a map[string]string) {
	l.noServer = a["routing.http.response.server.enabled"] == "false"
	for _, h := range injected {
		if v := a["routing.http.response."+h.key+".header_value"]; v != "" {
			l.inject = append(l.inject, h.name+": "+v+"\r\n"...)
			l.replaced = append(l.replaced, strings.ToLower(h.name))
		}
	}
	for k, v := range a {
		key, ok := strings.CutPrefix(k, "routing.http.request.")
		key, ours := strings.CutSuffix(key, ".header_name")
		if ok && ours && v != "" {
			if l.names == nil {
				l.names = map[string]string{}
			}
			l.names[strings.ReplaceAll(key, "_", "-")] = v
		}
	}
}

// name is what a request header about TLS is called on this listener.
func (l *listener) name(usual string) string {
	if l.names != nil {
		if n, ok := l.names[strings.ToLower(usual)]; ok {
			return n
		}
	}
	return usual
}
