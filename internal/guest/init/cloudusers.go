package guestinit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/guest/cloudinit"
)

const sudoers = "/etc/sudoers.d/90-cloud-init-users"

// noLogin is how cloud-init keeps those with a key from being root.
const noLogin = `no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command="echo 'Please login as the user \"%s\" rather than the user \"root\".';echo;sleep 10;exit 142" `

// usersGroups makes the groups and users that the user data asks for.
func (c *cloudInit) usersGroups(context.Context) error {
	a := accounts{"/etc"}
	want := c.plan.Config
	for _, g := range want.Groups {
		if _, err := a.addGroup(g.Name, 0, false); err != nil {
			return err
		}
		for _, m := range g.Members {
			if _, ok := a.user(m); !ok {
				c.warn("__init__.py", "Unable to add group member '%s' to group '%s'; user does not exist.", m, g.Name)
				continue
			}
			if err := a.join(m, g.Name); err != nil {
				return err
			}
		}
	}
	kept := slices.ContainsFunc(want.Users, func(u cloudinit.User) bool { return u.Name == cloudinit.DefaultUser })
	if _, there := a.user(cloudinit.DefaultUser); there && !kept {
		// On AWS cloud-init would not have made it.
		if err := errors.Join(a.remove(cloudinit.DefaultUser), os.RemoveAll("/home/"+cloudinit.DefaultUser)); err != nil {
			return err
		}
	}
	for _, u := range want.Users {
		if err := c.user(a, u); err != nil {
			c.warn("__init__.py", "Failed to create user %s", u.Name)
			return fmt.Errorf("user %s: %w", u.Name, err)
		}
	}
	return nil
}

func (c *cloudInit) user(a accounts, u cloudinit.User) error {
	who, there := a.user(u.Name)
	if !there && !c.manyIDs {
		c.warn("__init__.py", "User %s is not created: this instance has no user but root (its host gives Musubi a single user id)", u.Name)
		return nil
	}
	for _, g := range u.Groups {
		if _, ok := a.group(g); !ok {
			if _, err := a.addGroup(g, 0, false); err != nil {
				return err
			}
		}
	}
	switch {
	case !there:
		var err error
		if who, err = a.addUser(u); err != nil {
			return err
		}
		if !u.NoHome && !u.System {
			if err := c.home(who); err != nil {
				return err
			}
		}
	case u.Name == cloudinit.DefaultUser:
		// It is there from the start; what is wanted of it holds all the same.
		if err := c.complete(a, u); err != nil {
			return err
		}
	default:
		c.debug("__init__.py", "User %s already exists, skipping.", u.Name)
	}
	if !there || u.Name == cloudinit.DefaultUser {
		if err := a.join(u.Name, u.Groups...); err != nil {
			return err
		}
	}
	if err := a.password(u); err != nil {
		return err
	}
	if len(u.Sudo) > 0 {
		if err := addSudo(u); err != nil {
			return err
		}
	}
	return c.addKeys(who, u.SSHKeys, "")
}

// complete changes the user that the image has into the one that is wanted.
func (c *cloudInit) complete(a accounts, u cloudinit.User) error {
	var errs []error
	for field, v := range map[int]string{4: u.Gecos, 6: u.Shell} {
		if v != "" {
			errs = append(errs, a.set("passwd", u.Name, field, func(string) string { return v }))
		}
	}
	if (u.UID > 0 && u.UID != 1000) || u.Home != "" && u.Home != "/home/"+u.Name || u.PrimaryGroup != "" {
		c.warn("__init__.py", "User %s keeps its id, home and group: it is there already", u.Name)
	}
	return errors.Join(append(errs, a.leave(u.Name))...)
}

// home makes a user's home of the skeleton.
func (c *cloudInit) home(who account) error {
	if _, err := os.Lstat(who.home); err == nil {
		return nil // as useradd, leave what is there
	}
	if err := os.MkdirAll(filepath.Dir(who.home), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(who.home, 0o700); err != nil {
		return err
	}
	if _, err := os.Stat("/etc/skel"); err == nil {
		if err := os.CopyFS(who.home, os.DirFS("/etc/skel")); err != nil {
			return err
		}
	} else if _, err := os.Stat("/etc/bashrc"); err == nil {
		for name, text := range map[string]string{".bashrc": ". /etc/bashrc\n", ".bash_profile": ". ~/.bashrc\n"} {
			if err := os.WriteFile(filepath.Join(who.home, name), []byte(text), 0o644); err != nil {
				return err
			}
		}
	}
	return filepath.WalkDir(who.home, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return c.chown(path, who.uid, who.gid)
	})
}

func addSudo(u cloudinit.User) error {
	text := "\n# User rules for " + u.Name + "\n"
	for _, rule := range u.Sudo {
		text += u.Name + " " + rule + "\n"
	}
	old, err := os.ReadFile(sudoers)
	if err != nil {
		if !os.IsNotExist(err) {
			return err
		}
		old = []byte("# Created by cloud-init v. " + cloudinit.Version + " on " + now() + "\n")
	}
	if strings.Contains(string(old), text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(sudoers), 0o750); err != nil {
		return err
	}
	if err := os.WriteFile(sudoers, append(old, text...), 0o440); err != nil {
		return err
	}
	return os.Chmod(sudoers, 0o440)
}

// addKeys adds keys to a user's authorized ones.
func (c *cloudInit) addKeys(who account, keys []string, options string) error {
	if len(keys) == 0 {
		return nil
	}
	dir := filepath.Join(who.home, ".ssh")
	file := filepath.Join(dir, "authorized_keys")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	old, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	text := string(old)
	for _, k := range keys {
		if !strings.Contains("\n"+text, "\n"+options+k+"\n") {
			text += options + k + "\n"
		}
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	return errors.Join(os.Chmod(dir, 0o700), os.Chmod(file, 0o600), c.chown(dir, who.uid, who.gid), c.chown(file, who.uid, who.gid))
}

// ssh lets the holder of the instance's key pair, and of the keys in the user
// data, in as the default user.
func (c *cloudInit) ssh(ctx context.Context) error {
	keys := c.plan.Config.SSHKeys
	for _, k := range c.metadataKeys(ctx) {
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	a := accounts{"/etc"}
	name := "NONE"
	if i := slices.IndexFunc(c.plan.Config.Users, func(u cloudinit.User) bool { return u.Default }); i >= 0 {
		if who, ok := a.user(c.plan.Config.Users[i].Name); ok {
			name = who.name
			if err := c.addKeys(who, keys, ""); err != nil {
				return err
			}
		}
	}
	root, ok := a.user("root")
	if !ok {
		return nil
	}
	options := ""
	if c.plan.Config.DisableRoot {
		options = fmt.Sprintf(noLogin, name)
	}
	return c.addKeys(root, keys, options)
}
