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

// request makes an HTTP or HTTPS request over a connection and compares the
// status with the matcher. The body is not read and redirects are not followed.
func (p *prober) request(ctx context.Context, conn net.Conn, source netip.Addr) error {
	if p.check.Protocol == "HTTPS" {
		// As on AWS, certificates are not checked and TLS 1.3 is not spoken.
		secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
		if err := secure.HandshakeContext(ctx); err != nil {
			return err
		}
		conn = secure
	}
	host := netip.AddrPortFrom(source, uint16(p.check.ListenerPort)).String()
	path := p.check.Path
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nUser-Agent: ELB-HealthChecker/2.0\r\nAccept-Encoding: gzip, compressed\r\n\r\n", path, host)
	if err != nil {
		return err
	}
	answer, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxHead)), nil)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	if !matches(p.check.Matcher, answer.StatusCode) {
		return fmt.Errorf("status %d does not match %s", answer.StatusCode, p.check.Matcher)
	}
	return nil
}

// matches reports whether a status is in a matcher such as "200-299,301"; the
// empty one is 200-399.
func matches(matcher string, status int) bool {
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
		if err1 == nil && err2 == nil && from <= status && status <= to {
			return true
		}
	}
	return false
}
