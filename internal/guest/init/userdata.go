package guestinit

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/guest/cloudinit"
	"github.com/musubi-net/musubi/internal/guest/initctl"
	"github.com/musubi-net/musubi/internal/guest/reap"
)

const (
	cloudDir     = "/var/lib/cloud"
	instanceDir  = cloudDir + "/instance"
	userDataFile = instanceDir + "/user-data.txt"
	outputLog    = "/var/log/cloud-init-output.log"
	cloudLog     = "/var/log/cloud-init.log"
	// givenName holds what the instance would be called without user data.
	givenName = "/run/cloud-init/given-hostname"
)

// keepUserData stores the instance's user data where cloud-init keeps it.
func keepUserData(cfg initctl.Config) error {
	id := filepath.Base(cfg.InstanceID)
	dirs := []string{cloudDir + "/data", cloudDir + "/sem"}
	for _, d := range []string{"scripts", "sem", "boothooks", "data/urlcache"} {
		dirs = append(dirs, cloudDir+"/instances/"+id+"/"+d)
	}
	for _, d := range []string{"per-boot", "per-instance", "per-once"} {
		dirs = append(dirs, cloudDir+"/scripts/"+d)
	}
	for _, d := range dirs {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	// The link leads elsewhere where the disk is a copy of another instance's.
	if at, err := os.Readlink(instanceDir); err != nil || at != "instances/"+id {
		_ = os.Remove(instanceDir)
		if err := os.Symlink("instances/"+id, instanceDir); err != nil {
			return err
		}
	}
	if err := os.WriteFile(cloudDir+"/data/instance-id", []byte(cfg.InstanceID+"\n"), 0o644); err != nil {
		return err
	}
	return os.WriteFile(userDataFile, cfg.UserData, 0o600)
}

// nameInstance gives the instance the name that its user data asks for. That
// takes a right that init has given up by the time it reads the rest.
func nameInstance(cfg initctl.Config) error {
	if err := os.WriteFile(givenName, []byte(cfg.Hostname), 0o644); err != nil {
		return err
	}
	name, _, _ := cloudinit.Compile(cfg.UserData, nil).Config.Name(cfg.Hostname)
	if name == cfg.Hostname || !validHostname(name) {
		return nil
	}
	if err := os.WriteFile("/etc/hostname", []byte(name+"\n"), 0o644); err != nil {
		return err
	}
	return unix.Sethostname([]byte(name))
}

func validHostname(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, ".-") == s && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.'
	})
}

