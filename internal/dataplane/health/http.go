package health

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// maxHead bounds what is read of a response.
const maxHead = 64 << 10

const userAgent = "ELB-HealthChecker/2.0"

// request makes an HTTP or HTTPS request over a connection and compares the
// status with the matcher. The body is not read and redirects are not followed.
func (p *prober) request(ctx context.Context, conn net.Conn, source netip.Addr, remote netip.AddrPort) error {
	if p.check.Protocol == "HTTPS" {
		secure := tls.Client(conn, p.tlsConfig())
		if err := secure.HandshakeContext(ctx); err != nil {
			return err
		}
		if p.second() && secure.ConnectionState().NegotiatedProtocol != "h2" {
			return fmt.Errorf("the target does not speak HTTP/2")
		}
		conn = secure
	}
	if p.second() {
		return p.request2(ctx, conn, source, remote)
	}
	_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nUser-Agent: %s\r\nAccept-Encoding: gzip, compressed\r\n\r\n",
		p.path(), p.host(source, remote), userAgent)
	if err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxHead)), nil)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	return p.compare(answer.StatusCode)
}

// tlsConfig does not check certificates, as on AWS. A network load balancer's
// checks do not speak TLS 1.3.
func (p *prober) tlsConfig() *tls.Config {
	c := &tls.Config{InsecureSkipVerify: true}
	if !p.check.Application {
		c.MaxVersion = tls.VersionTLS12
	}
	if p.second() {
		c.NextProtos = []string{"h2"}
	}
	return c
}

// second reports whether the check is made over HTTP/2.
func (p *prober) second() bool { return p.check.Version == "HTTP2" || p.check.Version == "GRPC" }

// host is the Host header: the target of an application load balancer, but the
// node and the listener's port of a network one.
func (p *prober) host(source netip.Addr, remote netip.AddrPort) string {
	if p.check.Application {
		return remote.String()
	}
	return netip.AddrPortFrom(source, uint16(p.check.ListenerPort)).String()
}

func (p *prober) path() string {
	if strings.HasPrefix(p.check.Path, "/") {
		return p.check.Path
	}
	return "/" + p.check.Path
}

func (p *prober) compare(code int) error {
	if !matches(p.check.Matcher, code) {
		return mismatch{code, p.check.Matcher}
	}
	return nil
}

// matches reports whether a code is in a matcher such as "200-299,301"; the
// empty one is 200-399.
func matches(matcher string, code int) bool {
	if matcher == "" {
		matcher = "200-399"
	}
	for part := range strings.SplitSeq(matcher, ",") {
		low, high, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			high = low
		}
		from, err1 := strconv.Atoi(low)
		to, err2 := strconv.Atoi(high)
		if err1 == nil && err2 == nil && from <= code && code <= to {
			return true
		}
	}
	return false
}
