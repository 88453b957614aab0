package sticky

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// fields are Headers.
type fields map[string][]string

func (f fields) Value(name string, i int) (string, bool) {
	if i >= len(f[name]) {
		return "", false
	}
	return f[name][i], true
}

type clock struct{ t time.Time }

func codec(t testing.TB, fill byte) (*Codec, *clock) {
	c := &clock{time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)}
	out, err := New(bytes.Repeat([]byte{fill}, KeySize), func() time.Time { return c.t })
	if err != nil {
		t.Fatal(err)
	}
	return out, c
}

// sent is the Cookie header of a client that keeps what it was told, but for the
// cookies that are left out.
func sent(set []string, without ...string) fields {
	var out []string
	for _, s := range set {
		pair, _, _ := strings.Cut(s, ";")
		name, _, _ := strings.Cut(pair, "=")
		keep := true
		for _, w := range without {
			keep = keep && name != w
		}
		if keep {
			out = append(out, pair)
		}
	}
	return fields{"Cookie": {strings.Join(out, "; ")}}
}

var (
	lb  = &spec.BalancerGroup{ARN: "arn:tg/1", Stickiness: &spec.Stickiness{Type: "lb_cookie", Seconds: 60}}
	lb2 = &spec.BalancerGroup{ARN: "arn:tg/2", Stickiness: &spec.Stickiness{Type: "lb_cookie", Seconds: 60}}
	app = &spec.BalancerGroup{ARN: "arn:tg/3", Stickiness: &spec.Stickiness{Type: "app_cookie", Cookie: "SID", Seconds: 60}}
)

func TestLoadBalancerCookie(t *testing.T) {
	c, clk := codec(t, 1)
	set := c.SetTarget(nil, nil, lb, "i-1:80", false)
	if len(set) != 2 || !strings.HasPrefix(set[0], "AWSALB=") || !strings.HasSuffix(set[0], "; Expires=Wed, 08 May 2024 12:00:00 GMT; Path=/") ||
		!strings.HasPrefix(set[1], "AWSALBCORS=") || !strings.HasSuffix(set[1], "; Path=/; SameSite=None; Secure") {
		t.Fatalf("got %q", set)
	}
	if strings.Contains(strings.Join(set, ""), "i-1") {
		t.Error("the target can be read")
	}
	check := func(what string, h Headers, g *spec.BalancerGroup, want string) {
		t.Helper()
		if got, ok := c.Target(h, g); got != want || ok != (want != "") {
			t.Errorf("%s: got %q, %v", what, got, ok)
		}
	}
	check("both", sent(set), lb, "i-1:80")
	check("CORS only", sent(set, "AWSALB"), lb, "i-1:80")
	check("none", fields{}, lb, "")
	check("no headers", nil, lb, "")
	check("of another group", sent(set), lb2, "")
	check("without stickiness", sent(set), &spec.BalancerGroup{ARN: lb.ARN}, "")
	check("after one that is broken", fields{"Cookie": {"AWSALB=x", "a=b;" + sent(set)["Cookie"][0]}}, lb, "i-1:80")
	other, _ := codec(t, 2)
	check("by another key", sent(other.SetTarget(nil, nil, lb, "i-1:80", false)), lb, "")
	value := sent(set)["Cookie"][0][len("AWSALB="):][:40]
	check("cut", fields{"Cookie": {"AWSALB=" + value}}, lb, "")
	check("as another kind", fields{"Cookie": {strings.ReplaceAll(sent(c.SetGroup(&spec.ForwardAction{StickySeconds: 9}, lb.ARN))["Cookie"][0], "AWSALBTG", "AWSALB")}}, lb, "")
	clk.t = clk.t.Add(59 * time.Second)
	check("in time", sent(set), lb, "i-1:80")
	clk.t = clk.t.Add(time.Second)
	check("over", sent(set), lb, "")
}

func TestApplicationCookie(t *testing.T) {
	c, clk := codec(t, 1)
	if set := c.SetTarget(fields{}, fields{"Set-Cookie": {"other=1"}}, app, "i-1:80", false); set != nil {
		t.Errorf("a cookie without the application's: %q", set)
	}
	set := c.SetTarget(fields{}, fields{"Set-Cookie": {"other=1", "SID=abc; HttpOnly"}}, app, "i-1:80", false)
	if len(set) != 4 || !strings.HasPrefix(set[0], "AWSALBAPP-0=") || !strings.HasPrefix(set[1], "AWSALBAPP-1=_remove_; ") {
		t.Fatalf("got %q", set)
	}
	h := sent(set)
	if got, ok := c.Target(h, app); ok {
		t.Errorf("without the application's cookie it is at %s", got)
	}
	h["Cookie"] = append(h["Cookie"], "SID=abc")
	if got, ok := c.Target(h, app); !ok || got != "i-1:80" {
		t.Errorf("got %q, %v", got, ok)
	}
	clk.t = clk.t.Add(40 * time.Second)
	again := sent(c.SetTarget(h, fields{}, app, "i-2:80", true))
	again["Cookie"] = append(again["Cookie"], "SID=abc")
	clk.t = clk.t.Add(40 * time.Second)
	if got, _ := c.Target(again, app); got != "i-2:80" {
		t.Errorf("a session that went on is at %q", got)
	}
	if _, ok := c.Target(h, app); ok {
		t.Error("the session's first cookie is not over")
	}
}

