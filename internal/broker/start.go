package broker

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/guest/wire"
)

// Process is a started broker.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// Start starts the program exe as a broker in this process's namespaces. The file
// is the supervisor's connection to it: the broker ends when nobody has it open any
// more.
func Start(exe string, o Options, output *os.File) (*Process, *os.File, error) {
	arg, err := json.Marshal(o)
	if err != nil {
		return nil, nil, err
	}
	mine, theirs, err := pair()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = theirs.Close() }()
	cmd := exec.Command(exe, Command, string(arg))
	cmd.Args[0] = "musubi"
	cmd.Stdout, cmd.Stderr = output, output
	cmd.ExtraFiles = []*os.File{theirs}
	// Of a session of its own: what ends musubi up from the terminal is not to end
	// the broker before its work is done.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		_ = mine.Close()
		return nil, nil, fmt.Errorf("start the broker: %w", err)
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // it has said why
	}()
	return p, mine, nil
}

// Pid is the broker's process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Wait waits for the end that the supervisor's brings about.
func (p *Process) Wait() {
	select {
	case <-p.done:
	case <-time.After(2 * gone):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

func pair() (*os.File, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "broker"), os.NewFile(uintptr(fds[1]), "broker"), nil
}

// Hub is the supervisor's connection to the broker.
type Hub struct{ conn *wire.Conn }

// NewHub takes over the file that Start returned.
func NewHub(f *os.File) (*Hub, error) {
	c, err := wire.FromFile(f)
	if err != nil {
		return nil, err
	}
	return &Hub{c}, nil
}

// Connect makes a connection for a daemon: NewClient takes the file.
func (h *Hub) Connect() (*os.File, error) {
	mine, theirs, err := pair()
	if err != nil {
		return nil, err
	}
	defer func() { _ = theirs.Close() }()
	// A broker that has ended is no reason not to run: who asks it gets to know.
	_ = h.conn.Send(handover{}, theirs)
	return mine, nil
}

// Close ends the broker.
func (h *Hub) Close() error { return h.conn.Close() }
