package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/xtaci/smux"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

const (
	connectTime = 30 * time.Second
	// muxAfter is the last version of the client that does not multiplex.
	muxAfter = "1.1.70.0"
)

// portProperties are what a document of type Port says.
type portProperties struct {
	PortNumber text   `json:"portNumber"`
	Host       string `json:"host"`
	Type       string `json:"type"`
}

// text is a string that may be written as a number.
type text string

// UnmarshalJSON reads both.
func (t *text) UnmarshalJSON(b []byte) error {
	*t = text(strings.Trim(string(b), `"`))
	return nil
}

// errForbidden says that a session may not lead there.
var errForbidden = errors.New("forwarding to this address is forbidden")

// port connects the client to a port of the guest, or of a host that the guest
// reaches.
func (s *session) port(ctx context.Context) error {
	var p portProperties
	if err := json.Unmarshal(s.wire.Properties, &p); err != nil {
		return ending("Invalid port session properties: " + err.Error())
	}
	number, err := strconv.ParseUint(string(p.PortNumber), 10, 16)
	if err != nil || number == 0 {
		return ending("Port number is empty in session properties.")
	}
	to := target{host: p.Host, port: strconv.FormatUint(number, 10)}
	switch {
	case p.Type == "LocalPortForwarding" && newer(s.clientVersion, muxAfter):
		return s.mux(ctx, to)
	case p.Type == "LocalPortForwarding":
		return s.one(ctx, to, true)
	}
	return s.one(ctx, to, false)
}

// target is where a session's connections lead.
type target struct{ host, port string }

func (t target) String() string {
	if t.host == "" {
		return ":" + t.port
	}
	return net.JoinHostPort(t.host, t.port)
}

// dial connects as any program of the guest would.
func (t target) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	d := net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		// Sessions are not to lend the instance's role.
		if a, err := netip.ParseAddrPort(address); err == nil && (a.Addr().Unmap().IsLinkLocalUnicast() || reserved(a.Addr())) {
			return errForbidden
		}
		return nil
	}}
	if t.host != "" && t.host != "localhost" {
		return d.DialContext(ctx, "tcp", net.JoinHostPort(t.host, t.port))
	}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", t.port))
	if err != nil {
		if c, e := d.DialContext(ctx, "tcp", net.JoinHostPort("::1", t.port)); e == nil {
			return c, nil
		}
	}
	return conn, err
}

// reserved are Amazon's own addresses of IPv6.
func reserved(a netip.Addr) bool { return netip.MustParsePrefix("fd00:ec2::/32").Contains(a) }

// one serves one connection at a time. Without again, its end is the session's.
func (s *session) one(ctx context.Context, to target, again bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	conn, err := to.dial(ctx)
	if err != nil {
		return ending(fmt.Sprintf("Unable to connect to specified port: %v", err))
	}
	for {
		next, err := s.carry(ctx, conn)
		if err != nil || !again {
			return err
		}
		// The client's next connection begins with what it sends.
		for next == nil {
			f, err := s.next(ctx)
			if err != nil {
				return err
			}
			if f.PayloadType == sessionwire.PayloadOutput {
				next = f.Payload
			}
		}
		if conn, err = to.dial(ctx); err != nil {
			if err := s.say(ctx, sessionwire.SayConnectToPortError); err != nil {
				return err
			}
			return ending(fmt.Sprintf("Unable to connect to specified port: %v", err))
		}
		if _, err := conn.Write(next); err != nil {
			_ = conn.Close()
		}
	}
}

// carry passes bytes on between the client and a connection until either ends it.
// What the client sent after the connection's end is returned.
func (s *session) carry(ctx context.Context, conn net.Conn) ([]byte, error) {
	read := make(chan struct{})
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer close(read)
		defer cancel()
		s.show(ctx, conn, sessionwire.PayloadOutput)
	}()
	defer func() { _ = conn.Close(); <-read }()
	for {
		f, err := s.next(inner)
		switch {
		case err != nil && ctx.Err() == nil && errors.Is(err, context.Canceled):
			return nil, nil // the connection ended
		case err != nil:
			return nil, err
		case said(f) == sessionwire.SayDisconnectToPort:
			return nil, nil
		case f.PayloadType == sessionwire.PayloadOutput:
			if _, err := conn.Write(f.Payload); err != nil {
				return f.Payload, nil
			}
		}
	}
}

// mux serves many connections: the client opens a stream for each.
func (s *session) mux(ctx context.Context, to target) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	in, fed := io.Pipe()
	link := &muxLink{PipeReader: in, out: &output{s: s, ctx: ctx, payloadType: sessionwire.PayloadOutput}}
	config := smux.DefaultConfig()
	// Signs of life would keep an idle session from ending.
	config.KeepAliveDisabled = true
	server, err := smux.Server(link, config)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer func() { _ = server.Close(); _ = in.Close() }()
	defer cancel(nil)
	wg.Go(func() {
		for {
			stream, err := server.AcceptStream()
			if err != nil {
				cancel(err)
				return
			}
			wg.Go(func() { s.stretch(ctx, stream, to) })
		}
	})
	wg.Go(func() { // a cancelled session wakes those who read
		<-ctx.Done()
		_ = server.Close()
		_ = in.CloseWithError(io.EOF)
	})
	for {
		f, err := s.next(ctx)
		if err != nil {
			return err
		}
		if f.PayloadType != sessionwire.PayloadOutput {
			continue
		}
		if _, err := fed.Write(f.Payload); err != nil {
			return errEnded
		}
	}
}

// muxLink is the client's end of the multiplexer.
type muxLink struct {
	*io.PipeReader
	out *output
}

func (m *muxLink) Write(p []byte) (int, error) {
	m.out.s.active() // data either way is use
	return m.out.Write(p)
}

// stretch connects a stream of the client to the target.
func (s *session) stretch(ctx context.Context, stream *smux.Stream, to target) {
	defer func() { _ = stream.Close() }() // it may be closed
	conn, err := to.dial(ctx)
	if err != nil {
		s.log.file("session %s: unable to connect to %s: %v", s.wire.ID, to, err)
		_ = s.say(ctx, sessionwire.SayConnectToPortError) // the session may be over
		return
	}
	var wg sync.WaitGroup
	stop := context.AfterFunc(ctx, func() { _ = conn.Close(); _ = stream.Close() })
	defer stop()
	wg.Go(func() {
		_, _ = io.Copy(conn, stream)
		_ = conn.Close()
	})
	_, _ = io.Copy(stream, conn)
	_, _ = conn.Close(), stream.Close()
	wg.Wait()
}
