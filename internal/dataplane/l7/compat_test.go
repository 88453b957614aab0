package l7

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// certificate makes one for a name.
func certificate(t testing.TB, name string) spec.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<60))
	c := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	k, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return spec.Certificate{ARN: "cert:" + name, Chain: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: k})}
}

// https makes the lab's listener one for HTTPS.
func https(t testing.TB, name string) func(*spec.Balancer) {
	c := certificate(t, name)
	return func(b *spec.Balancer) {
		b.Listeners[0].Protocol, b.Listeners[0].Port = "HTTPS", 443
		b.Listeners[0].TLS = &spec.TLSSettings{Policy: "ELBSecurityPolicy-TLS13-1-2-2021-06", Certificates: []spec.Certificate{c}}
		b.HTTP.TLSHeaders = true
	}
}

func TestHTTPS(t *testing.T) {
	g := newTarget(t, fixed(hello))
	l := newLab(t, https(t, "a.test"), g.addr)
	for _, two := range []bool{false, true} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: two}
		for range 3 {
			res, err := (&http.Client{Transport: tr}).Get("https://" + l.addr() + "/x")
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if res.StatusCode != 200 || string(body) != "hello" || res.ProtoMajor == 2 != two {
				t.Fatal(res, string(body))
			}
		}
		tr.CloseIdleConnections()
		head := g.last(t)
		for _, want := range []string{"X-Forwarded-Proto: https\r\n", "X-Forwarded-Port: 443\r\n", "X-Amzn-Tls-Version: TLSv1.3\r\n", "Host: 127.0.0.1\r\n"} {
			if !strings.Contains(head, want) {
				t.Errorf("HTTP/2 %v: %q is not in %q", two, want, head)
			}
		}
	}
}

