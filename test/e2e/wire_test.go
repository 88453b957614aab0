package e2e

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// wire speaks to the API as an account in a region, below the SDKs: what a test
// says is what goes over the line.
type wire struct {
	t       *testing.T
	api     string
	account string
	region  string
}

func (m *musubi) wire() *wire {
	return &wire{t: m.t, api: m.status().API, account: "000000000000", region: "ap-northeast-1"}
}

// as is the same in another account.
func (w *wire) as(account string) *wire {
	other := *w
	other.account = account
	return &other
}

// reply is an answer and what can be read out of it.
type reply struct {
	status        int
	body          string
	code, message string // of an error
}

// versions are the API versions of the query services.
var versions = map[string]string{"ec2": "2016-11-15", "elasticloadbalancing": "2015-12-01", "iam": "2010-05-08", "sts": "2011-06-15", "sns": "2010-03-31"}

// query sends "Action Name=Value …" to a service that takes forms. The words are
// separated by spaces; a plus stands for a space in a value.
func (w *wire) query(service, line string) reply {
	w.t.Helper()
	action, rest, _ := strings.Cut(line, " ")
	form := url.Values{"Action": {action}}
	for _, word := range strings.Fields(rest) {
		k, v, _ := strings.Cut(word, "=")
		form.Set(k, strings.ReplaceAll(v, "+", " "))
	}
	return w.form(service, form)
}

// form sends a form to a service that takes them.
func (w *wire) form(service string, form url.Values) reply {
	w.t.Helper()
	form.Set("Version", versions[service])
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.api, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return w.send(service, r)
}

// acm sends an operation with its parameters in JSON to ACM.
func (w *wire) acm(operation, parameters string) reply {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.api, strings.NewReader(parameters))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "CertificateManager."+operation)
	a := w.send("acm", r)
	if a.status >= 300 {
		var fault struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}
		if err := json.Unmarshal([]byte(a.body), &fault); err != nil {
			w.t.Fatalf("%s: %d %s", operation, a.status, a.body)
		}
		a.code, a.message = fault.Type, fault.Message
	}
	return a
}

// rest sends "METHOD path" with a body to Route 53.
func (w *wire) rest(line, body string) reply {
	w.t.Helper()
	method, path, _ := strings.Cut(line, " ")
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.api+"/2013-04-01/"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	return (&wire{t: w.t, account: w.account, region: "us-east-1"}).send("route53", r)
}

func (w *wire) send(service string, r *http.Request) reply {
	w.t.Helper()
	r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/20260101/%s/%s/aws4_request, SignedHeaders=host, Signature=00", w.account, w.region, service))
	return w.exchange(r)
}

func (w *wire) exchange(r *http.Request) reply {
	w.t.Helper()
	c := &http.Client{Timeout: 20 * time.Second}
	resp, err := c.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := reply{status: resp.StatusCode, body: string(b)}
	if a.status >= 300 {
		a.code, a.message = textOf(a.body, "Code"), textOf(a.body, "Message")
	}
	return a
}

// textOf is the text of the first element of that name.
func textOf(body, name string) string {
	d := xml.NewDecoder(strings.NewReader(body))
	for {
		t, err := d.Token()
		if err != nil {
			return ""
		}
		if s, ok := t.(xml.StartElement); ok && s.Name.Local == name {
			var text string
			if d.DecodeElement(&text, &s) != nil {
				return ""
			}
			return text
		}
	}
}

// must sends a query that has to succeed and returns the text of an element.
func (w *wire) must(service, line, name string) string {
	w.t.Helper()
	a := w.query(service, line)
	if a.status != http.StatusOK {
		w.t.Fatalf("%s %s: %d %s", service, line, a.status, a.body)
	}
	if name == "" {
		return ""
	}
	text := textOf(a.body, name)
	if text == "" {
		w.t.Fatalf("%s %s: no %s in %s", service, line, name, a.body)
	}
	return text
}

// names replaces {name} by what the names stand for.
type names map[string]string

var placeholder = regexp.MustCompile(`\{[a-z0-9-]+\}`)

func (n names) expand(s string) string {
	return placeholder.ReplaceAllStringFunc(s, func(p string) string {
		if v, ok := n[strings.Trim(p, "{}")]; ok {
			return v
		}
		return p
	})
}
