// Package wire carries JSON messages, and file descriptors with them, over a
// unix stream socket. The supervisor, its clients and the guests' inits speak
// it. It may import nothing of the project.
package wire

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Limit is the largest message that a Conn accepts.
const Limit = 16 << 20

// maxFiles is the most descriptors that one message may carry.
const maxFiles = 8

// header is a big-endian length and the number of descriptors.
const header = 5

// ErrMessage says that the peer sent something that is no message.
var ErrMessage = errors.New("malformed message")

// Conn is a connection for messages. Send may be called from several
// goroutines, Receive from one at a time.
type Conn struct {
	c       *net.UnixConn
	wmu     sync.Mutex
	timeout time.Duration
	buf     []byte
	fds     []*os.File
}

// New makes a Conn of c, which it then owns.
func New(c *net.UnixConn) *Conn { return &Conn{c: c} }

// FromFile makes a Conn of an inherited socket. The file is closed.
func FromFile(f *os.File) (*Conn, error) {
	c, err := net.FileConn(f)
	_ = f.Close()
	if err != nil {
		return nil, fmt.Errorf("inherited socket: %w", err)
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		_ = c.Close()
		return nil, errors.New("inherited descriptor is not a unix socket")
	}
	return New(u), nil
}

// SetSendTimeout bounds how long a Send may wait for a peer that does not
// read. It must be called before the first one.
func (c *Conn) SetSendTimeout(d time.Duration) { c.timeout = d }

// Pair makes two connected ends: a Conn and a file for another process.
func Pair() (*Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "pair")
	c, err := FromFile(os.NewFile(uintptr(fds[0]), "pair"))
	if err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return c, theirs, nil
}

// Send writes one message with files.
func (c *Conn) Send(v any, files ...*os.File) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	frame := make([]byte, header, header+len(body))
	binary.BigEndian.PutUint32(frame, uint32(len(body)))
	frame[4] = byte(len(files))
	frame = append(frame, body...)
	var oob []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		oob = unix.UnixRights(fds...)
	}
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if c.timeout > 0 {
		if err := c.c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
			return fmt.Errorf("send message: %w", err)
		}
	}
	n, _, err := c.c.WriteMsgUnix(frame, oob, nil)
	if err == nil && n < len(frame) {
		_, err = c.c.Write(frame[n:])
	}
	if err != nil {
		return fmt.Errorf("send message: %w", err)
	}
	return nil
}

// Receive reads one message into v and returns the files that came with it,
// which the caller closes. io.EOF is the peer's orderly end.
func (c *Conn) Receive(v any) ([]*os.File, error) {
	if err := c.fill(header); err != nil {
		return nil, err
	}
	size, count := int(binary.BigEndian.Uint32(c.buf)), int(c.buf[4])
	if size > Limit || count > maxFiles {
		return nil, fmt.Errorf("%w: %d bytes, %d descriptors", ErrMessage, size, count)
	}
	if err := c.fill(header + size); err != nil {
		return nil, err
	}
	body := c.buf[header : header+size]
	c.buf = c.buf[header+size:]
	if count > len(c.fds) {
		return nil, fmt.Errorf("%w: a descriptor is missing", ErrMessage)
	}
	files := c.fds[:count:count]
	c.fds = c.fds[count:]
	if err := json.Unmarshal(body, v); err != nil {
		CloseAll(files)
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	return files, nil
}

// fill reads until the buffer holds n bytes.
func (c *Conn) fill(n int) error {
	oob := make([]byte, unix.CmsgSpace(4*maxFiles))
	chunk := make([]byte, 16<<10)
	for len(c.buf) < n {
		got, oobn, _, _, err := c.c.ReadMsgUnix(chunk, oob)
		if oobn > 0 {
			if err := c.keep(oob[:oobn]); err != nil {
				return err
			}
		}
		if err == nil && got == 0 {
			err = io.EOF
		}
		if err != nil {
			if errors.Is(err, io.EOF) && len(c.buf) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		c.buf = append(c.buf, chunk[:got]...)
	}
	return nil
}

func (c *Conn) keep(oob []byte) error {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMessage, err)
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			c.fds = append(c.fds, os.NewFile(uintptr(fd), "received"))
		}
	}
	if len(c.fds) > 4*maxFiles {
		return fmt.Errorf("%w: too many descriptors", ErrMessage)
	}
	return nil
}

// File returns a duplicate of the socket, to hand on to another process.
func (c *Conn) File() (*os.File, error) { return c.c.File() }

// Close ends the connection and any file received and not fetched.
func (c *Conn) Close() error {
	return c.c.Close()
}

// CloseAll closes files.
func CloseAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
