package app

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/musubi-net/musubi/internal/control"
	"github.com/musubi-net/musubi/internal/kernel"
)

// How long a visitor waits for a connection: to the only address, and to each of
// several.
const (
	dialTimeout    = 15 * time.Second
	attemptTimeout = 5 * time.Second
)

// internetVisitor is the address from which a person on the host looks at the
// internet; it comes to exist when it is used.
func internetVisitor() netip.Addr { return netip.AddrFrom4([4]byte{198, 18, 0, 200}) }

// visitRoutes answers what `musubi proxy` and `musubi forward` ask.
func (d *daemon) visitRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/place", func(w http.ResponseWriter, r *http.Request) {
		p, err := d.visitor().Place(r.FormValue("place"))
		d.answerOr(w, p, err)
	})
	mux.HandleFunc("GET /v1/destination", func(w http.ResponseWriter, r *http.Request) {
		p, err := d.visitor().Destination(r.Context(), r.FormValue("name"), r.FormValue("place"))
		d.answerOr(w, p, err)
	})
	mux.HandleFunc("POST /v1/dial", d.serveDial)
}

// answerOr answers with a value or a refusal.
func (d *daemon) answerOr(w http.ResponseWriter, v any, err error) {
	if err == nil {
		d.answer(w, v)
		return
	}
	refused, ok := errors.AsType[*control.Refusal](err)
	if !ok {
		refused = &control.Refusal{Reason: control.ReasonOther, Message: err.Error()}
	}
	status := http.StatusBadGateway
	if refused.Reason == control.ReasonUnknownName || refused.Reason == control.ReasonUnknownPlace {
		status = http.StatusNotFound
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(refused); err != nil {
		d.log.Debug("control: refuse", "error", err)
	}
}

// serveDial connects from a place and becomes the connection. A stream ends with
// its peers, or with this process.
func (d *daemon) serveDial(w http.ResponseWriter, r *http.Request) {
	port, err := strconv.ParseUint(r.FormValue("port"), 10, 16)
	if r.Header.Get("Upgrade") != control.StreamProtocol || err != nil || port == 0 {
		http.Error(w, "want a place, a host, a port and an upgrade to "+control.StreamProtocol, http.StatusBadRequest)
		return
	}
	remote, err := d.visitor().Dial(r.Context(), r.FormValue("place"), r.FormValue("host"), uint16(port))
	if err != nil {
		d.answerOr(w, nil, err)
		return
	}
	defer func() { _ = remote.Close() }()
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		d.log.Error("control: upgrade", "error", err)
		return
	}
	defer func() { _ = client.Close() }()
	if _, err := io.WriteString(client, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+control.StreamProtocol+"\r\n\r\n"); err != nil {
		return
	}
	join(client, buffered.Reader, remote)
}

// join carries bytes both ways until both have ended, or one has failed.
func join(client net.Conn, buffered *bufio.Reader, remote net.Conn) {
	if buffered != nil && buffered.Buffered() > 0 {
		if _, err := io.CopyN(remote, buffered, int64(buffered.Buffered())); err != nil {
			return
		}
	}
	var group sync.WaitGroup
	group.Go(func() { oneWay(remote, client, client, remote) })
	oneWay(client, remote, client, remote)
	group.Wait()
}

// oneWay copies, and passes on the end; a failure ends both connections.
func oneWay(to, from net.Conn, all ...net.Conn) {
	_, err := io.Copy(to, from)
	if c, ok := to.(interface{ CloseWrite() error }); ok && err == nil {
		err = c.CloseWrite()
	}
	if err != nil {
		for _, c := range all {
			_ = c.Close()
		}
	}
}

// Dial connects from a place to a host and port.
func (v visitor) Dial(ctx context.Context, place, host string, port uint16) (net.Conn, error) {
	p, err := v.Place(place)
	if err != nil {
		return nil, err
	}
	addresses, err := v.Resolve(ctx, p, host)
	if err != nil {
		return nil, err
	}
	timeout := dialTimeout
	if len(addresses) > 1 {
		timeout = attemptTimeout
	}
	for _, a := range addresses {
		var c net.Conn
		if c, err = v.attempt(ctx, p, netip.AddrPortFrom(a, port), timeout); err == nil {
			return c, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

// attempt connects to one address.
func (v visitor) attempt(ctx context.Context, p control.Place, remote netip.AddrPort, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ns, local := p.ID, netip.Addr{}
	switch {
	case p.ID == control.Internet:
		ns, local = kernel.InternetNS, internetVisitor()
	case strings.HasPrefix(p.ID, "vpc-"):
		a, ok := v.inside.Visitor(p.ID)
		if !ok {
			return nil, refuse(control.ReasonUnknownPlace, "%s is not built yet", p)
		}
		local = a
	}
	if local.IsValid() && local.Is4() != remote.Addr().Is4() {
		local = netip.Addr{}
	}
	c, err := v.inside.DialFrom(ctx, ns, local, remote)
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, refuse(control.ReasonRefused, "%s refused the connection from %s", remote, p)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM),
		errors.Is(err, syscall.EINVAL): // a blackhole route
		return nil, refuse(control.ReasonUnreachable, "%s has no path to %s", p, remote)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return nil, refuse(control.ReasonTimeout, "%s did not answer to %s: nothing is there, or a security group or a route keeps it away", remote, p)
	}
	return nil, refuse(control.ReasonOther, "connect from %s to %s: %v", p, remote, err)
}
