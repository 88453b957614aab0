package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	bytesof "encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What the peer of world_peer_test.go knows beside: TLS, proxy protocol v2 and
// HTTP.

// statusFile says with which status the peer answers HTTP; 200 without it.
const statusFile = "/run/peer-status"

func nlbPeer(args []string) error {
	if len(args) < 2 {
		return errors.New("peer tls serve PORT[,pp][,tls][,http]… | call ADDRESS [KEY=VALUE…] | hold ADDRESS [KEY=VALUE…]")
	}
	switch args[0] {
	case "serve":
		return nlbServe(args[1:])
	case "call":
		return nlbCall(args[1], options(args[2:]))
	case "hold":
		return nlbHold(args[1], options(args[2:]))
	}
	return fmt.Errorf("unknown: tls %s", args[0])
}

func options(args []string) map[string]string {
	out := map[string]string{}
	for _, a := range args {
		k, v, _ := strings.Cut(a, "=")
		out[k] = v
	}
	return out
}

// nlbServe tells those who connect whom it hears, what a proxy header says and
// what TLS agreed on; then it echoes.
func nlbServe(specs []string) error {
	own, err := selfSigned("target.example")
	if err != nil {
		return err
	}
	failed := make(chan error)
	quiet := net.ListenConfig{KeepAlive: -1} // probes would keep idle connections
	for _, s := range specs {
		words := strings.Split(s, ",")
		l, err := quiet.Listen(context.Background(), "tcp", ":"+words[0])
		if err != nil {
			return err
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					failed <- err
					return
				}
				go nlbAnswer(c, words[1:], own)
			}
		}()
	}
	return <-failed
}

func nlbAnswer(c net.Conn, words []string, own tls.Certificate) {
	defer func() { _ = c.Close() }()
	host, _ := os.Hostname()
	text := fmt.Sprintf("%s hears %s", host, c.RemoteAddr())
	if slices.Contains(words, "pp") {
		h, err := readProxyHeader(c)
		if err != nil {
			text += " no header: " + err.Error()
		}
		text += " proxy " + h
	}
	if slices.Contains(words, "tls") {
		t := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{own}, NextProtos: []string{"h2", "http/1.1"}})
		if t.Handshake() != nil {
			return
		}
		s := t.ConnectionState()
		text += fmt.Sprintf(" tls %q for %q", s.NegotiatedProtocol, s.ServerName)
		c = t
	}
	if slices.Contains(words, "http") {
		r := bufio.NewReader(c)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			if strings.TrimSpace(line) == "" {
				break
			}
		}
		status := 200
		if b, err := os.ReadFile(statusFile); err == nil {
			status, _ = strconv.Atoi(strings.TrimSpace(string(b)))
		}
		_, _ = fmt.Fprintf(c, "HTTP/1.1 %d Status\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s\n", status, len(text)+1, text)
		return
	}
	_, _ = io.WriteString(c, text+"\n")
	_, _ = io.Copy(c, c)
}

// readProxyHeader reads a proxy protocol v2 header byte for byte, so that nothing
// of what follows is lost.
func readProxyHeader(c net.Conn) (string, error) {
	head := make([]byte, 16)
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.ReadFull(c, head); err != nil {
		return "", err
	}
	_ = c.SetReadDeadline(time.Time{})
	if !bytes.Equal(head[:12], []byte("\r\n\r\n\x00\r\nQUIT\n")) {
		return "", fmt.Errorf("signature %q", head[:12])
	}
	rest := make([]byte, bytesof.BigEndian.Uint16(head[14:]))
	if _, err := io.ReadFull(c, rest); err != nil {
		return "", err
	}
	size := map[byte]int{0x11: 4, 0x21: 16}[head[13]]
	switch {
	case head[12] == 0x20:
		return "local", nil
	case head[12] != 0x21 || size == 0 || len(rest) < 2*size+4:
		return "", fmt.Errorf("header %x %x", head, rest)
	}
	from, _ := netip.AddrFromSlice(rest[:size])
	to, _ := netip.AddrFromSlice(rest[size : 2*size])
	ports := rest[2*size:]
	out := fmt.Sprintf("%s>%s", netip.AddrPortFrom(from, bytesof.BigEndian.Uint16(ports)), netip.AddrPortFrom(to, bytesof.BigEndian.Uint16(ports[2:])))
	for tlv := ports[4:]; len(tlv) >= 3; {
		n := int(bytesof.BigEndian.Uint16(tlv[1:]))
		if len(tlv) < 3+n {
			return out, errors.New("a TLV that is cut off")
		}
		if tlv[0] == 0xEA {
			out += fmt.Sprintf(" ea=%02x:%s", tlv[3], tlv[4:3+n])
		}
		tlv = tlv[3+n:]
	}
	return out, nil
}

