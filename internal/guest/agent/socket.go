package agent

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

const (
	// pingEvery is how often the other end of a session is asked for a sign of life.
	pingEvery = 5 * time.Second
	// controlPingEvery is the same for the control channel, which every instance has
	// all the time: that its path is gone, the kernel's keep-alive notices sooner.
	controlPingEvery = 30 * time.Second
	pongTime         = 10 * time.Second
	// maxQueued bounds the frames that wait to be written. The window bounds the
	// stream's; a connection that lets more than this pile up is given up.
	maxQueued = 20000
)

var (
	errSlow = errors.New("the connection takes nothing")
	errMute = errors.New("the service does not answer")
)

// socket is a WebSocket with a queue of frames to send.
type socket struct {
	conn  *websocket.Conn
	every time.Duration // between pings
	wake  chan struct{}

	mu     sync.Mutex // guards what follows
	queue  [][]byte
	closed bool
}

func newSocket(c *websocket.Conn, every time.Duration) *socket {
	return &socket{conn: c, every: every, wake: make(chan struct{}, 1)}
}

// send queues a frame.
func (s *socket) send(raw []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return errEnded
	case len(s.queue) >= maxQueued:
		return errSlow
	}
	s.queue = append(s.queue, raw)
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return nil
}

// run serves the connection until it breaks or ctx ends. take gets what arrives.
func (s *socket) run(ctx context.Context, take func(sessionwire.Frame)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { defer cancel(); s.write(ctx) })
	wg.Go(func() { defer cancel(); s.ping(ctx) })
	err := s.read(ctx, take)
	if ctx.Err() != nil {
		err = errMute // this side gave the connection up
	}
	cancel()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	_ = s.conn.CloseNow() // it may be closed
	wg.Wait()
	return err
}

func (s *socket) read(ctx context.Context, take func(sessionwire.Frame)) error {
	for {
		kind, raw, err := s.conn.Read(ctx)
		if err != nil {
			return err
		}
		if kind != websocket.MessageBinary {
			continue
		}
		f, err := sessionwire.Decode(raw)
		if err != nil {
			return err
		}
		take(f)
	}
}

func (s *socket) write(ctx context.Context) {
	for {
		s.mu.Lock()
		queue := s.queue
		s.queue = nil
		s.mu.Unlock()
		for _, raw := range queue {
			limit, cancel := context.WithTimeout(ctx, pingEvery+pongTime)
			err := s.conn.Write(limit, websocket.MessageBinary, raw)
			cancel()
			if err != nil {
				return
			}
		}
		if len(queue) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		}
	}
}

// ping notices a service that has gone without a word.
func (s *socket) ping(ctx context.Context) {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		limit, cancel := context.WithTimeout(ctx, pongTime)
		err := s.conn.Ping(limit)
		cancel()
		if err != nil {
			return
		}
	}
}
