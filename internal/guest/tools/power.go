package tools

import (
	"fmt"
	"os"
	"strings"

	"github.com/musubi-net/musubi/internal/guest/initctl"
)

func reboot([]string) int   { return power("reboot") }
func poweroff([]string) int { return power("poweroff") }

// shutdown takes the words that end a machine now; it keeps no schedule.
func shutdown(args []string) int {
	op := "poweroff"
	for _, a := range args {
		switch a {
		case "-r", "--reboot":
			op = "reboot"
		case "-h", "-P", "--poweroff", "-H", "--halt", "now", "+0":
		case "-c":
			return 0 // nothing is ever scheduled
		default:
			if strings.HasPrefix(a, "-") || strings.HasPrefix(a, "+") || strings.Contains(a, ":") {
				return fail(1, "shutdown: Musubi's stand-in shuts down now or not at all; %q is not carried out", a)
			}
		}
	}
	return power(op)
}

func power(op string) int {
	if _, err := initctl.Call(initctl.Request{Op: op}); err != nil {
		return fail(1, "Failed to %s: %v", op, err)
	}
	return 0
}

func hostnamectl(args []string) int {
	host, err := os.Hostname()
	if err != nil {
		return fail(1, "hostnamectl: %v", err)
	}
	switch {
	case len(args) == 0 || args[0] == "status":
		fmt.Printf("   Static hostname: %s\n  Operating System: Amazon Linux 2023\n      Architecture: %s\n    Virtualization: Musubi guest\n", host, arch())
		return 0
	case args[0] == "hostname" && len(args) == 1:
		fmt.Println(host)
		return 0
	}
	return fail(1, "hostnamectl: Musubi's stand-in only shows; %s is not carried out", args[0])
}