// selfSigned makes a certificate for names.
func selfSigned(names ...string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// pems are a certificate and its key as AWS takes them.
func pems(t *testing.T, names ...string) (certificate, key string) {
	t.Helper()
	c, err := selfSigned(names...)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// nlbDial connects and, with the option tls, agrees on TLS for that name.
func nlbDial(address string, o map[string]string) (net.Conn, error) {
	d := net.Dialer{Timeout: peerTimeout, KeepAlive: -1}
	if o["from"] != "" {
		a, err := netip.ParseAddrPort(o["from"])
		if err != nil {
			return nil, err
		}
		d.LocalAddr = net.TCPAddrFromAddrPort(a)
	}
	c, err := d.Dial("tcp", address)
	if err != nil {
		return nil, peerError(err)
	}
	c, agreed, err := nlbGreet(c, o)
	fmt.Print(agreed)
	return c, err
}

// nlbGreet begins TLS, if asked for, and says what was agreed.
func nlbGreet(c net.Conn, o map[string]string) (net.Conn, string, error) {
	name, ok := o["tls"]
	if !ok {
		return c, "", nil
	}
	config := &tls.Config{ServerName: name, InsecureSkipVerify: true}
	if o["alpn"] != "" {
		config.NextProtos = strings.Split(o["alpn"], ",")
	}
	t := tls.Client(c, config)
	_ = c.SetDeadline(time.Now().Add(peerTimeout))
	if err := t.Handshake(); err != nil {
		return nil, "", fmt.Errorf("handshake: %w", peerError(err))
	}
	_ = c.SetDeadline(time.Time{})
	s := t.ConnectionState()
	return t, fmt.Sprintf("%s %q: ", s.PeerCertificates[0].Subject.CommonName, s.NegotiatedProtocol), nil
}

func nlbCall(address string, o map[string]string) error {
	times := 1
	if o["times"] != "" {
		times, _ = strconv.Atoi(o["times"])
	}
	for range times {
		c, err := nlbDial(address, o)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(c, o["say"]); err != nil {
			return peerError(err)
		}
		if err := peerAsk("tcp", c); err != nil {
			return err
		}
	}
	return nil
}

// nlbHold keeps a connection, as peerHold does.
func nlbHold(address string, o map[string]string) error {
	c, err := nlbDial(address, o)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return peerKeep(c)
}

const nlbUnit = `[Unit]
Description=TLS peer
[Service]
ExecStart=/usr/local/bin/peer tls serve %s
Restart=always
[Install]
WantedBy=multi-user.target
`

// serveTLS lets an instance that has the peer serve ports, each with words of
// what is special there.
func (m *musubi) serveTLS(instance string, specs ...string) {
	m.t.Helper()
	m.mustExec(instance, "printf '"+strings.ReplaceAll(fmt.Sprintf(nlbUnit, strings.Join(specs, " ")), "\n", `\n`)+
		"' >/etc/systemd/system/tlspeer.service && systemctl enable --now tlspeer")
}

// callTLS lets an instance call a server, and returns what it heard.
func (m *musubi) callTLS(instance, address string, options ...string) string {
	out, _ := m.exec(instance, "peer tls call "+address+" "+strings.Join(options, " "))
	return strings.TrimSpace(out)
}

// says waits until something says what is wanted, and fails the test if not.
func (m *musubi) says(what, want string, got func() string) {
	m.t.Helper()
	last := ""
	m.eventually(20*time.Second, what+": "+want, func() bool {
		last = got()
		return strings.Contains(last, want)
	})
	if !strings.Contains(last, want) {
		m.t.Errorf("%s: %q, want %q", what, last, want)
	}
}

// never checks that what was said has no such part.
func (m *musubi) never(what, part, got string) {
	m.t.Helper()
	if strings.Contains(got, part) || got == "" {
		m.t.Errorf("%s: %q", what, got)
	}
}
