package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/musubi-net/musubi/internal/guest/initctl"
	"github.com/musubi-net/musubi/internal/guest/wire"
)

// ExecOptions say what to run in an instance.
type ExecOptions struct {
	Argv []string
	Env  []string
	Dir  string
	// Login runs root's shell instead of Argv.
	Login bool
	// TTY gives the program a terminal. Stdin should then be one, which is made
	// raw meanwhile and whose size the program sees.
	TTY    bool
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
}

// ExecError is a program that could not be started. Code is what a shell would
// exit with.
type ExecError struct {
	Code    int
	Message string
}

// Error is the message.
func (e *ExecError) Error() string { return e.Message }

// Exec runs a program in an instance, by its id or Name tag, and returns the
// program's exit code. The guest gets pipes, never the caller's own files: it
// could type into a terminal and open a file again for writing.
func Exec(ctx context.Context, dir, instance string, o ExecOptions) (int, error) {
	pipes, err := newStdio()
	if err != nil {
		return 0, err
	}
	defer pipes.close()
	request := &initctl.Exec{Argv: o.Argv, Env: o.Env, Dir: o.Dir, Login: o.Login, TTY: o.TTY}
	screen, _ := o.Stdin.(*os.File)
	if o.TTY && screen != nil && term.IsTerminal(int(screen.Fd())) {
		old, err := term.MakeRaw(int(screen.Fd()))
		if err != nil {
			return 0, fmt.Errorf("terminal: %w", err)
		}
		defer func() { _ = term.Restore(int(screen.Fd()), old) }()
	} else {
		screen = nil
	}
	request.Rows, request.Columns = size(screen)
	c, done, err := ask(ctx, dir, clientRequest{Op: opExec, Instance: instance, Exec: request}, pipes.theirs[:]...)
	if err != nil {
		return 0, err
	}
	defer done()
	wire.CloseAll(pipes.theirs[:])
	copied := pipes.copy(o)
	stop := forward(c, screen)
	defer stop()
	var out initctl.FromProgram
	files, err := c.Receive(&out)
	wire.CloseAll(files)
	if err != nil {
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return 0, fmt.Errorf("instance %s ended meanwhile", instance)
	}
	if out.Error != "" {
		return out.ExitCode, &ExecError{Code: out.ExitCode, Message: out.Error}
	}
	pipes.drain(copied)
	return out.ExitCode, nil
}

func size(screen *os.File) (rows, columns uint16) {
	if screen == nil {
		return 24, 80
	}
	w, h, err := term.GetSize(int(screen.Fd()))
	if err != nil {
		return 24, 80
	}
	return uint16(h), uint16(w)
}

// forward passes the window's size on, and the signals that the caller gets
// while its own terminal is not raw.
func forward(c *wire.Conn, screen *os.File) (stop func()) {
	signals := make(chan os.Signal, 8)
	wanted := []os.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT}
	if screen != nil {
		wanted = append(wanted, unix.SIGWINCH)
	}
	signal.Notify(signals, wanted...)
	end := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		for {
			select {
			case <-end:
				return
			case s := <-signals:
				m := initctl.ToProgram{Signal: int(s.(unix.Signal))}
				if s == unix.SIGWINCH {
					m = initctl.ToProgram{}
					m.Rows, m.Columns = size(screen)
				}
				_ = c.Send(m) // the program may just have ended
			}
		}
	})
	return func() {
		signal.Stop(signals)
		close(end)
		work.Wait()
	}
}

// stdio are three pipes between the caller and the program.
type stdio struct {
	theirs, ours [3]*os.File
}

func newStdio() (*stdio, error) {
	s := &stdio{}
	for i := range s.ours {
		r, w, err := os.Pipe()
		if err != nil {
			s.close()
			return nil, err
		}
		if i == 0 {
			s.theirs[i], s.ours[i] = r, w
		} else {
			s.theirs[i], s.ours[i] = w, r
		}
	}
	return s, nil
}

func (s *stdio) close() {
	closeFiles(s.theirs[:])
	closeFiles(s.ours[:])
}

// copy moves bytes until the program closes its ends; the channel is closed
// then. Whoever reads the caller's stdin may go on waiting for it: only its own
// end could stop that.
func (s *stdio) copy(o ExecOptions) <-chan struct{} {
	in := s.ours[0]
	if o.Stdin == nil {
		_ = in.Close()
	} else {
		go func() {
			_, _ = io.Copy(in, o.Stdin)
			_ = in.Close()
		}()
	}
	var work sync.WaitGroup
	var mu sync.Mutex
	for i, w := range []io.Writer{o.Stdout, o.Stderr} {
		if w == nil {
			w = io.Discard
		}
		// Plain readers and writers, lest io.Copy hand the pipe to the kernel
		// and not see the deadline.
		work.Go(func() { _, _ = io.Copy(&shared{w, &mu}, struct{ io.Reader }{s.ours[i+1]}) })
	}
	done := make(chan struct{})
	go func() { work.Wait(); close(done) }()
	return done
}

// shared lets stdout and stderr be one writer.
type shared struct {
	w  io.Writer
	mu *sync.Mutex
}

// Write is one write at a time.
func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

// drain waits until everything that the program wrote before its end has been
// copied. A program that it left behind may hold the pipes open: what that
// writes is not waited for.
func (s *stdio) drain(copied <-chan struct{}) {
	for {
		empty := true
		for _, f := range s.ours[1:] {
			if n, err := pending(f); err == nil && n > 0 {
				empty = false
			}
		}
		if empty {
			break
		}
		select {
		case <-copied:
			return
		case <-time.After(time.Millisecond):
		}
	}
	for _, f := range s.ours[1:] {
		_ = f.SetReadDeadline(time.Now())
	}
	<-copied
}

// pending is how many bytes a pipe holds.
func pending(f *os.File) (int, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	n := 0
	var inner error
	err = raw.Control(func(fd uintptr) { n, inner = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return n, errors.Join(err, inner)
}
