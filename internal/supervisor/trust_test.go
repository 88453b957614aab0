package supervisor

import (
	"strings"
	"testing"
)

// A guest trusts the host's certificate authorities and this cloud's, wherever
// its programs look.
func TestGuestTrusts(t *testing.T) {
	l := newLab(t)
	g := newGuest("i-1", "")
	g.Trust = "-----BEGIN CERTIFICATE-----\nours\n-----END CERTIFICATE-----\n"
	l.must("start", g, nil)
	l.must("start", newGuest("i-2", ""), nil)
	hosts := l.sh("i-2", "cat /etc/ssl/certs/ca-certificates.crt || true")
	if strings.Contains(hosts, "ours") {
		t.Error("a guest trusts what it was not told to")
	}
	for _, name := range []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/pki/tls/cert.pem", "/etc/ssl/cert.pem"} {
		if got := l.sh("i-1", "cat "+name); !strings.HasSuffix(got, g.Trust) || len(got) != len(g.Trust)+len(hosts) && hosts != "" && !strings.Contains(hosts, "No such file") {
			t.Errorf("%s: %d bytes, the host's has %d", name, len(got), len(hosts))
		}
	}
}
