package protocol

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/musubi-net/musubi/internal/cloud"
)

// sign signs a request as an SDK does: with the body's hash stated, or that it is
// none.
func signForeign(r *http.Request, service, key, secret, stated string, body []byte, now time.Time) {
	r.Header.Set("X-Amz-Date", now.Format(amzTime))
	r.Header.Set("X-Amz-Security-Token", "token")
	names := "host;x-amz-date;x-amz-security-token"
	g := signed{r: r, body: body, credential: credential{date: now.Format("20060102"), region: "eu-west-1", service: service}}
	if service == "s3" {
		r.Header.Set("X-Amz-Content-Sha256", stated)
		names, g.stated = "host;x-amz-content-sha256;x-amz-date;x-amz-security-token", stated
	}
	g.signedHeaders = names
	signature := hex.EncodeToString(g.sign(secret, now, g.canonical(strings.Split(names, ";"))))
	r.Header.Set("Authorization", signingAlgorithm+" Credential="+key+"/"+g.date+"/eu-west-1/"+service+"/aws4_request, SignedHeaders="+names+", Signature="+signature)
}

func TestForeign(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	hash := func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }
	h, err := NewHandler(Options{
		Identify: func(key string) (cloud.Caller, bool) {
			return cloud.Caller{PrincipalARN: "arn:aws:sts::111111111111:assumed-role/r/s"}, key == "ASIAISSUED"
		},
		Secret: func(string) (string, string, bool) { return "secret", "token", true },
		Now:    func() time.Time { return now },
		Authorize: func(a Access) (string, bool) {
			return a.Action + " because no identity-based policy allows it", a.Action != "s3:Forbidden"
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		service, target, key, secret, stated, body, action, policy string
		age                                                        time.Duration
		status                                                     int
		want                                                       string
	}{
		"json":               {service: "logs", body: "{}", status: 200, want: "served {}"},
		"json, other body":   {service: "logs", body: "{}", stated: "other", status: 400, want: "InvalidSignatureException"},
		"json, unknown key":  {service: "logs", key: "AKIA", status: 400, want: "UnrecognizedClientException"},
		"json, anonymous":    {service: "logs", key: "-", status: 403, want: "MissingAuthenticationToken"},
		"json, policy":       {service: "logs", policy: "because no VPC endpoint policy allows it", status: 400, want: `"AccessDeniedException"`},
		"json, elsewhere":    {service: "logs", target: "kms", status: 400, want: "correct service: 'kms'"},
		"s3":                 {service: "s3", target: "/b/k%20y?x=1", body: "body", stated: hash("body"), status: 200, want: "served body"},
		"s3, empty":          {service: "s3", stated: hash(""), status: 200, want: "served "},
		"s3, large":          {service: "s3", body: strings.Repeat("x", 5*watchedChunk+7), stated: hash(strings.Repeat("x", 5*watchedChunk+7)), status: 200, want: "served xxx"},
		"s3, whole chunks":   {service: "s3", body: strings.Repeat("x", 2*watchedChunk), stated: hash(strings.Repeat("x", 2*watchedChunk)), status: 200, want: "served xxx"},
		"s3, unsigned":       {service: "s3", body: "body", stated: unsignedPayload, status: 200, want: "served body"},
		"s3, chunks":         {service: "s3", body: "4;chunk-signature=…", stated: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", status: 200, want: "served 4;chunk"},
		"s3, other body":     {service: "s3", body: "body", stated: hash("other"), status: 200, want: "mismatch"},
		"s3, no hash":        {service: "s3", body: "body", stated: "abc", status: 400, want: "<Code>InvalidArgument</Code>"},
		"s3, anonymous":      {service: "s3", key: "-", status: 200, want: "served "},
		"s3, unknown key":    {service: "s3", key: "AKIA", stated: hash(""), status: 403, want: "<Code>InvalidAccessKeyId</Code>"},
		"s3, wrong secret":   {service: "s3", secret: "guess", stated: hash(""), status: 403, want: "<Code>SignatureDoesNotMatch</Code>"},
		"s3, old":            {service: "s3", age: time.Hour, stated: hash(""), status: 403, want: "<Code>RequestTimeTooSkewed</Code>"},
		"s3, policy":         {service: "s3", key: "-", policy: "because no VPC endpoint policy allows it", status: 403, want: "User: anonymous is not authorized to perform: s3:Get on resource: &#34;arn:r&#34; because no VPC"},
		"s3, identity":       {service: "s3", stated: hash(""), action: "s3:Forbidden", status: 403, want: "s3:Forbidden because no identity"},
		"s3, in two regions": {service: "s3", target: "/?region", stated: hash(""), status: 400, want: "<Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed; the region 'eu-west-1' is wrong; expecting 'us-east-1'</Message><Region>us-east-1</Region>"},
		"s3, elsewhere":      {service: "s3", target: "kms", stated: hash(""), status: 400, want: "incorrect service &#34;s3&#34;. This endpoint belongs to &#34;kms&#34;."},
	} {
		f := Foreign{Name: c.service, Sign: c.service, Region: "eu-west-1", Open: c.service == "s3", S3: c.service == "s3", Room: semaphore.NewWeighted(1 << 30)}
		path := "/"
		switch {
		case c.target == "/?region":
			f.Region = "us-east-1"
		case strings.HasPrefix(c.target, "/"):
			path = c.target
		case c.target != "":
			f.Sign = c.target
		}
		action := c.action
		if action == "" {
			action = c.service + ":Get"
		}
		f.Wants = func(Access) []Want { return []Want{{action, []string{"arn:r"}}} }
		f.Allow = func(*http.Request, Access) (string, bool) { return c.policy, c.policy == "" }
		f.Serve = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			if errors.Is(err, ErrMismatch) {
				if len(b) > 0 {
					t.Errorf("%s: %d bytes of a wrong body were passed on", name, len(b))
				}
				_, _ = io.WriteString(w, "mismatch")
				return
			}
			_, _ = io.WriteString(w, "served "+string(b))
		})
		r := httptest.NewRequest(http.MethodPut, "http://"+c.service+".eu-west-1.amazonaws.com"+path, strings.NewReader(c.body))
		if c.service == "logs" {
			r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		}
		key, secret, body := c.key, c.secret, c.body
		if key == "" {
			key = "ASIAISSUED"
		}
		if secret == "" {
			secret = "secret"
		}
		if c.service == "logs" && c.stated != "" {
			body = c.stated
		}
		if key != "-" {
			signForeign(r, c.service, key, secret, c.stated, []byte(body), now.Add(-c.age))
		}
		w := httptest.NewRecorder()
		h.Pass(w, r, f)
		got := strings.ReplaceAll(strings.ReplaceAll(w.Body.String(), "&quot;", "&#34;"), "&#39;", "'")
		if w.Code != c.status || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %d %.300s, want %d %s", name, w.Code, got, c.status, c.want)
		}
		if w.Code == 200 && w.Header().Get("Server") != "" {
			t.Errorf("%s: our own Server header", name)
		}
	}
}
