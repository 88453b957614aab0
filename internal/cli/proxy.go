package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/musubi-net/musubi/internal/app"
	"github.com/musubi-net/musubi/internal/cli/hostproxy"
	"github.com/musubi-net/musubi/internal/control"
)

func (c *command) proxy() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "proxy [VPC|INSTANCE|internet]",
		Short: "Give programs on this machine a way into a VPC, an instance or the internet",
		Long: `Listen on this machine's loopback for HTTP and SOCKS5 proxy clients, and connect
them from inside: from a VPC's router, from an instance, or from the internet of
this world (without an argument). Names are resolved there, so that a browser or
curl reaches a load balancer, an endpoint or a private zone's name as a client in
that place does.

A VPC or an instance is given by its id or its Name tag. With SOCKS5, let the
proxy resolve names: socks5h in curl.`,
		Example: "  musubi proxy consumer-vpc\n" +
			"  curl -x http://127.0.0.1:1080 http://provider-nlb.example.local/\n" +
			"  curl -x socks5h://127.0.0.1:1080 https://api.example.com/",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.completeInstances,
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			name := control.Internet
			if len(args) == 1 {
				name = args[0]
			}
			place, err := cl.Place(cmd.Context(), name)
			if err != nil {
				return c.refused(err)
			}
			l, err := listenLoopback(cmd.Context(), listen)
			if err != nil {
				return err
			}
			at := l.Addr().String()
			if err := c.announce(serving{Listen: at, Place: place.ID, Name: place.Name},
				fmt.Sprintf("proxy into %s at %s, for HTTP and SOCKS5: curl -x http://%s http://NAME/", place, at, at)); err != nil {
				return errors.Join(err, l.Close())
			}
			return hostproxy.NewProxy(c.dialFrom(place.ID), c.warn).Serve(cmd.Context(), l)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:1080", "loopback address to listen on; port 0 picks a free one")
	c.jsonFlag(cmd)
	return cmd
}

// serving is what --json tells of a proxy or a forwarded port.
type serving struct {
	Listen string `json:"listen"`
	Place  string `json:"place"`
	Name   string `json:"name,omitempty"`
	Host   string `json:"host,omitempty"`
	Port   uint16 `json:"port,omitempty"`
}

// announce prints one line once clients can come.
func (c *command) announce(s serving, sentence string) error {
	if c.json {
		return json.NewEncoder(c.out).Encode(s)
	}
	c.printf("%s\n", sentence)
	return nil
}

// dialFrom connects from a place by the daemon.
func (c *command) dialFrom(place string) hostproxy.Dial {
	return func(ctx context.Context, host string, port uint16) (net.Conn, error) {
		dir, err := c.stateDir()
		if err != nil {
			return nil, err
		}
		daemon, err := app.DialDaemon(ctx, dir)
		if err != nil {
			return nil, c.explain(err)
		}
		return control.Dial(ctx, daemon, place, host, port)
	}
}

// refused keeps what the daemon refuses, and explains that there is none.
func (c *command) refused(err error) error {
	if r, ok := errors.AsType[*control.Refusal](err); ok {
		return r
	}
	return c.notRunning(err)
}

func (c *command) warn(err error) { _, _ = fmt.Fprintf(c.err, "musubi: %v\n", err) }

// listenLoopback listens on an address that only this machine reaches: who
// reaches it reaches what is inside.
func listenLoopback(ctx context.Context, at string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: want HOST:PORT, such as 127.0.0.1:1080", at)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("--listen %s: only loopback addresses are allowed, because who reaches it reaches what is inside", at)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", at)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("port %s of %s is taken: name another, or 0 for a free one", port, host)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("port %s of %s needs privileges: name one of 1024 or more", port, host)
	}
	return l, err
}

// splitPort splits at the last colon: ARNs have others.
func splitPort(s string) (name string, port uint16, err error) {
	i := strings.LastIndexByte(s, ':')
	if i <= 0 {
		return "", 0, fmt.Errorf("%q: want NAME:PORT", s)
	}
	n, err := strconv.ParseUint(s[i+1:], 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("%q: want NAME:PORT, with a port from 1 to 65535", s)
	}
	return strings.Trim(s[:i], "[]"), uint16(n), nil
}
