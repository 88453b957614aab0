package guestinit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/guest/frugal"
	"github.com/musubi-net/musubi/internal/guest/initctl"
	"github.com/musubi-net/musubi/internal/guest/reap"
	"github.com/musubi-net/musubi/internal/guest/wire"
)

// grace is how long processes may take to end when the guest shuts down.
const grace = 2 * time.Second

// guest is the running init.
type guest struct {
	conn     *wire.Conn
	reaper   *reap.Reaper
	console  *console
	services *services
	cloud    *cloudInit
	down     chan int // the exit code that init ends with
}

// Main is the hidden command MainCommand: process 1 of the guest.
func Main([]string) int {
	frugal.Begin()
	// Process 1 is asked to end through its sockets, not by signals: they are
	// caught and dropped. Ignoring them would be inherited by all it starts.
	signal.Notify(make(chan os.Signal, 1), unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGPIPE, unix.SIGQUIT)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	g, err := inherit()
	if err == nil {
		// What is written to /dev/console shows on the console. The master reads an
		// error while nobody has the other end open, so init holds it open.
		if hold, err := os.OpenFile("/dev/console", os.O_RDWR|unix.O_NOCTTY, 0); err == nil {
			defer func() { _ = hold.Close() }()
		}
		err = g.begin(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "init:", err)
		return initctl.ExitSetup
	}
	go g.commands()
	go g.boot(ctx)
	code := <-g.down
	g.shutdown()
	return code
}

// inherit takes over what Setup left.
func inherit() (*guest, error) {
	// The guest's root must not take the supervisor's descriptors out of init, nor
	// act in its place.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return nil, err
	}
	conn, err := wire.FromFile(os.NewFile(controlFD, "control"))
	if err != nil {
		return nil, err
	}
	if _, err := unix.FcntlInt(consoleFD, unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	g := &guest{conn: conn, reaper: reap.New(), console: &console{}, down: make(chan int, 4)}
	g.services = newServices(g.reaper, g.console)
	g.cloud = &cloudInit{reaper: g.reaper, console: g.console}
	return g, nil
}

// begin opens init's sockets and tells the supervisor that the guest runs.
func (g *guest) begin(ctx context.Context) error {
	master := os.NewFile(consoleFD, "console")
	go func() { _, _ = io.Copy(g.console, master) }()
	go g.reaper.Run(ctx)
	for _, open := range []func() error{func() error { return g.services.listen(g) }, g.elevate, g.syslog} {
		if err := open(); err != nil {
			return err
		}
	}
	g.console.banner()
	return g.conn.Send(initctl.Notice{Running: true})
}

// boot carries out user data and starts services.
func (g *guest) boot(ctx context.Context) {
	g.cloud.early(ctx)
	g.services.startEnabled()
	g.cloud.late(ctx)
	frugal.Rest()
	if g.cloud.changePower {
		g.down <- g.cloud.atEnd
	}
}

// commands serves the supervisor until it goes away, which ends the guest.
func (g *guest) commands() {
	for {
		var c initctl.Command
		files, err := g.conn.Receive(&c)
		if err != nil {
			g.down <- initctl.ExitPowerOff
			return
		}
		switch c.Op {
		case initctl.OpPowerOff:
			wire.CloseAll(files)
			g.down <- initctl.ExitPowerOff
		case initctl.OpExec:
			if c.Exec == nil || len(files) != 4 {
				wire.CloseAll(files)
				continue
			}
			go g.exec(*c.Exec, files)
		default:
			wire.CloseAll(files)
		}
	}
}

// shutdown asks every process to end and waits a little; the kernel ends the
// rest with init.
func (g *guest) shutdown() {
	g.services.stopAll()
	_ = syscall.Kill(-1, syscall.SIGTERM)
	_ = syscall.Kill(-1, syscall.SIGHUP)
	deadline := time.NewTimer(grace)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := syscall.Kill(-1, 0); errors.Is(err, syscall.ESRCH) {
			break
		}
		select {
		case <-deadline.C:
			return
		case <-tick.C:
		}
	}
}

// console writes to init's standard output, which the supervisor records.
type console struct {
	mu sync.Mutex
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return os.Stdout.Write(p)
}

func (c *console) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(c, format+"\n", args...)
}

func (c *console) banner() {
	host, _ := os.Hostname()
	var u unix.Utsname
	_ = unix.Uname(&u)
	c.printf("\nAmazon Linux 2023 (Musubi guest)\nKernel %s on an %s (-)\n\n%s login:",
		unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Machine[:]), host)
}
