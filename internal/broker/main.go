package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/musubi-net/musubi/internal/guest/wire"
)

// Command is the hidden command that Main runs as.
const Command = "__broker"

// socketFD is the supervisor's connection.
const socketFD = 3

// Options say what a broker may do.
type Options struct {
	// Internet lets it connect to the internet, and to the host's name servers.
	Internet bool
	// Cleanup are directories to remove at the end, with those below them: control
	// groups, whose processes it ends. A directory with a file in it stays.
	Cleanup []string

	// Confined is set by the broker itself.
	Confined bool
}

// Main is the hidden command __broker.
func Main(args []string) int {
	var o Options
	if len(args) != 1 || json.Unmarshal([]byte(args[0]), &o) != nil {
		fmt.Fprintln(os.Stderr, "musubi: the broker is started by musubi up")
		return 2
	}
	if !o.Confined {
		o.Confined = true
		if err := confine(o); err != nil {
			fmt.Fprintln(os.Stderr, "musubi: broker:", err)
			return 1
		}
	}
	err := run(o)
	if err = errors.Join(err, cleanUp(o.Cleanup)); err != nil {
		fmt.Fprintln(os.Stderr, "musubi: broker:", err)
		return 1
	}
	return 0
}

func run(o Options) error {
	syscall.CloseOnExec(socketFD)
	conn, err := wire.FromFile(os.NewFile(socketFD, "supervisor"))
	if err != nil {
		return err
	}
	return serve(conn, policy{internet: o.Internet, own: ownAddress, servers: nameServers})
}

// serve takes daemons' connections from the supervisor until that has ended, and
// lets nothing go on that it began.
func serve(supervisor *wire.Conn, p policy) error {
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	defer func() { _ = supervisor.Close() }()
	for {
		var h handover
		files, err := supervisor.Receive(&h)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("from the supervisor: %w", err)
		}
		for _, f := range files {
			c, err := wire.FromFile(f)
			if err != nil {
				continue
			}
			work.Go(func() { daemon(ctx, c, p) })
		}
	}
}

// daemon serves one daemon until its connection ends.
func daemon(ctx context.Context, c *wire.Conn, p policy) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	var work sync.WaitGroup
	defer func() { stop(); cancel(); _ = c.Close(); work.Wait() }()
	slots := make(chan struct{}, maxPending)
	for {
		var r request
		files, err := c.Receive(&r)
		wire.CloseAll(files)
		if err != nil {
			return
		}
		select {
		case slots <- struct{}{}:
		default:
			if c.Send(reply{ID: r.ID, Busy: true, Error: ErrBusy.Error()}) != nil {
				return
			}
			continue
		}
		work.Go(func() {
			defer func() { <-slots }()
			answer(ctx, c, p, r)
		})
	}
}

// answer connects and hands the socket over.
func answer(ctx context.Context, c *wire.Conn, p policy, r request) {
	limit := dialTimeout
	if r.Timeout > 0 {
		limit = min(limit, r.Timeout)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := p.dial(ctx, r)
	if err != nil {
		_ = c.Send(refusal(r.ID, err)) // who asked may be gone
		return
	}
	defer func() { _ = conn.Close() }()
	f, err := conn.(interface{ File() (*os.File, error) }).File()
	if err != nil {
		_ = c.Send(refusal(r.ID, err))
		return
	}
	defer func() { _ = f.Close() }()
	_ = c.Send(reply{ID: r.ID}, f)
}
