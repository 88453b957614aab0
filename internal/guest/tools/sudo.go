package tools

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/musubi-net/musubi/internal/guest/initctl"
)

// sudoOptions are what sudo is asked.
type sudoOptions struct {
	user  string
	login bool // a login shell: -i, -s
	keep  bool // the environment: -E
	env   []string
	args  []string
	// done is set for what only touches the memory of passwords: there is none.
	done bool
}

// parseSudo reads options until the command; the error is what sudo says.
func parseSudo(args []string) (o sudoOptions, err error) {
	o.user = "root"
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		switch {
		case a == "--":
			o.args = args
			return o, nil
		case a == "-u" || a == "--user" || a == "-iu" || a == "-Hu" || a == "-nu" || a == "-Eu":
			if len(args) < 1 {
				return o, errors.New("option requires an argument -- 'u'")
			}
			o.login = o.login || a == "-iu"
			o.keep = o.keep || a == "-Eu"
			o.user, args = args[0], args[1:]
		case strings.HasPrefix(a, "--user="):
			o.user = strings.TrimPrefix(a, "--user=")
		case a == "-i" || a == "-s" || a == "--login":
			o.login = true
		case a == "-E" || strings.HasPrefix(a, "--preserve-env"):
			o.keep = true
		case a == "-n" || a == "-H" || a == "-S":
		case a == "-v" || a == "-K" || a == "-k":
			o.done = true
			return o, nil
		case strings.HasPrefix(a, "-"):
			return o, fmt.Errorf("this stand-in of Musubi's does not know %s", a)
		case strings.Contains(a, "=") && !strings.HasPrefix(a, "/"):
			o.env = append(o.env, a)
		default:
			o.args = append([]string{a}, args...)
			return o, nil
		}
	}
	return o, nil
}

// sudo runs a program as root, who most here already are, or as another user
// where the host gave Musubi more than one user id.
func sudo(args []string) int {
	o, err := parseSudo(args)
	if err != nil {
		return fail(1, "sudo: %v", err)
	}
	if o.done {
		return 0
	}
	who, err := initctl.LookupUser(o.user)
	if err != nil {
		return fail(1, "sudo: %v", err)
	}
	if os.Geteuid() != 0 {
		// Init runs this program again as root, for those that sudoers lets.
		return elevate(append([]string{"/usr/bin/sudo"}, args...))
	}
	argv := o.args
	switch {
	case o.login && len(argv) == 0:
		argv = []string{who.Shell, "-l"}
	case o.login:
		argv = []string{who.Shell, "-lc", strings.Join(argv, " ")}
	case len(argv) == 0:
		return fail(1, "usage: sudo [-u USER] [-i] [-E] COMMAND")
	}
	return o.run(who, argv)
}

// run executes the program as who; it returns only if that fails.
func (o sudoOptions) run(who initctl.User, argv []string) int {
	file, err := exec.LookPath(argv[0])
	if err != nil {
		return fail(1, "sudo: %s: command not found", argv[0])
	}
	if who.UID != 0 {
		if err := become(who); err != nil {
			return fail(1, "sudo: this host gives Musubi a single user id, so %s cannot be: %v", o.user, err)
		}
	}
	env := os.Environ()
	if !o.keep {
		env = append(env, "HOME="+who.Home, "USER="+o.user, "LOGNAME="+o.user, "SHELL="+who.Shell)
	}
	if o.login {
		if err := os.Chdir(who.Home); err != nil {
			return fail(1, "sudo: %v", err)
		}
	}
	return fail(126, "sudo: %s: %v", file, syscall.Exec(file, argv, append(env, o.env...)))
}

func become(who initctl.User) error {
	return errors.Join(
		syscall.Setgroups([]int{int(who.GID)}),
		syscall.Setgid(int(who.GID)),
		syscall.Setuid(int(who.UID)),
	)
}
