package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/musubi-net/musubi/internal/ca"
	"github.com/musubi-net/musubi/internal/control"
	"github.com/musubi-net/musubi/internal/guest/images"
	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/supervisor"
)

// UpOptions say how to start a Musubi.
type UpOptions struct {
	Dir     string // state directory
	Listen  string // loopback address of the API
	Detach  bool
	Debug   bool
	Version string
	// ShuffleZones makes zone names mean other places in each account, for good.
	ShuffleZones bool
	// Internet is what the world's internet leads to: InternetHost, or nothing.
	Internet string
	// Output gets the log of a Musubi in the foreground.
	Output *os.File
}

// logFile is where a detached Musubi logs to, in the state directory.
const logFile = "musubi.log"

// Started is a started Musubi.
type Started struct {
	*supervisor.Handle
	API string // http://127.0.0.1:4566
}

// readyTimeout bounds the wait for the daemon's first answer.
const readyTimeout = 30 * time.Second

// worldTimeout bounds the wait for the world.
const worldTimeout = 20 * time.Second

// Up starts a Musubi and returns when its API answers and its world is built.
func Up(ctx context.Context, o UpOptions) (*Started, error) {
	if err := loopback(o.Listen); err != nil {
		return nil, err
	}
	if err := checkInternet(o.Internet); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	if Running(o.Dir) {
		return nil, fmt.Errorf("a Musubi already runs in %s; stop it with: musubi down, or choose another --dir", o.Dir)
	}
	if err := checkState(ctx, o.Dir); err != nil {
		return nil, err
	}
	if o.ShuffleZones {
		if err := shuffleZones(ctx, o.Dir); err != nil {
			return nil, err
		}
	}
	output := o.Output
	if o.Detach {
		f, err := os.OpenFile(filepath.Join(o.Dir, logFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		output = f
	}
	arg, err := json.Marshal(daemonOptions{Version: o.Version, Debug: o.Debug, Internet: o.Internet == InternetHost})
	if err != nil {
		return nil, err
	}
	h, err := supervisor.Start(ctx, supervisor.Options{Dir: o.Dir, Listen: o.Listen, Detach: o.Detach, Output: output,
		Daemon: []string{daemonCommand, string(arg)}, Internet: o.Internet == InternetHost})
	if err != nil {
		return nil, err
	}
	wait, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	err = h.Ready(wait)
	if err == nil {
		err = awaitWorld(ctx, o.Dir)
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		err = errors.New("interrupted before it was up")
	}
	if err != nil {
		return nil, errors.Join(err, h.Kill())
	}
	return &Started{Handle: h, API: "http://" + h.Address}, nil
}

// awaitWorld waits, for a while, until the world is as it was before: what the
// API calls running does run then. A world that takes longer, or can not be
// built whole, is none of its errors: musubi status tells.
func awaitWorld(ctx context.Context, dir string) error {
	client := control.NewClient(func(ctx context.Context) (net.Conn, error) { return DialDaemon(ctx, dir) })
	limit, cancel := context.WithTimeout(ctx, worldTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if s, err := client.Status(limit); err == nil && s.Ready {
			return nil
		}
		select {
		case <-tick.C:
		case <-limit.Done():
			return ctx.Err()
		}
	}
}

// loopback refuses addresses that others could reach: the API starts processes.
func loopback(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("--listen %s: want HOST:PORT, such as 127.0.0.1:4566", listen)
	}
	if host == "localhost" {
		return nil
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("--listen %s: only loopback addresses are allowed, because the API can start processes", listen)
	}
	return nil
}

// Running reports whether a Musubi serves a state directory.
func Running(dir string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	c, err := supervisor.DialSocket(ctx, dir, supervisor.Socket)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// DialDaemon connects to the daemon's control socket.
func DialDaemon(ctx context.Context, dir string) (net.Conn, error) {
	return supervisor.DialSocket(ctx, dir, supervisor.DaemonSocket)
}

// Down stops the Musubi of a state directory; one that does not run is no
// error. With purge it then removes what Musubi keeps there.
func Down(ctx context.Context, dir string, purge bool) (wasRunning bool, err error) {
	err = supervisor.Stop(ctx, dir)
	wasRunning = !errors.Is(err, supervisor.ErrNotRunning)
	if err != nil && wasRunning {
		return true, err
	}
	if purge {
		return wasRunning, removeState(dir)
	}
	return wasRunning, nil
}

// removeState removes what Musubi wrote, and the directory if nothing else is
// in it.
func removeState(dir string) error {
	var errs []error
	for _, name := range []string{stateFile, logFile, ca.RootFile, ca.KeyFile, supervisor.Socket, supervisor.DaemonSocket, "lock", "demo", "s3", images.Dir} {
		errs = append(errs, os.RemoveAll(filepath.Join(dir, name)))
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTEMPTY) {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Stage returns what this process is, if it is a part of Musubi rather than a
// user's command: a hidden stage, or a tool inside an instance.
func Stage(argv []string) (run func() int, ok bool) {
	if len(argv) > 1 && argv[1] == daemonCommand {
		return func() int { return runDaemon(argv[2:]) }, true
	}
	if len(argv) > 1 && argv[1] == kernel.ProbeCommand {
		return probeChild, true
	}
	if code, handled := supervisor.Dispatch(argv); handled {
		return func() int { return code }, true
	}
	return nil, false
}
