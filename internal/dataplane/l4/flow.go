package l4

import (
	"net"
	"sync"

	"github.com/musubi-net/musubi/internal/spec"
)

// flow is a client's connection and the one to its target.
type flow struct {
	client net.Conn

	mu     sync.Mutex
	ended  bool
	remote net.Conn
	group  string
	target spec.BalancerTarget
	zone   string
}

// attach adds the connection to the target; one that was reset meanwhile takes
// the target's connection with it.
func (f *flow) attach(remote net.Conn, c choice, zone string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		reset(remote)
		return false
	}
	f.remote, f.group, f.target, f.zone = remote, c.group.ARN, c.target, zone
	return true
}

// at is where a flow goes, once it goes somewhere.
func (f *flow) at() (group string, target spec.BalancerTarget, zone string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.group, f.target, f.zone, f.remote != nil && !f.ended
}

// reset ends both sides with a reset.
func (f *flow) reset() { f.end(reset) }

// close ends both sides.
func (f *flow) close() { f.end(func(c net.Conn) { _ = c.Close() }) }

func (f *flow) end(how func(net.Conn)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return
	}
	f.ended = true
	how(f.client)
	if f.remote != nil {
		how(f.remote)
	}
}

// reset closes a connection in such a way that its peer sees a reset.
func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}
