package l7

import "sync/atomic"

// workers are goroutines that serve connections, one after the other: what a
// goroutine's stack grew to for one it need not grow to again for the next.
type workers struct {
	s    *Server
	work chan *client
	idle atomic.Int32
}

// maxWorkers is how many may wait for work.
const maxWorkers = 256

func (w *workers) begin(s *Server) { w.s, w.work = s, make(chan *client) }

// do lets a worker that waits, or a new one, serve a connection.
func (w *workers) do(c *client) {
	select {
	case w.work <- c:
	default:
		w.s.done.Go(func() { w.run(c) })
	}
}

func (w *workers) run(c *client) {
	for {
		c.run()
		if w.idle.Add(1) > maxWorkers {
			w.idle.Add(-1)
			return
		}
		select {
		case c = <-w.work:
			w.idle.Add(-1)
		case <-w.s.ctx.Done():
			return
		}
	}
}
