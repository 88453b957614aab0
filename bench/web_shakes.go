package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// webShakes counts requests with a TLS handshake each. crypto/tls does those only
// in a goroutine that may wait.
func webShakes(j job) (tally, error) {
	to := netip.AddrPortFrom(j.Address, j.Port).String()
	t := newTally(j)
	each := make([]tally, j.Count)
	errs := make([]error, j.Count)
	config := clientTLS()
	var all sync.WaitGroup
	for i := range each {
		all.Go(func() {
			each[i] = tally{begin: t.begin, end: t.end}
			for errs[i] == nil {
				began := time.Now()
				if began.After(t.end) {
					return
				}
				errs[i] = shake(to, config)
				each[i].add(began, time.Now())
			}
		})
	}
	all.Wait()
	for _, e := range each {
		t.times = append(t.times, e.times...)
		t.all += e.all
	}
	return t, errors.Join(errs...)
}

// shake is one connection with one request.
func shake(to string, config *tls.Config) error {
	raw, err := net.DialTimeout("tcp", to, stuck)
	if err != nil {
		return err
	}
	defer func() { _ = raw.Close() }()
	if err := raw.SetDeadline(time.Now().Add(stuck)); err != nil {
		return err
	}
	c := tls.Client(raw, config)
	if _, err := c.Write(lastOne); err != nil {
		return fmt.Errorf("TLS with %s: %w", to, err)
	}
	var got answerReader
	var b [2048]byte
	for done := false; !done; {
		n, err := c.Read(b[:])
		if err != nil {
			return fmt.Errorf("receive from %s: %w", to, err)
		}
		if done, err = got.take(b[:n]); err != nil {
			return err
		}
	}
	return nil
}
