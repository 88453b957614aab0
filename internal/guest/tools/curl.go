package tools

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"path"
	"strings"
	"syscall"
	"time"
)

// Exit codes of curl.
const (
	curlBadUse     = 2
	curlBadURL     = 3
	curlNoHost     = 6
	curlNoConnect  = 7
	curlHTTPError  = 22
	curlWriteError = 23
	curlTimeout    = 28
	curlTLS        = 35
	curlRedirects  = 47
	curlEmpty      = 52
	curlReceive    = 56
	curlPeerCert   = 60
)

// transfer is one URL's exchange, with what -w tells of it.
type transfer struct {
	o               *curlOptions
	url             *url.URL
	begun           time.Time
	looked, reached time.Duration
	first, total    time.Duration
	local, remote   string
	code            int
	connects        int
	size            int64
	exit            int
	message         string
}

// curl stands in for curl where the host has none: HTTP and HTTPS.
func curl(args []string) int {
	o, err := parseCurl(args)
	if err != nil {
		return fail(curlBadUse, "curl: %v", err)
	}
	if len(o.urls) == 0 {
		return fail(curlBadUse, "curl: (2) no URL specified")
	}
	exit := 0
	for i, raw := range o.urls {
		output := ""
		if i < len(o.outputs) {
			output = o.outputs[i]
		}
		if code := o.fetch(raw, output); code != 0 {
			exit = code
		}
	}
	return exit
}

func (o *curlOptions) fetch(raw, output string) int {
	if !strings.Contains(raw, "://") {
		raw = "http://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return o.complain(curlBadURL, "URL using bad/illegal format or missing URL")
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return o.complain(1, fmt.Sprintf("Protocol %q not supported by Musubi's stand-in for curl", u.Scheme))
	}
	if u.Path == "" {
		u.Path = "/"
	}
	if o.remoteName && output == "" {
		if output = path.Base(u.Path); output == "/" {
			return o.complain(curlWriteError, "Remote file name has no length")
		}
	}
	var t *transfer
	for try := 0; ; try++ {
		t = &transfer{o: o, url: u, begun: time.Now()}
		t.run(output)
		t.total = time.Since(t.begun)
		again := t.exit == curlTimeout || t.code == 408 || t.code == 429 || t.code >= 500 || (o.retryRefuse && t.exit == curlNoConnect)
		if try >= o.retry || !again {
			break
		}
		delay := o.retryDelay
		if delay == 0 {
			delay = min(time.Second<<try, 10*time.Minute)
		}
		time.Sleep(delay)
	}
	if t.exit != 0 {
		o.complain(t.exit, t.message)
	}
	if o.writeOut != "" {
		fmt.Print(t.expand(o.writeOut))
	}
	return t.exit
}

func (o *curlOptions) complain(code int, message string) int {
	if !o.silent || o.showError {
		_, _ = fmt.Fprintf(os.Stderr, "curl: (%d) %s\n", code, message)
	}
	return code
}

func (t *transfer) run(output string) {
	ctx := context.Background()
	if t.o.maxTime > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.o.maxTime)
		defer cancel()
	}
	req, err := t.request(ctx)
	if err != nil {
		t.exit, t.message = curlBadURL, err.Error()
		return
	}
	transport, err := t.transport()
	if err != nil {
		t.exit, t.message = 77, "error setting certificate verify locations: "+err.Error()
		return
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(_ *http.Request, via []*http.Request) error {
		if !t.o.follow {
			return http.ErrUseLastResponse
		}
		if len(via) > t.o.maxRedirects {
			return errRedirects
		}
		return nil
	}}
	resp, err := client.Do(req)
	if err != nil {
		t.failed(err)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	t.code = resp.StatusCode
	t.receive(resp, output)
}

var errRedirects = errors.New("too many redirects")

func (t *transfer) request(ctx context.Context) (*http.Request, error) {
	o := t.o
	method := http.MethodGet
	var content io.Reader
	data := strings.Join(o.data, "&")
	u := *t.url
	switch {
	case o.hasData && o.get:
		u.RawQuery = strings.TrimPrefix(u.RawQuery+"&"+data, "&")
	case o.hasData:
		method, content = http.MethodPost, strings.NewReader(data)
	case o.head:
		method = http.MethodHead
	}
	if o.method != "" {
		method = o.method
	}
	req, err := http.NewRequestWithContext(t.traced(ctx), method, u.String(), content)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", o.agent)
	req.Header.Set("Accept", "*/*")
	if o.referer != "" {
		req.Header.Set("Referer", o.referer)
	}
	if content != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if name, password, ok := strings.Cut(o.user, ":"); o.user != "" {
		_ = ok
		req.SetBasicAuth(name, password)
	}
	for _, h := range o.headers {
		name, value, ok := strings.Cut(h, ":")
		value = strings.TrimSpace(value)
		switch {
		case strings.EqualFold(name, "Host"):
			req.Host = value
		case ok && value == "":
			req.Header[http.CanonicalHeaderKey(name)] = nil
		case ok:
			req.Header.Set(name, value)
		default:
			req.Header.Set(strings.TrimSuffix(name, ";"), "")
		}
	}
	if o.verbose {
		_, _ = fmt.Fprintf(os.Stderr, "> %s %s HTTP/1.1\n> Host: %s\n", method, u.RequestURI(), req.Host)
		for _, name := range sortedKeys(req.Header) {
			_, _ = fmt.Fprintf(os.Stderr, "> %s: %s\n", name, strings.Join(req.Header[name], ", "))
		}
		_, _ = fmt.Fprintln(os.Stderr, ">")
	}
	return req, nil
}

