package guestinit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/musubi-net/musubi/internal/guest/cloudinit"
)

// accounts are the users and groups in a directory, which is /etc but in tests.
// They are edited here, for images need not have a useradd.
type accounts struct{ dir string }

// account is an entry of passwd.
type account struct {
	name     string
	uid, gid int
	home     string
}

// lines are a file's entries; one that is missing has none.
func (a accounts) lines(file string) ([][]string, error) {
	text, err := os.ReadFile(filepath.Join(a.dir, file))
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	var out [][]string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			out = append(out, strings.Split(line, ":"))
		}
	}
	return out, nil
}

// change rewrites a file at once.
func (a accounts) change(file string, edit func([][]string) [][]string) error {
	old, err := a.lines(file)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, f := range edit(old) {
		text.WriteString(strings.Join(f, ":") + "\n")
	}
	path := filepath.Join(a.dir, file)
	mode := os.FileMode(0o644)
	if strings.HasSuffix(file, "shadow") {
		mode = 0o600
	}
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	if err := os.WriteFile(path+"+", []byte(text.String()), mode); err != nil {
		return err
	}
	return errors.Join(os.Chmod(path+"+", mode), os.Rename(path+"+", path))
}

func (a accounts) user(name string) (account, bool) {
	lines, _ := a.lines("passwd")
	for _, f := range lines {
		if f[0] != name || len(f) < 7 {
			continue
		}
		uid, err1 := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		return account{name, uid, gid, f[5]}, err1 == nil && err2 == nil
	}
	return account{}, false
}

func (a accounts) group(name string) (int, bool) {
	lines, _ := a.lines("group")
	for _, f := range lines {
		if f[0] == name && len(f) >= 4 {
			gid, err := strconv.Atoi(f[2])
			return gid, err == nil
		}
	}
	return 0, false
}

// free finds an id that neither a user nor a group has: upwards from 1000, for
// the system downwards from 999. prefer is taken if it is free.
func (a accounts) free(prefer int, system bool) (int, error) {
	taken := map[int]bool{}
	for _, file := range []string{"passwd", "group"} {
		lines, err := a.lines(file)
		if err != nil {
			return 0, err
		}
		for _, f := range lines {
			if len(f) > 2 {
				if id, err := strconv.Atoi(f[2]); err == nil {
					taken[id] = true
				}
			}
		}
	}
	if prefer > 0 && !taken[prefer] {
		return prefer, nil
	}
	id, step, last := 1000, 1, 60000
	if system {
		id, step, last = 999, -1, 201
	}
	for ; id != last; id += step {
		if !taken[id] {
			return id, nil
		}
	}
	return 0, errors.New("no free id is left")
}

// addGroup makes a group unless it is there.
func (a accounts) addGroup(name string, prefer int, system bool) (int, error) {
	if id, ok := a.group(name); ok {
		return id, nil
	}
	id, err := a.free(prefer, system)
	if err != nil {
		return 0, err
	}
	return id, a.change("group", func(l [][]string) [][]string {
		return append(l, []string{name, "x", strconv.Itoa(id), ""})
	})
}

// join makes a user a member of groups.
func (a accounts) join(user string, groups ...string) error {
	return a.change("group", func(l [][]string) [][]string {
		for _, f := range l {
			if len(f) < 4 || !slices.Contains(groups, f[0]) {
				continue
			}
			members := strings.FieldsFunc(f[3], func(r rune) bool { return r == ',' })
			if !slices.Contains(members, user) {
				f[3] = strings.Join(append(members, user), ",")
			}
		}
		return l
	})
}

// leave takes a user out of all groups.
func (a accounts) leave(user string) error {
	return a.change("group", func(l [][]string) [][]string {
		for _, f := range l {
			if len(f) >= 4 {
				members := strings.FieldsFunc(f[3], func(r rune) bool { return r == ',' })
				f[3] = strings.Join(slices.DeleteFunc(members, func(m string) bool { return m == user }), ",")
			}
		}
		return l
	})
}

// addUser makes a user as useradd does, without its home.
func (a accounts) addUser(u cloudinit.User) (account, error) {
	uid, err := a.free(u.UID, u.System)
	if err != nil {
		return account{}, err
	}
	if _, taken := a.uidOf(u.UID); u.UID > 0 {
		if taken {
			return account{}, fmt.Errorf("useradd: UID %d is not unique", u.UID)
		}
		uid = u.UID
	}
	primary, prefer := u.Name, uid
	switch {
	case u.PrimaryGroup != "":
		primary, prefer = u.PrimaryGroup, 0
	case u.NoUserGroup:
		primary, prefer = "users", 100
	default:
		if _, there := a.group(u.Name); there {
			return account{}, fmt.Errorf("useradd: group %s exists - if you want to add this user to that group, use the -g option", u.Name)
		}
	}
	gid, err := a.addGroup(primary, prefer, u.System)
	if err != nil {
		return account{}, err
	}
	n := account{u.Name, uid, gid, u.Home}
	if n.home == "" {
		n.home = "/home/" + u.Name
	}
	shell := u.Shell
	if shell == "" {
		shell = "/bin/bash"
	}
	err = a.change("passwd", func(l [][]string) [][]string {
		return append(l, []string{n.name, "x", strconv.Itoa(n.uid), strconv.Itoa(n.gid), u.Gecos, n.home, shell})
	})
	return n, errors.Join(err, a.change("shadow", func(l [][]string) [][]string {
		return append(l, []string{n.name, "!!", "", "0", "99999", "7", "", "", ""})
	}))
}

func (a accounts) uidOf(uid int) (string, bool) {
	lines, _ := a.lines("passwd")
	for _, f := range lines {
		if len(f) > 2 && f[2] == strconv.Itoa(uid) {
			return f[0], true
		}
	}
	return "", false
}

// set changes fields of a user's entry, counted from 0.
func (a accounts) set(file, name string, field int, edit func(old string) string) error {
	return a.change(file, func(l [][]string) [][]string {
		for _, f := range l {
			if f[0] == name && len(f) > field {
				f[field] = edit(f[field])
			}
		}
		return l
	})
}

// password sets a hash, if there is one, and locks the user or not.
func (a accounts) password(u cloudinit.User) error {
	return a.set("shadow", u.Name, 1, func(old string) string {
		if u.Hash != "" {
			old = u.Hash
		}
		if !u.Unlocked && !strings.HasPrefix(old, "!") {
			old = "!" + old
		}
		return old
	})
}

// remove takes a user and its group away.
func (a accounts) remove(name string) error {
	gone := func(l [][]string) [][]string {
		return slices.DeleteFunc(l, func(f []string) bool { return f[0] == name })
	}
	return errors.Join(a.leave(name), a.change("passwd", gone), a.change("shadow", gone), a.change("group", gone))
}
