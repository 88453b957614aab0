package prober

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// AWS's limits.
const (
	connectTCP  = 10 * time.Second
	connectHTTP = 4 * time.Second
	answerHTTP  = 2 * time.Second
	maxSearch   = 5120 // bytes of the body in which the string is looked for
	maxHead     = 64 << 10
)

// The types that make requests.
const (
	typeHTTPS       = "HTTPS"
	typeHTTPString  = "HTTP_STR_MATCH"
	typeHTTPSString = "HTTPS_STR_MATCH"
	typeTCP         = "TCP"
)

// probe checks once from one place. The status is what AWS shows of it.
func (c *check) probe(ctx context.Context, source netip.Addr) (string, error) {
	address := c.spec.Address
	if !address.IsValid() {
		var err error
		if address, err = c.resolve(ctx); err != nil {
			return "Failure: DNS resolution failed: " + c.spec.Name + " has no IPv4 address.", err
		}
	}
	said, err := c.attempt(ctx, source, netip.AddrPortFrom(address, uint16(c.spec.Port)))
	if err != nil {
		return "Failure: " + cause(err) + " Resolved IP: " + address.String(), err
	}
	return "Success: " + said + ". Resolved IP: " + address.String(), nil
}

// resolve takes the name's IPv4 addresses only, as AWS does.
func (c *check) resolve(ctx context.Context) (netip.Addr, error) {
	all, err := c.o.Resolve(ctx, c.spec.Name)
	for _, a := range all {
		if a.Is4() {
			return a, nil
		}
	}
	return netip.Addr{}, errors.Join(err, errors.New("no IPv4 address"))
}

// attempt connects and, if the check is one of requests, makes one.
func (c *check) attempt(ctx context.Context, source netip.Addr, remote netip.AddrPort) (string, error) {
	limit := connectHTTP
	if c.spec.Type == typeTCP {
		limit = connectTCP
	}
	dialing, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := c.o.Dial(dialing, source, remote)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if c.spec.Type == typeTCP {
		return "TCP connection succeeded", nil
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := conn.SetDeadline(time.Now().Add(answerHTTP)); err != nil {
		return "", err
	}
	if c.spec.Type == typeHTTPS || c.spec.Type == typeHTTPSString {
		// AWS does not look at certificates.
		secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, ServerName: c.serverName()})
		if err := secure.HandshakeContext(ctx); err != nil {
			return "", fmt.Errorf("the TLS handshake failed: %w", err)
		}
		conn = secure
	}
	return c.request(conn, remote)
}

// serverName is sent if SNI is on, and there is a name.
func (c *check) serverName() string {
	if !c.spec.SNI {
		return ""
	}
	return strings.TrimSuffix(c.spec.Name, ".")
}

// request asks and looks at the answer: a code from 200 to 399, and the string.
func (c *check) request(conn net.Conn, remote netip.AddrPort) (string, error) {
	path := c.spec.Path
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	_, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nUser-Agent: Amazon-Route53-Health-Check-Service (ref %s; report http://amzn.to/1vsZADi)\r\nAccept: */*\r\n\r\n",
		path, c.host(remote), c.spec.ID)
	if err != nil {
		return "", err
	}
	answer, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxHead+maxSearch)), nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	said := fmt.Sprintf("HTTP Status Code %d, %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	if answer.StatusCode < 200 || answer.StatusCode > 399 {
		return "", statusError(said)
	}
	if c.spec.Type != typeHTTPString && c.spec.Type != typeHTTPSString {
		return said, nil
	}
	if err := conn.SetDeadline(time.Now().Add(answerHTTP)); err != nil {
		return "", err
	}
	// What came before an error counts.
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxSearch))
	if bytes.Contains(body, []byte(c.spec.Search)) {
		return said, nil
	}
	if err != nil {
		return "", err
	}
	return "", statusError("The search string was not found in the response body. " + said)
}

// statusError is an answer that is not good.
type statusError string

func (e statusError) Error() string { return string(e) }

// host is the Host header: the name, or else the address, with the port unless it
// is the protocol's own.
func (c *check) host(remote netip.AddrPort) string {
	name := strings.TrimSuffix(c.spec.Name, ".")
	if name == "" {
		if name = remote.Addr().String(); remote.Addr().Is6() {
			name = "[" + name + "]"
		}
	}
	own := 80
	if c.spec.Type == typeHTTPS || c.spec.Type == typeHTTPSString {
		own = 443
	}
	if c.spec.Port == own {
		return name
	}
	return name + ":" + strconv.Itoa(c.spec.Port)
}

// cause is a failure in a sentence.
func cause(err error) string {
	if code, ok := errors.AsType[statusError](err); ok {
		return string(code) + "."
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return "Connection timed out. The endpoint or the internet connection is down, or requests are being blocked by your firewall."
	}
	return strings.TrimSuffix(err.Error(), ".") + "."
}
