package l7

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/musubi-net/musubi/internal/dataplane/l7/h1"
)

// end is one side of a pump.
type end struct {
	conn     net.Conn
	deadline *deadline
	failed   bool
}

// pump moves a body from one connection to another. What is small goes out in one
// write with what is before it.
type pump struct {
	body     *h1.Body
	chunk    bool // the other side gets it in chunks
	from, to end
	clock    *atomic.Int64
	idle     time.Duration
	sent     int64
	// last is told before the last write, if the connection ends with it.
	last *socket
}

// Sizes of a pump: what is written at once, and from where on the kernel moves the
// data by itself.
const (
	pumpWrite  = 48 << 10
	pumpSplice = 128 << 10
	spliceStep = 4 << 20
)

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, pumpWrite); return &b }}

// run sends out, which has what comes before the body, and the body. It returns
// the buffer for further use.
func (p *pump) run(out []byte) ([]byte, error) {
	for {
		b, err := p.body.Next(pumpWrite)
		if err != nil {
			p.from.failed = true
			return out, p.after(out, err)
		}
		if len(b) > 0 {
			if len(out)+len(b) > pumpWrite {
				if err := p.write(out); err != nil {
					return out, err
				}
				out = out[:0]
			}
			if p.chunk {
				out = h1.AppendChunk(out, b)
			} else {
				out = append(out, b...)
			}
			continue
		}
		if p.body.Done() {
			break
		}
		if err := p.write(out); err != nil {
			return out, err
		}
		out = out[:0]
		if err := p.more(); err != nil {
			return out, err
		}
	}
	if p.chunk {
		out = h1.AppendEnd(out, p.body.Trailer())
	}
	if p.last != nil {
		p.last.last()
	}
	return out, p.write(out)
}

// after sends what came before an error.
func (p *pump) after(out []byte, err error) error {
	if e := p.write(out); e != nil {
		return e
	}
	return err
}

// more waits for more of the body, or lets the kernel move a large one.
func (p *pump) more() error {
	if left := p.body.Left(); left >= pumpSplice && !p.chunk {
		from, ok := tcp(p.from.conn)
		to, also := tcp(p.to.conn)
		if ok && also {
			return p.splice(from, to, left)
		}
	}
	p.from.deadline.extend(p.from.conn, p.clock.Load(), p.idle)
	if err := p.body.Fill(); err != nil {
		p.from.failed = true
		return err
	}
	return nil
}

func (p *pump) splice(from, to *net.TCPConn, left int64) error {
	for left > 0 {
		now := p.clock.Load()
		p.from.deadline.extend(from, now, p.idle)
		p.to.deadline.extend(to, now, p.idle)
		n, err := to.ReadFrom(&io.LimitedReader{R: from, N: min(left, spliceStep)})
		p.sent += n
		left -= n
		p.body.Took(n)
		switch {
		case err != nil && n > 0 && timeout(err): // it moves, only slowly
			continue
		case err != nil:
			// Which side failed cannot be told: in doubt the client's.
			return err
		case n == 0:
			p.from.failed = true
			return io.ErrUnexpectedEOF
		}
	}
	return nil
}

func (p *pump) write(out []byte) error {
	if len(out) == 0 {
		return nil
	}
	p.to.deadline.extend(p.to.conn, p.clock.Load(), p.idle)
	n, err := p.to.conn.Write(out)
	p.sent += int64(n)
	return err
}
