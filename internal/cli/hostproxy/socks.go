package hostproxy

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"time"

	"github.com/musubi-net/musubi/internal/control"
)

// SOCKS5 (RFC 1928).
const (
	socksVersion = 5
	noMethod     = 0xff
	cmdConnect   = 1
	typeIPv4     = 1
	typeName     = 3
	typeIPv6     = 4

	replyDone        = 0
	replyFailure     = 1
	replyUnreachable = 4 // host
	replyRefused     = 5
	replyExpired     = 6 // TTL: nobody answered
	replyCommand     = 7
	replyAddressType = 8
)

// errSOCKS is a request that is not SOCKS5's.
var errSOCKS = errors.New("malformed SOCKS5 request")

// socks serves a SOCKS5 client.
func (s *Server) socks(ctx context.Context, c *conn) {
	host, port, code, err := negotiate(c)
	if err != nil {
		if code != 0 {
			_ = reply(c, code)
		}
		return
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		return
	}
	remote, err := s.dial(ctx, host, port)
	if err != nil {
		s.tell(err)
		_ = reply(c, replyOf(err))
		return
	}
	if err := reply(c, replyDone); err != nil {
		_ = remote.Close()
		return
	}
	s.join(c, remote)
}

// negotiate reads the greeting and the request. With an error goes the reply
// that is due, if one is.
func negotiate(c io.ReadWriter) (host string, port uint16, code byte, err error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(c, head); err != nil {
		return "", 0, 0, err
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(c, methods); err != nil {
		return "", 0, 0, err
	}
	if head[0] != socksVersion {
		return "", 0, 0, errSOCKS
	}
	chosen := byte(noMethod)
	for _, m := range methods {
		if m == 0 {
			chosen = 0
		}
	}
	if _, err := c.Write([]byte{socksVersion, chosen}); err != nil {
		return "", 0, 0, err
	}
	if chosen == noMethod {
		return "", 0, 0, errors.New("the client insists on a password")
	}
	return readRequest(c)
}

// readRequest reads what a client wants.
func readRequest(r io.Reader) (host string, port uint16, code byte, err error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return "", 0, 0, err
	}
	if head[0] != socksVersion {
		return "", 0, replyFailure, errSOCKS
	}
	var size int
	switch head[3] {
	case typeIPv4:
		size = 4
	case typeIPv6:
		size = 16
	case typeName:
		length := make([]byte, 1)
		if _, err := io.ReadFull(r, length); err != nil {
			return "", 0, 0, err
		}
		size = int(length[0])
	default:
		return "", 0, replyAddressType, errSOCKS
	}
	rest := make([]byte, size+2)
	if _, err := io.ReadFull(r, rest); err != nil {
		return "", 0, 0, err
	}
	if head[1] != cmdConnect {
		return "", 0, replyCommand, errors.New("only CONNECT is served")
	}
	host, port = string(rest[:size]), binary.BigEndian.Uint16(rest[size:])
	if a, ok := netip.AddrFromSlice(rest[:size]); ok && head[3] != typeName {
		host = a.Unmap().String()
	}
	if host == "" || port == 0 {
		return "", 0, replyFailure, errSOCKS
	}
	return host, port, 0, nil
}

// reply answers a request; the address that the connection comes from inside is
// not told.
func reply(c io.Writer, code byte) error {
	_, err := c.Write([]byte{socksVersion, code, 0, typeIPv4, 0, 0, 0, 0, 0, 0})
	return err
}

// replyOf is the reply that says why there is no connection.
func replyOf(err error) byte {
	if r, ok := errors.AsType[*control.Refusal](err); ok {
		switch r.Reason {
		case control.ReasonRefused:
			return replyRefused
		case control.ReasonUnknownName, control.ReasonUnreachable:
			return replyUnreachable
		case control.ReasonTimeout:
			return replyExpired
		}
	}
	return replyFailure
}
