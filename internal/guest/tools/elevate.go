package tools

import (
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/musubi-net/musubi/internal/guest/initctl"
	"github.com/musubi-net/musubi/internal/guest/wire"
)

// elevate has init run a program as root with this one's descriptors. On a
// terminal it gets one of its own, as sudo gives it.
func elevate(argv []string) int {
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: initctl.SudoSocket, Net: "unix"})
	if err != nil {
		return fail(1, "sudo: the instance's init does not answer: %v", err)
	}
	conn := wire.New(c)
	defer func() { _ = conn.Close() }()
	dir, err := os.Getwd()
	if err != nil {
		dir = "/"
	}
	e := initctl.Exec{Argv: argv, Env: os.Environ(), Dir: dir}
	in := int(os.Stdin.Fd())
	e.TTY = term.IsTerminal(in) && term.IsTerminal(int(os.Stdout.Fd()))
	if e.TTY {
		e.Rows, e.Columns = size(in)
		old, err := term.MakeRaw(in)
		if err != nil {
			return fail(1, "sudo: %v", err)
		}
		defer func() { _ = term.Restore(in, old) }()
	}
	stdio := []*os.File{os.Stdin, os.Stdout, os.Stderr}
	shown := make(chan struct{})
	close(shown)
	if e.TTY {
		// Init must not read this terminal: it would take what is typed later.
		if stdio, shown, err = relay(); err != nil {
			return fail(1, "sudo: %v", err)
		}
	}
	if err := conn.Send(e, stdio...); err != nil {
		return fail(1, "sudo: %v", err)
	}
	if e.TTY {
		wire.CloseAll(stdio[:2])
	}
	out := attend(conn, in)
	<-shown
	if out.Error != "" {
		return fail(out.ExitCode, "sudo: %s", out.Error)
	}
	return out.ExitCode
}

// attend passes signals and the terminal's size on until init says how the program
// ended.
func attend(conn *wire.Conn, terminal int) initctl.FromProgram {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGWINCH)
	defer signal.Stop(signals)
	ended := make(chan initctl.FromProgram, 1)
	go func() {
		out := initctl.FromProgram{ExitCode: 1}
		files, err := conn.Receive(&out)
		wire.CloseAll(files)
		if err != nil {
			out.Error = err.Error()
		}
		ended <- out
	}()
	for {
		select {
		case out := <-ended:
			return out
		case s := <-signals:
			m := initctl.ToProgram{}
			if s == syscall.SIGWINCH {
				m.Rows, m.Columns = size(terminal)
			} else if n, ok := s.(syscall.Signal); ok {
				m.Signal = int(n)
			}
			_ = conn.Send(m) // its end is heard
		}
	}
}

// relay copies between this program's terminal and pipes for init.
func relay() (stdio []*os.File, shown chan struct{}, err error) {
	inR, inW, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	go func() { _, _ = io.Copy(inW, os.Stdin); _ = inW.Close() }() // ends with this program
	shown = make(chan struct{})
	go func() { defer close(shown); _, _ = io.Copy(os.Stdout, outR) }()
	return []*os.File{inR, outW, outW}, shown, nil
}

func size(fd int) (rows, columns uint16) {
	w, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0
	}
	return w.Row, w.Col
}
