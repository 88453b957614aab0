package tools

import (
	"fmt"
	"os"
	"strings"
	"time"

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

// cloudInit answers what scripts ask: whether the first boot is over.
func cloudInit(args []string) int {
	if len(args) == 0 || args[0] != "status" {
		return fail(2, "usage: cloud-init status [--wait] [--long] (Musubi's stand-in)")
	}
	wait, long := false, false
	for _, a := range args[1:] {
		switch a {
		case "--wait", "-w":
			wait = true
		case "--long", "-l":
			long = true
		default:
			return fail(2, "cloud-init: error: unrecognized arguments: %s", a)
		}
	}
	for {
		r, err := initctl.Call(initctl.Request{Op: "cloud-init"})
		if err != nil {
			return fail(1, "cloud-init: %v", err)
		}
		if wait && r.Status == "running" {
			fmt.Print(".")
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if wait {
			fmt.Println()
		}
		fmt.Printf("status: %s\n", r.Status)
		if long {
			fmt.Println("boot_status_code: enabled-by-generator\ndetail:\nDataSourceEc2Local")
		}
		if r.Status == "error" {
			return 1
		}
		return 0
	}
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
