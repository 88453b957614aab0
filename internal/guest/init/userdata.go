package guestinit

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/musubi-net/musubi/internal/guest/initctl"
	"github.com/musubi-net/musubi/internal/guest/reap"
)

const (
	instanceDir  = "/var/lib/cloud/instance"
	userDataFile = instanceDir + "/user-data.txt"
	doneFile     = instanceDir + "/sem/config_scripts_user"
	outputLog    = "/var/log/cloud-init-output.log"
	// maxUserData bounds what compressed user data may grow to.
	maxUserData = 8 << 20
)

// keepUserData stores the instance's user data where cloud-init keeps it.
func keepUserData(cfg initctl.Config) error {
	dir := "/var/lib/cloud/instances/" + filepath.Base(cfg.InstanceID)
	for _, d := range []string{dir + "/scripts", dir + "/sem", "/var/lib/cloud/data"} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	if err := os.Symlink("instances/"+filepath.Base(cfg.InstanceID), instanceDir); err != nil && !os.IsExist(err) {
		return err
	}
	if err := os.WriteFile("/var/lib/cloud/data/instance-id", []byte(cfg.InstanceID+"\n"), 0o644); err != nil {
		return err
	}
	return os.WriteFile(userDataFile, cfg.UserData, 0o600)
}

// cloudInit runs user data as cloud-init does: scripts, once per disk.
type cloudInit struct {
	reaper  *reap.Reaper
	console *console

	mu     sync.Mutex
	status string
}

func (c *cloudInit) set(status string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status = status
}

// Status is not run, running, done or error, as cloud-init says it.
func (c *cloudInit) Status() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status == "" {
		return "running"
	}
	return c.status
}

func (c *cloudInit) run(ctx context.Context) {
	begun := time.Now()
	status := "done"
	defer func() { c.set(status) }()
	log, err := os.OpenFile(outputLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		c.console.printf("cloud-init: %v", err)
		status = "error"
		return
	}
	defer func() { _ = log.Close() }()
	out := io.MultiWriter(log, c.console)
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
	say("Cloud-init v. 22.2.2 (Musubi stand-in) running 'modules:final' at %s.", begun.UTC().Format(time.RFC1123Z))
	if _, err := os.Stat(doneFile); errors.Is(err, os.ErrNotExist) {
		if !c.perInstance(ctx, out, say) {
			status = "error"
		}
		if err := os.WriteFile(doneFile, []byte(begun.UTC().Format(time.RFC3339)+"\n"), 0o644); err != nil {
			say("cloud-init: %v", err)
		}
	}
	say("Cloud-init v. 22.2.2 (Musubi stand-in) finished at %s. Datasource DataSourceEc2.  Up %.2f seconds",
		time.Now().UTC().Format(time.RFC1123Z), time.Since(begun).Seconds())
}

// perInstance runs the scripts in the user data and tells whether all is well.
func (c *cloudInit) perInstance(ctx context.Context, out io.Writer, say func(string, ...any)) bool {
	data, err := os.ReadFile(userDataFile)
	if err != nil {
		say("cloud-init: %v", err)
		return false
	}
	parts, err := split(data)
	if err != nil {
		say("util.py[WARNING]: %v", err)
		return false
	}
	var failed []string
	scripts := 0
	for i, p := range parts {
		switch kind := p.kind(); {
		case len(bytes.TrimSpace(p.body)) == 0:
		case kind == "text/x-shellscript":
			name := fmt.Sprintf("part-%03d", i+1)
			scripts++
			if err := c.script(ctx, name, p.body, out); err != nil {
				say("subp.py[WARNING]: Failed to run %s/scripts/%s: %v", instanceDir, name, err)
				failed = append(failed, name)
			}
		case kind == "text/x-not-multipart":
			say("__init__.py[WARNING]: Unhandled non-multipart (text/x-not-multipart) userdata: 'b'%s'...'", start(p.body))
			if isText(p.body) && c.bare(ctx, p.body, out, say) != nil {
				failed = append(failed, kind)
			}
		default:
			say("__init__.py[WARNING]: Musubi's cloud-init runs shell scripts only; %s is not carried out: 'b'%s'...'", kind, start(p.body))
			failed = append(failed, kind)
		}
	}
	if len(failed) > 0 {
		say("cc_scripts_user.py[WARNING]: Failed to run module scripts-user (scripts in %s/scripts)", instanceDir)
		say("util.py[WARNING]: Running module scripts-user failed: %d failures (%s) in %d attempted commands",
			len(failed), strings.Join(failed, ","), scripts)
	}
	return len(failed) == 0
}

