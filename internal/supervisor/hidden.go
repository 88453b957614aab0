package supervisor

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/musubi-net/musubi/internal/broker"
	"github.com/musubi-net/musubi/internal/guest"
	guestinit "github.com/musubi-net/musubi/internal/guest/init"
	"github.com/musubi-net/musubi/internal/guest/tools"
	"github.com/musubi-net/musubi/internal/guest/wire"
)

// Hidden are the commands that the program runs itself as, by their name. They
// get the arguments after it and return an exit code.
func Hidden() map[string]func(args []string) int {
	return map[string]func(args []string) int{
		command:                Main,
		broker.Command:         broker.Main,
		probeCommand:           probe,
		guestinit.SetupCommand: guestinit.Setup,
		guestinit.MainCommand:  guestinit.Main,
	}
}

// Dispatch runs what the program was called as, if that is a guest's tool or a
// hidden command. It must come before anything else in main.
func Dispatch(argv []string) (code int, handled bool) {
	if len(argv) == 0 {
		return 0, false
	}
	if len(argv) > 1 {
		if f, ok := Hidden()[argv[1]]; ok {
			return f(argv[2:]), true
		}
	}
	if f, ok := tools.Lookup(argv[0]); ok {
		return f(argv[1:]), true
	}
	return 0, false
}

// Inherited is what the supervisor gives a daemon.
type Inherited struct {
	API    net.Listener // the AWS API
	Local  net.Listener // daemon.sock
	Guests *guest.Manager
	Broker *broker.Client // connects from the host's network
}

// Inherit takes what the supervisor handed to this daemon. It can be called
// once.
func Inherit() (*Inherited, error) {
	var in Inherited
	var err error
	if in.API, err = inheritListener(3, "api"); err != nil {
		return nil, err
	}
	if in.Local, err = inheritListener(4, DaemonSocket); err != nil {
		return nil, errors.Join(err, in.API.Close())
	}
	conn, err := wire.FromFile(os.NewFile(5, "control"))
	if err != nil {
		return nil, errors.Join(err, in.API.Close(), in.Local.Close())
	}
	if in.Broker, err = broker.NewClient(os.NewFile(6, "broker")); err != nil {
		return nil, errors.Join(err, conn.Close(), in.API.Close(), in.Local.Close())
	}
	in.Guests = guest.NewManager(conn)
	return &in, nil
}

func inheritListener(fd uintptr, name string) (net.Listener, error) {
	f := os.NewFile(fd, name)
	l, err := net.FileListener(f)
	_ = f.Close()
	if err != nil {
		return nil, fmt.Errorf("inherited listener %s: %w", name, err)
	}
	return l, nil
}
