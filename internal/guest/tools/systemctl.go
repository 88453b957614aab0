package tools

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/guest/initctl"
)

const wants = "/etc/systemd/system/multi-user.target.wants"

func arch() string {
	if runtime.GOARCH == "arm64" {
		return "aarch64"
	}
	return "x86_64"
}

// systemctl asks the guest's init.
func systemctl(args []string) int {
	var words []string
	now, quiet := false, false
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "--now":
			now = true
		case a == "-q" || a == "--quiet":
			quiet = true
		case strings.HasPrefix(a, "-"): // --no-pager and its like change nothing here
		default:
			words = append(words, a)
		}
	}
	if len(words) == 0 {
		return systemctlList()
	}
	verb, units := words[0], words[1:]
	switch verb {
	case "daemon-reload", "daemon-reexec", "reset-failed":
		return 0 // unit files are read when they are used
	case "list-units", "list-unit-files":
		return systemctlList()
	case "is-system-running":
		fmt.Println("running")
		return 0
	case "get-default":
		fmt.Println("multi-user.target")
		return 0
	case "reboot":
		return reboot(nil)
	case "poweroff", "halt":
		return poweroff(nil)
	}
	do, ok := map[string]func(unit string, now, quiet bool) int{
		"start": job("start"), "stop": job("stop"), "restart": job("restart"), "try-restart": job("restart"),
		"reload": job("restart"), "reload-or-restart": job("restart"),
		"enable": enable, "disable": disable, "status": status, "is-active": isActive, "is-failed": isFailed,
		"is-enabled": isEnabled, "cat": catUnit,
	}[verb]
	if !ok {
		return fail(1, "Unknown command verb %s. (Musubi's stand-in for systemctl)", verb)
	}
	if len(units) == 0 {
		return fail(1, "Too few arguments.")
	}
	code := 0
	for _, u := range units {
		if filepath.Ext(u) == "" {
			u += ".service"
		}
		if c := do(filepath.Base(u), now, quiet); c != 0 {
			code = c
		}
	}
	return code
}

func job(op string) func(string, bool, bool) int {
	return func(unit string, _, _ bool) int {
		r, err := initctl.Call(initctl.Request{Op: op, Unit: unit})
		switch {
		case err != nil:
			return fail(1, "Failed to %s %s: %v", op, unit, err)
		case r.Missing && op == "stop":
			return fail(5, "Failed to stop %s: Unit %s not loaded.", unit, unit)
		case r.Missing:
			return fail(5, "Failed to %s %s: Unit %s not found.", op, unit, unit)
		case r.Error != "":
			return fail(1, "Job for %s failed because %s\nSee \"systemctl status %s\" for details.", unit, r.Error, unit)
		}
		return 0
	}
}

// unitFile finds a unit's file.
func unitFile(unit string) (string, bool) {
	for _, dir := range []string{"/etc/systemd/system", "/usr/lib/systemd/system"} {
		path := filepath.Join(dir, unit)
		if _, err := os.Stat(path); err == nil {
			return path, true
		}
	}
	return "", false
}

func enable(unit string, now, quiet bool) int {
	path, ok := unitFile(unit)
	if !ok {
		return fail(1, "Failed to enable unit: Unit file %s does not exist.", unit)
	}
	if err := os.MkdirAll(wants, 0o755); err != nil {
		return fail(1, "Failed to enable unit: %v", err)
	}
	link := filepath.Join(wants, unit)
	switch err := os.Symlink(path, link); {
	case errors.Is(err, fs.ErrExist):
	case err != nil:
		return fail(1, "Failed to enable unit: %v", err)
	case !quiet:
		_, _ = fmt.Fprintf(os.Stderr, "Created symlink %s → %s.\n", link, path)
	}
	if now {
		return job("start")(unit, false, quiet)
	}
	return 0
}

func disable(unit string, now, quiet bool) int {
	if _, ok := unitFile(unit); !ok {
		return fail(1, "Failed to disable unit: Unit file %s does not exist.", unit)
	}
	link := filepath.Join(wants, unit)
	switch err := os.Remove(link); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fail(1, "Failed to disable unit: %v", err)
	case !quiet:
		_, _ = fmt.Fprintf(os.Stderr, "Removed %q.\n", link)
	}
	if now {
		return job("stop")(unit, false, quiet)
	}
	return 0
}

