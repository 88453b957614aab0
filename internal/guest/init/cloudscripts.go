package guestinit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// holdOutput is how long the output of a script is waited for that has ended
// and left a daemon behind which holds it open.
const holdOutput = 200 * time.Millisecond

// runParts makes a module that runs the programs of a directory in the order of
// their names.
func (c *cloudInit) runParts(module, dir string) func(context.Context) error {
	return func(ctx context.Context) error {
		entries, err := os.ReadDir(dir)
		if err != nil {
			if os.IsNotExist(err) {
				return nil
			}
			return err
		}
		var failed []string
		attempted := 0
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			info, err := os.Stat(path)
			if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
				c.debug("subp.py", "%s is not executable or not a file; it is left out", path)
				continue
			}
			attempted++
			if err := c.program(ctx, []string{path}, nil); err != nil {
				code := "-"
				if exit, ok := errors.AsType[*exitError](err); ok {
					code = fmt.Sprint(exit.code)
				}
				c.warn("subp.py", "Failed to run %s [%s]: %v", path, code, err)
				failed = append(failed, e.Name())
			}
		}
		if len(failed) == 0 {
			return nil
		}
		c.warn("cc_"+module+".py", "Failed to run module %s (scripts in %s)", dashed(module), dir)
		return fmt.Errorf("Runparts: %d failures (%s) in %d attempted commands", len(failed), strings.Join(failed, ","), attempted) //nolint:staticcheck // cloud-init's own words
	}
}

// exitError is a program's exit code other than 0.
type exitError struct{ code int }

func (e *exitError) Error() string {
	return fmt.Sprintf("Unexpected error while running command. Exit code: %d", e.code)
}

// program runs a program and waits for it. What it writes goes where this
// stage's output does.
func (c *cloudInit) program(ctx context.Context, argv, env []string) error {
	c.debug("subp.py", "Running command %q", argv)
	started := time.Now()
	err := c.run(ctx, argv, merge(baseEnv(), env), c.out, c.err)
	code := 0
	if exit, ok := errors.AsType[*exitError](err); ok {
		code = exit.code
	}
	if err != nil && code == 0 {
		c.debug("subp.py", "Command %q: %v", argv, err)
		return err
	}
	c.debug("subp.py", "Command %q: exit code %d after %.3f seconds", argv, code, time.Since(started).Seconds())
	return err
}

// run is program without a word in the log.
func (c *cloudInit) run(ctx context.Context, argv, env []string, stdout, stderr io.Writer) error {
	file, _, err := find(argv[0])
	if err != nil {
		return err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer func() { _ = null.Close() }()
	out, err := newStream(stdout)
	if err != nil {
		return err
	}
	errs := out
	if stderr != stdout {
		if errs, err = newStream(stderr); err != nil {
			out.end()
			return err
		}
	}
	p, err := c.reaper.Start(file, argv, &syscall.ProcAttr{
		Dir: "/", Env: env, Files: []uintptr{null.Fd(), out.w.Fd(), errs.w.Fd()}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	_ = out.w.Close()
	if errs != out {
		_ = errs.w.Close()
		defer errs.end()
	}
	defer out.end()
	if errors.Is(err, syscall.ENOEXEC) {
		return errors.New("Exec format error. Missing #! in script?") //nolint:staticcheck // cloud-init's own words
	}
	if err != nil {
		return err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		return ctx.Err()
	}
	if code := p.ExitCode(); code != 0 {
		return &exitError{code}
	}
	return nil
}

// stream copies what a program writes.
type stream struct {
	r, w *os.File
	done chan struct{}
}

func newStream(to io.Writer) (*stream, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s := &stream{r: r, w: w, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		if _, err := io.Copy(to, r); err != nil {
			_, _ = io.Copy(io.Discard, r) // a full disk must not stop who writes
		}
	}()
	return s, nil
}

// end waits for the last of the output. A daemon that the program left behind
// may hold it open.
func (s *stream) end() {
	_ = s.w.Close() // the program's copy is its own
	select {
	case <-s.done:
	case <-time.After(holdOutput):
		_ = s.r.SetReadDeadline(time.Now())
		<-s.done
	}
	_ = s.r.Close()
}

// redirect sends a stage's output where the user data says, and returns what
// ends that.
func (c *cloudInit) redirect(stage string) func() {
	o, ok := c.plan.Config.Output[stage]
	if !ok {
		if o, ok = c.plan.Config.Output["all"]; !ok {
			return func() {}
		}
	}
	oldOut, oldErr := c.out, c.err
	var ends []func()
	to := func(spec string, old io.Writer) io.Writer {
		w, end, err := c.sink(spec)
		if err != nil {
			c.warn("util.py", "Failed setting up output %s: %v", spec, err)
		}
		if w == nil {
			return old
		}
		ends = append(ends, end)
		return w
	}
	out := to(o.Stdout, oldOut)
	errs := out
	if o.Stderr != "" {
		errs = to(o.Stderr, oldErr)
	}
	c.out, c.err = out, errs
	return func() {
		c.out, c.err = oldOut, oldErr
		for _, end := range ends {
			end()
		}
	}
}

// sink opens "> FILE", ">> FILE" or "| COMMAND".
func (c *cloudInit) sink(spec string) (io.Writer, func(), error) {
	spec = strings.TrimSpace(spec)
	if spec == "" {
		return nil, nil, nil
	}
	flags := os.O_CREATE | os.O_WRONLY
	switch {
	case strings.HasPrefix(spec, ">>"):
		spec, flags = spec[2:], flags|os.O_APPEND
	case strings.HasPrefix(spec, ">"):
		spec, flags = spec[1:], flags|os.O_TRUNC
	case strings.HasPrefix(spec, "|"):
		return c.pipeTo(strings.TrimSpace(spec[1:]))
	default:
		return nil, nil, fmt.Errorf("invalid type for output format: %s", spec)
	}
	f, err := os.OpenFile(strings.TrimSpace(spec), flags, 0o644)
	if err != nil {
		return nil, nil, err
	}
	return f, func() { _ = f.Close() }, nil
}

// pipeTo starts a shell command that reads the output; its own goes to the
// console.
func (c *cloudInit) pipeTo(command string) (io.Writer, func(), error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = r.Close() }()
	shown, err := newStream(c.console)
	if err != nil {
		_ = w.Close()
		return nil, nil, err
	}
	p, err := c.reaper.Start("/bin/sh", []string{"sh", "-c", command}, &syscall.ProcAttr{
		Dir: "/", Env: baseEnv(), Files: []uintptr{r.Fd(), shown.w.Fd(), shown.w.Fd()}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		_ = w.Close()
		shown.end()
		return nil, nil, err
	}
	return w, func() {
		_ = w.Close()
		select { // a daemon may hold its input open
		case <-p.Done():
		case <-time.After(holdOutput):
		}
		shown.end()
	}, nil
}
