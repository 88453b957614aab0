package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/guest/wire"
)

// ask connects and sends a request. The connection ends with ctx.
func ask(ctx context.Context, dir string, req clientRequest, files ...*os.File) (*wire.Conn, func(), error) {
	u, err := DialSocket(ctx, dir, Socket)
	if err != nil {
		return nil, nil, err
	}
	c := wire.New(u)
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	done := func() {
		stop()
		_ = c.Close()
	}
	if err := c.Send(req, files...); err != nil {
		done()
		return nil, nil, err
	}
	return c, done, nil
}

// errLost is a supervisor that ended in the middle of an answer.
var errLost = errors.New("the supervisor does not answer")

func reply(ctx context.Context, c *wire.Conn) (clientReply, error) {
	var r clientReply
	files, err := c.Receive(&r)
	wire.CloseAll(files)
	switch {
	case ctx.Err() != nil:
		return r, ctx.Err()
	case err != nil:
		return r, fmt.Errorf("%w: %w", errLost, err)
	case r.Error != "":
		return r, errors.New(r.Error)
	}
	return r, nil
}

// GetStatus asks the Musubi of a state directory how it is.
func GetStatus(ctx context.Context, dir string) (Status, error) {
	c, done, err := ask(ctx, dir, clientRequest{Op: opStatus})
	if err != nil {
		return Status{}, err
	}
	defer done()
	r, err := reply(ctx, c)
	if err != nil {
		return Status{}, err
	}
	return r.Status.outside(), nil
}

// outside translates the daemon's process id to the host's.
func (s *Status) outside() Status {
	if s == nil {
		return Status{}
	}
	out := *s
	out.DaemonPid = 0
	if s.DaemonPid == 0 {
		return out
	}
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.Pid))
	if err != nil {
		return out
	}
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, child := range strings.Fields(string(text)) {
			if inner(child) == s.DaemonPid {
				out.DaemonPid, _ = strconv.Atoi(child)
			}
		}
	}
	return out
}

// inner is a process's id in its parent's namespaces: the one after the host's.
func inner(pid string) int {
	text, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if ids, ok := strings.CutPrefix(line, "NSpid:"); ok {
			// Two ids: the host's and the supervisor's. A guest has a third.
			if f := strings.Fields(ids); len(f) == 2 {
				n, _ := strconv.Atoi(f[1])
				return n
			}
		}
	}
	return 0
}

func awaitReady(ctx context.Context, dir string) error {
	c, done, err := ask(ctx, dir, clientRequest{Op: opReady})
	if err != nil {
		return err
	}
	defer done()
	_, err = reply(ctx, c)
	return err
}

// Stop ends the Musubi of a state directory in an orderly way and returns when
// nothing of it is left.
func Stop(ctx context.Context, dir string) error {
	c, done, err := ask(ctx, dir, clientRequest{Op: opStatus})
	if err != nil {
		return err
	}
	r, err := reply(ctx, c)
	done()
	if err != nil {
		return err
	}
	pidfd, err := unix.PidfdOpen(r.Status.Pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("watch the supervisor: %w", err)
	}
	defer func() { _ = unix.Close(pidfd) }()
	ended, err := watchBroker(r.Status.Broker)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(ended) }()
	c, done, err = ask(ctx, dir, clientRequest{Op: opStop})
	if err != nil {
		return err
	}
	defer done()
	if _, err := reply(ctx, c); err != nil {
		return err
	}
	return errors.Join(awaitEnd(ctx, pidfd), awaitEnd(ctx, ended))
}

// watchBroker opens the broker's process, which removes from the host what is left
// when the supervisor has ended; -1 if it is not there.
func watchBroker(pid int) (int, error) {
	if pid == 0 {
		return -1, nil
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return -1, nil
	}
	if err != nil {
		return -1, fmt.Errorf("watch the broker: %w", err)
	}
	return fd, nil
}

// awaitEnd waits until a process has ended.
func awaitEnd(ctx context.Context, pidfd int) error {
	if pidfd < 0 {
		return nil
	}
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 100)
		if n > 0 {
			return nil
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("watch a process: %w", err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// Logs writes an instance's console, or with an empty name Musubi's own log,
// and with follow what is added until ctx ends.
func Logs(ctx context.Context, dir, instance string, follow bool, w io.Writer) error {
	c, done, err := ask(ctx, dir, clientRequest{Op: opLogs, Instance: instance, Follow: follow})
	if err != nil {
		return err
	}
	defer done()
	for {
		r, err := reply(ctx, c)
		if follow && ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if r.End {
			return nil
		}
		if _, err := w.Write(r.Data); err != nil {
			return err
		}
	}
}
