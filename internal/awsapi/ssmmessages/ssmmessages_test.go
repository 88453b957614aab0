package ssmmessages

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
)

// hub says what it is asked for.
type hub struct{ full bool }

func (h hub) ControlToken(id string) (string, bool) { return "control " + id, !h.full }

func (h hub) DataToken(id, session string) (string, bool) {
	return "data " + id + " " + session, session == "s-1"
}

func (hub) ServeControl(w http.ResponseWriter, _ *http.Request, id string) {
	_, _ = w.Write([]byte("serve control " + id))
}

func (hub) ServeData(w http.ResponseWriter, _ *http.Request, session, id string) {
	_, _ = w.Write([]byte("serve data " + session + " of " + id + "."))
}

func TestChannels(t *testing.T) {
	const agent, other = "111111111111", "222222222222"
	for name, c := range map[string]struct {
		method, path, account, body string
		full                        bool
		status                      int
		want                        string
	}{
		"control token":            {"POST", "/v1/control-channel/i-1", agent, `{"MessageSchemaVersion":"1.0","RequestId":"x"}`, false, 201, `{"MessageSchemaVersion":"1.0","TokenValue":"control i-1"}`},
		"control token, full":      {"POST", "/v1/control-channel/i-1", agent, `{}`, true, 429, "ThrottlingException"},
		"control token, another's": {"POST", "/v1/control-channel/i-2", agent, `{}`, false, 403, "AccessDeniedException"},
		"control token, no one's":  {"POST", "/v1/control-channel/i-1", other, `{}`, false, 403, "AccessDeniedException"},
		"control token, version":   {"POST", "/v1/control-channel/i-1", agent, `{"MessageSchemaVersion":"2.0"}`, false, 400, "ValidationException"},
		"control":                  {"GET", "/v1/control-channel/i-1?role=subscribe&stream=input", agent, "", false, 200, "serve control i-1"},
		"control, another's":       {"GET", "/v1/control-channel/i-2", agent, "", false, 403, "AccessDeniedException"},
		"control, not signed":      {"GET", "/v1/control-channel/i-1", "", "", false, 403, "MissingAuthenticationToken"},
		"data token":               {"POST", "/v1/data-channel/s-1", agent, `{}`, false, 201, `"data i-1 s-1"`},
		"data token, no session":   {"POST", "/v1/data-channel/s-2", agent, `{}`, false, 404, "ResourceNotFoundException"},
		"data token, no instance":  {"POST", "/v1/data-channel/s-1", other, `{}`, false, 403, "AccessDeniedException"},
		"data, agent":              {"GET", "/v1/data-channel/s-1", agent, "", false, 200, "serve data s-1 of i-1."},
		"data, client signs":       {"GET", "/v1/data-channel/s-1", other, "", false, 200, "serve data s-1 of ."},
		"data, client":             {"GET", "/v1/data-channel/s-1?role=publish_subscribe", "", "", false, 200, "serve data s-1 of ."},
		"data token, not signed":   {"POST", "/v1/data-channel/s-1", "", `{}`, false, 403, "MissingAuthenticationToken"},
		"nothing":                  {"GET", "/v1/other-channel/s-1", agent, "", false, 404, "UnknownOperationException"},
		"longer":                   {"GET", "/v1/data-channel/s-1/x", agent, "", false, 404, "UnknownOperationException"},
	} {
		door, err := protocol.NewHandler(protocol.Options{Plain: []protocol.Plain{New(Options{
			Hub: hub{full: c.full}, Instance: func(c cloud.Caller) (string, bool) {
				return map[string]string{agent: "i-1"}[c.Account], c.Account == agent
			},
		}).Service()}})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(c.method, "http://127.0.0.1:4566"+c.path, strings.NewReader(c.body))
		if c.account != "" {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+c.account+"/20260102/eu-west-1/ssmmessages/aws4_request, SignedHeaders=host;x-amz-date, Signature=abc")
		}
		w := httptest.NewRecorder()
		door.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: got %d %s, want %d %s", name, w.Code, w.Body, c.status, c.want)
		}
	}
}
