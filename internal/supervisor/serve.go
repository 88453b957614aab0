package supervisor

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/musubi-net/musubi/internal/guest"
	"github.com/musubi-net/musubi/internal/guest/initctl"
	"github.com/musubi-net/musubi/internal/guest/wire"
)

// Operations of supervisor.sock: one per connection.
const (
	opExec   = "exec" // files: stdin, stdout, stderr
	opLogs   = "logs"
	opStatus = "status"
	opReady  = "ready"
	opStop   = "stop"
)

type clientRequest struct {
	Op       string
	Instance string        `json:",omitempty"`
	Follow   bool          `json:",omitempty"`
	Exec     *initctl.Exec `json:",omitempty"`
}

// clientReply is what all operations but exec answer with; logs send several.
type clientReply struct {
	Error  string  `json:",omitempty"`
	Data   []byte  `json:",omitempty"`
	End    bool    `json:",omitempty"`
	Status *Status `json:",omitempty"`
}

// Status is how a running Musubi is.
type Status struct {
	// Pid is the supervisor's and DaemonPid the daemon's, 0 while it is down, as
	// the host sees them.
	Pid       int
	DaemonPid int
	// Broker is the broker's, as the host sees it.
	Broker int
	// Ready is true once the daemon has served.
	Ready bool
	// Restarts counts how often the daemon was started again.
	Restarts int
	// Limits tell how guests are bounded.
	Limits Limits
	Guests []guest.Status
}

// serve accepts clients until the listener is closed.
func (s *supervisor) serve() (net.Listener, error) {
	f := os.NewFile(supervisorSocketFD, Socket)
	l, err := net.FileListener(f)
	_ = f.Close()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Socket, err)
	}
	s.sessions.Go(func() {
		for {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue
			}
			if u, ok := c.(*net.UnixConn); ok {
				s.sessions.Go(func() { s.session(wire.New(u)) })
			}
		}
	})
	return l, nil
}

func (s *supervisor) session(c *wire.Conn) {
	defer func() { _ = c.Close() }()
	received := make(chan struct{})
	s.sessions.Go(func() { // a client that asks for nothing must not hold up the end
		select {
		case <-s.stopping:
			_ = c.Close()
		case <-received:
		}
	})
	var req clientRequest
	files, err := c.Receive(&req)
	close(received)
	if err != nil {
		return
	}
	defer wire.CloseAll(files)
	switch req.Op {
	case opExec:
		if err := s.exec(c, req, files); err != nil {
			_ = c.Send(initctl.FromProgram{ExitCode: 125, Error: err.Error()})
		}
	case opLogs:
		s.logs(c, req)
	case opStatus:
		_ = c.Send(clientReply{Status: s.status()})
	case opReady:
		s.awaitServed(c)
	case opStop:
		_ = c.Send(clientReply{Status: s.status()})
		s.end("")
	default:
		_ = c.Send(clientReply{Error: fmt.Sprintf("unknown request %q", req.Op)})
	}
}

// exec hands the client and its files on to the guest's init, and is out of
// the way.
func (s *supervisor) exec(c *wire.Conn, req clientRequest, files []*os.File) error {
	if req.Exec == nil || len(files) != 3 {
		return errors.New("bad request")
	}
	i, err := s.guests.find(req.Instance)
	if err != nil {
		return err
	}
	i.mu.Lock()
	conn := i.conn
	i.mu.Unlock()
	if conn == nil {
		return fmt.Errorf("instance %s is not running", i.id)
	}
	client, err := c.File()
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	return conn.Send(initctl.Command{Op: initctl.OpExec, Exec: req.Exec}, append([]*os.File{client}, files...)...)
}

// logs sends a console, or Musubi's own log without an instance.
func (s *supervisor) logs(c *wire.Conn, req clientRequest) {
	r := s.daemon.log
	if req.Instance != "" {
		i, err := s.guests.find(req.Instance)
		if err != nil {
			_ = c.Send(clientReply{Error: err.Error()})
			return
		}
		r = i.console
	}
	left := make(chan struct{})
	go func() { // a follower says nothing more until it leaves
		defer close(left)
		var none struct{}
		files, _ := c.Receive(&none)
		wire.CloseAll(files)
	}()
	for offset := int64(0); ; {
		data, next, more := r.from(offset)
		offset = next
		for len(data) > 0 {
			n := min(len(data), 32<<10)
			if err := c.Send(clientReply{Data: data[:n]}); err != nil {
				return
			}
			data = data[n:]
		}
		if !req.Follow || more == nil {
			_ = c.Send(clientReply{End: true})
			return
		}
		select {
		case <-more:
		case <-left:
			return
		case <-s.stopping:
			return
		}
	}
}

func (s *supervisor) status() *Status {
	d := s.daemon
	d.mu.Lock()
	defer d.mu.Unlock()
	return &Status{Pid: s.settings.Pid, DaemonPid: d.pid, Broker: s.settings.Broker, Ready: d.served, Restarts: d.restarts, Limits: s.guests.limiter.status(), Guests: s.guests.list()}
}

// awaitServed answers when the daemon serves, or with why it never will.
func (s *supervisor) awaitServed(c *wire.Conn) {
	for {
		s.daemon.mu.Lock()
		served, changed := s.daemon.served, s.daemon.changed
		s.daemon.mu.Unlock()
		if served {
			_ = c.Send(clientReply{End: true})
			return
		}
		select {
		case <-changed:
		case <-s.stopping:
			reason := s.reason
			if reason == "" {
				reason = "it was told to stop"
			}
			_ = c.Send(clientReply{Error: reason})
			return
		}
	}
}
