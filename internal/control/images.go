package control

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Image is an AMI that is not built in: a row of GET /v1/images.
type Image struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	Account     string    `json:"account"`
	Region      string    `json:"region"`
	Public      bool      `json:"public"`
	State       string    `json:"state"`
	Created     time.Time `json:"created"`
	// Digest is the imported image's; DiskDigest that of what an instance had
	// written, where the AMI was created of one.
	Digest     string `json:"digest,omitempty"`
	DiskDigest string `json:"disk_digest,omitempty"`
	// Source is what the imported image was called where it came from.
	Source string `json:"source,omitempty"`
	// Size is what it takes in the state directory, in bytes.
	Size int64 `json:"size"`
}

// NewImage is what POST /v1/images registers: content that is in the store of
// images already.
type NewImage struct {
	Digest      string `json:"digest"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Account     string `json:"account"`
	Region      string `json:"region"`
	Public      bool   `json:"public"`
}

// Images lists the AMIs that are not built in, of all accounts and regions.
func (c *Client) Images(ctx context.Context) ([]Image, error) {
	var l []Image
	err := c.get(ctx, "/v1/images", &l)
	return l, err
}

// RegisterImage makes an AMI of imported content.
func (c *Client) RegisterImage(ctx context.Context, n NewImage) (Image, error) {
	var i Image
	err := c.ask(ctx, http.MethodPost, "/v1/images", n, &i)
	return i, err
}

// RemoveImage deregisters an AMI by its id; content that nothing else uses goes
// with it.
func (c *Client) RemoveImage(ctx context.Context, id string) error {
	return c.ask(ctx, http.MethodDelete, "/v1/images?"+url.Values{"image": {id}}.Encode(), nil, nil)
}

// ask sends what a request is about, and reads the answer into out unless that is
// nil.
func (c *Client) ask(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://musubi"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	r, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = r.Body.Close() }()
	if r.StatusCode != http.StatusOK {
		return refusal(r)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(r.Body).Decode(out)
}
