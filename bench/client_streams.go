package main

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// chunk is what a stream writes or reads at once.
const chunk = 256 << 10

// streams sends as much as goes on each of its connections.
func streams(j job) (outcome, error) {
	to := netip.AddrPortFrom(j.Address, sinkPort)
	var all []net.Conn
	defer func() {
		for _, c := range all {
			_ = c.Close()
		}
	}()
	for range j.Count {
		c, err := net.DialTimeout("tcp", to.String(), stuck)
		if err != nil {
			return outcome{}, err
		}
		all = append(all, c)
	}
	var bytes atomic.Int64
	var writers sync.WaitGroup
	for _, c := range all {
		writers.Go(func() {
			b := make([]byte, chunk)
			for {
				n, err := c.Write(b)
				bytes.Add(int64(n))
				if err != nil {
					return // closed below, or by the other side: then too little is counted
				}
			}
		})
	}
	o, err := meter(j, &bytes)
	for _, c := range all {
		// What is still in the buffers is of no use.
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}
	writers.Wait()
	return o, err
}

// meter reads the counters at the beginning and at the end of the time.
func meter(j job, bytes *atomic.Int64) (outcome, error) {
	<-time.After(j.Warm)
	begin, sent := time.Now(), bytes.Load()
	busy, _, err := cpuTime()
	if err != nil {
		return outcome{}, err
	}
	<-time.After(j.Time)
	o := outcome{Seconds: time.Since(begin).Seconds(), Bytes: float64(bytes.Load() - sent)}
	now, _, err := cpuTime()
	o.CPU = now - busy
	if err == nil && o.Bytes == 0 {
		err = fmt.Errorf("nothing went through")
	}
	return o, err
}
