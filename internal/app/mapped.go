package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/broker"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/amazon"
	"github.com/musubi-net/musubi/internal/dataplane/gate"
	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/spec"
)

// heldBodies bounds the bodies of requests to mapped services in memory.
const heldBodies = 96 << 20

// stalled is how long a request or an answer of a mapped service may make no
// progress.
const stalled = 2 * time.Minute

const httpPort = 80

// mappedOwner owns the public names of mapped services.
const mappedOwner = "amazon mapped"

// hostDialer connects to addresses of the host's network.
type hostDialer interface {
	Dial(ctx context.Context, kind, network, address string) (net.Conn, error)
}

// passage hands requests to the programs on the host that services are mapped to.
type passage struct {
	transport *http.Transport
	room      *semaphore.Weighted
}

func newPassage(dialer hostDialer) *passage {
	return &passage{room: semaphore.NewWeighted(heldBodies), transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return dialer.Dial(ctx, broker.Service, network, address)
		},
		// What the client asked for is passed on, and nothing more.
		DisableCompression: true, MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: 10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}}
}

// pass verifies and judges a request to a mapped service and hands it over.
func (in *doorway) pass(w http.ResponseWriter, r *http.Request, p amazon.Place) {
	f := protocol.Foreign{Name: p.Name, Sign: p.SigningName(), Region: p.Region, Open: p.Open, S3: p.Name == "s3", Room: in.passage.room,
		Wants: func(a protocol.Access) []protocol.Want { return wants(p, a) }, Allow: in.allow}
	if p.AtGlobal {
		f.Region = "" // buckets of all regions have the global name
	}
	m, ok := amazon.Mappings.Get(in.d.engine.Snapshot(), p.Name)
	if !ok {
		in.d.front.Unavailable(w, r, f, fmt.Sprintf("Nothing serves %s: musubi services map %s URL", p.Name, p.Name))
		return
	}
	f.Serve = in.passage.to(m, func(w http.ResponseWriter, r *http.Request, err error) {
		in.d.log.Debug("mapped service", "service", p.Name, "url", m.URL, "error", err)
		if errors.Is(err, context.Canceled) {
			panic(http.ErrAbortHandler) // the client has gone
		}
		if errors.Is(err, protocol.ErrMismatch) {
			in.d.front.Mismatch(w, r, f)
			return
		}
		in.d.front.Unavailable(w, r, f, fmt.Sprintf("%s is mapped to %s, which does not answer: %v", p.Name, m.URL, err))
	})
	in.d.front.Pass(w, r, f)
}

// wants tells what a request asks of a mapped service.
func wants(p amazon.Place, a protocol.Access) []protocol.Want {
	r := a.Request
	q := amazon.Request{Place: p, Account: a.Caller.Account, Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Params: a.Params,
		Target: r.Header.Get("X-Amz-Target"), Body: a.Body}
	if text, err := url.PathUnescape(r.Header.Get("X-Amz-Copy-Source")); err == nil {
		q.Copy = text
	}
	var out []protocol.Want
	for _, w := range q.Wants() {
		out = append(out, protocol.Want(w))
	}
	return out
}

// to passes requests to what a service is mapped to, as they came: the Host header
// names the bucket, and is signed.
func (p *passage) to(m amazon.Mapping, failed func(http.ResponseWriter, *http.Request, error)) http.Handler {
	proxy := &httputil.ReverseProxy{Transport: p.transport, FlushInterval: -1, ErrorHandler: failed, Rewrite: func(r *httputil.ProxyRequest) {
		scheme, host, _ := strings.Cut(m.URL, "://")
		r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = scheme, host, r.In.Host
		r.Out.URL.RawQuery = r.In.URL.RawQuery
		for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
			if v := r.In.Header.Values(name); len(v) > 0 {
				r.Out.Header[name] = v
			}
		}
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		// What streams may take longer than a server's usual limits, as long as it
		// goes on.
		_ = c.SetWriteDeadline(time.Time{})
		_ = c.SetReadDeadline(time.Now().Add(stalled))
		r.Body = &steadyBody{r.Body, c}
		proxy.ServeHTTP(&steadyWriter{w, c}, r)
	})
}

// steadyBody lets a body go on that makes progress.
type steadyBody struct {
	io.ReadCloser
	c *http.ResponseController
}

func (b *steadyBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	next := time.Now().Add(stalled)
	if err != nil {
		next = time.Time{} // from here on the server only waits for the client to go
	}
	_ = b.c.SetReadDeadline(next)
	return n, err
}

// steadyWriter does the same for an answer.
type steadyWriter struct {
	http.ResponseWriter
	c *http.ResponseController
}

// Unwrap lets the answer be flushed, and the connection be taken over.
func (w *steadyWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *steadyWriter) Write(p []byte) (int, error) {
	_ = w.c.SetWriteDeadline(time.Now().Add(stalled))
	return w.ResponseWriter.Write(p)
}

// sync gives mapped services their public names, and listens at the addresses that
// some have of their own, also without TLS. Listeners stay: without names nobody
// comes.
func (in *doorway) sync(ctx context.Context) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	names := &spec.Public{Names: map[string][]netip.Addr{}}
	var errs []error
	for _, s := range amazon.All(in.d.engine.Snapshot()) {
		if s.Served {
			continue
		}
		for _, region := range cloud.Regions() {
			for _, n := range s.PublicNames(region) {
				names.Names[n+"."] = []netip.Addr{s.Address(region)}
			}
		}
		if s.Gateway {
			errs = append(errs, in.open(ctx, s))
		}
	}
	return errors.Join(append(errs, in.d.reconciler.Public().Set(mappedOwner, names))...)
}

// open listens at a service's own addresses, and on the fabric for requests without
// TLS.
func (in *doorway) open(ctx context.Context, s amazon.Service) error {
	for _, region := range cloud.Regions() {
		for _, port := range []uint16{httpsPort, httpPort} {
			if err := in.listen(ctx, kernel.InternetNS, netip.AddrPortFrom(s.Address(region), port)); err != nil {
				return err
			}
		}
	}
	return in.listen(ctx, kernel.FabricNS, netip.AddrPortFrom(netip.IPv6Unspecified(), httpPort))
}

// listen answers at an address, once.
func (in *doorway) listen(ctx context.Context, ns string, a netip.AddrPort) error {
	key := ns + " " + a.String()
	if in.listening[key] {
		return nil
	}
	l, err := in.world.ListenTCP(ctx, ns, a)
	if err != nil {
		return fmt.Errorf("AWS's services inside the world: %w", err)
	}
	in.listening[key] = true
	switch {
	case a.Port() != httpPort:
		in.gate.Serve(l)
	case ns == kernel.FabricNS:
		in.gate.ServePlain(&choosy{l, in.plain})
	default:
		in.gate.ServePlain(l)
	}
	return nil
}

// plain tells whether a connection without TLS came by an endpoint to a service that
// answers to such.
func (in *doorway) plain(w gate.Way) bool {
	e, ok := in.endpoint(w)
	s, known := amazon.Lookup(e.Amazon)
	return ok && known && s.Gateway
}

// choosy is a listener that resets connections that are not wanted.
type choosy struct {
	net.Listener
	want func(gate.Way) bool
}

func (l *choosy) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil || l.want(gate.WayFor(c)) {
			return c, err
		}
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
		_ = c.Close()
	}
}
