package protocol

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// guard keeps web pages out: the API can start processes, and a page that a
// browser shows must not be able to call it, not even through a name of its own
// that resolves to this machine.
type guard struct {
	// hosts are further names to answer to; one with a leading dot stands for
	// all names below it.
	hosts []string
}

// refuse returns why a request is refused, or "".
func (g guard) refuse(r *http.Request) string {
	if !g.known(hostname(r.Host)) {
		return "The Host header names no address of this machine."
	}
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return "Requests from other sites are refused."
	}
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
			return "Requests from other origins are refused."
		}
	}
	return ""
}

func (g guard) known(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil && a.Unmap().IsLoopback() {
		return true
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	for _, h := range g.hosts {
		h = strings.ToLower(h)
		if host == h || strings.HasPrefix(h, ".") && strings.HasSuffix(host, h) {
			return true
		}
	}
	return false
}

// hostname is the Host header without port, brackets and final dot.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}
