package guestinit

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/musubi-net/musubi/internal/guest/initctl"
	"github.com/musubi-net/musubi/internal/guest/reap"
)

// spawn starts one command of a unit. What it writes goes to the service's log
// and to the console. optional is true where its failure is to be ignored.
func (s *services) spawn(u *unit, v *service, words []string, notify string) (p *reap.Process, optional bool, err error) {
	file := words[0]
	for len(file) > 0 && strings.ContainsRune("-@:+!", rune(file[0])) {
		optional = optional || file[0] == '-'
		file = file[1:]
	}
	env := merge(baseEnv(), u.env)
	argv := []string{file}
	for _, w := range words[1:] {
		argv = append(argv, expand(w, env)...)
	}
	if file, _, err = find(file); err != nil {
		v.log(err.Error())
		return nil, optional, err
	}
	sys := &syscall.SysProcAttr{Setsid: true}
	if u.user != "" && u.user != "root" {
		who, err := initctl.LookupUser(u.user)
		if err != nil {
			v.log(err.Error())
			return nil, optional, err
		}
		sys.Credential = &syscall.Credential{Uid: who.UID, Gid: who.GID}
		env = merge(env, []string{"HOME=" + who.Home, "USER=" + u.user, "LOGNAME=" + u.user})
	}
	if notify != "" {
		env = merge(env, []string{"NOTIFY_SOCKET=" + notify})
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, optional, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		_, _ = r.Close(), w.Close()
		return nil, optional, err
	}
	dir := u.dir
	if dir == "" {
		dir = "/"
	}
	p, err = s.reaper.Start(file, argv, &syscall.ProcAttr{Dir: dir, Env: env, Files: []uintptr{null.Fd(), w.Fd(), w.Fd()}, Sys: sys})
	_, _ = null.Close(), w.Close()
	if err != nil {
		_ = r.Close()
		v.log(err.Error())
		return nil, optional, err
	}
	go s.record(u, v, p.Pid, r)
	return p, optional, nil
}

// record ends when the last process that has the pipe does.
func (s *services) record(u *unit, v *service, pid int, r *os.File) {
	defer func() { _ = r.Close() }()
	name := strings.TrimSuffix(u.name, ".service")
	for lines := bufio.NewScanner(r); lines.Scan(); {
		line := name + "[" + strconv.Itoa(pid) + "]: " + lines.Text()
		v.log(line)
		_, _ = fmt.Fprintln(s.console, line)
	}
}

// expand replaces $NAME and ${NAME} as systemd does: a word that is just $NAME
// becomes several words.
func expand(word string, env []string) []string {
	get := func(name string) string {
		for i := len(env) - 1; i >= 0; i-- {
			if v, ok := strings.CutPrefix(env[i], name+"="); ok {
				return v
			}
		}
		return ""
	}
	if strings.HasPrefix(word, "$") && !strings.HasPrefix(word, "${") && !strings.HasPrefix(word, "$$") {
		return strings.Fields(get(word[1:]))
	}
	return []string{os.Expand(word, func(name string) string {
		if name == "$" {
			return "$"
		}
		return get(name)
	})}
}
