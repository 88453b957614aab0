package metadata

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// versions are the first parts of a path that the service knows. All show the
// same tree.
var versions = []string{
	"1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01", "2009-04-04",
	"2011-01-01", "2011-05-01", "2012-01-12", "2014-02-25", "2014-11-05", "2015-10-20", "2016-04-19", "2016-06-30",
	"2016-09-02", "2018-03-28", "2018-08-17", "2018-09-24", "2019-10-01", "2020-10-27", "2021-01-03", "2021-03-23",
	"2021-07-15", "2022-09-24", "2024-04-11", "latest",
}

const rolePath = "meta-data/iam/security-credentials"

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "EC2ws")
	asker, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		fail(w, http.StatusBadRequest)
		return
	}
	entry, ok := (*s.known.Load())[asker.Addr().Unmap()]
	if !ok {
		fail(w, http.StatusNotFound)
		return
	}
	m := entry()
	switch {
	case !m.Enabled:
		fail(w, http.StatusForbidden)
	case r.URL.Path == "/latest/api/token":
		if r.Method != http.MethodPut {
			w.Header().Set("Allow", "OPTIONS, PUT")
			fail(w, http.StatusMethodNotAllowed)
			return
		}
		s.issue(w, r, m)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "OPTIONS, GET, HEAD")
		fail(w, http.StatusMethodNotAllowed)
	case !s.allowed(w, r, m):
		fail(w, http.StatusUnauthorized)
	default:
		s.get(w, r, m)
	}
}

// allowed checks the token, which is needed unless the instance allows version 1.
// A wrong one is refused even then.
func (s *Server) allowed(w http.ResponseWriter, r *http.Request, m spec.Metadata) bool {
	token := r.Header.Get(tokenHeader)
	if token == "" {
		return !m.TokensRequired
	}
	left, ok := s.check(token, m)
	if ok {
		w.Header().Set(ttlHeader, strconv.Itoa(left))
	}
	return ok
}

// get answers for a path: a text, the credentials of a role, or a list.
func (s *Server) get(w http.ResponseWriter, r *http.Request, m spec.Metadata) {
	version, path, _ := strings.Cut(strings.Trim(r.URL.Path, "/"), "/")
	if version == "" {
		write(w, strings.Join(versions, "\n"))
		return
	}
	if !slices.Contains(versions, version) {
		fail(w, http.StatusNotFound)
		return
	}
	if text, ok := m.Values[path]; ok {
		write(w, text)
		return
	}
	if role, ok := strings.CutPrefix(path, rolePath+"/"); ok && role == m.Role && role != "" {
		s.credentials(w, r, m)
		return
	}
	list := children(m, path)
	if len(list) == 0 {
		fail(w, http.StatusNotFound)
		return
	}
	write(w, strings.Join(list, "\n"))
}

// children lists what is below a path; directories end with a slash, but for
// those at the top.
func children(m spec.Metadata, path string) []string {
	if path == rolePath && m.Role != "" {
		return []string{m.Role}
	}
	prefix := path + "/"
	if path == "" {
		prefix = ""
	}
	found := map[string]bool{}
	add := func(p string) {
		if rest, ok := strings.CutPrefix(p, prefix); ok && rest != "" {
			name, _, dir := strings.Cut(rest, "/")
			if dir && prefix != "" {
				delete(found, name) // a directory with a text of its own is a directory
				name += "/"
			} else if found[name+"/"] {
				return
			}
			found[name] = true
		}
	}
	for p := range m.Values {
		add(p)
	}
	if m.Role != "" {
		add(rolePath + "/" + m.Role)
	}
	return slices.Sorted(maps.Keys(found))
}

func (s *Server) credentials(w http.ResponseWriter, r *http.Request, m spec.Metadata) {
	if s.o.Credentials == nil {
		fail(w, http.StatusNotFound)
		return
	}
	c, err := s.o.Credentials(r.Context(), m.InstanceID, m.Role)
	if err != nil {
		s.o.Log.Warn("no credentials", "instance", m.InstanceID, "role", m.Role, "error", err)
		fail(w, http.StatusNotFound)
		return
	}
	body, err := json.MarshalIndent(struct {
		Code, LastUpdated, Type, AccessKeyId, SecretAccessKey, Token, Expiration string
	}{"Success", stamp(c.LastUpdated), "AWS-HMAC", c.AccessKeyID, c.SecretAccessKey, c.Token, stamp(c.Expiration)}, "", "  ")
	if err != nil {
		fail(w, http.StatusInternalServerError)
		return
	}
	write(w, string(body))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// write answers with a text. A client that went away is no concern.
func write(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Accept-Ranges", "none")
	_, _ = w.Write([]byte(text))
}

// fail answers with an error page like the real service's.
func fail(w http.ResponseWriter, code int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
	"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>%d - %s</title>
 </head>
 <body>
  <h1>%d - %s</h1>
 </body>
</html>
`, code, http.StatusText(code), code, http.StatusText(code))
}
