package gate

import (
	"net"
	"time"
)

// alive has the kernel ask the clients of a listener for signs of life: agents hold
// a connection all the time, and that the path to one is gone is to be known within
// fifteen seconds, without messages that wake it up.
type alive struct{ net.Listener }

// Accept waits for a connection.
func (l alive) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if t, ok := c.(*net.TCPConn); ok {
		// A connection that is gone already shows when it is used.
		_ = t.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 3 * time.Second, Count: 3})
	}
	return c, err
}
