package agent

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

// Version is the version that the agent says it has: clients decide by it what
// they may ask of it.
const Version = "3.3.2299.0"

const (
	trustFile = "/etc/pki/tls/certs/ca-bundle.crt"
	// dialTime bounds the look-up of a name and the opening of a connection: a
	// path that comes back is to be noticed soon.
	dialTime = 5 * time.Second
	callTime = 10 * time.Second
	// maxMessage bounds what is read from a channel.
	maxMessage = sessionwire.MaxPayload + 4096
)

// api calls the services of Systems Manager, signed.
type api struct {
	http *http.Client
	meta *metadata
	id   identity
	// base makes the address of a service; tests have their own.
	base func(service string) string
}

// apiError is a service's refusal.
type apiError struct {
	Status  int
	Code    string
	Message string
}

func (e *apiError) Error() string {
	if e.Code == "" && e.Message == "" {
		return fmt.Sprintf("status %d", e.Status)
	}
	return fmt.Sprintf("%s: %s (status %d)", e.Code, e.Message, e.Status)
}

func newAPI(meta *metadata, id identity) *api {
	dialer := &net.Dialer{Timeout: dialTime, KeepAliveConfig: keepAlive(), Control: giveUp}
	return &api{
		meta: meta, id: id,
		base: func(service string) string { return "https://" + service + "." + id.Region + ".amazonaws.com" },
		http: &http.Client{Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTime,
			TLSClientConfig: &tls.Config{RootCAs: trust(), MinVersion: tls.VersionTLS12},
			// A connection that is kept may lead nowhere by the next call.
			DisableKeepAlives: true,
		}},
	}
}

// trust is the guest's own store; nil is what Go finds.
func trust() *x509.CertPool {
	text, err := os.ReadFile(trustFile)
	if err != nil {
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil
	}
	return pool
}

// call calls an operation of a service that speaks JSON 1.1.
func (a *api) call(ctx context.Context, service, target string, limit time.Duration, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {target}}
	return a.do(ctx, http.MethodPost, service, "/", limit, header, body, out)
}

func (a *api) do(ctx context.Context, method, service, path string, limit time.Duration, header http.Header, body []byte, out any) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, a.base(service)+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = header
	req.Header.Set("User-Agent", "amazon-ssm-agent/"+Version)
	k, err := a.meta.credentials(ctx)
	if err != nil {
		return err
	}
	sign(req, body, k, service, a.id.Region, time.Now())
	resp, err := a.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxMessage))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return a.refused(resp, text)
	}
	if out == nil || len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	return json.Unmarshal(text, out)
}

// refused reads an error. Credentials that were refused are not used again.
func (a *api) refused(resp *http.Response, text []byte) error {
	if resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusBadRequest {
		a.meta.forget()
	}
	var body struct {
		Type    string `json:"__type"`
		Code    string `json:"code"`
		Message string `json:"message"`
		Big     string `json:"Message"`
	}
	_ = json.Unmarshal(text, &body) // what is no JSON says nothing
	e := &apiError{Status: resp.StatusCode, Code: body.Type, Message: body.Message}
	if e.Code == "" {
		e.Code = body.Code
	}
	if e.Code == "" {
		e.Code, _, _ = strings.Cut(resp.Header.Get("X-Amzn-ErrorType"), ":")
	}
	if e.Message == "" {
		e.Message = body.Big
	}
	if i := strings.LastIndexByte(e.Code, '#'); i >= 0 {
		e.Code = e.Code[i+1:]
	}
	return e
}

// gone tells whether a service says that there is no such thing any more.
func gone(err error) bool {
	var e *apiError
	return errors.As(err, &e) && (e.Status == http.StatusNotFound || e.Status == http.StatusGone || strings.HasPrefix(e.Code, "DoesNotExist"))
}

// channel opens the WebSocket of a control or data channel: a token by POST, the
// connection, and the token shown.
func (a *api) channel(ctx context.Context, path, query string) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	var token sessionwire.ChannelToken
	create := sessionwire.CreateChannel{MessageSchemaVersion: sessionwire.MessageSchemaVersion, RequestId: newID(), ClientId: a.id.InstanceID}
	body, err := json.Marshal(create)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if err := a.do(ctx, http.MethodPost, "ssmmessages", path, callTime, header, body, &token); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base("ssmmessages")+path+"?"+query, nil)
	if err != nil {
		return nil, err
	}
	k, err := a.meta.credentials(ctx)
	if err != nil {
		return nil, err
	}
	sign(req, nil, k, "ssmmessages", a.id.Region, time.Now())
	req.Header.Set("User-Agent", "amazon-ssm-agent/"+Version)
	conn, resp, err := websocket.Dial(ctx, req.URL.String(), &websocket.DialOptions{HTTPClient: a.http, HTTPHeader: req.Header}) //nolint:bodyclose // the library closes it
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols && resp.Body != nil {
			text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // the status tells enough
			return nil, a.refused(resp, text)
		}
		return nil, err
	}
	conn.SetReadLimit(maxMessage)
	open, err := json.Marshal(sessionwire.OpenChannel{
		MessageSchemaVersion: sessionwire.MessageSchemaVersion, RequestId: newID(), TokenValue: token.TokenValue,
		ClientId: a.id.InstanceID, ClientVersion: Version,
	})
	if err == nil {
		err = conn.Write(ctx, websocket.MessageText, open)
	}
	if err != nil {
		_ = conn.CloseNow()
		return nil, err
	}
	return conn, nil
}

func newUUID() (id [16]byte) {
	_, _ = rand.Read(id[:]) // never fails
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}

func newID() string { return sessionwire.IDString(newUUID()) }