func TestApplicationCookieOfManyGroups(t *testing.T) {
	c, _ := codec(t, 1)
	h, response := fields{"Cookie": {"SID=abc"}}, fields{"Set-Cookie": {"SID=abc"}}
	at := func(i int) *spec.BalancerGroup {
		g := *app
		g.ARN = fmt.Sprint("arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/name/", i)
		return &g
	}
	for i := range 60 {
		set := c.SetTarget(h, response, at(i), fmt.Sprint("i-", i), false)
		for _, s := range set {
			if len(s) > 4096 {
				t.Fatalf("a cookie has %d bytes", len(s))
			}
		}
		h = sent(set)
		h["Cookie"] = append(h["Cookie"], "SID=abc")
	}
	for i := range 60 {
		if got, _ := c.Target(h, at(i)); got != fmt.Sprint("i-", i) {
			t.Errorf("group %d is at %q", i, got)
		}
	}
	if n := strings.Count(h["Cookie"][0], unused); n > 2 {
		t.Errorf("60 groups fit in %d cookies", parts-n)
	}
}

func TestSameSiteForApplications(t *testing.T) {
	c, _ := codec(t, 1)
	for agent, want := range map[string]bool{"Mozilla/5.0 Chrome/80.0.1": true, "Mozilla/5.0 Chrome/79.0": false, "Chromium/120.0": true, "curl/8": false} {
		h := fields{"Origin": {"https://a.b"}, "User-Agent": {agent}}
		set := c.SetTarget(h, fields{"Set-Cookie": {"SID=1"}}, app, "i-1", false)
		if got := strings.HasSuffix(set[0], cors); got != want {
			t.Errorf("%s: %v, want %v", agent, got, want)
		}
	}
}

func TestGroupCookie(t *testing.T) {
	c, clk := codec(t, 1)
	f := &spec.ForwardAction{StickySeconds: 60, Groups: []spec.ForwardGroup{{Group: "x", Weight: 1}, {Group: "y"}}}
	set := c.SetGroup(f, "y")
	if len(set) != 2 || !strings.HasPrefix(set[0], "AWSALBTG=") || !strings.HasSuffix(set[1], cors) {
		t.Fatalf("got %q", set)
	}
	if got, ok := c.Group(sent(set), f); !ok || got != "y" {
		t.Errorf("got %q, %v", got, ok)
	}
	if _, ok := c.Group(sent(set), &spec.ForwardAction{StickySeconds: 60, Groups: f.Groups[:1]}); ok {
		t.Error("a group that is not the action's")
	}
	if _, ok := c.Group(sent(set), &spec.ForwardAction{Groups: f.Groups}); ok || c.SetGroup(&spec.ForwardAction{}, "y") != nil {
		t.Error("an action without stickiness")
	}
	clk.t = clk.t.Add(time.Minute)
	if _, ok := c.Group(sent(set), f); ok {
		t.Error("it is over")
	}
}

func TestKeySize(t *testing.T) {
	if _, err := New(make([]byte, 5), time.Now); err == nil {
		t.Error("a short key was taken")
	}
}

// FuzzCookie sends anything as a cookie: without the key nothing leads to a
// target.
func FuzzCookie(f *testing.F) {
	c, _ := codec(f, 1)
	other, _ := codec(f, 2)
	f.Add(sent(other.SetTarget(nil, nil, lb, "i-1:80", false))["Cookie"][0])
	f.Add(`AWSALB="x"; AWSALBAPP-0=_remove_`)
	f.Add("SID=1; AWSALBAPP-0=QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB; AWSALBAPP-1=x")
	f.Fuzz(func(t *testing.T, cookie string) {
		h := fields{"Cookie": {cookie}}
		for _, g := range []*spec.BalancerGroup{lb, app} {
			if got, ok := c.Target(h, g); ok {
				t.Errorf("%q is at %q", cookie, got)
			}
		}
	})
}

// FuzzEntry reads what a decrypted cookie could hold at worst.
func FuzzEntry(f *testing.F) {
	f.Add([]byte{1, 2, 'a', 'b', 1, 'c'})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			_, rest, ok := readEntry(b)
			if !ok {
				return
			}
			if len(rest) >= len(b) {
				t.Fatal("it does not end")
			}
			b = rest
		}
	})
}

func BenchmarkTarget(b *testing.B) {
	c, _ := codec(b, 1)
	h := sent(c.SetTarget(nil, nil, lb, "i-0123456789abcdef0:80", false))
	b.ReportAllocs()
	for b.Loop() {
		c.Target(h, lb)
		c.SetTarget(h, nil, lb, "i-0123456789abcdef0:80", true)
	}
}
