package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// install is the mend for missing proxies.
const install = "apt-get install haproxy nginx libnginx-mod-stream"

// streamModule is where Debian has nginx's module for TCP.
const streamModule = "/usr/lib/nginx/modules/ngx_stream_module.so"

// find looks for a program where an ordinary user's PATH may not lead.
func find(name string) string {
	for _, d := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/local/sbin", "/usr/sbin", "/sbin") {
		if p, err := exec.LookPath(filepath.Join(d, name)); err == nil && filepath.IsAbs(p) {
			return p
		}
	}
	return ""
}

// proxies returns which proxies this machine has, and a sentence on those that
// it has not.
func proxies(ctx context.Context) (have []string, missing string) {
	var lack []string
	if find("haproxy") != "" {
		have = append(have, haproxy)
	} else {
		lack = append(lack, haproxy)
	}
	if _, ok := nginxModule(ctx); ok {
		have = append(have, nginx)
	} else {
		lack = append(lack, nginx+" with its stream module")
	}
	if len(lack) > 0 {
		missing = fmt.Sprintf("%s: not installed here, so the table goes without (%s).", strings.Join(lack, " and "), install)
	}
	return have, missing
}

// nginxModule returns the line that loads nginx's stream module, if it needs
// one, and whether nginx can do TCP at all.
func nginxModule(ctx context.Context) (line string, ok bool) {
	program := find("nginx")
	if program == "" {
		return "", false
	}
	if _, err := os.Stat(streamModule); err == nil {
		return "load_module " + streamModule + ";\n", true
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "-V").CombinedOutput()
	return "", err == nil && strings.Contains(string(out)+" ", "--with-stream ")
}

// startProxy starts the proxy of a path and waits until it listens.
func (t *topology) startProxy(ctx context.Context, p *path) (*running, error) {
	dir, err := os.MkdirTemp("/run", strings.ToLower(p.name)+"-")
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "config")
	var text string
	var args []string
	if p.name == haproxy {
		text = haproxyConfig(p.proxy.address, p.server.address)
		args = []string{find("haproxy"), "-db", "-q", "-f", config}
	} else {
		module, _ := nginxModule(ctx)
		text = nginxConfig(module, dir, p.proxy.address, p.server.address)
		args = []string{find("nginx"), "-e", filepath.Join(dir, "log"), "-p", dir, "-c", config}
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return t.startProgram(ctx, p.name, p.proxy, sinkPort, args)
}

// startProgram starts a proxy and waits until it listens on a port.
func (t *topology) startProgram(ctx context.Context, name string, at place, port uint16, args []string) (*running, error) {
	cmd := exec.Command(args[0], args[1:]...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := t.start(at.ns, cmd); err != nil {
		return nil, err
	}
	r := &running{name: name, cmd: cmd, done: make(chan error, 1)}
	go func() { r.done <- cmd.Wait() }()
	if err := t.listens(ctx, at, port, r); err != nil {
		err = errors.Join(err, r.end())
		return nil, fmt.Errorf("%s does not listen: %w: %s", name, err, strings.TrimSpace(said.String()))
	}
	return r, nil
}

// listens waits until a connection is accepted.
func (t *topology) listens(ctx context.Context, at place, port uint16, r *running) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		c, err := t.world.DialTCP(ctx, at.ns, netip.Addr{}, netip.AddrPortFrom(at.address, port))
		if err == nil {
			return c.Close()
		}
		select {
		case err := <-r.done:
			r.done <- err
			return fmt.Errorf("it ended: %w", err)
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// haproxyConfig balances both ports as the load balancer's node would.
func haproxyConfig(at, server netip.Addr) string {
	var b strings.Builder
	fmt.Fprintf(&b, `global
    nbthread %d
    maxconn 4096
    tune.bufsize 65536
defaults
    mode tcp
    option splice-auto
    option tcp-smart-accept
    option tcp-smart-connect
    timeout connect 5s
    timeout client 350s
    timeout server 350s
`, cores())
	for _, port := range []int{echoPort, sinkPort} {
		fmt.Fprintf(&b, "listen port%d\n    bind %s:%d\n    source %s\n    server target %s:%d\n", port, at, port, nodeAddr, server, port)
	}
	return b.String()
}

// nginxConfig is the same for nginx.
func nginxConfig(module, dir string, at, server netip.Addr) string {
	var b strings.Builder
	b.WriteString(module)
	fmt.Fprintf(&b, `daemon off;
user root root;
worker_processes %d;
pid %s/pid;
error_log %s/log crit;
events { worker_connections 4096; }
stream {
    access_log off;
    tcp_nodelay on;
    proxy_buffer_size 64k;
    proxy_connect_timeout 5s;
    proxy_timeout 350s;
    proxy_bind %s;
`, cores(), dir, dir, nodeAddr)
	for _, port := range []int{echoPort, sinkPort} {
		fmt.Fprintf(&b, "    server { listen %s:%d reuseport backlog=1024; proxy_pass %s:%d; }\n", at, port, server, port)
	}
	b.WriteString("}\n")
	return b.String()
}
