package app

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/musubi-net/musubi/internal/broker"
	"github.com/musubi-net/musubi/internal/dataplane/dnsd"
	"github.com/musubi-net/musubi/internal/dataplane/wayout"
	"github.com/musubi-net/musubi/internal/kernel"
)

// What the world's internet leads to: the host's network, or nowhere.
const (
	InternetHost   = "host"
	InternetClosed = "closed"
)

// checkInternet checks what a user said.
func checkInternet(internet string) error {
	if internet == "" || internet == InternetHost || internet == InternetClosed {
		return nil
	}
	return fmt.Errorf("--internet %s: want host or closed", internet)
}

// internet is what is told about the way out.
func (d *daemon) internet() string {
	if d.options.Internet {
		return InternetHost
	}
	return InternetClosed
}

// serveWayOut carries what leaves the world, and asks the host's resolver for names
// that this cloud does not know, if musubi up was told to. Else it does nothing.
func (d *daemon) serveWayOut(ctx context.Context, world *kernel.World) error {
	if !d.options.Internet {
		return nil
	}
	sockets, err := world.OpenWayOut(ctx, broker.Reserved())
	if err != nil {
		err = fmt.Errorf("--internet host: %w; mend: load the module with sudo modprobe nft_tproxy, or start without it", err)
		_ = d.guests.Fatal(ctx, err.Error()) // starting again would not help
		return err
	}
	d.reconciler.Public().Forward(dnsd.NewForwarder(dnsd.ForwarderOptions{
		Dial: func(ctx context.Context, network string, server int) (net.Conn, error) {
			return d.broker.Dial(ctx, broker.Resolver, network, strconv.Itoa(server))
		},
	}))
	return wayout.New(wayout.Options{
		Sockets: sockets,
		Dial: func(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
			return d.broker.Dial(ctx, broker.Internet, network, to.String())
		},
		Log: d.log,
	}).Run(ctx)
}
