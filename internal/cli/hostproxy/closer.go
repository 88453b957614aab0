package hostproxy

import (
	"net"
	"sync"
)

// closer keeps what is to be done when a connection is gone.
type closer struct {
	mu sync.Mutex
	do map[net.Conn]func()
}

func (c *closer) add(k net.Conn, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.do == nil {
		c.do = map[net.Conn]func(){}
	}
	c.do[k] = f
}

func (c *closer) close(k net.Conn) {
	c.mu.Lock()
	f := c.do[k]
	delete(c.do, k)
	c.mu.Unlock()
	if f != nil {
		f()
	}
}
