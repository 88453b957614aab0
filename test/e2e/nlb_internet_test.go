package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
)

// internet: a client of the host, led to the internet of this world.
func (l *tlsLab) internet() {
	dial := l.proxy("internet")
	hear := func(port string, o map[string]string) func() string {
		return func() string {
			c, err := dial(l.lb.dns + ":" + port)
			if err != nil {
				return err.Error()
			}
			defer func() { _ = c.Close() }()
			g, agreed, err := nlbGreet(c, o)
			if err != nil {
				return err.Error()
			}
			text, err := bufio.NewReader(g).ReadString('\n')
			if err != nil {
				return err.Error()
			}
			return agreed + text
		}
	}
	l.says("its certificate", "a.example", hear("443", map[string]string{"tls": "a.example"}))
	l.says("TLS from the internet", " hears 198.", hear("443", map[string]string{"tls": "a.example"}))
	l.says("proxy protocol from the internet", " proxy 198.", hear("81", nil))
}

// proxy runs `musubi proxy` for a place until the test ends.
func (m *musubi) proxy(place string) func(address string) (net.Conn, error) {
	m.t.Helper()
	c := m.command(m.t.Context(), "proxy", place, "--listen", "127.0.0.1:0", "--json")
	out, err := c.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	var s struct{ Listen string }
	if err := json.NewDecoder(out).Decode(&s); err != nil {
		m.t.Fatalf("musubi proxy %s: %v", place, err)
	}
	return func(address string) (net.Conn, error) {
		c, err := net.DialTimeout("tcp", s.Listen, peerTimeout)
		if err != nil {
			return nil, err
		}
		if _, err := fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address); err != nil {
			return nil, err
		}
		var answer strings.Builder
		for b := make([]byte, 1); !strings.HasSuffix(answer.String(), "\r\n\r\n"); {
			if _, err := io.ReadFull(c, b); err != nil {
				return nil, err
			}
			answer.Write(b)
		}
		if !strings.Contains(answer.String(), " 200 ") {
			_ = c.Close()
			return nil, fmt.Errorf("proxy: %s", answer.String())
		}
		return c, nil
	}
}
