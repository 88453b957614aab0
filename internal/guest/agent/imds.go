package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	metadataAddress = "http://169.254.169.254"
	metadataTime    = 4 * time.Second
	// renewBefore is how long before they expire credentials and tokens are asked
	// for anew.
	renewBefore = 2 * time.Minute
	// tokenTime is the longest that a token may live.
	tokenTime = 6 * time.Hour
)

// identity is who the instance is.
type identity struct {
	InstanceID string `json:"instanceId"`
	Region     string `json:"region"`
	PrivateIP  string `json:"privateIp"`
}

// keys are the credentials of the instance's role.
type keys struct {
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	Token           string
	Expiration      time.Time
	Code            string
}

// errNoRole says that the instance has no role.
var errNoRole = errors.New("the instance has no role (no instance profile is associated)")

// metadata is a client of the metadata service, version 2.
type metadata struct {
	address string
	http    *http.Client

	mu   sync.Mutex // guards keys
	keys keys

	tokenMu    sync.Mutex // guards what follows
	token      string
	tokenUntil time.Time
}

func newMetadata(address string) *metadata {
	return &metadata{address: address, http: &http.Client{
		Timeout:   metadataTime,
		Transport: &http.Transport{DisableKeepAlives: true},
	}}
}

func (m *metadata) do(ctx context.Context, method, path string, header map[string]string) (string, int, error) {
	req, err := http.NewRequestWithContext(ctx, method, m.address+path, nil)
	if err != nil {
		return "", 0, err
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := m.http.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return string(body), resp.StatusCode, err
}

// get reads one item. A token that is good no more, after a restart of the service
// for example, is asked for anew once.
func (m *metadata) get(ctx context.Context, path string) (string, int, error) {
	for again := false; ; again = true {
		token, err := m.session(ctx, again)
		if err != nil {
			return "", 0, err
		}
		text, code, err := m.do(ctx, http.MethodGet, path, map[string]string{"X-aws-ec2-metadata-token": token})
		if code != http.StatusUnauthorized || again {
			return text, code, err
		}
	}
}

// session is the token of requests.
func (m *metadata) session(ctx context.Context, renew bool) (string, error) {
	m.tokenMu.Lock()
	defer m.tokenMu.Unlock()
	if !renew && m.token != "" && time.Until(m.tokenUntil) > renewBefore {
		return m.token, nil
	}
	ttl := map[string]string{"X-aws-ec2-metadata-token-ttl-seconds": strconv.Itoa(int(tokenTime.Seconds()))}
	token, code, err := m.do(ctx, http.MethodPut, "/latest/api/token", ttl)
	if err != nil {
		return "", err
	}
	if code != http.StatusOK {
		return "", fmt.Errorf("the metadata service gives no token: status %d", code)
	}
	m.token, m.tokenUntil = token, time.Now().Add(tokenTime)
	return token, nil
}

// identity asks who this is.
func (m *metadata) identity(ctx context.Context) (identity, error) {
	var id identity
	text, code, err := m.get(ctx, "/latest/dynamic/instance-identity/document")
	if err != nil {
		return id, err
	}
	if code != http.StatusOK {
		return id, fmt.Errorf("the metadata service has no identity document: status %d", code)
	}
	if err := json.Unmarshal([]byte(text), &id); err != nil {
		return id, fmt.Errorf("identity document: %w", err)
	}
	if id.InstanceID == "" || id.Region == "" {
		return id, errors.New("the identity document names no instance or region")
	}
	return id, nil
}

// credentials are those of the role, asked for again before they expire.
func (m *metadata) credentials(ctx context.Context) (keys, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.keys.AccessKeyID != "" && time.Until(m.keys.Expiration) > renewBefore {
		return m.keys, nil
	}
	const path = "/latest/meta-data/iam/security-credentials/"
	role, code, err := m.get(ctx, path)
	if err != nil {
		return keys{}, err
	}
	role, _, _ = strings.Cut(strings.TrimSpace(role), "\n")
	if code == http.StatusNotFound || role == "" {
		return keys{}, errNoRole
	}
	text, code, err := m.get(ctx, path+role)
	if err != nil {
		return keys{}, err
	}
	var k keys
	if code != http.StatusOK {
		return keys{}, errNoRole
	}
	if err := json.Unmarshal([]byte(text), &k); err != nil {
		return keys{}, fmt.Errorf("credentials: %w", err)
	}
	if k.Code != "Success" || k.AccessKeyID == "" {
		return keys{}, fmt.Errorf("the metadata service has no credentials of role %s: %s", role, k.Code)
	}
	m.keys = k
	return k, nil
}

// forget drops credentials that were refused.
func (m *metadata) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys = keys{}
}
