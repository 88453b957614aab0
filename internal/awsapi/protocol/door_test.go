package protocol

import (
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// doorway is a handler with one issued key, and its door.
func doorway(t *testing.T, now time.Time, allow bool, authorize func(Access) (string, bool)) http.Handler {
	t.Helper()
	h, err := NewHandler(Options{
		Identify: func(key string) (cloud.Caller, bool) {
			return cloud.Caller{PrincipalARN: "arn:aws:sts::111111111111:assumed-role/r/s"}, key == "ASIAISSUED"
		},
		Secret: func(string) (string, string, bool) { return "secret", "token", true },
		Now:    func() time.Time { return now }, Authorize: authorize,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []Protocol{EC2, Query, JSON11} {
		s := &service{Service: Service{Name: string(p), Protocol: p, TargetPrefix: "T"}, served: map[string]*operation{"Do": {}}, known: map[string]bool{"Do": true}}
		h.services[string(p)] = s
	}
	return h.Door(Door{
		Host: func(r *http.Request) (string, string, bool) {
			name, rest, _ := strings.Cut(r.Host, ".")
			return name, "eu-west-1", rest == "eu-west-1.amazonaws.com"
		},
		Allow: func(*http.Request, Access) (string, bool) { return "because no.", allow },
	})
}

func TestDoor(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		service, host, region, key, secret, token string
		status                                    int
		want                                      string
	}{
		"other host":      {"ec2", "127.0.0.1", "eu-west-1", "ASIAISSUED", "secret", "token", 403, "names no service"},
		"policy, ec2":     {"ec2", "", "eu-west-1", "ASIAISSUED", "secret", "token", 403, "<Code>UnauthorizedOperation</Code><Message>You are not authorized to perform this operation. User: arn:aws:sts::111111111111:assumed-role/r/s is not authorized to perform: ec2:Do because no.</Message>"},
		"policy, query":   {"query", "", "eu-west-1", "ASIAISSUED", "secret", "token", 403, "<Code>AccessDenied</Code><Message>User: arn:aws:sts::111111111111:assumed-role/r/s is not authorized to perform: query:Do on resource: * because no.</Message>"},
		"policy, json":    {"json", "", "eu-west-1", "ASIAISSUED", "secret", "token", 400, `"AccessDeniedException"`},
		"identity, ec2":   {"ec2", "", "eu-west-1", "ASIAISSUED", "secret", "token", 403, "<Code>UnauthorizedOperation</Code><Message>You are not authorized to perform this operation. User: arn:aws:sts::111111111111:assumed-role/r/s is not authorized to perform: ec2:Do on resource: r because none.</Message>"},
		"identity, query": {"query", "", "eu-west-1", "ASIAISSUED", "secret", "token", 403, "is not authorized to perform: query:Do on resource: r because none.</Message>"},
		"identity, bad":   {"query", "", "eu-west-1", "ASIAISSUED", "guess", "token", 403, "SignatureDoesNotMatch"},
		"account":         {"ec2", "", "eu-west-1", "111111111111", "secret", "", 401, "AuthFailure"},
		"unknown":         {"query", "", "eu-west-1", "AKIAUNKNOWN", "secret", "", 403, "InvalidClientTokenId"},
		"unknown, json":   {"json", "", "eu-west-1", "AKIAUNKNOWN", "secret", "", 400, "UnrecognizedClientException"},
		"secret":          {"query", "", "eu-west-1", "ASIAISSUED", "guess", "token", 403, "SignatureDoesNotMatch"},
		"token":           {"query", "", "eu-west-1", "ASIAISSUED", "secret", "", 403, "InvalidClientTokenId"},
		"other region":    {"query", "", "us-east-1", "ASIAISSUED", "secret", "token", 403, "valid region"},
		"another service": {"query", "ec2.eu-west-1.amazonaws.com", "eu-west-1", "ASIAISSUED", "secret", "token", 403, "correct service: &#39;ec2&#39;"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("Action=Do"))
		if r.Host = c.host; c.host == "" {
			r.Host = c.service + ".eu-west-1.amazonaws.com"
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Amz-Date", now.Format(amzTime))
		names := "host;x-amz-date"
		if c.service == "json" {
			r.Header.Set("X-Amz-Target", "T.Do")
			names += ";x-amz-target"
		}
		if c.token != "" {
			r.Header.Set("X-Amz-Security-Token", c.token)
		}
		g := signed{r: r, body: []byte("Action=Do"), credential: credential{date: "20260102", region: c.region, service: c.service, signedHeaders: names}}
		signature := hex.EncodeToString(g.sign(c.secret, now, g.canonical(strings.Split(names, ";"))))
		r.Header.Set("Authorization", signingAlgorithm+" Credential="+c.key+"/20260102/"+c.region+"/"+c.service+"/aws4_request, SignedHeaders="+names+", Signature="+signature)
		w := httptest.NewRecorder()
		authorize := func(Access) (string, bool) { return "", true }
		if strings.HasPrefix(name, "identity") {
			authorize = func(a Access) (string, bool) { return a.Action + " on resource: r because none.", false }
		}
		doorway(t, now, false, authorize).ServeHTTP(w, r)
		if got := w.Body.String(); w.Code != c.status || !strings.Contains(got, c.want) && !strings.Contains(got, strings.ReplaceAll(c.want, "&#39;", "'")) {
			t.Errorf("%s: got %d %s, want %d %s", name, w.Code, got, c.status, c.want)
		}
	}
}
