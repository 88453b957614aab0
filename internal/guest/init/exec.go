package guestinit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/musubi-net/musubi/internal/guest/initctl"
	"github.com/musubi-net/musubi/internal/guest/reap"
	"github.com/musubi-net/musubi/internal/guest/terminal"
	"github.com/musubi-net/musubi/internal/guest/wire"
)

// exec runs a program for a client that the supervisor handed on: files are
// the client's connection and the program's stdin, stdout and stderr.
func (g *guest) exec(e initctl.Exec, files []*os.File) {
	client, err := wire.FromFile(files[0])
	if err != nil {
		wire.CloseAll(files[1:])
		return
	}
	defer func() { _ = client.Close() }()
	code, err := g.program(e, client, files[1:])
	out := initctl.FromProgram{ExitCode: code}
	if err != nil {
		out.Error = err.Error()
	}
	_ = client.Send(out) // a client that has gone does not need it
}

func (g *guest) program(e initctl.Exec, client *wire.Conn, stdio []*os.File) (int, error) {
	defer wire.CloseAll(stdio)
	env := merge(baseEnv(), e.Env)
	argv := e.Argv
	var file string
	if e.Login {
		file, argv = "/bin/bash", []string{"-bash"}
		if _, err := os.Stat(file); err != nil {
			file, argv = "/bin/sh", []string{"-sh"}
		}
	} else {
		if len(argv) == 0 {
			return 0, errors.New("no command")
		}
		var code int
		var err error
		if file, code, err = find(argv[0]); err != nil {
			return code, err
		}
	}
	dir := e.Dir
	if dir == "" {
		dir = "/root"
	}
	attr := &syscall.ProcAttr{Dir: dir, Env: env, Sys: &syscall.SysProcAttr{Setsid: true}}
	if e.TTY {
		return g.onTerminal(e, client, stdio, file, argv, attr)
	}
	attr.Files = []uintptr{stdio[0].Fd(), stdio[1].Fd(), stdio[2].Fd()}
	p, err := g.reaper.Start(file, argv, attr)
	if err != nil {
		return 126, err
	}
	wire.CloseAll(stdio) // the program has them
	return g.attend(p, client, nil)
}

// onTerminal runs the program on a terminal of the guest; stdin and stdout are
// the client's raw ends.
func (g *guest) onTerminal(e initctl.Exec, client *wire.Conn, stdio []*os.File, file string, argv []string, attr *syscall.ProcAttr) (int, error) {
	master, slave, err := terminal.Open("/dev/ptmx", "/dev/pts")
	if err != nil {
		return 126, err
	}
	defer func() { _ = master.Close() }()
	resize(master, e.Rows, e.Columns)
	attr.Files = []uintptr{slave.Fd(), slave.Fd(), slave.Fd()}
	attr.Sys.Setctty = true
	p, err := g.reaper.Start(file, argv, attr)
	_ = slave.Close()
	if err != nil {
		return 126, err
	}
	go func() { _, _ = io.Copy(master, stdio[0]) }() // ends when either closes
	shown := make(chan struct{})
	go func() { _, _ = io.Copy(stdio[1], master); close(shown) }()
	code, err := g.attend(p, client, master)
	// The master reads an error once nobody has the slave: what was written
	// before is shown first. Background programs may hold it; do not wait then.
	p.SignalGroup(syscall.SIGHUP)
	select {
	case <-shown:
	case <-time.After(200 * time.Millisecond):
	}
	return code, err
}

// attend passes signals and sizes on until the program ends. A client that
// goes away hangs up.
func (g *guest) attend(p *reap.Process, client *wire.Conn, master *os.File) (int, error) {
	messages := make(chan initctl.ToProgram)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		defer close(messages)
		for {
			var m initctl.ToProgram
			files, err := client.Receive(&m)
			wire.CloseAll(files)
			if err != nil {
				return
			}
			select {
			case messages <- m:
			case <-stop:
				return
			}
		}
	}()
	for {
		select {
		case <-p.Done():
			return p.ExitCode(), nil
		case m, ok := <-messages:
			switch {
			case !ok:
				messages = nil
				p.SignalGroup(syscall.SIGHUP)
				p.SignalGroup(syscall.SIGTERM)
			case m.Signal > 0:
				p.SignalGroup(syscall.Signal(m.Signal))
			case master != nil:
				resize(master, m.Rows, m.Columns)
			}
		}
	}
}

func resize(master *os.File, rows, columns uint16) {
	if rows > 0 && columns > 0 {
		_ = terminal.Resize(master, rows, columns) // it may have ended
	}
}

// find looks a program up as a shell does; the codes are a shell's too.
func find(name string) (file string, code int, err error) {
	candidates := []string{name}
	if !strings.Contains(name, "/") {
		candidates = nil
		for _, d := range strings.Split(path, ":") {
			candidates = append(candidates, filepath.Join(d, name))
		}
	}
	code, err = 127, fmt.Errorf("%s: command not found", name)
	for _, c := range candidates {
		info, e := os.Stat(c)
		switch {
		case e != nil || info.IsDir():
		case info.Mode().Perm()&0o111 == 0:
			code, err = 126, fmt.Errorf("%s: Permission denied", name)
		default:
			return c, 0, nil
		}
	}
	return "", code, err
}

// merge lets later variables replace earlier ones.
func merge(base, more []string) []string {
	out := make([]string, 0, len(base)+len(more))
	seen := map[string]int{}
	for _, list := range [][]string{base, more} {
		for _, v := range list {
			name, _, _ := strings.Cut(v, "=")
			if i, ok := seen[name]; ok {
				out[i] = v
				continue
			}
			seen[name] = len(out)
			out = append(out, v)
		}
	}
	return out
}
