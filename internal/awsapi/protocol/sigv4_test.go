package protocol

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

const exampleSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

// example is a request of AWS's own examples of signatures.
func example(method, target, signature string, headers ...string) signed {
	r := httptest.NewRequest(method, target, nil)
	r.Host = "example.amazonaws.com"
	names := []string{"host", "x-amz-date"}
	r.Header.Set("X-Amz-Date", "20150830T123600Z")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
		if n := strings.ToLower(headers[i]); names[0] != n {
			names = append([]string{n}, names...)
		}
	}
	return signed{r: r, credential: credential{keyID: "AKIDEXAMPLE", date: "20150830", region: "us-east-1", service: "service",
		signature: signature, signedHeaders: strings.Join(names, ";")}}
}

func TestSignatureExamples(t *testing.T) {
	for name, g := range map[string]signed{
		"get-vanilla":  example("GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
		"post-vanilla": example("POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
		"order":        example("GET", "/?Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
		"relative":     example("GET", "/example/..", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
	} {
		s := &service{Service: Service{Protocol: Query}}
		if bad := g.check(s, exampleSecret); bad != nil {
			t.Errorf("%s: %v\n%s", name, bad, g.canonical(strings.Split(g.signedHeaders, ";")))
		}
		if bad := g.check(s, exampleSecret+"x"); bad == nil || bad.Code != "SignatureDoesNotMatch" {
			t.Errorf("%s with another secret: %v", name, bad)
		}
		g.body = []byte("other")
		if bad := g.check(s, exampleSecret); bad == nil {
			t.Errorf("%s with another body passes", name)
		}
	}
}

func TestRefusedSignatures(t *testing.T) {
	good := "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
	now := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		change   func(g *signed)
		at       time.Time
		protocol Protocol
		want     string
	}{
		"good":         {func(*signed) {}, now.Add(14 * time.Minute), Query, ""},
		"old":          {func(*signed) {}, now.Add(16 * time.Minute), Query, "SignatureDoesNotMatch: Signature expired: 20150830T123600Z is now earlier than 20150830T123700Z (20150830T125200Z - 15 min.)"},
		"old, ec2":     {func(*signed) {}, now.Add(16 * time.Minute), EC2, "RequestExpired: Request has expired."},
		"old, json":    {func(*signed) {}, now.Add(16 * time.Minute), JSON11, "InvalidSignatureException: Signature expired"},
		"early":        {func(*signed) {}, now.Add(-16 * time.Minute), Query, "SignatureDoesNotMatch: Signature not yet current: 20150830T123600Z is still later than 20150830T123500Z"},
		"other day":    {func(g *signed) { g.date = "20150829" }, now, Query, "SignatureDoesNotMatch: Date in Credential scope does not match"},
		"no date":      {func(g *signed) { g.r.Header.Del("X-Amz-Date") }, now, Query, "IncompleteSignature"},
		"bad date":     {func(g *signed) { g.r.Header.Set("X-Amz-Date", "x") }, now, Query, "IncompleteSignature"},
		"no host":      {func(g *signed) { g.signedHeaders = "x-amz-date" }, now, Query, "'Host' must be"},
		"target aside": {func(g *signed) { g.r.Header.Set("X-Amz-Target", "A.B") }, now, Query, "'x-amz-target' must be"},
		"no hex":       {func(g *signed) { g.signature = "zz" }, now, Query, "SignatureDoesNotMatch"},
		"wrong, ec2":   {func(g *signed) { g.signature = good[:62] + "00" }, now, EC2, "AuthFailure"},
		"wrong, json":  {func(g *signed) { g.signature = "" }, now, JSON11, "InvalidSignatureException"},
		"stated hash":  {func(g *signed) { g.r.Header.Set("X-Amz-Content-Sha256", "00") }, now, Query, "must be"},
		"other query":  {func(g *signed) { g.r.URL.RawQuery = "a=b" }, now, Query, "SignatureDoesNotMatch"},
		"other path":   {func(g *signed) { g.r.RequestURI = "/x" }, now, Query, "SignatureDoesNotMatch"},
		"other host":   {func(g *signed) { g.r.Host = "x" }, now, Query, "SignatureDoesNotMatch"},
		"other region": {func(g *signed) { g.region = "eu-west-1" }, now, Query, "SignatureDoesNotMatch"},
		"presigned long": {func(g *signed) {
			g.presigned = true
			g.r.URL.RawQuery = "X-Amz-Date=20150830T123600Z&X-Amz-Expires=9999999"
		}, now, Query, "IncompleteSignature"},
	} {
		g := example("GET", "/", good)
		c.change(&g)
		s := &service{Service: Service{Protocol: c.protocol}}
		bad := g.inTime(s, c.at)
		if bad == nil {
			bad = g.check(s, exampleSecret)
		}
		switch {
		case c.want == "" && bad != nil, c.want != "" && (bad == nil || !strings.Contains(bad.Error(), c.want)):
			t.Errorf("%s: got %v, want %q", name, bad, c.want)
		}
	}
}

// sign signs a request as a client does, in the header or in the query.
func signFor(g *signed, secret string, at time.Time) {
	g.signature = hex.EncodeToString(g.sign(secret, at, g.canonical(strings.Split(g.signedHeaders, ";"))))
}

func TestPresigned(t *testing.T) {
	now := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
	g := example("GET", "/?Action=GetCallerIdentity&X-Amz-Date=20150830T123600Z&X-Amz-Expires=60&X-Amz-Signature=zz", "")
	g.r.Header.Del("X-Amz-Date")
	g.presigned, g.signedHeaders = true, "host"
	signFor(&g, exampleSecret, now)
	s := &service{Service: Service{Protocol: Query}}
	if bad := g.inTime(s, now.Add(30*time.Second)); bad != nil {
		t.Error(bad)
	}
	if bad := g.check(s, exampleSecret); bad != nil {
		t.Error(bad)
	}
	if bad := g.inTime(s, now.Add(90*time.Second)); bad == nil {
		t.Error("good for longer than it says")
	}
}

// FuzzCanonical: what is written down for a request has its form whatever the
// request is, and parameters mean the same before and after.
func FuzzCanonical(f *testing.F) {
	f.Add("/a/../b//c%20d", "b=2&a=1&a=%2f+x&=&c", "x  y ", "host;x-a")
	f.Add("", "%zz&&=", "\x00", ";;")
	f.Fuzz(func(t *testing.T, path, query, value, names string) {
		r := &http.Request{Method: "GET", Host: "h", RequestURI: path + "?" + query, URL: &url.URL{Path: path, RawQuery: query}, Header: http.Header{"X-A": {value}}}
		g := signed{r: r, credential: credential{signedHeaders: names}}
		list := strings.Split(names, ";")
		got := g.canonical(list)
		if !bytes.HasPrefix(got, []byte("GET\n/")) {
			t.Fatalf("%q", got)
		}
		if again := canonicalQuery(canonicalQuery(query, false), false); again != canonicalQuery(query, false) {
			t.Errorf("%q becomes %q", query, again)
		}
		if strings.ContainsAny(canonicalPath(r)+canonicalQuery(query, true), "\n ") {
			t.Errorf("%q", got)
		}
		_ = g.check(&service{}, "secret")
	})
}
