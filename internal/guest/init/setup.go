// Package guestinit is the first process of a guest. Setup builds the root and
// confines itself while it is still trusted, then executes Main, which runs
// user data, keeps services, opens programs for the supervisor's clients, and
// reaps. It may import guest/cloudinit, guest/frugal, guest/rootfs, guest/initctl,
// guest/wire and guest/reap.
package guestinit

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/guest/initctl"
	"github.com/musubi-net/musubi/internal/guest/rootfs"
	"github.com/musubi-net/musubi/internal/guest/wire"
)

// Names of the hidden commands that the two halves run as.
const (
	SetupCommand = "__guest"
	MainCommand  = "__init"
)

// Descriptors that are handed on: the supervisor's socket, and the console's
// master from Setup to Main.
const (
	controlFD = 3
	consoleFD = 4
)

const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// baseEnv is the environment of init and of everything that it starts. The AWS
// CLI and SDKs may bring authorities of their own, which do not know this cloud's:
// they are told where the system's are.
func baseEnv() []string {
	return []string{"PATH=" + path, "LANG=C.UTF-8", "HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/bash",
		"AWS_CA_BUNDLE=/etc/pki/tls/certs/ca-bundle.crt"}
}

// Setup is the hidden command SetupCommand. It returns only on failure.
func Setup([]string) int {
	runtime.LockOSThread()
	err := setup()
	if c, e := wire.FromFile(os.NewFile(controlFD, "control")); e == nil {
		_ = c.Send(initctl.Notice{Error: err.Error()}) // the exit code tells it too
	}
	fmt.Fprintln(os.Stderr, "guest:", err)
	return initctl.ExitSetup
}

// setup becomes the guest's init; it returns only why that failed.
func setup() error {
	cfg, err := receiveConfig()
	if err != nil {
		return err
	}
	// Under memory pressure the guests go first, not what holds them.
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte("500"), 0); err != nil {
		return fmt.Errorf("oom_score_adj: %w", err)
	}
	console, err := rootfs.Enter(cfg)
	if err != nil {
		return err
	}
	if err := keepUserData(cfg); err != nil {
		return err
	}
	if err := nameInstance(cfg); err != nil {
		return err
	}
	fd := int(console.Fd())
	if fd != consoleFD {
		if err := unix.Dup3(fd, consoleFD, 0); err != nil {
			return fmt.Errorf("console: %w", err)
		}
	} else if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
		return fmt.Errorf("console: %w", err)
	}
	if _, err := unix.FcntlInt(controlFD, unix.F_SETFD, 0); err != nil {
		return fmt.Errorf("control: %w", err)
	}
	if err := rootfs.Confine(); err != nil {
		return err
	}
	return fmt.Errorf("exec init: %w", syscall.Exec(rootfs.Program, []string{"/sbin/init", MainCommand}, baseEnv()))
}

// receiveConfig reads the configuration from a duplicate of the control socket
// and leaves the socket itself to Main.
func receiveConfig() (initctl.Config, error) {
	var cfg initctl.Config
	dup, err := unix.FcntlInt(controlFD, unix.F_DUPFD_CLOEXEC, 10)
	if err != nil {
		return cfg, fmt.Errorf("control: %w", err)
	}
	conn, err := wire.FromFile(os.NewFile(uintptr(dup), "control"))
	if err != nil {
		return cfg, err
	}
	defer func() { _ = conn.Close() }()
	files, err := conn.Receive(&cfg)
	wire.CloseAll(files)
	if err != nil {
		return cfg, fmt.Errorf("configuration: %w", err)
	}
	return cfg, nil
}