// cloudInit does what user data asks for, in the stages and with the modules
// of cloud-init.
type cloudInit struct {
	reaper  *reap.Reaper
	console *console

	begun   time.Time
	plan    cloudinit.Plan
	manyIDs bool
	log     *os.File // /var/log/cloud-init.log
	output  *os.File // /var/log/cloud-init-output.log
	out     io.Writer
	err     io.Writer
	state   cloudinit.Status
	// changePower is true if init is to end with the code atEnd when all is done.
	changePower bool
	atEnd       int

	mu     sync.Mutex // guards status
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

// early is the stage before services start: what user data brings along,
// boothooks, files and users.
func (c *cloudInit) early(ctx context.Context) {
	c.begun = time.Now()
	c.manyIDs = manyIDs()
	if err := c.open(); err != nil {
		c.console.printf("cloud-init: %v", err)
	}
	c.stage("init-local", func() []string { return nil })
	c.say("Cloud-init v. %s (Musubi stand-in) running 'init' at %s. Up %.2f seconds.", cloudinit.Version, now(), c.uptime())
	c.stage("init", func() []string {
		var errs []string
		if err := c.consume(ctx); err != nil {
			errs = append(errs, err.Error())
		}
		return append(errs, c.modules(ctx, "init", "cloud_init_modules")...)
	})
}

// late are the stages after services have started: packages and scripts.
func (c *cloudInit) late(ctx context.Context) {
	for _, s := range []struct{ name, output, list string }{
		{"modules-config", "config", "cloud_config_modules"}, {"modules-final", "final", "cloud_final_modules"},
	} {
		c.say("Cloud-init v. %s (Musubi stand-in) running '%s' at %s. Up %.2f seconds.",
			cloudinit.Version, strings.Replace(s.name, "-", ":", 1), now(), c.uptime())
		c.stage(s.name, func() []string { return c.modules(ctx, s.output, s.list) })
	}
	c.finish()
}

// open begins this boot's logs and takes back what the last boot said.
func (c *cloudInit) open() error {
	c.out, c.err = c.console, c.console
	c.state = cloudinit.Status{Stages: map[string]cloudinit.StageStatus{}}
	for _, name := range cloudinit.StageNames() {
		c.state.Stages[name] = cloudinit.StageStatus{}
	}
	for _, f := range []string{instanceDir + "/boot-finished", cloudinit.ResultFile, cloudinit.StatusFile} {
		if err := os.Remove(f); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	var err error
	if c.log, err = os.OpenFile(cloudLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640); err != nil {
		return err
	}
	if c.output, err = os.OpenFile(outputLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640); err != nil {
		return err
	}
	c.out = io.MultiWriter(c.output, c.console)
	c.err = c.out
	return nil
}

// stage runs one stage and records how it went.
func (c *cloudInit) stage(name string, do func() []string) {
	s := cloudinit.StageStatus{Start: seconds()}
	c.state.Stage, c.state.Stages[name] = name, s
	c.writeStatus()
	s.Errors = do()
	s.Finished = seconds()
	c.state.Stage, c.state.Stages[name] = "", s
	c.state.DataSource = cloudinit.DataSource
	c.writeStatus()
}

// finish writes the result: whoever waits for cloud-init waits for that.
func (c *cloudInit) finish() {
	var r cloudinit.Result
	r.V1.DataSource, r.V1.Errors = cloudinit.DataSource, c.state.Errors()
	if err := writeJSON(cloudinit.ResultFile, cloudinit.ResultLink, r); err != nil {
		c.warn("util.py", "%v", err)
	}
	status := "done"
	if len(r.V1.Errors) > 0 {
		status = "error"
	}
	c.set(status)
	for _, f := range []*os.File{c.log, c.output} {
		if f != nil {
			_ = f.Close()
		}
	}
}

func (c *cloudInit) writeStatus() {
	if err := writeJSON(cloudinit.StatusFile, cloudinit.StatusLink, c.state); err != nil {
		c.warn("util.py", "%v", err)
	}
}

// writeJSON writes a file at once and makes the link that tells of it.
func writeJSON(file, link string, v any) error {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", append(text, '\n'), 0o644); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		return err
	}
	if err := os.Symlink("../.."+file, link); err != nil && !os.IsExist(err) {
		return err
	}
	return nil
}

func seconds() *float64 { return new(float64(time.Now().UnixMicro()) / 1e6) }

func now() string { return time.Now().UTC().Format(time.RFC1123Z) }

func (c *cloudInit) uptime() float64 { return time.Since(c.begun).Seconds() }

// say writes a line to the output log and the console.
func (c *cloudInit) say(format string, args ...any) { _, _ = fmt.Fprintf(c.out, format+"\n", args...) }

// note writes a line to cloud-init.log.
func (c *cloudInit) note(source, level, format string, args ...any) string {
	line := fmt.Sprintf("%s - %s[%s]: %s\n", time.Now().UTC().Format("2006-01-02 15:04:05,000"), source, level, fmt.Sprintf(format, args...))
	if c.log != nil {
		_, _ = io.WriteString(c.log, line)
	}
	return line
}

func (c *cloudInit) debug(source, format string, args ...any) {
	_ = c.note(source, "DEBUG", format, args...)
}

// warn writes a warning to the log, and where all output goes.
func (c *cloudInit) warn(source, format string, args ...any) {
	_, _ = io.WriteString(c.err, c.note(source, "WARNING", format, args...))
}

// manyIDs tells whether this user namespace has users besides root.
func manyIDs() bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return false
	}
	total := uint64(0)
	for line := range strings.Lines(string(text)) {
		var inside, outside, count uint64
		if _, err := fmt.Sscan(line, &inside, &outside, &count); err == nil {
			total += count
		}
	}
	return total > 1
}
