package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"strings"
	"time"
)

// Header is a request header field that tells the target of the client's TLS.
type Header struct{ Name, Value string }

// Names of the header fields, as AWS writes them. Listener attributes can rename
// them.
const (
	HeaderClientCert   = "X-Amzn-Mtls-Clientcert"
	HeaderSerialNumber = "X-Amzn-Mtls-Clientcert-Serial-Number"
	HeaderIssuer       = "X-Amzn-Mtls-Clientcert-Issuer"
	HeaderSubject      = "X-Amzn-Mtls-Clientcert-Subject"
	HeaderValidity     = "X-Amzn-Mtls-Clientcert-Validity"
	HeaderLeaf         = "X-Amzn-Mtls-Clientcert-Leaf"
	HeaderVersion      = "X-Amzn-Tls-Version"
	HeaderCipher       = "X-Amzn-Tls-Cipher-Suite"
)

// MutualHeaders are the header fields about the client's certificate in a mode of
// mutual authentication; none without a certificate. What a client sends under
// these names must be removed before, with or without a certificate.
func MutualHeaders(mode string, s *tls.ConnectionState) []Header {
	if s == nil || len(s.PeerCertificates) == 0 {
		return nil
	}
	leaf := s.PeerCertificates[0]
	switch mode {
	case "passthrough":
		return []Header{{HeaderClientCert, escapedPEM(s.PeerCertificates)}}
	case "verify":
		return []Header{
			{HeaderSerialNumber, fmt.Sprintf("%X", leaf.SerialNumber.Bytes())},
			{HeaderIssuer, DistinguishedName(leaf.RawIssuer)},
			{HeaderSubject, DistinguishedName(leaf.RawSubject)},
			{HeaderValidity, "NotBefore=" + leaf.NotBefore.UTC().Format(time.RFC3339) + ";NotAfter=" + leaf.NotAfter.UTC().Format(time.RFC3339)},
			{HeaderLeaf, escapedPEM(s.PeerCertificates[:1])},
		}
	}
	return nil
}

// VersionHeaders are the header fields about the version and the cipher suite.
func VersionHeaders(s *tls.ConnectionState) []Header {
	return []Header{{HeaderVersion, VersionName(s.Version)}, {HeaderCipher, CipherName(s.CipherSuite)}}
}

// DistinguishedName writes a name as RFC 2253 does: the last part first.
func DistinguishedName(raw []byte) string {
	var seq pkix.RDNSequence
	if rest, err := asn1.Unmarshal(raw, &seq); err != nil || len(rest) > 0 {
		return ""
	}
	return seq.String()
}

func escapedPEM(certs []*x509.Certificate) string {
	var b strings.Builder
	for _, c := range certs {
		escape(&b, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return b.String()
}

// escape is URL encoding with +, = and / left as they are.
func escape(b *strings.Builder, in []byte) {
	const hex = "0123456789ABCDEF"
	for _, c := range in {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.~+=/", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
}