func (t *transfer) traced(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) {
			t.remote, t.local = i.Conn.RemoteAddr().String(), i.Conn.LocalAddr().String()
			if t.o.verbose {
				_, _ = fmt.Fprintf(os.Stderr, "* Connected to %s (%s)\n", t.url.Hostname(), t.remote)
			}
		},
		GotFirstResponseByte: func() { t.first = time.Since(t.begun) },
	})
}

func (t *transfer) transport() (*http.Transport, error) {
	config := &tls.Config{InsecureSkipVerify: t.o.insecure}
	if t.o.cacert != "" {
		pem, err := os.ReadFile(t.o.cacert)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("no certificate in " + t.o.cacert)
		}
	}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: t.dial, TLSClientConfig: config, DisableCompression: true,
		ForceAttemptHTTP2: !t.o.http1,
	}, nil
}

var errConnectTime = errors.New("connection timed out")

func (t *transfer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	switch {
	case t.o.only4:
		network = "tcp4"
	case t.o.only6:
		network = "tcp6"
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	for _, r := range t.o.resolve {
		f := strings.SplitN(strings.TrimPrefix(r, "+"), ":", 3)
		if len(f) == 3 && (strings.EqualFold(f[0], host) || f[0] == "*") && f[1] == port {
			host = strings.Trim(strings.Split(f[2], ",")[0], "[]")
		}
	}
	limit := t.o.connectTimeout
	if limit == 0 {
		limit = 5 * time.Minute
	}
	inner, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if net.ParseIP(host) == nil {
		if _, err := net.DefaultResolver.LookupHost(inner, host); err != nil {
			return nil, err
		}
	}
	t.looked = time.Since(t.begun)
	c, err := (&net.Dialer{}).DialContext(inner, network, net.JoinHostPort(host, port))
	if err != nil {
		if inner.Err() != nil && ctx.Err() == nil {
			return nil, errConnectTime
		}
		return nil, err
	}
	t.reached = time.Since(t.begun)
	t.connects++
	return c, nil
}

// failed finds curl's code for what Go's client says.
func (t *transfer) failed(err error) {
	ms := time.Since(t.begun).Milliseconds()
	var name *net.DNSError
	var op *net.OpError
	var unknown x509.UnknownAuthorityError
	var wrongHost x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &name) && !errors.Is(err, context.DeadlineExceeded):
		t.exit, t.message = curlNoHost, "Could not resolve host: "+t.url.Hostname()
	case errors.Is(err, errConnectTime):
		t.exit, t.message = curlTimeout, fmt.Sprintf("Connection timed out after %d milliseconds", ms)
	case errors.Is(err, context.DeadlineExceeded) && t.connects == 0:
		t.exit, t.message = curlTimeout, fmt.Sprintf("Connection timed out after %d milliseconds", ms)
	case errors.Is(err, context.DeadlineExceeded):
		t.exit, t.message = curlTimeout, fmt.Sprintf("Operation timed out after %d milliseconds with %d bytes received", ms, t.size)
	case errors.As(err, &op) && op.Op == "dial":
		port := t.url.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[t.url.Scheme]
		}
		t.exit, t.message = curlNoConnect, fmt.Sprintf("Failed to connect to %s port %s after %d ms: Couldn't connect to server", t.url.Hostname(), port, ms)
	case errors.As(err, &unknown), errors.As(err, &wrongHost), errors.As(err, &invalid):
		t.exit, t.message = curlPeerCert, "SSL certificate problem: "+err.Error()
	case errors.As(err, &record), errors.As(err, new(tls.AlertError)):
		t.exit, t.message = curlTLS, "TLS connect error: "+err.Error()
	case errors.Is(err, errRedirects):
		t.exit, t.message = curlRedirects, fmt.Sprintf("Maximum (%d) redirects followed", t.o.maxRedirects)
	case errors.Is(err, syscall.ECONNRESET):
		t.exit, t.message = curlReceive, "Recv failure: Connection reset by peer"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		t.exit, t.message = curlEmpty, "Empty reply from server"
	default:
		t.exit, t.message = curlReceive, err.Error()
	}
}
