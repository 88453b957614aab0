package cli

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/musubi-net/musubi/internal/cli/hostproxy"
)

func (c *command) forward() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "forward LB|INSTANCE|NAME:PORT [LOCALPORT]",
		Short: "Lead a port of this machine to a load balancer, an instance or a name",
		Long: `Listen on a port of this machine's loopback and lead every connection to a port
inside:

  - of a load balancer, by its name, ARN or DNS name: from its VPC, or from the
    internet if it faces that;
  - of an instance, by its id or Name tag: from the instance itself, to localhost;
  - of any other name or address: from the endpoint's VPC for an endpoint's name,
    else from the only VPC that knows it.

--from says from where instead. Without LOCALPORT it is the same port, or the port
plus 8000 below 1024: 8080 for 80.`,
		Example: "  musubi forward provider-nlb:80\n" +
			"  musubi forward web-1:80 8081\n" +
			"  musubi forward api.example.com:443 8443 --from consumer-vpc",
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, port, err := splitPort(args[0])
			if err != nil {
				return err
			}
			local, err := localPort(port, args[1:])
			if err != nil {
				return err
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			to, err := cl.Destination(cmd.Context(), name, from)
			if err != nil {
				return c.refused(err)
			}
			l, err := listenLoopback(cmd.Context(), net.JoinHostPort("127.0.0.1", local))
			if err != nil {
				return err
			}
			s := serving{Listen: l.Addr().String(), Place: to.Place.ID, Name: to.Place.Name, Host: to.Host, Port: port}
			if err := c.announce(s, fmt.Sprintf("%s leads to port %d of %s, from %s", s.Listen, port, to.What, to.Place)); err != nil {
				return errors.Join(err, l.Close())
			}
			return hostproxy.NewForward(c.dialFrom(to.Place.ID), to.Host, port, c.warn).Serve(cmd.Context(), l)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "VPC, instance or internet to connect from")
	c.jsonFlag(cmd)
	return cmd
}

// localPort is the port to listen on.
func localPort(port uint16, args []string) (string, error) {
	if len(args) == 1 {
		if _, err := strconv.ParseUint(args[0], 10, 16); err != nil {
			return "", fmt.Errorf("LOCALPORT %s: want a port from 1 to 65535, or 0 for a free one", args[0])
		}
		return args[0], nil
	}
	if port < 1024 {
		port += 8000
	}
	return strconv.Itoa(int(port)), nil
}
