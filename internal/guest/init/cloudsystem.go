package guestinit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/musubi-net/musubi/internal/guest/cloudinit"
)

// writeFiles makes the module that writes files: those at once, or the deferred.
func (c *cloudInit) writeFiles(deferred bool) func(context.Context) error {
	return func(context.Context) error {
		for _, f := range c.plan.Config.Files {
			if f.Defer != deferred {
				continue
			}
			if err := c.writeFile(f); err != nil { // as on AWS, the rest of the files is left out
				return err
			}
			c.debug("util.py", "Wrote to %s - [%o] %d bytes", f.Path, f.Mode, len(f.Content))
		}
		return nil
	}
}

func (c *cloudInit) writeFile(f cloudinit.File) error {
	if f.Problem != "" {
		return errors.New(f.Problem)
	}
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
		return err
	}
	flags := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
	if f.Append {
		flags = os.O_CREATE | os.O_WRONLY | os.O_APPEND
	}
	w, err := os.OpenFile(f.Path, flags, 0o600)
	if err != nil {
		return err
	}
	_, err = w.Write(f.Content)
	if err := errors.Join(err, w.Close(), syscall.Chmod(f.Path, f.Mode)); err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	uid, gid := -1, -1
	a := accounts{"/etc"}
	if f.User != "" {
		u, ok := a.user(f.User)
		if !ok {
			return fmt.Errorf("Unknown user or group: \"getpwnam(): name not found: '%s'\"", f.User) //nolint:staticcheck // cloud-init's own words
		}
		uid = u.uid
	}
	if f.Group != "" {
		id, ok := a.group(f.Group)
		if !ok {
			return fmt.Errorf("Unknown user or group: \"getgrnam(): name not found: '%s'\"", f.Group) //nolint:staticcheck // cloud-init's own words
		}
		gid = id
	}
	if err := c.chown(f.Path, uid, gid); err != nil {
		return err
	}
	if f.Mode&0o7000 != 0 { // a change of owner takes these away
		return syscall.Chmod(f.Path, f.Mode)
	}
	return nil
}

// chown gives a file away, where there is anybody to give it to.
func (c *cloudInit) chown(path string, uid, gid int) error {
	if c.manyIDs {
		return os.Lchown(path, uid, gid)
	}
	if uid > 0 || gid > 0 {
		c.warn("util.py", "This instance has no user but root (its host gives Musubi a single user id): %s stays root's", path)
	}
	return nil
}

// hostname says what became of the wish; Setup has carried it out.
func (c *cloudInit) hostname(context.Context) error {
	given, err := os.ReadFile(givenName)
	if err != nil {
		return err
	}
	name, _, warning := c.plan.Config.Name(string(given))
	if warning != "" {
		c.warn("cc_set_hostname.py", "%s", warning)
	}
	if now, err := os.Hostname(); err == nil && now == name {
		return nil
	}
	if !validHostname(name) {
		return fmt.Errorf("%q is no host's name", name)
	}
	c.warn("cc_set_hostname.py", "hostname %s comes from what was included, which is too late for Musubi; put it into the user data itself", name)
	return nil
}

const hostsTemplate = `# Your system has configured 'manage_etc_hosts' as True.
# As a result, if you wish for changes to this file to persist
# then you will need to either
# a.) make changes to the master file in /etc/cloud/templates/hosts.redhat.tmpl
# b.) change or remove the value of 'manage_etc_hosts' in
#     /etc/cloud/cloud.cfg or cloud-config from user-data
#
# The following lines are desirable for IPv4 capable hosts
127.0.0.1 %[1]s %[2]s
127.0.0.1 localhost.localdomain localhost
127.0.0.1 localhost4.localdomain4 localhost4

# The following lines are desirable for IPv6 capable hosts
::1 %[1]s %[2]s
::1 localhost6.localdomain6 localhost6
`

