package accesslog

import (
	"io"
	"log/slog"
	"net/netip"
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

// Destination says where a load balancer's node puts its lines.
type Destination struct {
	Bucket, Prefix  string
	Account, Region string
	LoadBalancer    string     // app/<name>/<hex>
	Node            netip.Addr // the node's address
}

// Writer owns log files.
type Writer struct{}

// NewWriter starts a writer. It is to be closed.
func NewWriter(o Options) *Writer { return &Writer{} }

// Access writes a line to the access log. It never blocks, and the entry may be
// used again when it returns.
func (w *Writer) Access(d *Destination, e *Entry) {}

// Connection writes a line to the connection log, like Access.
func (w *Writer) Connection(d *Destination, c *Connection) {}

// Dropped is how many lines were lost because the disk was too slow, or a file
// could not be written.
func (w *Writer) Dropped() uint64 { return 0 }

// Close writes what waits and ends the writer. Later lines are dropped.
func (w *Writer) Close() error { return nil }
