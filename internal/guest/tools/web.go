package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const httpdUnit = `# Musubi's stand-in for the Apache HTTP Server.
[Unit]
Description=The Apache HTTP Server (Musubi stand-in)

[Service]
Type=notify
ExecStart=/usr/sbin/httpd -DFOREGROUND

[Install]
WantedBy=multi-user.target
`

const nginxUnit = `# Musubi's stand-in for nginx.
[Unit]
Description=The nginx HTTP and reverse proxy server (Musubi stand-in)

[Service]
Type=notify
ExecStart=/usr/sbin/nginx

[Install]
WantedBy=multi-user.target
`

// site is what a web server stand-in serves.
type site struct {
	name   string // Server header
	root   string
	port   string
	log    string
	notice string // shown, with 403, where there is no page
}

func httpd(args []string) int {
	if len(args) > 0 && (args[0] == "-v" || args[0] == "-V") {
		fmt.Println("Server version: Apache/2.4.62 (Amazon Linux) (Musubi stand-in)")
		return 0
	}
	s := site{
		name: "Apache/2.4.62 (Amazon Linux)", root: "/var/www/html", port: "80", log: "/var/log/httpd/access_log",
		notice: "<!doctype html>\n<html lang='en'><head><title>HTTP Server Test Page</title></head>\n<body><h1>It works!</h1><p>Musubi's stand-in for httpd: put pages into /var/www/html.</p></body></html>\n",
	}
	if text, err := os.ReadFile("/etc/httpd/conf/httpd.conf"); err == nil {
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			switch {
			case len(f) == 2 && strings.EqualFold(f[0], "Listen"):
				s.port = f[1][strings.LastIndex(f[1], ":")+1:]
			case len(f) == 2 && strings.EqualFold(f[0], "DocumentRoot"):
				s.root = strings.Trim(f[1], `"`)
			}
		}
	}
	return s.serve("httpd", "(98)Address already in use: AH00072: make_sock: could not bind to address [::]:"+s.port)
}

// apachectl is httpd's control program: the service's verbs.
func apachectl(args []string) int {
	if len(args) == 0 {
		return fail(1, "usage: apachectl start|stop|restart|graceful|status|configtest")
	}
	switch args[0] {
	case "start", "stop", "restart", "status":
		return systemctl([]string{args[0], "httpd"})
	case "graceful":
		return systemctl([]string{"restart", "httpd"})
	case "configtest", "-t":
		return fail(0, "Syntax OK")
	}
	return httpd(args)
}

func nginx(args []string) int {
	if len(args) > 0 {
		switch args[0] {
		case "-v", "-V":
			return fail(0, "nginx version: nginx/1.26.2 (Musubi stand-in)")
		case "-t":
			return fail(0, "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok")
		}
	}
	s := site{
		name: "nginx/1.26.2", root: "/usr/share/nginx/html", port: "80", log: "/var/log/nginx/access.log",
		notice: "<html>\n<head><title>403 Forbidden</title></head>\n<body>\n<center><h1>403 Forbidden</h1></center>\n<hr><center>nginx/1.26.2</center>\n</body>\n</html>\n",
	}
	return s.serve("nginx", "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)")
}

// serve runs until it is told to end. Requests in flight are finished first.
func (s site) serve(program, inUse string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	l, err := net.Listen("tcp", ":"+s.port)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fail(1, "%s", inUse)
	}
	if err != nil {
		return fail(1, "%s: %v", program, err)
	}
	if err := os.MkdirAll(filepath.Dir(s.log), 0o755); err != nil {
		return fail(1, "%s: %v", program, err)
	}
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fail(1, "%s: %v", program, err)
	}
	defer func() { _ = log.Close() }()
	server := &http.Server{Handler: s.handler(log), ReadHeaderTimeout: 60 * time.Second, IdleTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	if err := sdNotify("READY=1"); err != nil {
		return fail(1, "%s: %v", program, err)
	}
	select {
	case err := <-failed:
		return fail(1, "%s: %v", program, err)
	case <-ctx.Done():
	}
	// What clients do not finish in a second is cut off: stopping means stopping.
	end, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := server.Shutdown(end); err != nil {
		_ = server.Close()
	}
	return 0
}

// sdNotify tells the service manager, if there is one, that the service is up.
func sdNotify(state string) error {
	address := os.Getenv("NOTIFY_SOCKET")
	if address == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	_, err = c.Write([]byte(state))
	return err
}

// handler serves files, an index.html for a directory, and a log line each.
func (s site) handler(log io.Writer) http.Handler {
	var mu sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", s.name)
		c := &counter{ResponseWriter: w, code: http.StatusOK}
		s.page(c, r)
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		mu.Lock()
		defer mu.Unlock()
		_, _ = fmt.Fprintf(log, "%s - - [%s] \"%s %s %s\" %d %d %q %q\n", strings.TrimPrefix(host, "::ffff:"),
			time.Now().UTC().Format("02/Jan/2006:15:04:05 -0700"), r.Method, r.RequestURI, r.Proto, c.code, c.bytes,
			dash(r.Referer()), dash(r.UserAgent()))
	})
}

func (s site) page(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "HEAD,GET")
		s.problem(w, http.StatusMethodNotAllowed, "The requested method "+r.Method+" is not allowed for this URL.")
		return
	}
	name := filepath.Join(s.root, filepath.FromSlash(path.Clean("/"+r.URL.Path)))
	info, err := os.Stat(name)
	if err == nil && info.IsDir() {
		if !strings.HasSuffix(r.URL.Path, "/") {
			http.Redirect(w, r, r.URL.Path+"/", http.StatusMovedPermanently)
			return
		}
		name = filepath.Join(name, "index.html")
		if info, err = os.Stat(name); err != nil {
			s.empty(w)
			return
		}
	}
	if err != nil || strings.HasSuffix(r.URL.Path, "/") && r.URL.Path != "/" && filepath.Base(name) != "index.html" {
		s.problem(w, http.StatusNotFound, "The requested URL was not found on this server.")
		return
	}
	f, err := os.Open(name)
	if err != nil {
		s.problem(w, http.StatusForbidden, "You don't have permission to access this resource.")
		return
	}
	defer func() { _ = f.Close() }()
	w.Header().Set("ETag", `"`+strconv.FormatInt(info.Size(), 16)+"-"+strconv.FormatInt(info.ModTime().UnixMicro(), 16)+`"`)
	http.ServeContent(w, r, name, info.ModTime(), f)
}

// empty is a site without pages: the test page, with 403 as Apache sends it.
func (s site) empty(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(s.notice)))
	w.WriteHeader(http.StatusForbidden)
	_, _ = io.WriteString(w, s.notice)
}

func (s site) problem(w http.ResponseWriter, code int, text string) {
	body := fmt.Sprintf("<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>%d %s</title>\n</head><body>\n<h1>%s</h1>\n<p>%s</p>\n</body></html>\n",
		code, http.StatusText(code), http.StatusText(code), text)
	w.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	_, _ = io.WriteString(w, body)
}

// counter remembers the status and the size of a response. ReadFrom keeps
// sendfile working.
type counter struct {
	http.ResponseWriter
	code  int
	bytes int64
}

func (c *counter) WriteHeader(code int) {
	c.code = code
	c.ResponseWriter.WriteHeader(code)
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.bytes += int64(n)
	return n, err
}

func (c *counter) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(c.ResponseWriter, r)
	c.bytes += n
	return n, err
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
