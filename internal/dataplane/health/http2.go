package health

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"

	"golang.org/x/net/http2"
)

// emptyMessage is a gRPC message without content: not compressed, length 0.
var emptyMessage = [5]byte{}

// request2 makes a request over HTTP/2, with prior knowledge where the
// connection is not secured: a GET, or of gRPC a call of the path.
func (p *prober) request2(ctx context.Context, conn net.Conn, source netip.Addr, remote netip.AddrPort) error {
	t := &http2.Transport{AllowHTTP: true, DisableCompression: true, MaxHeaderListSize: maxHead}
	client, err := t.NewClientConn(conn)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	req, err := p.newRequest2(ctx, p.host(source, remote))
	if err != nil {
		return err
	}
	answer, err := client.RoundTrip(req)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if p.check.Version != "GRPC" {
		return p.compare(answer.StatusCode)
	}
	// The status follows the messages.
	if _, err := io.Copy(io.Discard, io.LimitReader(answer.Body, maxHead)); err != nil {
		return err
	}
	text := answer.Trailer.Get("grpc-status")
	if text == "" {
		text = answer.Header.Get("grpc-status")
	}
	if text == "" {
		if answer.StatusCode != http.StatusOK {
			return mismatch{answer.StatusCode, p.check.Matcher}
		}
		return fmt.Errorf("the answer has no gRPC status")
	}
	status, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("gRPC status: %w", err)
	}
	return p.compare(status)
}

func (p *prober) newRequest2(ctx context.Context, host string) (*http.Request, error) {
	scheme := "http"
	if p.check.Protocol == "HTTPS" {
		scheme = "https"
	}
	method, body := http.MethodGet, io.Reader(nil)
	if p.check.Version == "GRPC" {
		method, body = http.MethodPost, bytes.NewReader(emptyMessage[:])
	}
	req, err := http.NewRequestWithContext(ctx, method, scheme+"://"+host+p.path(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", userAgent)
	if p.check.Version == "GRPC" {
		req.Header.Set("Content-Type", "application/grpc")
		req.Header.Set("Te", "trailers")
	}
	return req, nil
}
