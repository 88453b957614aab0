package l4

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"time"
)

// relay carries bytes both ways until both sides have ended, one was reset, or
// neither has sent anything for the idle time. Between plain TCP connections the
// kernel moves them.
func relay(f *flow, outer, inner net.Conn, idle time.Duration) {
	w := watch(f, idle)
	defer w.stop()
	var up sync.WaitGroup
	up.Go(func() { half(f, inner, outer) })
	half(f, outer, inner)
	up.Wait()
}

// half carries bytes one way and closes the way behind it.
func half(f *flow, to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		f.reset()
		return
	}
	if err := closeWrite(to); err != nil {
		f.reset()
	}
}

// closeWrite tells the peer that nothing more comes: of TLS its own way first.
func closeWrite(c net.Conn) error {
	if t, ok := c.(*tls.Conn); ok {
		if err := t.CloseWrite(); err != nil {
			return err
		}
		c = t.NetConn()
	}
	if s, ok := c.(stream); ok {
		return s.CloseWrite()
	}
	return nil
}

// watcher ends a flow that is idle.
type watcher struct {
	f     *flow
	idle  time.Duration
	mu    sync.Mutex
	timer *time.Timer
	ended bool
}

func watch(f *flow, idle time.Duration) *watcher {
	w := &watcher{f: f, idle: idle}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(idle, w.look)
	return w
}

// look ends the flow, or comes again when it could be idle. The kernel knows
// when the last byte came, so that nobody needs to count them on the way.
func (w *watcher) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	quiet := min(sinceData(w.f.client), sinceData(w.f.remote))
	if quiet >= w.idle {
		w.f.reset()
		return
	}
	w.timer.Reset(w.idle - quiet)
}

// stop returns when the watcher is no more.
func (w *watcher) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	w.timer.Stop()
}
