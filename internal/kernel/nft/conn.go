package nft

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/kernel/netns"
)

// sendBuffer is what is asked for; the host's net.core.wmem_max may give less.
const sendBuffer = 4 << 20

// Conn is a connection to the nf_tables of a namespace.
type Conn struct {
	ns    *netns.NS
	fd    int
	seq   uint32
	limit int // bytes of a transaction
}

// Open connects to the namespace. The caller closes the namespace, later.
func Open(ns *netns.NS) (*Conn, error) {
	c := &Conn{ns: ns, fd: -1}
	err := ns.Do(func() (err error) {
		c.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		return err
	})
	if err == nil {
		err = c.setUp()
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("nf_tables in %s: %w", ns.Name(), err)
	}
	return c, nil
}

func (c *Conn) setUp() error {
	err := errors.Join(
		unix.Bind(c.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}),
		unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer),
		unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, sendBuffer),
		unix.SetsockoptInt(c.fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1),
	)
	if err != nil {
		return err
	}
	size, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
	c.limit = size - 4096
	return err
}

// Close ends the connection.
func (c *Conn) Close() {
	if c.fd >= 0 {
		_ = unix.Close(c.fd)
	}
}

// Replace makes the table anew in one transaction, whatever was there.
func (c *Conn) Replace(want *Table) error { return c.send(replace(want)) }

// Apply takes the table from have to want in one transaction.
func (c *Conn) Apply(have, want *Table) error { return c.send(diff(have, want)) }

// send commits the change. One that is larger than a socket takes at once (some
// 425 kB where net.core.wmem_max is the kernel's own) is split: the rules come
// last, and until they are in, a table that is made anew drops everything.
func (c *Conn) send(ch *change) error {
	if ch.err != nil {
		return ch.err
	}
	for m := ch.messages; len(m) > 0; {
		size, n := 0, 0
		for n < len(m) && (n == 0 || size+len(m[n].data)+64 < c.limit) {
			size += len(m[n].data) + 20
			n++
		}
		if err := c.commit(m[:n]); err != nil {
			return fmt.Errorf("nf_tables in %s: %w", c.ns.Name(), err)
		}
		m = m[n:]
	}
	return nil
}

func (c *Conn) commit(messages []message) error {
	batch := []byte{0, 0, 0, unix.NFNL_SUBSYS_NFTABLES}
	b := c.frame(nil, unix.NFNL_MSG_BATCH_BEGIN, 0, batch)
	first := c.seq + 1
	for _, m := range messages {
		b = c.frame(b, unix.NFNL_SUBSYS_NFTABLES<<8|m.kind, m.flags, m.data)
	}
	b = c.frame(b, unix.NFNL_MSG_BATCH_END, 0, batch)
	if err := unix.Sendto(c.fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("send %d messages, %d bytes: %w", len(messages), len(b), err)
	}
	return c.errors(first, messages)
}

func (c *Conn) frame(b []byte, kind, flags uint16, data []byte) []byte {
	c.seq++
	b = binary.NativeEndian.AppendUint32(b, uint32(16+len(data)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flags|unix.NLM_F_REQUEST)
	b = binary.NativeEndian.AppendUint32(b, c.seq)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = append(b, data...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// errors reads what the kernel said: the transaction is over when the send
// returns, and only errors are answered. With one, nothing was committed.
func (c *Conn) errors(first uint32, messages []message) error {
	var all []error
	buf := make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(c.fd, buf, unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) {
			return errors.Join(all...)
		}
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return errors.Join(append(all, fmt.Errorf("read the answer: %w", err))...)
		}
		for b := buf[:n]; len(b) >= 20; {
			size := int(binary.NativeEndian.Uint32(b))
			code := int32(binary.NativeEndian.Uint32(b[16:]))
			if binary.NativeEndian.Uint16(b[4:]) == unix.NLMSG_ERROR && code != 0 {
				all = append(all, fmt.Errorf("%s: %w", describe(binary.NativeEndian.Uint32(b[8:])-first, messages), unix.Errno(-code)))
			}
			b = b[min((size+3)&^3, len(b)):]
		}
	}
}

// describe names a message by its number, kind and names.
func describe(i uint32, messages []message) string {
	if int(i) >= len(messages) {
		return "batch"
	}
	m := messages[i]
	return fmt.Sprintf("message %d of %d, kind %d, %q", i, len(messages), m.kind, m.data[4:min(len(m.data), 100)])
}

// Limit lowers the size that a transaction may have.
func (c *Conn) Limit(bytes int) { c.limit = min(c.limit, bytes) }
