package guestinit

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// unitDirs are where units are looked for, the user's first.
var unitDirs = []string{"/etc/systemd/system", "/usr/lib/systemd/system"}

const wantsDir = "/etc/systemd/system/multi-user.target.wants"

// unit is a service as its file describes it.
type unit struct {
	name         string
	kind         string // simple, exec, notify, oneshot
	start        [][]string
	before       [][]string // ExecStartPre
	env          []string
	dir          string
	user         string
	restart      string
	restartAfter time.Duration
	remain       bool
	ignored      []string // settings that are not carried out
}

var errNoUnit = errors.New("no such unit")

// loadUnit reads NAME.service.
func loadUnit(name string) (*unit, error) {
	for _, dir := range unitDirs {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return parseUnit(name, string(text))
	}
	return nil, errNoUnit
}

// parseUnit understands what a plain service needs and refuses the types that
// it cannot run.
func parseUnit(name, text string) (*unit, error) {
	u := &unit{name: name, kind: "simple", restart: "no", restartAfter: 100 * time.Millisecond}
	section := ""
	lines := bufio.NewScanner(strings.NewReader(strings.ReplaceAll(text, "\\\n", " ")))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || section != "Service" {
			continue
		}
		if err := u.set(strings.TrimSpace(key), strings.TrimSpace(value)); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(u.start) == 0 {
		return nil, fmt.Errorf("%s: Service has no ExecStart= setting, which is only allowed for Type=oneshot services. Refusing", name)
	}
	return u, nil
}

func (u *unit) set(key, value string) error {
	switch key {
	case "Type":
		if !slices.Contains([]string{"simple", "exec", "notify", "oneshot", "idle"}, value) {
			return fmt.Errorf("this stand-in for systemd runs Type=simple, exec, notify and oneshot, not %s", value)
		}
		u.kind = value
	case "ExecStart", "ExecStartPre":
		list := &u.start
		if key == "ExecStartPre" {
			list = &u.before
		}
		if value == "" {
			*list = nil
			return nil
		}
		words, err := splitWords(value)
		if err != nil || len(words) == 0 {
			return fmt.Errorf("%s=%s cannot be read", key, value)
		}
		*list = append(*list, words)
	case "Environment":
		words, err := splitWords(value)
		if err != nil {
			return fmt.Errorf("setting Environment=%s cannot be read", value)
		}
		u.env = append(u.env, words...)
	case "EnvironmentFile":
		return u.envFile(value)
	case "WorkingDirectory":
		u.dir = strings.TrimPrefix(value, "-")
	case "User":
		u.user = value
	case "Restart":
		u.restart = value
	case "RestartSec":
		d, err := time.ParseDuration(value)
		if err != nil {
			if d, err = time.ParseDuration(value + "s"); err != nil {
				return fmt.Errorf("setting RestartSec=%s cannot be read", value)
			}
		}
		u.restartAfter = d
	case "RemainAfterExit":
		u.remain = value == "yes" || value == "true" || value == "1" || value == "on"
	default:
		u.ignored = append(u.ignored, key)
	}
	return nil
}

func (u *unit) envFile(value string) error {
	path, optional := strings.CutPrefix(value, "-")
	text, err := os.ReadFile(path)
	if err != nil {
		if optional {
			return nil
		}
		return fmt.Errorf("failed to load environment files: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		name, v, ok := strings.Cut(line, "=")
		if ok && !strings.HasPrefix(line, "#") {
			u.env = append(u.env, name+"="+strings.Trim(v, `"'`))
		}
	}
	return nil
}

// splitWords splits a command line at blanks outside quotes.
func splitWords(s string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	inWord, escaped := false, false
	for _, r := range s {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '"' || r == '\'':
			quote, inWord = r, true
		case r == ' ' || r == '\t':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("unbalanced quotes")
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
