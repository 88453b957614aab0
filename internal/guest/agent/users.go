package agent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/musubi-net/musubi/internal/guest/initctl"
)

const (
	sessionUser = "ssm-user"
	sudoers     = "# User rules for ssm-user\nssm-user ALL=(ALL) NOPASSWD:ALL\n"
	searchPath  = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	workDir     = "/usr/bin" // AWS's agent runs there, and what it starts
)

// users are the guest's, below root, which is / but in tests.
type users struct {
	root string
	many bool // the guest's user namespace has more than one id
	log  *logger

	mu sync.Mutex // one at a time changes accounts
}

// person is who a program runs as.
type person struct {
	name, home string
	cred       *syscall.Credential // nil: the agent's own
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

func (u *users) path(p string) string { return filepath.Join(u.root, p) }

// person finds who a session runs as: ssm-user, who is made at first use, or the
// one that RunAs names, who has to be there.
func (u *users) person(runAs string) (person, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	name := runAs
	if name == "" {
		name = sessionUser
	}
	who, err := initctl.LookupUser(name)
	if err != nil && runAs != "" {
		return person{}, ending(fmt.Sprintf("Unable to start command: failed to start pty since RunAs user %s does not exist", runAs))
	}
	if err != nil {
		if _, e := os.Stat(u.path("/etc/passwd")); e != nil || !u.many {
			u.log.tell("this image can have no user ssm-user: its sessions are root's")
			return person{name: "root", home: "/root"}, nil
		}
		if who, err = u.make(); err != nil {
			return person{}, ending("Unable to start command: failed to create ssm-user: " + err.Error())
		}
	}
	if runAs == "" {
		u.allow()
	}
	if err := u.home(who); err != nil {
		u.log.file("home of %s: %v", name, err)
	}
	p := person{name: name, home: who.Home}
	if who.UID != 0 {
		if !u.many {
			u.log.tell("this host gives Musubi a single user id: " + name + " is root in sessions")
			return p, nil
		}
		p.cred = &syscall.Credential{Uid: who.UID, Gid: who.GID, Groups: u.groups(name, who.GID)}
	}
	return p, nil
}

// allow lets ssm-user be root by sudo, as AWS's agent does once; what the
// administrator made of it stays.
func (u *users) allow() {
	file := u.path("/etc/sudoers.d/ssm-agent-users")
	if _, err := os.Lstat(file); err == nil {
		return
	}
	err := os.MkdirAll(filepath.Dir(file), 0o750)
	if err == nil {
		err = os.WriteFile(file, []byte(sudoers), 0o440)
	}
	if err != nil {
		u.log.file("sudoers: %v", err)
	}
}

// home makes the home that an image's user does not have.
func (u *users) home(who initctl.User) error {
	at := u.path(who.Home)
	if _, err := os.Stat(at); err == nil || who.Home == "/" {
		return nil
	}
	if err := os.MkdirAll(at, 0o700); err != nil {
		return err
	}
	if !u.many {
		return nil
	}
	return os.Lchown(at, int(who.UID), int(who.GID))
}

// make adds ssm-user to the accounts: not every image has a useradd.
func (u *users) make() (initctl.User, error) {
	taken := map[string]bool{}
	for _, file := range []string{"/etc/passwd", "/etc/group"} {
		text, err := os.ReadFile(u.path(file))
		if err != nil && !os.IsNotExist(err) {
			return initctl.User{}, err
		}
		for line := range strings.Lines(string(text)) {
			if f := strings.Split(line, ":"); len(f) > 2 {
				taken[f[2]] = true
			}
		}
	}
	id := 1001
	for taken[strconv.Itoa(id)] {
		id++
	}
	shell := "/bin/sh"
	if _, err := os.Stat(u.path("/bin/bash")); err == nil {
		shell = "/bin/bash"
	}
	n := strconv.Itoa(id)
	err := errors.Join(
		u.add("/etc/group", sessionUser+":x:"+n+":"),
		u.add("/etc/passwd", strings.Join([]string{sessionUser, "x", n, n, "", "/home/" + sessionUser, shell}, ":")),
	)
	if _, e := os.Stat(u.path("/etc/shadow")); e == nil {
		err = errors.Join(err, u.add("/etc/shadow", sessionUser+":!!::0:99999:7:::"))
	}
	return initctl.User{UID: uint32(id), GID: uint32(id), Home: "/home/" + sessionUser, Shell: shell}, err
}

// add adds a line to a file that may not end with one.
func (u *users) add(file, line string) error {
	text, err := os.ReadFile(u.path(file))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		line = "\n" + line
	}
	f, err := os.OpenFile(u.path(file), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Close())
}

// groups are those that a user is a member of.
func (u *users) groups(name string, primary uint32) []uint32 {
	out := []uint32{primary}
	text, err := os.ReadFile(u.path("/etc/group"))
	if err != nil {
		return out
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 4 {
			continue
		}
		for _, m := range strings.Split(f[3], ",") {
			if gid, err := strconv.ParseUint(f[2], 10, 32); m == name && err == nil {
				out = append(out, uint32(gid))
			}
		}
	}
	return out
}

// env is the environment of what runs as somebody.
func (p person) env(more ...string) []string {
	return append([]string{
		"PATH=" + searchPath, "LANG=C.UTF-8", "HOME=" + p.home, "USER=" + p.name, "LOGNAME=" + p.name, "SHELL=/bin/sh",
		"AWS_CA_BUNDLE=" + trustFile,
	}, more...)
}

// shell is the shell, and the name to call it by: as Amazon Linux's sh it is bash,
// if there is one.
func (u *users) shell() (file string, name string) {
	if _, err := os.Stat(u.path("/bin/bash")); err == nil {
		return "/bin/bash", "sh"
	}
	u.log.tell("this image has no bash: sessions have its /bin/sh")
	return "/bin/sh", "sh"
}

// dir is where programs start.
func (u *users) dir() string {
	if _, err := os.Stat(u.path(workDir)); err == nil {
		return workDir
	}
	return "/"
}
