package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/musubi-net/musubi/internal/control"
)

func (c *command) services() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "services",
		Short: "List AWS's services inside the world, and map more to programs on this machine",
		Long: `List AWS's services that answer inside the world: those that Musubi serves, and
those that are mapped to a program on this machine, such as an emulator of S3.
Instances reach both at their public names through gateways, and through VPC
endpoints.`,
		Example: "  musubi services\n  musubi services map s3 http://127.0.0.1:9000\n  musubi services unmap s3",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.listServices(cmd, all) },
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "also those that may be mapped")
	c.jsonFlag(cmd)
	cmd.AddCommand(c.mapService(), c.unmapService())
	return cmd
}

func (c *command) listServices(cmd *cobra.Command, all bool) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	list, err := cl.Services(cmd.Context())
	if err != nil {
		return c.notRunning(err)
	}
	shown, others := []control.Service{}, 0
	for _, s := range list {
		if !all && !s.Musubi && s.URL == "" {
			others++
			continue
		}
		shown = append(shown, s)
	}
	if c.json {
		e := json.NewEncoder(c.out)
		e.SetIndent("", "  ")
		return e.Encode(shown)
	}
	for _, s := range shown {
		by := "-"
		switch {
		case s.Musubi:
			by = "musubi"
		case s.URL != "":
			by = s.URL
		}
		endpoints := strings.Join(s.Endpoints, ", ")
		if endpoints == "" {
			endpoints = "-"
		}
		c.printf("%-22s  %-28s  %s\n", s.Name, by, endpoints)
	}
	if others > 0 && term.IsTerminal(int(c.out.Fd())) {
		c.printf("%s\n", c.colour("2", fmt.Sprintf("%d more may be mapped (musubi services map NAME URL); --all lists them", others)))
	}
	return nil
}

func (c *command) mapService() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "map NAME URL",
		Short: "Have a program on this machine serve one of AWS's services",
		Long: `Have a program on this machine, or one that it reaches, serve one of AWS's
services inside the world, in all regions and for all accounts. It takes effect at
once and lasts.`,
		Example: "  musubi services map s3 http://127.0.0.1:9000\n  musubi services map logs http://127.0.0.1:4510",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.changeServices(cmd, args[0], func(cl *control.Client) error {
				return cl.MapService(cmd.Context(), control.Mapping{Service: args[0], URL: args[1]})
			})
		},
	}
	c.jsonFlag(cmd)
	return cmd
}

func (c *command) unmapService() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "unmap NAME",
		Short:   "End the mapping of one of AWS's services",
		Example: "  musubi services unmap s3",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.changeServices(cmd, args[0], func(cl *control.Client) error { return cl.UnmapService(cmd.Context(), args[0]) })
		},
	}
	c.jsonFlag(cmd)
	return cmd
}

// changeServices changes what serves a service, and says how it is now.
func (c *command) changeServices(cmd *cobra.Command, name string, change func(cl *control.Client) error) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	if err := change(cl); err != nil {
		return c.refusedOr(err)
	}
	if !c.json && !term.IsTerminal(int(c.out.Fd())) {
		return nil
	}
	list, err := cl.Services(cmd.Context())
	if err != nil {
		return c.notRunning(err)
	}
	for _, s := range list {
		if s.Name != name {
			continue
		}
		if c.json {
			return json.NewEncoder(c.out).Encode(s)
		}
		if s.URL == "" {
			c.printf("nothing serves %s now\n", s.Name)
			return nil
		}
		c.printf("%s is served by %s\n", s.Name, s.URL)
	}
	return nil
}

// refusedOr is the daemon's own sentence if it refused, else that there is none.
func (c *command) refusedOr(err error) error {
	if refused, ok := errors.AsType[*control.Refusal](err); ok {
		return refused
	}
	return c.notRunning(err)
}
