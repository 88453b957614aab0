package guest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/musubi-net/musubi/internal/guest/wire"
	"github.com/musubi-net/musubi/internal/spec"
)

// ErrClosed says that the connection to the supervisor has ended.
var ErrClosed = errors.New("the connection to the supervisor has ended")

// Manager starts and stops guests through the supervisor. Its methods may be
// called from several goroutines.
type Manager struct {
	conn   *wire.Conn
	events chan Event
	done   chan struct{}

	mu      sync.Mutex
	next    uint64
	waiting map[uint64]chan Reply
}

// NewManager speaks over conn, which it then owns.
func NewManager(conn *wire.Conn) *Manager {
	m := &Manager{
		conn:    conn,
		events:  make(chan Event, 1024),
		done:    make(chan struct{}),
		waiting: map[uint64]chan Reply{},
	}
	go m.receive()
	return m
}

// Close ends the connection and waits for the receiver.
func (m *Manager) Close() error {
	err := m.conn.Close()
	<-m.done
	return err
}

// receive hands replies to those who wait for them. Events that nobody fetches
// become one without an instance: List tells the same.
func (m *Manager) receive() {
	defer close(m.done)
	defer close(m.events)
	for {
		var r Reply
		files, err := m.conn.Receive(&r)
		wire.CloseAll(files)
		if err != nil {
			return
		}
		if r.Event != nil {
			Deliver(m.events, *r.Event)
			continue
		}
		m.mu.Lock()
		reply, ok := m.waiting[r.ID]
		delete(m.waiting, r.ID)
		m.mu.Unlock()
		if ok {
			reply <- r
		}
	}
}

func (m *Manager) call(ctx context.Context, req Request) (Reply, error) {
	reply := make(chan Reply, 1)
	m.mu.Lock()
	m.next++
	req.ID = m.next
	m.waiting[req.ID] = reply
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		delete(m.waiting, req.ID)
		m.mu.Unlock()
	}()
	if err := m.conn.Send(req); err != nil {
		return Reply{}, fmt.Errorf("%w: %w", ErrClosed, err)
	}
	select {
	case r := <-reply:
		if r.Error != "" {
			return r, errors.New(r.Error)
		}
		return r, nil
	case <-m.done:
		return Reply{}, ErrClosed
	case <-ctx.Done():
		return Reply{}, ctx.Err()
	}
}

// Start starts a guest in a network namespace and returns once its init runs.
// A guest of the same boot that runs is left alone; one of another boot is
// stopped first. The disk of an earlier boot is kept.
func (m *Manager) Start(ctx context.Context, g spec.Guest, netns string) error {
	if _, err := m.call(ctx, Request{Op: OpStart, InstanceID: g.InstanceID, Guest: &g, Netns: netns}); err != nil {
		return fmt.Errorf("start guest %s: %w", g.InstanceID, err)
	}
	return nil
}

// Stop shuts a guest down and returns once it has ended. Its disk and its
// console stay.
func (m *Manager) Stop(ctx context.Context, instanceID string) error {
	if _, err := m.call(ctx, Request{Op: OpStop, InstanceID: instanceID}); err != nil {
		return fmt.Errorf("stop guest %s: %w", instanceID, err)
	}
	return nil
}

// Remove ends a guest and forgets its disk and console.
func (m *Manager) Remove(ctx context.Context, instanceID string) error {
	if _, err := m.call(ctx, Request{Op: OpRemove, InstanceID: instanceID}); err != nil {
		return fmt.Errorf("remove guest %s: %w", instanceID, err)
	}
	return nil
}

// List tells of all guests, running or not, that were not removed.
func (m *Manager) List(ctx context.Context) ([]Status, error) { return m.ListOne(ctx, "") }

// ListOne is List of one instance.
func (m *Manager) ListOne(ctx context.Context, instanceID string) ([]Status, error) {
	r, err := m.call(ctx, Request{Op: OpList, InstanceID: instanceID})
	if err != nil {
		return nil, fmt.Errorf("list guests: %w", err)
	}
	return r.Statuses, nil
}

// Console returns the last 64 KiB of a guest's console.
func (m *Manager) Console(ctx context.Context, instanceID string) ([]byte, error) {
	r, err := m.call(ctx, Request{Op: OpConsole, InstanceID: instanceID})
	if err != nil {
		return nil, fmt.Errorf("console of guest %s: %w", instanceID, err)
	}
	return r.Console, nil
}

// Snapshot keeps the content of a guest's disk, whether it runs or not, in the
// store of images, and returns its digest and its size there.
func (m *Manager) Snapshot(ctx context.Context, instanceID string) (digest string, size int64, err error) {
	r, err := m.call(ctx, Request{Op: OpSnapshot, InstanceID: instanceID})
	if err != nil {
		return "", 0, fmt.Errorf("snapshot of guest %s: %w", instanceID, err)
	}
	return r.Digest, r.Size, nil
}

// Ready tells the supervisor that the daemon serves: whoever waits for Musubi
// to come up hears it.
func (m *Manager) Ready(ctx context.Context) error {
	_, err := m.call(ctx, Request{Op: OpReady})
	return err
}

// Fatal tells the supervisor why the daemon cannot start and that starting it
// again will not help: Musubi ends.
func (m *Manager) Fatal(ctx context.Context, message string) error {
	_, err := m.call(ctx, Request{Op: OpFatal, Message: message})
	return err
}

// Events delivers what happens to guests. It is closed when the connection ends.
func (m *Manager) Events() <-chan Event { return m.events }