// bare runs user data that has lost its first line, and says so loudly: see
// docs/decisions/0002.
func (c *cloudInit) bare(ctx context.Context, body []byte, out io.Writer, say func(string, ...any)) error {
	say("Musubi runs it with /bin/bash all the same. ON AWS IT WOULD NOT RUN: begin it with #!/bin/bash")
	err := c.script(ctx, "bare", append([]byte("#!/bin/bash\n"), body...), out)
	if err != nil {
		say("Musubi: that failed: %v", err)
	}
	return err
}

// isText tells text from what a shell should not even try.
func isText(b []byte) bool { return utf8.Valid(b) && !bytes.ContainsRune(b, 0) }

// script executes a part itself, so that its first line decides how it runs.
func (c *cloudInit) script(ctx context.Context, name string, body []byte, out io.Writer) error {
	path := filepath.Join(instanceDir, "scripts", name)
	body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	if err := os.WriteFile(path, body, 0o700); err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	null, err := os.Open(os.DevNull)
	if err != nil {
		_ = w.Close()
		return err
	}
	defer func() { _ = null.Close() }()
	p, err := c.reaper.Start(path, []string{path}, &syscall.ProcAttr{
		Dir: "/", Env: baseEnv(), Files: []uintptr{null.Fd(), w.Fd(), w.Fd()},
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	_ = w.Close()
	if errors.Is(err, syscall.ENOEXEC) {
		return errors.New("Exec format error. Missing #! in script?") //nolint:staticcheck // cloud-init's own words
	}
	if err != nil {
		return err
	}
	copied := make(chan struct{})
	go func() { _, _ = io.Copy(out, r); close(copied) }()
	select {
	case <-p.Done():
	case <-ctx.Done():
		return ctx.Err()
	}
	// A daemon that the script left behind may hold its output open.
	select {
	case <-copied:
	case <-time.After(200 * time.Millisecond):
		_ = r.SetReadDeadline(time.Now())
		<-copied
	}
	if code := p.ExitCode(); code != 0 {
		return fmt.Errorf("Unexpected error while running command. Exit code: %d", code) //nolint:staticcheck // cloud-init's own words
	}
	return nil
}

// part is one piece of user data.
type part struct {
	ctype string // of a multipart message, else empty
	body  []byte
}

// kind is the part's content type; text is judged by how it starts.
func (p part) kind() string {
	switch p.ctype {
	case "", "text/plain", "text/x-not-multipart":
	default:
		return p.ctype
	}
	text := strings.ToLower(string(bytes.TrimLeft(p.body, " \t\r\n\v\f")))
	for _, k := range []struct{ prefix, ctype string }{
		{"#cloud-config-archive", "text/cloud-config-archive"}, {"#cloud-boothook", "text/cloud-boothook"},
		{"#part-handler", "text/part-handler"}, {"#include-once", "text/x-include-once-url"},
		{"## template: jinja", "text/jinja2"}, {"#cloud-config", "text/cloud-config"},
		{"#include", "text/x-include-url"}, {"#!", "text/x-shellscript"},
	} {
		if strings.HasPrefix(text, k.prefix) {
			return k.ctype
		}
	}
	if p.ctype == "text/plain" {
		return p.ctype
	}
	return "text/x-not-multipart"
}

// split undoes compression and MIME.
func split(data []byte) ([]part, error) {
	data, err := unzip(data)
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(bytes.ToLower(data[:min(len(data), 4096)]), []byte("mime-version:")) {
		return []part{{body: data}}, nil
	}
	message, err := mail.ReadMessage(bytes.NewReader(bytes.TrimLeft(data, "\r\n ")))
	if err != nil {
		return nil, fmt.Errorf("user data is not a MIME message: %w", err)
	}
	ctype, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		return nil, fmt.Errorf("user data is not a MIME message: %w", err)
	}
	if !strings.HasPrefix(ctype, "multipart/") {
		body, err := decode(message.Body, message.Header.Get("Content-Transfer-Encoding"))
		return []part{{ctype, body}}, err
	}
	var parts []part
	for r := multipart.NewReader(message.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return parts, nil
		}
		if err != nil {
			return nil, fmt.Errorf("user data is not a MIME message: %w", err)
		}
		ctype, _, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil {
			ctype = "text/plain"
		}
		body, err := decode(p, p.Header.Get("Content-Transfer-Encoding"))
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{ctype, body})
	}
}

func decode(r io.Reader, encoding string) ([]byte, error) {
	if strings.EqualFold(encoding, "base64") {
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	body, err := io.ReadAll(io.LimitReader(r, maxUserData))
	if err != nil {
		return nil, err
	}
	return unzip(body)
}

func unzip(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("user data: %w", err)
	}
	return io.ReadAll(io.LimitReader(z, maxUserData))
}

// start shows the beginning of a text as cloud-init's log does.
func start(b []byte) string {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	if len(line) < 24 {
		line = b
	}
	return strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(string(line[:min(len(line), 24)]))
}
