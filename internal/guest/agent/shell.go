package agent

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/musubi-net/musubi/internal/guest/terminal"
	"github.com/musubi-net/musubi/internal/sessionwire"
)

const (
	// lingerTime is how long output is waited for after the program has ended:
	// what it started may hold its terminal or pipes.
	lingerTime = 500 * time.Millisecond
	// hangupTime is how long a program may take to end when its session is over.
	hangupTime = 2 * time.Second
)

// shellProperties are what a document says of Linux.
type shellProperties struct {
	Linux struct {
		Commands             string   `json:"commands"`
		RunAsElevated        flexible `json:"runAsElevated"`
		SeparateOutputStream flexible `json:"separateOutputStream"`
		StdOutPrefix         string   `json:"stdOutSeparatorPrefix"`
		StdErrPrefix         string   `json:"stdErrSeparatorPrefix"`
	} `json:"linux"`
}

// flexible is a boolean that documents write as a string too.
type flexible bool

// UnmarshalJSON reads both.
func (b *flexible) UnmarshalJSON(text []byte) error {
	v, err := strconv.ParseBool(strings.ToLower(strings.Trim(string(text), `"`)))
	*b = flexible(v && err == nil)
	return nil
}

// command makes what the session is to run; nothing said is a shell.
func (s *session) command() (*exec.Cmd, shellProperties, error) {
	var p shellProperties
	if len(s.wire.Properties) > 0 {
		if err := json.Unmarshal(s.wire.Properties, &p); err != nil {
			return nil, p, ending("Invalid session properties: " + err.Error())
		}
	}
	if s.wire.Type != "Standard_Stream" && strings.TrimSpace(p.Linux.Commands) == "" {
		return nil, p, ending("Commands cannot be empty for session type " + s.wire.Type)
	}
	who := person{name: "root", home: "/root"}
	if !p.Linux.RunAsElevated {
		var err error
		if who, err = s.users.person(s.wire.RunAs); err != nil {
			return nil, p, err
		}
	}
	file, name := s.users.shell()
	cmd := &exec.Cmd{Path: file, Args: []string{name}, Dir: s.users.dir(), Env: who.env("TERM=xterm-256color")}
	if p.Linux.Commands != "" {
		cmd.Args = append(cmd.Args, "-c", p.Linux.Commands)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: who.cred}
	return cmd, p, nil
}

// interactive runs a shell, or commands, on a terminal.
func (s *session) interactive(ctx context.Context) error {
	cmd, _, err := s.command()
	if err != nil {
		return err
	}
	master, slave, err := terminal.Open("/dev/ptmx", "/dev/pts")
	if err != nil {
		return ending("Unable to start shell: " + err.Error())
	}
	defer func() { _ = master.Close() }()
	if cred := cmd.SysProcAttr.Credential; cred != nil {
		_ = slave.Chown(int(cred.Uid), int(cred.Gid)) // so that programs may open it by its name
	}
	_ = terminal.Resize(master, 24, 80) // the client says how large it is soon
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr.Setctty = true
	err = cmd.Start()
	_ = slave.Close()
	if err != nil {
		return ending("Unable to start shell: " + err.Error())
	}
	if s.wire.Type == "Standard_Stream" && strings.TrimSpace(s.wire.ShellProfile) != "" {
		_, _ = io.WriteString(master, s.wire.ShellProfile+"\n") // as if it were typed
	}
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	shown := make(chan struct{})
	go func() { defer close(shown); s.show(work, master, sessionwire.PayloadOutput) }()
	typed := make(chan struct{})
	go func() { defer close(typed); cancel(s.typed(work, master)) }()
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }() // the shell's exit code is nobody's business
	select {
	case <-ended:
		select {
		case <-shown:
		case <-time.After(lingerTime):
			// While the client takes what there was to show, it is shown.
			s.settle(work, shown)
		}
	case <-work.Done():
		err = context.Cause(work)
	}
	hangup(cmd.Process.Pid, ended)
	_ = master.Close()
	cancel(nil)
	<-shown
	<-typed
	return err
}

// settle waits while output is being taken.
func (s *session) settle(ctx context.Context, shown <-chan struct{}) {
	last := int64(-1)
	for {
		s.stream.mu.Lock()
		next, waiting := s.stream.next, len(s.stream.unacked) > 0
		s.stream.mu.Unlock()
		if next == last && !waiting {
			return
		}
		last = next
		select {
		case <-shown:
			return
		case <-ctx.Done():
			return
		case <-time.After(lingerTime):
		}
	}
}

