package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/musubi-net/musubi/internal/sessionwire"
)

const (
	maxOutput      = 24000
	maxErrors      = 8000
	truncated      = "--output truncated--"
	defaultTimeout = time.Hour
	// keptCommands is how many commands' files stay.
	keptCommands = 50
)

// errCancelled and errTimeout end a command.
var (
	errCancelled = errors.New("cancelled")
	errTimeout   = errors.New("timed out")
)

// runner runs the steps of commands.
type runner struct {
	dir string // of the instance
	env []string
	cwd string
	log *logger
}

// run runs a command's steps in order, telling of each change.
func (r *runner) run(ctx context.Context, c sessionwire.Command, tell func(sessionwire.Reply)) sessionwire.Reply {
	reply := sessionwire.Reply{JobID: c.ID, InstanceID: c.InstanceID, Status: sessionwire.StatusInProgress}
	for _, s := range c.Steps {
		reply.Steps = append(reply.Steps, sessionwire.StepResult{Name: s.Name, Status: "Pending"})
	}
	base := filepath.Join(r.dir, "document", "orchestration")
	r.tidy(base)
	tell(clone(reply))
	for i, s := range c.Steps {
		reply.Steps[i].Started = now()
		reply.Steps[i].Status = sessionwire.StatusInProgress
		if i > 0 {
			tell(clone(reply))
		}
		r.step(ctx, c, s, filepath.Join(base, filepath.Base(c.ID), filepath.Base(s.Name)), &reply.Steps[i])
		reply.Steps[i].Ended = now()
	}
	reply.Status = overall(reply.Steps)
	return reply
}

func now() string { return time.Now().UTC().Format(time.RFC3339Nano) }

func clone(r sessionwire.Reply) sessionwire.Reply {
	r.Steps = append([]sessionwire.StepResult(nil), r.Steps...)
	return r
}

// overall is the status of a command whose steps have ended: the worst one's.
func overall(steps []sessionwire.StepResult) string {
	for _, bad := range []string{sessionwire.StatusCancelled, sessionwire.StatusTimedOut, sessionwire.StatusFailed} {
		for _, s := range steps {
			if s.Status == bad {
				return bad
			}
		}
	}
	return sessionwire.StatusSuccess
}

// step runs one step from a file, as AWS's agent does.
func (r *runner) step(ctx context.Context, c sessionwire.Command, s sessionwire.Step, dir string, out *sessionwire.StepResult) {
	if context.Cause(ctx) != nil {
		out.Status, out.ExitCode = sessionwire.StatusCancelled, -1
		return
	}
	fail := func(err error) {
		out.Status, out.ExitCode = sessionwire.StatusFailed, 1
		out.Error = clip(joined(out.Error, err.Error()), maxErrors)
	}
	if s.Action != "aws:runShellScript" && s.Action != "" {
		fail(fmt.Errorf("plugin with name %s not supported on this instance", s.Action))
		return
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		fail(fmt.Errorf("failed to create orchestration directory: %w", err))
		return
	}
	script := filepath.Join(dir, "_script.sh")
	if err := os.WriteFile(script, []byte(strings.Join(s.Lines, "\n")+"\n"), 0o700); err != nil {
		fail(fmt.Errorf("failed to create script file: %w", err))
		return
	}
	err := r.script(ctx, c, s, dir, script)
	out.Output = clip(head(filepath.Join(dir, "stdout"), maxOutput), maxOutput)
	out.Error = head(filepath.Join(dir, "stderr"), maxErrors)
	out.Status = sessionwire.StatusSuccess
	switch {
	case errors.Is(err, errCancelled):
		out.Status, out.ExitCode = sessionwire.StatusCancelled, -1
	case errors.Is(err, errTimeout):
		out.Status, out.ExitCode = sessionwire.StatusTimedOut, -1
	case err != nil:
		fail(fmt.Errorf("failed to run commands: %w", err))
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			out.ExitCode = exitCode(err)
		}
	}
	out.Error = clip(out.Error, maxErrors)
}

// script runs a file and waits for it, not for what it leaves in the background.
func (r *runner) script(ctx context.Context, c sessionwire.Command, s sessionwire.Step, dir, script string) error {
	limit := time.Duration(s.TimeoutSeconds) * time.Second
	if limit <= 0 {
		limit = defaultTimeout
	}
	cmd := &exec.Cmd{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Dir: s.WorkDir, SysProcAttr: &syscall.SysProcAttr{Setsid: true}}
	if cmd.Dir == "" {
		cmd.Dir = r.cwd
	}
	cmd.Env = append(append([]string{}, r.env...), c.Environment...)
	stdout, err := os.OpenFile(filepath.Join(dir, "stdout"), os.O_CREATE|os.O_TRUNC|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = stdout.Close() }()
	stderr, err := os.OpenFile(filepath.Join(dir, "stderr"), os.O_CREATE|os.O_TRUNC|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = stderr.Close() }()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-ended:
		return err
	case <-timer.C:
		err = errTimeout
	case <-ctx.Done():
		err = errCancelled
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may be gone
	<-ended                                             //nolint:errcheck // it was killed, and why is known
	return err
}

// head reads the beginning of a file, and a little more to see that it is longer.
func head(path string, limit int) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	text, _ := io.ReadAll(io.LimitReader(f, int64(limit)+1)) // what can be read
	return string(text)
}

// clip shortens a text as AWS's agent does, and makes it valid UTF-8.
func clip(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit-len(truncated)] + truncated
	}
	return strings.ToValidUTF8(s, "\ufffd")
}

// joined adds a line.
func joined(text, line string) string {
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text + line
}

// tidy removes the files of commands of long ago.
func (r *runner) tidy(base string) {
	entries, err := os.ReadDir(base)
	if err != nil || len(entries) < keptCommands {
		return
	}
	type old struct {
		name string
		at   time.Time
	}
	var oldest old
	for _, e := range entries {
		if info, err := e.Info(); err == nil && (oldest.name == "" || info.ModTime().Before(oldest.at)) {
			oldest = old{e.Name(), info.ModTime()}
		}
	}
	if err := os.RemoveAll(filepath.Join(base, oldest.name)); err != nil {
		r.log.file("old commands: %v", err)
	}
}
