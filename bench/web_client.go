package main

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// webName is the name in the certificate.
const webName = "service.example.com"

const webHead = "GET /some/path?with=query HTTP/1.1\r\nHost: " + webName + "\r\nUser-Agent: bench/1.0\r\nAccept: */*\r\n"

var (
	webRequest = []byte(webHead + "\r\n")
	lastOne    = []byte(webHead + "Connection: close\r\n\r\n")
)

// clientTLS is what all clients offer. They take no session up again.
func clientTLS() *tls.Config {
	return &tls.Config{
		ServerName: webName, InsecureSkipVerify: true, // the bench's own certificate
		MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519},
	}
}

// tally counts what was done and how long each took.
type tally struct {
	begin, end time.Time
	times      []time.Duration
	all        int
}

func newTally(j job) tally {
	begin := time.Now().Add(j.Warm)
	return tally{begin: begin, end: begin.Add(j.Time), times: make([]time.Duration, 0, int(j.Time.Seconds()*100_000)+1)}
}

func (t *tally) add(sent, now time.Time) {
	t.all++
	if now.After(t.begin) && now.Before(t.end) {
		t.times = append(t.times, now.Sub(sent))
	}
}

// web measures requests to a reverse proxy.
func web(j job) (outcome, error) {
	before, began := ownCPU(), time.Now()
	var t tally
	var err error
	if j.Secure && j.Once {
		t, err = webShakes(j)
	} else {
		t, err = webPolled(j)
	}
	if err != nil {
		return outcome{}, err
	}
	whole := time.Since(began).Seconds()
	slices.Sort(t.times)
	return outcome{
		Operations: len(t.times), Seconds: j.Time.Seconds(), P50: percentile(t.times, .5), P99: percentile(t.times, .99),
		All: t.all, Client: ownCPU() - before, Whole: whole,
	}, nil
}

// ownCPU is how long this process worked, in seconds.
func ownCPU() float64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// webPolled keeps one request under way on each connection, in one thread.
func webPolled(j job) (tally, error) {
	p, err := newPoller()
	if err != nil {
		return tally{}, err
	}
	defer p.close()
	list := make([]asker, j.Count)
	for i := range list {
		list[i] = asker{fd: -1, to: netip.AddrPortFrom(j.Address, j.Port), tag: i, once: j.Once}
		defer func() { list[i].close() }()
		if err := list[i].begin(p, j.Secure); err != nil {
			return tally{}, err
		}
	}
	t := newTally(j)
	for now := time.Now(); now.Before(t.end); {
		events, err := p.wait(stuck)
		if err != nil {
			return t, err
		}
		for _, v := range events {
			a := &list[v.Fd]
			done, err := a.step(v.Events)
			if err != nil {
				return t, err
			}
			now = time.Now()
			if done {
				t.add(a.sent, now)
				if err := a.next(p, now); err != nil {
					return t, err
				}
			}
		}
	}
	return t, nil
}

// asker is one connection with one HTTP request under way.
type asker struct {
	fd   int
	to   netip.AddrPort
	tag  int
	once bool
	tls  *tls.Conn
	sent time.Time
	asks bool // connected and asked
	got  answerReader
}

func (a *asker) close() {
	if a.fd >= 0 {
		_ = unix.Close(a.fd)
		a.fd = -1
	}
}

// begin connects. Connections that stay are there, with TLS, when it returns, and
// have their first request; others ask when they are connected.
func (a *asker) begin(p *poller, secure bool) error {
	fd, err := dial(a.to)
	if err != nil {
		return err
	}
	a.fd, a.asks, a.sent, a.got = fd, false, time.Now(), answerReader{}
	if a.once {
		return p.add(fd, unix.EPOLLIN|unix.EPOLLOUT|unix.EPOLLET, a.tag)
	}
	c := &socketConn{fd: fd, waits: true}
	if err := c.await(unix.POLLOUT); err != nil {
		return fmt.Errorf("connect to %s: %w", a.to, err)
	}
	if err := trouble(fd); err != nil {
		return fmt.Errorf("connect to %s: %w", a.to, err)
	}
	if secure {
		a.tls = tls.Client(c, clientTLS())
		if err := a.tls.Handshake(); err != nil {
			return fmt.Errorf("TLS with %s: %w", a.to, err)
		}
	}
	c.waits = false
	if err := p.add(fd, unix.EPOLLIN, a.tag); err != nil {
		return err
	}
	return a.send(time.Now())
}

// next sends the next request, or begins the next connection.
func (a *asker) next(p *poller, now time.Time) error {
	if a.once {
		a.close()
		return a.begin(p, false)
	}
	return a.send(now)
}

func (a *asker) send(now time.Time) error {
	b := webRequest
	if a.once {
		b = lastOne
	} else {
		a.sent = now
	}
	a.asks, a.got = true, answerReader{}
	var err error
	if a.tls != nil {
		_, err = a.tls.Write(b)
	} else {
		_, err = unix.Write(a.fd, b)
	}
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// step goes on and tells whether the answer is there.
func (a *asker) step(events uint32) (bool, error) {
	if events&unix.EPOLLERR != 0 {
		if err := trouble(a.fd); err != nil {
			return false, fmt.Errorf("connection to %s: %w", a.to, err)
		}
	}
	if !a.asks && events&unix.EPOLLOUT != 0 {
		if err := a.send(a.sent); err != nil {
			return false, err
		}
	}
	if !a.asks || events&unix.EPOLLIN == 0 {
		return false, nil
	}
	var b [2048]byte
	for {
		var n int
		var err error
		if a.tls != nil {
			n, err = a.tls.Read(b[:])
		} else if n, err = unix.Read(a.fd, b[:]); err == nil && n == 0 {
			err = errClosed
		}
		switch {
		case again(err):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("receive: %w", err)
		}
		done, err := a.got.take(b[:n])
		if done || err != nil || a.tls == nil && !a.once {
			return done, err
		}
	}
}
