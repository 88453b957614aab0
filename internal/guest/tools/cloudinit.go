package tools

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/guest/cloudinit"
)

// cloudInit answers what scripts ask: whether the first boot is over, and how
// it went.
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
	status, s := cloudStatus("/")
	for wait && (status == "running" || status == "not run") {
		fmt.Print(".")
		time.Sleep(100 * time.Millisecond)
		status, s = cloudStatus("/")
	}
	if wait {
		fmt.Println()
	}
	fmt.Printf("status: %s\n", status)
	if long {
		if t := s.Latest(); t > 0 {
			fmt.Printf("time: %s\n", time.Unix(int64(t), 0).UTC().Format(time.RFC1123Z))
		}
		fmt.Printf("detail:\n%s\n", detail(status, s))
	}
	if status == "error" {
		return 1
	}
	return 0
}

// cloudStatus reads what this boot's cloud-init has written below root.
func cloudStatus(root string) (string, cloudinit.Status) {
	var s cloudinit.Status
	text, err := os.ReadFile(filepath.Join(root, cloudinit.StatusLink))
	if err != nil || json.Unmarshal(text, &s) != nil {
		return "not run", s
	}
	switch _, err := os.Stat(filepath.Join(root, cloudinit.ResultLink)); {
	case err != nil:
		return "running", s
	case len(s.Errors()) > 0:
		return "error", s
	}
	return "done", s
}

func detail(status string, s cloudinit.Status) string {
	switch {
	case status == "error":
		return strings.Join(s.Errors(), "\n")
	case status == "running" && s.Stage != "":
		return "Running in stage: " + s.Stage
	case s.DataSource == "":
		return "Cloud-init enabled by systemd cloud-init-generator"
	}
	return s.DataSource
}

// cloudInitPer runs a command once, once per instance or on every boot, as
// boothooks do.
func cloudInitPer(args []string) int {
	if len(args) < 3 {
		return fail(1, "Usage: cloud-init-per frequency name cmd [ arg1 [ arg2 [ ... ] ]\n   run cmd with arguments provided.\n\n   This utility can make it easier to use boothooks or bootcmd\n   on a per \"once\" or \"always\" basis.")
	}
	frequency, name := args[0], strings.NewReplacer("/", "-", "-", "_").Replace(args[1])
	const data = "/var/lib/cloud"
	var sem string
	switch frequency {
	case "once":
		sem = filepath.Join(data, "sem", "bootper."+name+".once")
	case "instance", "inst":
		sem = filepath.Join(data, "instance/sem", "bootper."+name+".instance")
	case "always", "boot":
	default:
		return fail(1, "invalid frequency: %s", frequency)
	}
	if sem != "" {
		if _, err := os.Stat(sem); err == nil {
			return 0
		}
		if err := os.MkdirAll(filepath.Dir(sem), 0o755); err != nil {
			return fail(1, "failed to make directory for %s", sem)
		}
	}
	cmd := exec.Command(args[2], args[3:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		code = 127
		if errors.Is(err, fs.ErrPermission) {
			code = 126
		}
		_ = fail(code, "%v", err)
	}
	if sem != "" {
		text := fmt.Sprintf("%s %d\n", time.Now().UTC().Format(time.RFC1123Z), code)
		if err := os.WriteFile(sem, []byte(text), 0o644); err != nil {
			return fail(1, "%v", err)
		}
	}
	return code
}
