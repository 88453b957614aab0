package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
)

// StreamProtocol is what POST /v1/dial is upgraded to: the bytes of a connection.
const StreamProtocol = "musubi-stream"

// Internet is the place that is the internet of this world.
const Internet = "internet"

// Place is where a person on the host can look from: a VPC, an instance, or the
// internet.
type Place struct {
	ID   string `json:"id"` // vpc-…, i-…, internet
	Name string `json:"name,omitempty"`
}

// String is how people read a place.
func (p Place) String() string {
	if p.Name != "" {
		return p.ID + " (" + p.Name + ")"
	}
	return p.ID
}

// Destination is a host and the place from which it is reached.
type Destination struct {
	Place Place  `json:"place"`
	Host  string `json:"host"`
	// What is a few words for people.
	What string `json:"what"`
}

// The reasons of a refusal.
const (
	ReasonUnknownPlace = "unknown-place"
	ReasonUnknownName  = "unknown-name"
	ReasonRefused      = "refused"
	ReasonUnreachable  = "unreachable"
	ReasonTimeout      = "timeout"
	ReasonOther        = "other"
)

// Refusal is why the daemon did not connect.
type Refusal struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Error is the message.
func (r *Refusal) Error() string { return r.Message }

// Place finds a place by id or Name tag.
func (c *Client) Place(ctx context.Context, name string) (Place, error) {
	var p Place
	err := c.get(ctx, "/v1/place?"+url.Values{"place": {name}}.Encode(), &p)
	return p, err
}

// Destination finds a load balancer, an instance or a name, and the place from
// which it is reached, which is found where none is given.
func (c *Client) Destination(ctx context.Context, name, place string) (Destination, error) {
	var d Destination
	err := c.get(ctx, "/v1/destination?"+url.Values{"name": {name}, "place": {place}}.Encode(), &d)
	return d, err
}

// Dial opens a connection from a place to a host and port, on a new connection to
// the daemon. A *Refusal says why there is none.
func Dial(ctx context.Context, daemon net.Conn, place, host string, port uint16) (net.Conn, error) {
	c, err := dial(ctx, daemon, place, host, port)
	if err != nil {
		return nil, errors.Join(err, daemon.Close())
	}
	return c, nil
}

func dial(ctx context.Context, daemon net.Conn, place, host string, port uint16) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = daemon.Close() })
	defer stop()
	query := url.Values{"place": {place}, "host": {host}, "port": {strconv.Itoa(int(port))}}
	req, err := http.NewRequest(http.MethodPost, "http://musubi/v1/dial?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", StreamProtocol)
	if err := req.Write(daemon); err != nil {
		return nil, ended(ctx, err)
	}
	r := bufio.NewReader(daemon)
	answer, err := http.ReadResponse(r, req)
	if err != nil {
		return nil, ended(ctx, err)
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		defer func() { _ = answer.Body.Close() }()
		return nil, refusal(answer)
	}
	return &Stream{Conn: daemon, r: r}, nil
}

func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("daemon: %w", err)
}

// refusal is the error that an answer tells.
func refusal(r *http.Response) error {
	b, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		return err
	}
	var out Refusal
	if json.Unmarshal(b, &out) == nil && out.Message != "" {
		return &out
	}
	return fmt.Errorf("daemon: %s: %s", r.Status, b)
}

// Stream is a connection whose first bytes may be buffered.
type Stream struct {
	net.Conn
	r *bufio.Reader
}

// NewStream makes a stream of a connection of which some bytes were read already.
func NewStream(c net.Conn, r *bufio.Reader) *Stream { return &Stream{Conn: c, r: r} }

// Read reads what is buffered first.
func (s *Stream) Read(b []byte) (int, error) {
	if s.r != nil && s.r.Buffered() > 0 {
		return s.r.Read(b)
	}
	return s.Conn.Read(b)
}

// CloseWrite says that nothing more comes.
func (s *Stream) CloseWrite() error {
	if c, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}
