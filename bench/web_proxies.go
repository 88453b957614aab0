package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// webNames returns which reverse proxies this machine has, and a sentence on those
// that it has not.
func webNames() (have []string, missing string) {
	have = []string{alb}
	var lack []string
	for _, p := range []struct{ name, program string }{{haproxy, "haproxy"}, {nginx, "nginx"}} {
		if find(p.program) != "" {
			have = append(have, p.name)
		} else {
			lack = append(lack, p.name)
		}
	}
	if len(lack) > 0 {
		missing = fmt.Sprintf("%s: not installed here, so the ALB's table goes without (apt-get install haproxy nginx).", strings.Join(lack, " and "))
	}
	return have, missing
}

// startWeb starts a reverse proxy and waits until it listens.
func (t *webTopology) startWeb(ctx context.Context, p *webProxy, profile string) (*running, error) {
	if p.name == alb {
		j := job{Work: &serverWork{Dir: t.dir, Balancer: t.balancer(p.ports), Profile: profile}, Address: nodeAddr}
		return t.startSelf(ctx, alb, t.vpc.ID, j)
	}
	dir, err := os.MkdirTemp("/run", strings.ToLower(p.name)+"-")
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "config")
	text, args := haproxyWeb(p.ports, t.certificate()), []string{find("haproxy"), "-db", "-q", "-f", config}
	if p.name == nginx {
		text, args = nginxWeb(p.ports, dir, t.certificate()), []string{find("nginx"), "-e", filepath.Join(dir, "log"), "-p", dir, "-c", config}
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return t.startProgram(ctx, p.name, place{t.vpc.ID, nodeAddr}, p.ports.https, args)
}

// haproxyWeb adds the header fields that the load balancer adds, and keeps
// connections to targets for everybody, as the load balancer does.
func haproxyWeb(p webPorts, certificate string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `global
    nbthread %d
    maxconn 8192
    ssl-default-bind-options ssl-min-ver TLSv1.2
    ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384
    ssl-default-bind-curves X25519:P-256
defaults
    mode http
    option http-keep-alive
    http-reuse always
    option forwardfor
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    timeout http-keep-alive 60s
`, cores())
	for _, l := range []struct {
		scheme string
		port   uint16
		more   string
	}{{"http", p.http, ""}, {"https", p.https, " ssl crt " + certificate + " alpn http/1.1"}} {
		fmt.Fprintf(&b, "frontend %s\n    bind %s:%d%s\n    http-request set-header X-Forwarded-Proto %s\n    http-request set-header X-Forwarded-Port %d\n    default_backend targets\n",
			l.scheme, nodeAddr, l.port, l.more, l.scheme, l.port)
	}
	fmt.Fprintf(&b, "backend targets\n    balance roundrobin\n    source %s\n", nodeAddr)
	for i, a := range webTargets {
		fmt.Fprintf(&b, "    server target%d %s\n", i, netip.AddrPortFrom(a, echoPort))
	}
	return b.String()
}

// nginxWeb is the same for nginx.
func nginxWeb(p webPorts, dir, certificate string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `daemon off;
user root root;
worker_processes %d;
pid %s/pid;
error_log %s/log crit;
events { worker_connections 8192; }
http {
    access_log off;
    tcp_nodelay on;
    keepalive_timeout 60s;
    keepalive_requests 1000000000;
    client_body_temp_path %s/body;
    proxy_temp_path %s/proxy;
    fastcgi_temp_path %s/fastcgi;
    uwsgi_temp_path %s/uwsgi;
    scgi_temp_path %s/scgi;
    ssl_certificate %s;
    ssl_certificate_key %s.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384;
    ssl_ecdh_curve X25519:prime256v1;
    upstream targets {
`, cores(), dir, dir, dir, dir, dir, dir, dir, certificate, certificate)
	for _, a := range webTargets {
		fmt.Fprintf(&b, "        server %s;\n", netip.AddrPortFrom(a, echoPort))
	}
	b.WriteString("        keepalive 1024;\n        keepalive_requests 1000000000;\n    }\n")
	for _, l := range []struct {
		port uint16
		more string
	}{{p.http, ""}, {p.https, " ssl"}} {
		fmt.Fprintf(&b, `    server {
        listen %s:%d%s reuseport backlog=4096;
        location / {
            proxy_pass http://targets;
            proxy_bind %s;
            proxy_http_version 1.1;
            proxy_connect_timeout 10s;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Port $server_port;
        }
    }
`, nodeAddr, l.port, l.more, nodeAddr)
	}
	b.WriteString("}\n")
	return b.String()
}
