package hostproxy

import (
	"bytes"
	"io"
)

// Negotiate reads a SOCKS5 negotiation from bytes.
func Negotiate(in []byte) (host string, port uint16, code byte, err error) {
	return negotiate(struct {
		io.Reader
		io.Writer
	}{bytes.NewReader(in), io.Discard})
}
