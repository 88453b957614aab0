package tools

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/musubi-net/musubi/internal/guest/initctl"
)

// sudo runs a program as root, who everybody here already is, or as another
// user where the host gave Musubi more than one user id.
func sudo(args []string) int {
	all := args
	user, login, keep := "root", false, false
	var env []string
loop:
	for len(args) > 0 {
		a := args[0]
		switch {
		case a == "--":
			args = args[1:]
			break loop
		case a == "-u" || a == "--user":
			if len(args) < 2 {
				return fail(1, "sudo: option requires an argument -- 'u'")
			}
			user, args = args[1], args[1:]
		case strings.HasPrefix(a, "--user="):
			user = strings.TrimPrefix(a, "--user=")
		case a == "-i" || a == "-s" || a == "--login":
			login = true
		case a == "-E" || strings.HasPrefix(a, "--preserve-env"):
			keep = true
		case a == "-n" || a == "-H" || a == "-S":
		case a == "-v" || a == "-K" || a == "-k":
			return 0
		case a == "-iu" || a == "-Hu" || a == "-nu" || a == "-Eu":
			if len(args) < 2 {
				return fail(1, "sudo: option requires an argument -- 'u'")
			}
			login = login || a == "-iu"
			user, args = args[1], args[1:]
		case strings.HasPrefix(a, "-"):
			return fail(1, "sudo: Musubi's stand-in does not know %s", a)
		case strings.Contains(a, "=") && !strings.HasPrefix(a, "/"):
			env = append(env, a)
		default:
			break loop
		}
		args = args[1:]
	}
	who, err := initctl.LookupUser(user)
	if err != nil {
		return fail(1, "sudo: %v", err)
	}
	if os.Geteuid() != 0 {
		// Init runs this program again as root, for those that sudoers lets.
		again := append([]string{"/usr/bin/sudo"}, all...)
		return elevate(again)
	}
	if login && len(args) == 0 {
		args = []string{who.Shell, "-l"}
	} else if login {
		args = []string{who.Shell, "-lc", strings.Join(args, " ")}
	}
	if len(args) == 0 {
		return fail(1, "usage: sudo [-u USER] [-i] [-E] COMMAND")
	}
	file, err := exec.LookPath(args[0])
	if err != nil {
		return fail(1, "sudo: %s: command not found", args[0])
	}
	if who.UID != 0 {
		if err := become(who); err != nil {
			return fail(1, "sudo: this host gives Musubi a single user id, so %s cannot be: %v", user, err)
		}
	}
	base := os.Environ()
	if !keep {
		base = append(base, "HOME="+who.Home, "USER="+user, "LOGNAME="+user, "SHELL="+who.Shell)
	}
	if login {
		if err := os.Chdir(who.Home); err != nil {
			return fail(1, "sudo: %v", err)
		}
	}
	return fail(126, "sudo: %s: %v", file, syscall.Exec(file, args, append(base, env...)))
}

func become(who initctl.User) error {
	return errors.Join(
		syscall.Setgroups([]int{int(who.GID)}),
		syscall.Setgid(int(who.GID)),
		syscall.Setuid(int(who.UID)),
	)
}
