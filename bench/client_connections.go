package main

import (
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// connector opens, uses and closes one connection after the other.
type connector struct {
	exchange
	to   netip.AddrPort
	tag  int
	asks bool // connected and asked
}

func (c *connector) start(p *poller) error {
	fd, err := dial(c.to)
	if err != nil {
		return err
	}
	c.fd, c.got, c.asks = fd, 0, false
	return p.add(fd, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLET, c.tag)
}

// step goes on and tells whether the answer is there.
func (c *connector) step(events uint32) (bool, error) {
	if events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
		if err := trouble(c.fd); err != nil {
			return false, fmt.Errorf("connect to %s: %w", c.to, err)
		}
	}
	if !c.asks && events&unix.EPOLLOUT != 0 {
		c.asks = true
		if err := c.send(time.Time{}); err != nil {
			return false, fmt.Errorf("send: %w", err)
		}
	}
	if events&unix.EPOLLIN != 0 {
		return c.receive()
	}
	return false, nil
}

// connections counts connections that were opened, used and closed.
func connections(j job) (outcome, error) {
	p, err := newPoller()
	if err != nil {
		return outcome{}, err
	}
	defer p.close()
	list := make([]connector, 0, j.Count)
	defer func() {
		for _, c := range list {
			_ = unix.Close(c.fd)
		}
	}()
	for i := range j.Count {
		c := connector{to: netip.AddrPortFrom(j.Address, echoPort), tag: i}
		if err := c.start(p); err != nil {
			return outcome{}, err
		}
		list = append(list, c)
	}
	begin := time.Now().Add(j.Warm)
	end := begin.Add(j.Time)
	count := 0
	for now := time.Now(); now.Before(end); now = time.Now() {
		events, err := p.wait(stuck)
		if err != nil {
			return outcome{}, err
		}
		for _, v := range events {
			c := &list[v.Fd]
			done, err := c.step(v.Events)
			if err != nil {
				return outcome{}, err
			}
			if !done {
				continue
			}
			if now.After(begin) {
				count++
			}
			_ = unix.Close(c.fd)
			c.fd = -1
			if err := c.start(p); err != nil {
				return outcome{}, err
			}
		}
	}
	return outcome{Operations: count, Seconds: j.Time.Seconds()}, nil
}
