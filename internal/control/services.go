package control

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// Service is one of AWS's services: a row of GET /v1/services.
type Service struct {
	Name string `json:"name"`
	// Musubi is set if it is served here, URL if it is mapped.
	Musubi bool   `json:"musubi"`
	URL    string `json:"url,omitempty"`
	// Endpoints are the types of its VPC endpoints: Interface, Gateway.
	Endpoints []string `json:"endpoints"`
}

// Mapping is the body of POST /v1/services.
type Mapping struct {
	Service string `json:"service"`
	URL     string `json:"url"`
}

// Services lists AWS's services.
func (c *Client) Services(ctx context.Context) ([]Service, error) {
	var l []Service
	err := c.get(ctx, "/v1/services", &l)
	return l, err
}

// MapService has a program on the host serve one of AWS's services.
func (c *Client) MapService(ctx context.Context, m Mapping) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return c.send(ctx, http.MethodPost, "/v1/services", body)
}

// UnmapService ends that.
func (c *Client) UnmapService(ctx context.Context, service string) error {
	return c.send(ctx, http.MethodDelete, "/v1/services?"+url.Values{"service": {service}}.Encode(), nil)
}

// send asks for a change; what the answer says beyond success is not wanted.
func (c *Client) send(ctx context.Context, method, path string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://musubi"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = r.Body.Close() }()
	if r.StatusCode != http.StatusOK {
		return refusal(r)
	}
	return nil
}
