package accesslog

import (
	"cmp"
	"crypto/rand"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Options are what a Writer gets from outside.
type Options struct {
	// Dir has the buckets.
	Dir string
	// Now is the clock; without it, the machine's.
	Now func() time.Time
	// Rand makes the random part of file names; without it, crypto/rand.
	Rand io.Reader
	Log  *slog.Logger
	// Buffer is how many lines may wait; 0 is 4096.
	Buffer int
}

// flushEvery is how long a line may wait for the file, so that a person can
// follow it.
const flushEvery = 500 * time.Millisecond

// Writer takes lines from any number of goroutines; one of its own writes them.
type Writer struct {
	o       Options
	lines   chan line
	buffers sync.Pool
	dropped atomic.Uint64
	closed  atomic.Bool
	stop    chan struct{}
	done    chan error
}

type line struct {
	to          Destination
	connections bool
	text        *[]byte
}

// NewWriter starts a writer. It is to be closed.
func NewWriter(o Options) *Writer {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	w := &Writer{o: o, lines: make(chan line, cmp.Or(o.Buffer, 4096)), stop: make(chan struct{}), done: make(chan error, 1)}
	w.buffers.New = func() any { return new(make([]byte, 0, 1024)) }
	go func() { w.done <- w.own() }()
	return w
}

// Access writes a line to the access log. It never blocks, and the entry may be
// used again when it returns.
func (w *Writer) Access(d *Destination, e *Entry) {
	b := w.buffers.Get().(*[]byte)
	*b = e.Append((*b)[:0])
	w.send(line{to: *d, text: b})
}

// Connection writes a line to the connection log, like Access.
func (w *Writer) Connection(d *Destination, c *Connection) {
	b := w.buffers.Get().(*[]byte)
	*b = c.Append((*b)[:0])
	w.send(line{to: *d, connections: true, text: b})
}

func (w *Writer) send(l line) {
	if !w.closed.Load() {
		select {
		case w.lines <- l:
			return
		default:
		}
	}
	w.dropped.Add(1)
	w.buffers.Put(l.text)
}

// Dropped is how many lines were lost because the disk was too slow, or a file
// could not be written.
func (w *Writer) Dropped() uint64 { return w.dropped.Load() }

// Close writes what waits and ends the writer. Later lines are dropped. A second
// call does nothing.
func (w *Writer) Close() error {
	if w.closed.Swap(true) {
		return nil
	}
	close(w.stop)
	return <-w.done
}

// own writes lines until the writer is closed.
func (w *Writer) own() error {
	f := files{o: &w.o, open: map[place]*file{}}
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	told := uint64(0)
	for {
		select {
		case l := <-w.lines:
			w.write(&f, l)
		case <-tick.C:
			w.count(f.flush(w.o.Now()))
			if n := w.dropped.Load(); n > told {
				w.o.Log.Warn("lines of access logs were lost", "lines", n-told)
				told = n
			}
		case <-w.stop:
			for {
				select {
				case l := <-w.lines:
					w.write(&f, l)
				default:
					return f.close()
				}
			}
		}
	}
}

func (w *Writer) write(f *files, l line) {
	w.count(f.write(place{l.to, l.connections}, *l.text, w.o.Now()))
	w.buffers.Put(l.text)
}

func (w *Writer) count(lost int) {
	if lost > 0 {
		w.dropped.Add(uint64(lost))
	}
}
