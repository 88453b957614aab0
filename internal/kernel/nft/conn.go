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
	// live are the tables' names in the kernel.
	live map[string]string
}

// Open connects to the namespace. The caller closes the namespace, later.
func Open(ns *netns.NS) (*Conn, error) {
	c := &Conn{ns: ns, fd: -1, live: map[string]string{}}
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

// Replace makes the table anew, whatever was there. It is built beside the one
// that is in use, in as many transactions as it takes (the largest is some 425 kB
// where net.core.wmem_max is the kernel's own), and then takes its place in one:
// no packet meets both or neither. In the kernel a table is called by its name
// and a 0 or a 1.
func (c *Conn) Replace(want *Table) error {
	old, err := c.find(want.Name)
	if err != nil {
		return c.failed(err)
	}
	now := want.Name + "0"
	if now == old {
		now = want.Name + "1"
	}
	delete(c.live, want.Name)
	first, last := stage(now, want), enter(now, want.Name+other(now), want)
	if size(first)+size(last) < c.limit {
		first.add(last.messages...)
		last.messages = nil
	}
	if err := errors.Join(first.err, last.err); err != nil {
		return c.failed(err)
	}
	if err := c.send(first.messages); err != nil {
		return c.failed(err)
	}
	if len(last.messages) > 0 {
		if err := c.commit(last.messages); err != nil {
			return c.failed(err)
		}
	}
	c.live[want.Name] = now
	return nil
}

// other is the ending that the name of the other table has.
func other(name string) string {
	if name[len(name)-1] == '0' {
		return "1"
	}
	return "0"
}

// Apply takes the table, which Replace made, from have to want in one
// transaction.
func (c *Conn) Apply(have, want *Table) error {
	name, ok := c.live[want.Name]
	if !ok {
		return c.Replace(want)
	}
	ch := diff(name, have, want)
	if ch == nil || size(ch) >= c.limit {
		return c.Replace(want)
	}
	if ch.err != nil || len(ch.messages) == 0 {
		return c.failed(ch.err)
	}
	return c.failed(c.commit(ch.messages))
}

// Refill makes a table have what is wanted. It must always have the same sets,
// chains and hooks. The timeouts that it had stay.
func (c *Conn) Refill(want *Table) error {
	ch := refill(want.Name, want)
	if ch.err != nil {
		return c.failed(ch.err)
	}
	return c.failed(c.send(ch.messages))
}

// Update takes a table that Refill made from have to want.
func (c *Conn) Update(have, want *Table) error {
	ch := diff(want.Name, have, want)
	if ch == nil {
		return c.failed(fmt.Errorf("table %s: another shape", want.Name))
	}
	if ch.err != nil {
		return c.failed(ch.err)
	}
	return c.failed(c.send(ch.messages))
}

func (c *Conn) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("nf_tables in %s: %w", c.ns.Name(), err)
}

// overhead is how much a message takes beside its data.
const overhead = 20

// size is what a change takes on the wire.
func size(ch *change) int {
	n := 3 * overhead // begin and end
	for _, m := range ch.messages {
		n += len(m.data) + overhead
	}
	return n
}

// send commits messages in as many transactions as it takes.
func (c *Conn) send(m []message) error {
	for len(m) > 0 {
		bytes, n := 3*overhead, 0
		for n < len(m) && (n == 0 || bytes+len(m[n].data)+overhead < c.limit) {
			bytes += len(m[n].data) + overhead
			n++
		}
		if err := c.commit(m[:n]); err != nil {
			return err
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
