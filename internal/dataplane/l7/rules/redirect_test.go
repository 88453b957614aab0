package rules

import (
	"testing"

	"github.com/musubi-net/musubi/internal/spec"
)

func TestLocation(t *testing.T) {
	all := spec.RedirectAction{Status: 301, Protocol: "#{protocol}", Host: "#{host}", Port: "#{port}", Path: "/#{path}", Query: "#{query}"}
	with := func(edit func(*spec.RedirectAction)) *spec.RedirectAction {
		a := all
		edit(&a)
		return &a
	}
	https := func(a *spec.RedirectAction) { a.Protocol, a.Port = "HTTPS", "443" }
	for _, c := range []struct {
		name   string
		action *spec.RedirectAction
		edit   func(*Request)
		want   string
	}{
		{"to HTTPS", with(https), nil, "https://api.example.com:443/img/a.png"},
		{"query kept", with(https), func(r *Request) { r.RawQuery = "a=%20b&c" }, "https://api.example.com:443/img/a.png?a=%20b&c"},
		{"query dropped", with(func(a *spec.RedirectAction) { https(a); a.Query = "" }), func(r *Request) { r.RawQuery = "a" }, "https://api.example.com:443/img/a.png"},
		{"query added", with(func(a *spec.RedirectAction) { a.Query = "#{query}&from=#{host}" }), func(r *Request) { r.RawQuery = "a=1" },
			"http://api.example.com:80/img/a.png?a=1&from=api.example.com"},
		{"host and path", with(func(a *spec.RedirectAction) { a.Host, a.Path = "www.#{host}", "/v2/#{path}" }), nil, "http://www.api.example.com:80/v2/img/a.png"},
		{"port in the path", with(func(a *spec.RedirectAction) { a.Path = "/#{port}/#{host}" }), nil, "http://api.example.com:80/80/api.example.com"},
		{"the root", with(https), func(r *Request) { r.Path = "/" }, "https://api.example.com:443/"},
		{"placeholders of clients", with(https), func(r *Request) { r.Path = "/#{host}" }, "https://api.example.com:443/#{host}"},
		{"unknown placeholder", with(func(a *spec.RedirectAction) { a.Path = "/#{x}/#{" }), nil, "http://api.example.com:80/#{x}/#{"},
		{"not encoded", with(func(a *spec.RedirectAction) { a.Path = "/ä b" }), nil, "http://api.example.com:80/ä b"},
		{"no second header", with(https), func(r *Request) { r.Path = "/a\r\nSet-Cookie: b" }, "https://api.example.com:443/aSet-Cookie: b"},
		{"defaults", &spec.RedirectAction{Host: "x.y"}, nil, "http://x.y:80/img/a.png"},
		{"IPv6", with(https), func(r *Request) { r.Host = "[fd00::1]:80" }, "https://[fd00::1]:443/img/a.png"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, got := Location(c.action, request(c.edit), "HTTP", 80); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
	if got, _ := Location(&all, request(nil), "HTTP", 80); got != 301 {
		t.Errorf("status %d", got)
	}
}
