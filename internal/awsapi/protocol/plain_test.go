package protocol_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
)

// plainDoor is a front door to one service that echoes, and the last of its calls.
func plainDoor(t *testing.T) (*protocol.Handler, *protocol.Call) {
	t.Helper()
	last := &protocol.Call{}
	h, err := protocol.NewHandler(protocol.Options{
		Plain: []protocol.Plain{{
			Name: "mess",
			Operation: func(r *http.Request) string {
				return map[string]string{"/open": "Open", "/shut": "Shut", "/bad": "Bad"}[r.URL.Path]
			},
			Open: func(r *http.Request) bool { return r.URL.Path == "/open" },
			Handle: func(w http.ResponseWriter, r *http.Request, call *protocol.Call) error {
				*last = *call
				if call.Operation == "Bad" {
					return cloud.Errorf(cloud.KindInvalid, "thing", "BadThing", "Bad.")
				}
				_, err := io.Copy(w, r.Body)
				return err
			},
		}},
		Authorize: func(a protocol.Access) (string, bool) {
			return a.Action + " because none.", a.Request.Header.Get("X-Deny") == ""
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return h, last
}

func TestPlain(t *testing.T) {
	for name, c := range map[string]struct {
		path, header string
		unsigned     bool
		status       int
		want         string
	}{
		"signed":            {"/shut", "", false, 200, "body"},
		"signed, open":      {"/open", "", false, 200, "body"},
		"not signed":        {"/shut", "", true, 403, "MissingAuthenticationToken"},
		"not signed, open":  {"/open", "", true, 200, "body"},
		"of a page":         {"/open", "Origin: http://127.0.0.1:4566", true, 403, "web pages"},
		"of another page":   {"/open", "Origin: http://example.com", true, 403, "other origins"},
		"policy":            {"/shut", "X-Deny: 1", false, 400, "is not authorized to perform: mess:Shut because none."},
		"nothing there":     {"/none", "", false, 404, "UnknownOperationException"},
		"refused":           {"/bad", "", false, 400, `"BadThing"`},
		"not signed, other": {"/none", "", true, 403, "MissingAuthenticationToken"},
	} {
		h, last := plainDoor(t)
		r := signed("PUT", c.path, "mess", "body")
		if c.unsigned {
			r.Header.Del("Authorization")
		}
		if k, v, ok := strings.Cut(c.header, ": "); ok {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: got %d %s, want %d %s", name, w.Code, w.Body, c.status, c.want)
		}
		if c.status == 200 && (last.Service != "mess" || (last.Caller.Account == "") != c.unsigned) {
			t.Errorf("%s: call %+v", name, last)
		}
	}
}

func TestPlainBesideADoor(t *testing.T) {
	h, _ := plainDoor(t)
	for host, want := range map[string]int{"mess": 200, "other": 403, "none": 403} {
		in := h.Door(protocol.Door{Host: func(r *http.Request) (string, string, bool) { return r.Host, "eu-west-1", r.Host != "none" }})
		r := httptest.NewRequest("GET", "http://"+host+"/open", nil)
		w := httptest.NewRecorder()
		in.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: got %d %s, want %d", host, w.Code, w.Body, want)
		}
	}
}

func TestPlainIsWhole(t *testing.T) {
	for _, list := range [][]protocol.Plain{
		{{Name: "a"}},
		{{Name: "", Operation: func(*http.Request) string { return "" }}},
	} {
		if _, err := protocol.NewHandler(protocol.Options{Plain: list}); err == nil {
			t.Errorf("%+v is accepted", list)
		}
	}
}
