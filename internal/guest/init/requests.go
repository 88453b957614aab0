package guestinit

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/musubi-net/musubi/internal/guest/initctl"
	"github.com/musubi-net/musubi/internal/guest/wire"
)

// listen serves the tools inside the guest. Only the guest's root may ask.
func (s *services) listen(g *guest) error {
	_ = os.Remove(initctl.Socket)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: initctl.Socket, Net: "unix"})
	if err != nil {
		return fmt.Errorf("init's socket: %w", err)
	}
	if err := os.Chmod(initctl.Socket, 0o600); err != nil {
		return err
	}
	go func() { // until init ends, and the guest with it
		for {
			c, err := l.AcceptUnix()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				go g.answer(wire.New(c))
			}
		}
	}()
	return nil
}

func (g *guest) answer(c *wire.Conn) {
	defer func() { _ = c.Close() }()
	var req initctl.Request
	files, err := c.Receive(&req)
	wire.CloseAll(files)
	if err != nil {
		return
	}
	_ = c.Send(g.request(req)) // the tool may have been interrupted
}

func (g *guest) request(req initctl.Request) initctl.Response {
	var r initctl.Response
	name := unitName(req.Unit)
	var err error
	switch req.Op {
	case "start":
		err = g.services.start(name)
	case "stop":
		err = g.services.stop(name)
	case "restart":
		if _, err = loadUnit(name); err == nil {
			if err = g.services.stop(name); err == nil {
				err = g.services.start(name)
			}
		}
	case "status":
		_, err = loadUnit(name)
		r.Unit = g.services.get(name).view()
	case "poweroff":
		g.down <- initctl.ExitPowerOff
	case "reboot":
		g.down <- initctl.ExitReboot
	case "cloud-init":
		r.Status = g.cloud.Status()
	default:
		err = fmt.Errorf("unknown request %q", req.Op)
	}
	if err != nil {
		r.Error, r.Missing = err.Error(), errors.Is(err, errNoUnit)
	}
	return r
}
