package control

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
)

// Client talks to a daemon over its control socket.
type Client struct{ http http.Client }

// NewClient makes a client; dial opens the socket.
func NewClient(dial func(ctx context.Context) (net.Conn, error)) *Client {
	return &Client{http: http.Client{Transport: &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		DisableKeepAlives: true,
	}}}
}

// Status asks for the daemon's status.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	err := c.get(ctx, "/v1/status", &s)
	return s, err
}

// Instances lists the instances of all accounts and regions.
func (c *Client) Instances(ctx context.Context) ([]Instance, error) {
	var l []Instance
	err := c.get(ctx, "/v1/instances", &l)
	return l, err
}

// Console returns an instance's console output so far.
func (c *Client) Console(ctx context.Context, id string) ([]byte, error) {
	r, err := c.do(ctx, "/v1/console?"+url.Values{"instance": {id}}.Encode())
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Body.Close() }()
	return io.ReadAll(r.Body)
}

func (c *Client) get(ctx context.Context, path string, v any) error {
	r, err := c.do(ctx, path)
	if err != nil {
		return err
	}
	defer func() { _ = r.Body.Close() }()
	return json.NewDecoder(r.Body).Decode(v)
}

func (c *Client) do(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://musubi"+path, nil)
	if err != nil {
		return nil, err
	}
	r, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if r.StatusCode != http.StatusOK {
		defer func() { _ = r.Body.Close() }()
		return nil, refusal(r)
	}
	return r, nil
}