func enabled(unit string) string {
	if _, err := os.Lstat(filepath.Join(wants, unit)); err == nil {
		return "enabled"
	}
	return "disabled"
}

func isEnabled(unit string, _, quiet bool) int {
	if _, ok := unitFile(unit); !ok {
		return fail(1, "Failed to get unit file state for %s: No such file or directory", unit)
	}
	state := enabled(unit)
	if !quiet {
		fmt.Println(state)
	}
	if state != "enabled" {
		return 1
	}
	return 0
}

func isActive(unit string, _, quiet bool) int {
	state := ask(unit).Unit.Active
	if !quiet {
		fmt.Println(state)
	}
	if state != "active" {
		return 3
	}
	return 0
}

func isFailed(unit string, _, quiet bool) int {
	state := ask(unit).Unit.Active
	if !quiet {
		fmt.Println(state)
	}
	if state != "failed" {
		return 1
	}
	return 0
}

// ask returns a unit's state; one that init does not know is inactive.
func ask(unit string) initctl.Response {
	r, err := initctl.Call(initctl.Request{Op: "status", Unit: unit})
	if err != nil || r.Unit.Active == "" {
		r.Unit.Active, r.Unit.Sub = "inactive", "dead"
	}
	return r
}

func status(unit string, _, _ bool) int {
	path, ok := unitFile(unit)
	if !ok {
		return fail(4, "Unit %s could not be found.", unit)
	}
	u := ask(unit).Unit
	dot := map[string]string{"active": "●", "failed": "×"}[u.Active]
	if dot == "" {
		dot = "○"
	}
	fmt.Printf("%s %s - %s\n", dot, unit, description(path))
	fmt.Printf("     Loaded: loaded (%s; %s; preset: disabled)\n", path, enabled(unit))
	since := ""
	if u.Since > 0 {
		t := time.Unix(u.Since, 0).UTC()
		since = fmt.Sprintf(" since %s; %s ago", t.Format("Mon 2006-01-02 15:04:05 MST"), time.Since(t).Round(time.Second))
	}
	sub := " (" + u.Sub + ")"
	if u.Active == "failed" {
		sub = fmt.Sprintf(" (Result: exit-code, status=%d)", u.Code)
	}
	fmt.Printf("     Active: %s%s%s\n", u.Active, sub, since)
	if u.PID > 0 {
		fmt.Printf("   Main PID: %d\n", u.PID)
	}
	if len(u.Log) > 0 {
		fmt.Printf("\n%s\n", strings.Join(u.Log, "\n"))
	}
	if u.Active != "active" {
		return 3
	}
	return 0
}

func description(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return filepath.Base(path)
	}
	for line := range strings.Lines(string(text)) {
		if d, ok := strings.CutPrefix(strings.TrimSpace(line), "Description="); ok {
			return d
		}
	}
	return filepath.Base(path)
}

func catUnit(unit string, _, _ bool) int {
	path, ok := unitFile(unit)
	if !ok {
		return fail(1, "No files found for %s.", unit)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fail(1, "%v", err)
	}
	fmt.Printf("# %s\n%s", path, text)
	return 0
}

func systemctlList() int {
	var units []string
	for _, dir := range []string{"/etc/systemd/system", "/usr/lib/systemd/system"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if filepath.Ext(e.Name()) == ".service" {
				units = append(units, e.Name())
			}
		}
	}
	slices.Sort(units)
	fmt.Printf("%-34s %-7s %-9s %s\n", "UNIT", "ACTIVE", "SUB", "ENABLED")
	for _, u := range slices.Compact(units) {
		s := ask(u).Unit
		fmt.Printf("%-34s %-7s %-9s %s\n", u, s.Active, s.Sub, enabled(u))
	}
	return 0
}

// service is the older way to say it: service NAME VERB.
func service(args []string) int {
	if len(args) < 2 {
		return fail(1, "Usage: service < option > | --status-all | [ service_name [ command | --full-restart ] ]")
	}
	_, _ = fmt.Fprintf(os.Stderr, "Redirecting to /bin/systemctl %s %s.service\n", args[1], args[0])
	return systemctl([]string{args[1], args[0]})
}
