package l7

import (
	"strings"
	"testing"
)

// HTTP on a port that speaks TLS is answered with AWS's page; what is neither
// is not answered.
func TestPlain(t *testing.T) {
	l := newLab(t, https(t, "a.test"), "127.0.0.1:1")
	for _, method := range []string{"GET", "POST", "HEAD"} {
		w := l.wire()
		w.send(method + " / HTTP/1.1\r\nHost: a\r\n\r\n")
		res, body := w.response("GET")
		if res.StatusCode != 400 || res.Header.Get("Server") != "awselb/2.0" || !strings.Contains(body, "The plain HTTP request was sent to HTTPS port") {
			t.Errorf("%s: %d %v %q", method, res.StatusCode, res.Header, body)
		}
		if !w.ended() {
			t.Errorf("%s: the connection goes on", method)
		}
	}
	w := l.wire()
	w.send("neither nor\r\n\r\n")
	if !w.ended() {
		t.Error("something else was answered")
	}
}
