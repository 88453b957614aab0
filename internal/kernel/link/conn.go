// Package link makes veth pairs, and brings the addresses, routes, neighbours
// and policy rules of a network namespace to a desired state by netlink.
//
// It may import netns and nothing else of the project.
package link

import (
	"errors"
	"fmt"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/kernel/netns"
)

// Conn is a netlink connection into a namespace.
type Conn struct {
	ns *netns.NS
	h  *netlink.Handle

	mu    sync.Mutex
	index map[string]int // of links, by name
}

// Open connects to the namespace. The caller closes the namespace, later.
func Open(ns *netns.NS) (*Conn, error) {
	c := &Conn{ns: ns, index: map[string]int{}}
	err := ns.Do(func() (err error) {
		c.h, err = netlink.NewHandle(unix.NETLINK_ROUTE)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("netlink in %s: %w", ns.Name(), err)
	}
	return c, nil
}

// Close ends the connection.
func (c *Conn) Close() { c.h.Close() }

// Link is a link as it is.
type Link struct {
	Name, Alias string
	MTU         int
	Up          bool
}

// Links lists the namespace's links by name, but for lo.
func (c *Conn) Links() (map[string]Link, error) {
	var list []netlink.Link
	err := dump(func() (err error) { list, err = c.h.LinkList(); return err })
	if err != nil {
		return nil, fmt.Errorf("list links of %s: %w", c.ns.Name(), err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.index)
	out := map[string]Link{}
	for _, l := range list {
		a := l.Attrs()
		c.index[a.Name] = a.Index
		if a.Name != "lo" {
			out[a.Name] = Link{Name: a.Name, Alias: a.Alias, MTU: a.MTU, Up: a.RawFlags&unix.IFF_UP != 0}
		}
	}
	return out, nil
}

// indexOf returns the index of a link.
func (c *Conn) indexOf(name string) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i, ok := c.index[name]; ok {
		return i, nil
	}
	l, err := c.h.LinkByName(name)
	if err != nil {
		return 0, fmt.Errorf("link %s of %s: %w", name, c.ns.Name(), err)
	}
	c.index[name] = l.Attrs().Index
	return l.Attrs().Index, nil
}

func (c *Conn) names() map[int]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[int]string, len(c.index))
	for name, i := range c.index {
		out[i] = name
	}
	return out
}

// Delete removes a link, and with it its peer. One that is not there is no
// error.
func (c *Conn) Delete(name string) error {
	i, err := c.indexOf(name)
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		return nil
	}
	if err != nil {
		return err
	}
	c.Gone(name)
	a := netlink.NewLinkAttrs()
	a.Index = i
	if err := c.h.LinkDel(&netlink.Dummy{LinkAttrs: a}); err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("delete link %s of %s: %w", name, c.ns.Name(), err)
	}
	return nil
}

// Gone says that a link went away by itself, with its peer.
func (c *Conn) Gone(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.index, name)
}

// Up sets a link up.
func (c *Conn) Up(name string) error {
	i, err := c.indexOf(name)
	if err != nil {
		return err
	}
	a := netlink.NewLinkAttrs()
	a.Index, a.Name = i, name
	if err := c.h.LinkSetUp(&netlink.Dummy{LinkAttrs: a}); err != nil {
		return fmt.Errorf("set link %s of %s up: %w", name, c.ns.Name(), err)
	}
	return nil
}

// SetMTU sets the MTU of a link.
func (c *Conn) SetMTU(name string, mtu int) error {
	i, err := c.indexOf(name)
	if err != nil {
		return err
	}
	a := netlink.NewLinkAttrs()
	a.Index, a.Name = i, name
	if err := c.h.LinkSetMTU(&netlink.Dummy{LinkAttrs: a}, mtu); err != nil {
		return fmt.Errorf("set MTU of link %s of %s: %w", name, c.ns.Name(), err)
	}
	return nil
}

// dump repeats a listing that the kernel says changed under it.
func dump(f func() error) error {
	var err error
	for range 10 {
		if err = f(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			return err
		}
	}
	return err
}