// hangup ends what a session started.
func hangup(pid int, ended <-chan struct{}) {
	_ = syscall.Kill(-pid, syscall.SIGHUP) // it may be gone
	_ = syscall.Kill(-pid, syscall.SIGCONT)
	select {
	case <-ended:
	case <-time.After(hangupTime):
		_ = syscall.Kill(-pid, syscall.SIGKILL)
		<-ended
	}
}

// show sends what a program writes until it writes no more.
func (s *session) show(ctx context.Context, from io.Reader, payloadType uint32) {
	buf := make([]byte, chunk)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if s.stream.write(ctx, payloadType, buf[:n]) != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// typed passes keys and sizes on to a terminal.
func (s *session) typed(ctx context.Context, master *os.File) error {
	for {
		f, err := s.next(ctx)
		if err != nil {
			return err
		}
		switch f.PayloadType {
		case sessionwire.PayloadOutput:
			if _, err := master.Write(f.Payload); err != nil {
				return nil // the program has ended, which others see
			}
		case sessionwire.PayloadSize:
			var size sessionwire.Size
			if json.Unmarshal(f.Payload, &size) == nil && size.Cols > 0 && size.Rows > 0 {
				_ = terminal.Resize(master, uint16(min(size.Rows, 1<<15)), uint16(min(size.Cols, 1<<15)))
			}
		}
	}
}

// nonInteractive runs commands without a terminal. Their errors and exit code are
// told apart from their output if the document asks for that and the client is new
// enough: an older one would show the code.
func (s *session) nonInteractive(ctx context.Context) error {
	cmd, p, err := s.command()
	if err != nil {
		return err
	}
	separate := bool(p.Linux.SeparateOutputStream)
	if separate && !newer(s.clientVersion, "1.2.295.0") {
		return ending("The session manager plugin version " + s.clientVersion + " does not support separate output streams. Please upgrade it.")
	}
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := &output{s: s, ctx: work, payloadType: sessionwire.PayloadOutput, prefix: p.Linux.StdOutPrefix}
	cmd.Stdout, cmd.Stderr = out, out
	if separate {
		cmd.Stderr = &output{s: s, ctx: work, payloadType: sessionwire.PayloadStdErr, prefix: p.Linux.StdErrPrefix}
	} else {
		out.prefix = ""
	}
	// What runs on in the background does not hold the session.
	cmd.WaitDelay = lingerTime
	if err := cmd.Start(); err != nil {
		return ending("Unable to start command: " + err.Error())
	}
	ended := make(chan struct{})
	var code int
	go func() {
		defer close(ended)
		code = exitCode(cmd.Wait())
	}()
	typed := make(chan struct{})
	go func() { defer close(typed); cancel(s.signalled(work, cmd.Process.Pid)) }()
	select {
	case <-ended:
	case <-work.Done():
		err = context.Cause(work)
		hangup(cmd.Process.Pid, ended)
	}
	if err == nil && separate {
		err = s.stream.write(ctx, sessionwire.PayloadExitCode, []byte(strconv.Itoa(code)))
	}
	cancel(nil)
	<-typed
	return err
}

// signalled passes the keys that interrupt on as signals.
func (s *session) signalled(ctx context.Context, pid int) error {
	for {
		f, err := s.next(ctx)
		if err != nil {
			return err
		}
		if f.PayloadType != sessionwire.PayloadOutput || len(f.Payload) != 1 {
			continue
		}
		switch f.Payload[0] {
		case 3:
			_ = syscall.Kill(-pid, syscall.SIGINT) // it may have ended
		case 28:
			_ = syscall.Kill(-pid, syscall.SIGQUIT)
		}
	}
}

// output sends what is written to it.
type output struct {
	s           *session
	ctx         context.Context
	payloadType uint32
	prefix      string
}

func (o *output) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), chunk)
		if err := o.s.stream.write(o.ctx, o.payloadType, append([]byte(o.prefix), rest[:n]...)); err != nil {
			return len(p) - len(rest), err
		}
		rest = rest[n:]
	}
	return len(p), nil
}

// exitCode is what a shell would say.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return 0
	case errors.As(err, &exit):
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal())
		}
		return exit.ExitCode()
	}
	return 1
}