func (c *cloudInit) etcHosts(context.Context) error {
	mode := c.plan.Config.EtcHosts
	if mode == "" {
		return nil
	}
	given, err := os.ReadFile(givenName)
	if err != nil {
		return err
	}
	name, fqdn, _ := c.plan.Config.Name(string(given))
	short, _, _ := strings.Cut(name, ".")
	if mode == "template" {
		return os.WriteFile("/etc/hosts", fmt.Appendf(nil, hostsTemplate, fqdn, short), 0o644)
	}
	old, err := os.ReadFile("/etc/hosts")
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	line := fmt.Sprintf("127.0.0.1 %s %s\n", fqdn, short)
	if bytes.Contains(old, []byte(line)) {
		return nil
	}
	return os.WriteFile("/etc/hosts", append(old, "# Added by cloud-init\n"+line...), 0o644)
}

func (c *cloudInit) timezone(context.Context) error {
	zone := c.plan.Config.Timezone
	if zone == "" {
		return nil
	}
	file := filepath.Join("/usr/share/zoneinfo", filepath.Clean("/"+zone))
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		return fmt.Errorf("Invalid timezone %s, no file found at %s", zone, file) //nolint:staticcheck // cloud-init's own words
	}
	if err := os.Remove("/etc/localtime"); err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.Symlink(file, "/etc/localtime")
}

func (c *cloudInit) locale(ctx context.Context) error {
	locale := c.plan.Config.Locale
	if locale == "" {
		return nil
	}
	var known bytes.Buffer
	plain := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "") }
	if err := c.run(ctx, []string{"locale", "-a"}, baseEnv(), &known, &bytes.Buffer{}); err == nil &&
		!slices.Contains(strings.Fields(plain(known.String())), plain(locale)) {
		c.warn("cc_locale.py", "This host, whose /usr the instance has, knows no locale %s", locale)
	}
	return os.WriteFile("/etc/locale.conf", []byte("LANG="+locale+"\n"), 0o644)
}

// manager is how a package manager is asked.
type manager struct {
	program                  string
	install, update, upgrade []string
	env                      []string
}

// managers are those that an image may have, in the order of preference.
func managers() []manager {
	redhat := func(program string) manager {
		return manager{program, []string{"-y", "install"}, []string{"-y", "makecache"}, []string{"-y", "upgrade"}, nil}
	}
	apt := []string{"--assume-yes", "--quiet", "--option=Dpkg::Options::=--force-confold"}
	return []manager{
		redhat("dnf"), redhat("yum"), redhat("microdnf"),
		{"zypper", []string{"--non-interactive", "install"}, []string{"--non-interactive", "refresh"}, []string{"--non-interactive", "update"}, nil},
		{"apk", []string{"add"}, []string{"update"}, []string{"upgrade"}, nil},
		{"apt-get", append(apt, "install"), append(apt, "update"), append(apt, "dist-upgrade"), []string{"DEBIAN_FRONTEND=noninteractive"}},
	}
}

// packages asks the package manager of the image.
func (c *cloudInit) packages(ctx context.Context) error {
	want := c.plan.Config
	if len(want.Packages) == 0 && !want.PackageUpdate && !want.PackageUpgrade {
		return nil
	}
	all := managers()
	i := slices.IndexFunc(all, func(m manager) bool { _, _, err := find(m.program); return err == nil })
	if i < 0 {
		return errors.New("this image has no package manager that Musubi's cloud-init knows")
	}
	m := all[i]
	var errs []error
	do := func(words []string, more ...string) {
		argv := append(append([]string{m.program}, words...), more...)
		if err := c.program(ctx, argv, m.env); err != nil {
			c.warn("cc_package_update_upgrade_install.py", "%s failed: %v", strings.Join(argv, " "), err)
			errs = append(errs, fmt.Errorf("%s: %w", strings.Join(argv, " "), err))
		}
	}
	if want.PackageUpdate || want.PackageUpgrade {
		do(m.update)
	}
	if want.PackageUpgrade {
		do(m.upgrade)
	}
	if len(want.Packages) > 0 {
		do(m.install, want.Packages...)
	}
	return errors.Join(errs...)
}