// A certificate that is rotated touches no connection, and new ones get it.
func TestRotation(t *testing.T) {
	g := newTarget(t, fixed(hello))
	l := newLab(t, https(t, "old.test"), g.addr)
	dial := func() (*tls.Conn, string) {
		c, err := tls.Dial("tcp", l.addr(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c, c.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	ask := func(c *tls.Conn) {
		t.Helper()
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || res.StatusCode != 200 {
			t.Fatal(res, err)
		}
	}
	c, name := dial()
	ask(c)
	https(t, "new.test")(l.b)
	l.set()
	ask(c)
	if _, now := dial(); name != "old.test" || now != "new.test" {
		t.Errorf("certificates %s, %s", name, now)
	}
}

func TestUpgrade(t *testing.T) {
	g := newTarget(t, func(head string, c net.Conn, r *bufio.Reader) bool {
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\nfirst")
		_, _ = io.Copy(c, r)
		return false
	})
	l := newLab(t, nil, g.addr)
	w := l.wire()
	w.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n")
	head, err := readHead(w.r)
	if err != nil || !strings.HasPrefix(head, "HTTP/1.1 101 ") || !strings.Contains(head, "Upgrade: websocket\r\n") {
		t.Fatal(head, err)
	}
	w.send("ping")
	_ = w.Conn.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(w.r); err != nil || string(got) != "firstping" {
		t.Errorf("%q %v", got, err)
	}
	if h := g.last(t); !strings.Contains(h, "Connection: Upgrade\r\nUpgrade: websocket\r\n") {
		t.Errorf("%q", h)
	}
}

// HTTP/2 all the way, with trailers, as gRPC wants it.
func TestGRPC(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		_, _ = w.Write(append([]byte(r.Proto+r.Header.Get("Te")+r.Header.Get("X-Forwarded-For")), b...))
		w.Header().Set("Grpc-Status", "0")
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	for _, version := range []string{"HTTP1", "HTTP2", "GRPC"} {
		change := https(t, "a.test")
		l := newLab(t, func(b *spec.Balancer) {
			change(b)
			b.Groups[0].Protocol, b.Groups[0].Version = "HTTPS", version
		}, s.Listener.Addr().String())
		tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
		for _, method := range []string{"POST", "GET"} {
			for _, kind := range []string{"application/grpc", "text/plain"} {
				r, _ := http.NewRequest(method, "https://"+l.addr()+"/svc/Method", strings.NewReader("body"))
				r.Header.Set("Content-Type", kind)
				r.Header.Set("Te", "trailers")
				res, err := (&http.Client{Transport: tr}).Do(r)
				if err != nil {
					t.Fatal(version, err)
				}
				body, _ := io.ReadAll(res.Body)
				_ = res.Body.Close()
				want := 200
				if version == "GRPC" && method == "GET" || version == "HTTP1" && kind == "application/grpc" {
					want = 464
				}
				if res.StatusCode != want {
					t.Errorf("%s %s %s: %d, want %d", version, method, kind, res.StatusCode, want)
				}
				if want == 200 && version != "HTTP1" && (res.Trailer.Get("Grpc-Status") != "0" || string(body) != "HTTP/2.0trailers127.0.0.1body") {
					t.Errorf("%s: %q %v", version, body, res.Trailer)
				}
			}
		}
		tr.CloseIdleConnections()
		if version != "HTTP1" {
			one := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			res, err := (&http.Client{Transport: one}).Get("https://" + l.addr())
			if err != nil || res.StatusCode != 464 {
				t.Errorf("HTTP/1.1 to %s: %v %v", version, res, err)
			} else {
				_ = res.Body.Close()
			}
			one.CloseIdleConnections()
		}
	}
}

// Headers about TLS have the names that the listener gives them, and clients
// cannot make them up.
func TestMutualHeaders(t *testing.T) {
	g := newTarget(t, fixed(hello))
	change := https(t, "a.test")
	l := newLab(t, func(b *spec.Balancer) {
		change(b)
		b.Listeners[0].TLS.Mutual = &spec.MutualTLS{Mode: "passthrough"}
		b.Listeners[0].Attributes = map[string]string{
			"routing.http.request.x_amzn_mtls_clientcert.header_name": "X-Client",
			"routing.http.request.x_amzn_tls_version.header_name":     "X-Version",
		}
	}, g.addr)
	c := certificate(t, "client.test")
	pair, err := tls.X509KeyPair(c.Chain, c.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, two := range []bool{false, true} {
		tr := &http.Transport{ForceAttemptHTTP2: two, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{pair}}}
		r, _ := http.NewRequest("POST", "https://"+l.addr()+"/", strings.NewReader("body"))
		r.Header.Set("X-Client", "made up")
		r.Header.Set("X-Amzn-Mtls-Clientcert", "made up")
		r.Header.Set("X-Amzn-Tls-Cipher-Suite", "made up")
		res, err := (&http.Client{Transport: tr}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		tr.CloseIdleConnections()
		head := g.last(t)
		if !strings.Contains(head, "X-Client: -----BEGIN%20CERTIFICATE-----") || !strings.Contains(head, "X-Version: TLSv1.3") ||
			strings.Contains(head, "made up") || strings.Contains(head, "X-Amzn-Tls-Version") {
			t.Errorf("%q", head)
		}
	}
}

// Bodies of any size go from HTTP/2 to HTTP/1.1 and back.
func TestHTTP2Bodies(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-End")
		_ = http.NewResponseController(w).EnableFullDuplex()
		_, _ = io.Copy(w, r.Body)
		w.Header().Set("X-End", r.Trailer.Get("X-Sent"))
	}))
	defer echo.Close()
	l := newLab(t, https(t, "a.test"), echo.Listener.Addr().String())
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer tr.CloseIdleConnections()
	for _, size := range []int{0, 1, 100 << 10, 3 << 20} {
		for _, known := range []bool{true, false} {
			want := strings.Repeat("x", size)
			r, _ := http.NewRequest("POST", "https://"+l.addr()+"/", strings.NewReader(want))
			if !known {
				r.ContentLength = -1
				r.Body = io.NopCloser(strings.NewReader(want))
				r.Trailer = http.Header{"X-Sent": {"yes"}}
			}
			res, err := (&http.Client{Transport: tr}).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if err != nil || string(got) != want || res.ProtoMajor != 2 || !known && res.Trailer.Get("X-End") != "yes" {
				t.Errorf("%d %v: %d bytes, %v, %v", size, known, len(got), err, res.Trailer)
			}
		}
	}
}
