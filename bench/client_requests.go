package main

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// requestSize is that of a request, and of its answer.
const requestSize = 64

// exchange is one connection with one request under way.
type exchange struct {
	fd   int
	got  int
	sent time.Time
}

func (e *exchange) send(now time.Time) error {
	var b [requestSize]byte
	n, err := unix.Write(e.fd, b[:])
	if err == nil && n != len(b) {
		err = fmt.Errorf("%d bytes written", n)
	}
	e.got, e.sent = 0, now
	return err
}

// receive takes what has come and tells whether that was all.
func (e *exchange) receive() (bool, error) {
	var b [2 * requestSize]byte
	n, err := unix.Read(e.fd, b[:])
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("receive: %w", err)
	case n == 0:
		return false, fmt.Errorf("the connection was closed")
	}
	e.got += n
	return e.got >= requestSize, nil
}

// requests keeps one request under way on each of its connections.
func requests(j job) (outcome, error) {
	p, err := newPoller()
	if err != nil {
		return outcome{}, err
	}
	defer p.close()
	list, err := connect(p, netip.AddrPortFrom(j.Address, echoPort), j.Count)
	defer func() {
		for _, e := range list {
			_ = unix.Close(e.fd)
		}
	}()
	if err != nil {
		return outcome{}, err
	}
	begin := time.Now()
	for i := range list {
		if err := list[i].send(begin); err != nil {
			return outcome{}, err
		}
	}
	begin = begin.Add(j.Warm)
	end := begin.Add(j.Time)
	times := make([]time.Duration, 0, int(j.Time.Seconds()*200_000)+1)
	for now := begin; now.Before(end); {
		events, err := p.wait(stuck)
		if err != nil {
			return outcome{}, err
		}
		for _, v := range events {
			e := &list[v.Fd]
			done, err := e.receive()
			if err != nil {
				return outcome{}, err
			}
			if !done {
				continue
			}
			now = time.Now()
			if e.sent.After(begin) && now.Before(end) {
				times = append(times, now.Sub(e.sent))
			}
			if err := e.send(now); err != nil {
				return outcome{}, err
			}
		}
	}
	slices.Sort(times)
	return outcome{Operations: len(times), Seconds: j.Time.Seconds(), P50: percentile(times, .5), P99: percentile(times, .99)}, nil
}

// connect opens connections, each after the one before.
func connect(p *poller, to netip.AddrPort, count int) ([]exchange, error) {
	var list []exchange
	opening, err := newPoller()
	if err != nil {
		return nil, err
	}
	defer opening.close()
	for i := range count {
		fd, err := dial(to)
		if err != nil {
			return list, err
		}
		list = append(list, exchange{fd: fd})
		if err := opening.add(fd, unix.EPOLLOUT|unix.EPOLLONESHOT, i); err != nil {
			return list, err
		}
		if _, err := opening.wait(stuck); err != nil {
			return list, fmt.Errorf("connect to %s: %w", to, err)
		}
		if err := trouble(fd); err != nil {
			return list, fmt.Errorf("connect to %s: %w", to, err)
		}
		if err := p.add(fd, unix.EPOLLIN, i); err != nil {
			return list, err
		}
	}
	return list, nil
}
