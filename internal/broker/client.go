package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/musubi-net/musubi/internal/guest/wire"
)

// Client asks a broker for connections. Its methods may be called from several
// goroutines.
type Client struct {
	conn *wire.Conn
	done chan struct{}

	mu      sync.Mutex
	next    uint64
	waiting map[uint64]chan result // nil once the connection has ended
}

type result struct {
	reply
	files []*os.File
}

// NewClient speaks over a socket that the supervisor handed to the daemon. It owns
// the file.
func NewClient(f *os.File) (*Client, error) {
	conn, err := wire.FromFile(f)
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	c := &Client{conn: conn, done: make(chan struct{}), waiting: map[uint64]chan result{}}
	go c.receive()
	return c, nil
}

// Close ends the connection to the broker. Those that it made go on.
func (c *Client) Close() error {
	err := c.conn.Close()
	<-c.done
	return err
}

func (c *Client) receive() {
	defer close(c.done)
	for {
		var r reply
		files, err := c.conn.Receive(&r)
		c.mu.Lock()
		if err != nil {
			for _, w := range c.waiting {
				close(w)
			}
			c.waiting = nil
			c.mu.Unlock()
			return
		}
		w := c.waiting[r.ID]
		delete(c.waiting, r.ID)
		c.mu.Unlock()
		if w == nil { // nobody waits for it any more
			wire.CloseAll(files)
			continue
		}
		w <- result{r, files}
	}
}

// Dial connects to an address from the host's network: kind is Service, Internet or
// Resolver, network tcp or udp. The address of a resolver is its number, from 0.
func (c *Client) Dial(ctx context.Context, kind, network, address string) (net.Conn, error) {
	conn, err := c.dial(ctx, kind, network, address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s from the host: %w", address, err)
	}
	return conn, nil
}

func (c *Client) dial(ctx context.Context, kind, network, address string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	req := request{Kind: kind, Network: network, Address: address}
	if deadline, ok := ctx.Deadline(); ok {
		req.Timeout = max(time.Until(deadline), time.Millisecond)
	}
	w := make(chan result, 1)
	c.mu.Lock()
	if c.waiting == nil {
		c.mu.Unlock()
		return nil, ErrClosed
	}
	c.next++
	req.ID = c.next
	c.waiting[req.ID] = w
	c.mu.Unlock()
	if err := c.conn.Send(req); err != nil {
		c.forget(req.ID, w)
		return nil, errors.Join(ErrClosed, err)
	}
	select {
	case r, ok := <-w:
		if !ok {
			return nil, ErrClosed
		}
		return r.conn()
	case <-ctx.Done():
		c.forget(req.ID, w)
		return nil, ctx.Err()
	}
}

// forget gives up waiting. An answer that came at the same time is closed.
func (c *Client) forget(id uint64, w chan result) {
	c.mu.Lock()
	_, waits := c.waiting[id]
	delete(c.waiting, id)
	closed := c.waiting == nil
	c.mu.Unlock()
	if !waits && !closed {
		wire.CloseAll((<-w).files)
	}
}

// conn is the connection that the broker made, or why it did not.
func (r result) conn() (net.Conn, error) {
	defer wire.CloseAll(r.files)
	switch {
	case r.Forbidden:
		return nil, fmt.Errorf("%w: %s", ErrForbidden, r.Error)
	case r.Busy:
		return nil, ErrBusy
	case r.Timeout:
		return nil, fmt.Errorf("%w: %s", os.ErrDeadlineExceeded, r.Error)
	case r.Errno != 0:
		return nil, syscall.Errno(r.Errno)
	case r.Error != "":
		return nil, errors.New(r.Error)
	case len(r.files) != 1:
		return nil, errors.New("the broker sent no socket")
	}
	return net.FileConn(r.files[0])
}
