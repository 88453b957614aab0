package tlsconf

import (
	"crypto/tls"
	"strings"
)

// VersionName is a TLS version as AWS prints it: TLSv1.2.
func VersionName(v uint16) string {
	switch v {
	case tls.VersionTLS10:
		return "TLSv1"
	case tls.VersionTLS11:
		return "TLSv1.1"
	case tls.VersionTLS12:
		return "TLSv1.2"
	case tls.VersionTLS13:
		return "TLSv1.3"
	}
	return ""
}

// CipherName is a cipher suite as AWS prints it, by OpenSSL's name:
// ECDHE-RSA-AES128-GCM-SHA256, and TLS_AES_128_GCM_SHA256 for TLS 1.3.
func CipherName(id uint16) string {
	name := tls.CipherSuiteName(id)
	short, ok := strings.CutPrefix(name, "TLS_")
	exchange, cipher, both := strings.Cut(short, "_WITH_")
	if !ok || !both {
		return name
	}
	cipher = strings.NewReplacer("AES_128_CBC_", "AES128_", "AES_256_CBC_", "AES256_", "AES_128_GCM", "AES128_GCM",
		"AES_256_GCM", "AES256_GCM", "CHACHA20_POLY1305_SHA256", "CHACHA20_POLY1305").Replace(cipher)
	if exchange != "RSA" {
		cipher = exchange + "_" + cipher
	}
	return strings.ReplaceAll(cipher, "_", "-")
}
