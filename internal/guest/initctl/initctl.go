// Package initctl holds the messages of a guest's init: what the supervisor
// asks of it, what it and the client of an exec say to each other, and what
// the tools inside the guest ask of it. It may import guest/wire and spec.
package initctl

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/musubi-net/musubi/internal/guest/wire"
	"github.com/musubi-net/musubi/internal/spec"
)

// Socket is where init listens for the tools inside the guest.
const Socket = "/run/musubi/init.sock"

// SudoSocket is where init listens for sudo of ordinary users: one Exec with the
// descriptors of stdin, stdout and stderr, then what a client of an exec says.
const SudoSocket = "/run/musubi/sudo.sock"

// SyslogSocket is where /dev/log leads to, as with systemd.
const SyslogSocket = "/run/systemd/journal/dev-log"

// Exit codes of init that tell the supervisor why it ended.
const (
	ExitPowerOff = 0
	ExitReboot   = 64
	ExitSetup    = 65 // the guest could not be built
)

// Config is the first message to a guest: everything it is built from.
type Config struct {
	InstanceID string
	Boot       uint32
	Hostname   string
	Name       string
	ImageID    string
	UserData   []byte
	Resolver   netip.Addr
	Search     string
	// Trust are certificate authorities (PEM) to trust besides the host's.
	Trust string
	// Disk is the directory that holds the guest's disk; Exe the program that
	// its init and its tools are.
	Disk, Exe string
	// Root is the directory of the imported image that is the root file system,
	// and Program what it says is to be run; without one it is the built-in one.
	Root    string
	Program *spec.Program
	// Snapshot is the file with the content that the disk begins with.
	Snapshot string
	// ManyIDs is true if the user namespace has more than one id.
	ManyIDs bool
	// Processes is how many there may be; 0 is no bound of its own.
	Processes int
}

// Operations that the supervisor asks of init.
const (
	OpExec     = "exec"     // files: client, stdin, stdout, stderr
	OpPowerOff = "poweroff" // orderly
)

// Command is a message of the supervisor to init.
type Command struct {
	Op   string
	Exec *Exec `json:",omitempty"`
}

// Notice is a message of init to the supervisor.
type Notice struct {
	Running bool   `json:",omitempty"`
	Error   string `json:",omitempty"`
}

// Exec is a program to run in the guest.
type Exec struct {
	Argv []string
	Env  []string
	Dir  string
	// Login runs root's login shell; Argv is then empty.
	Login bool
	// TTY gives the program a terminal of Rows and Columns.
	TTY           bool
	Rows, Columns uint16
}

// ToProgram is what the client of an Exec sends while the program runs.
type ToProgram struct {
	Signal        int `json:",omitempty"`
	Rows, Columns uint16
}

// FromProgram is the outcome of an Exec: one message, then the end.
type FromProgram struct {
	ExitCode int
	Error    string `json:",omitempty"`
}

// Request is what a tool inside the guest asks of init.
type Request struct {
	Op   string // start stop restart status poweroff reboot cloud-init
	Unit string `json:",omitempty"`
}

// Unit is the state of a service.
type Unit struct {
	Name   string
	Active string // active, inactive, failed, activating
	Sub    string // running, dead, exited, failed
	PID    int
	Since  int64 // seconds since the epoch of the last change
	Code   int
	Log    []string
}

// Response is init's answer.
type Response struct {
	Error string `json:",omitempty"`
	// Missing is true if there is no such unit.
	Missing bool   `json:",omitempty"`
	Unit    Unit   `json:",omitzero"`
	Status  string `json:",omitempty"` // of cloud-init: running, done, error
}

// Call asks init from inside the guest.
func Call(req Request) (Response, error) {
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: Socket, Net: "unix"})
	if err != nil {
		return Response{}, fmt.Errorf("the instance's init does not answer: %w", err)
	}
	conn := wire.New(c)
	defer func() { _ = conn.Close() }()
	if err := conn.Send(req); err != nil {
		return Response{}, err
	}
	var r Response
	files, err := conn.Receive(&r)
	wire.CloseAll(files)
	return r, err
}
