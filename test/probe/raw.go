package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// attempt is bytes to send on a connection of their own. With a ServerName the
// connection is TLS, whose certificate is not looked at.
type attempt struct {
	Address, ServerName string
	Protocol            string // for ALPN
	Send                []byte
	// Then is sent when something came back.
	Then []byte
	// Silence is how long nothing has to come for the connection to count as
	// open, in milliseconds.
	Silence int
}

// outcome is what came back, and whether the connection was "closed", "reset" or
// still "open" at the end.
type outcome struct {
	Received []byte
	End      string
	Millis   int64 // until the end
}

// raw makes the attempts, eight at a time.
func raw(ctx context.Context) error {
	var attempts []attempt
	if err := json.NewDecoder(os.Stdin).Decode(&attempts); err != nil {
		return err
	}
	out := make([]outcome, len(attempts))
	places := make(chan struct{}, 8)
	var all sync.WaitGroup
	for i, a := range attempts {
		places <- struct{}{}
		all.Go(func() {
			out[i] = a.make(ctx)
			<-places
		})
	}
	all.Wait()
	return show(out)
}

func (a attempt) make(ctx context.Context) (o outcome) {
	dial := net.Dialer{Timeout: 5 * time.Second}
	begin := time.Now()
	defer func() { o.Millis = time.Since(begin).Milliseconds() }()
	c, err := dial.DialContext(ctx, "tcp", a.Address)
	if err != nil {
		return outcome{End: err.Error()}
	}
	defer func() { _ = c.Close() }()
	if a.ServerName != "" {
		config := &tls.Config{ServerName: a.ServerName, InsecureSkipVerify: true}
		if a.Protocol != "" {
			config.NextProtos = []string{a.Protocol}
		}
		c = tls.Client(c, config)
	}
	// A server may close while we still send; what it said before is there.
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = c.Write(a.Send)
	}()
	defer func() { _ = c.Close(); <-sent }()
	if a.Silence == 0 {
		a.Silence = 1500
	}
	buf := make([]byte, 32<<10)
	for {
		_ = c.SetReadDeadline(time.Now().Add(time.Duration(a.Silence) * time.Millisecond))
		n, err := c.Read(buf)
		o.Received = append(o.Received, buf[:n]...)
		if err != nil {
			o.End = word(err)
			return o
		}
		if len(a.Then) > 0 {
			_, _ = c.Write(a.Then)
			a.Then = nil
		}
		if len(o.Received) > 1<<20 {
			_, _ = io.Copy(io.Discard, c)
		}
	}
}
