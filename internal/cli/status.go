package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/musubi-net/musubi/internal/app"
	"github.com/musubi-net/musubi/internal/control"
	"github.com/musubi-net/musubi/internal/supervisor"
)

// client reaches the daemon of the state directory.
func (c *command) client() (*control.Client, error) {
	dir, err := c.stateDir()
	if err != nil {
		return nil, err
	}
	return control.NewClient(func(ctx context.Context) (net.Conn, error) {
		return app.DialDaemon(ctx, dir)
	}), nil
}

func (c *command) daemonStatus(ctx context.Context) (control.Status, error) {
	cl, err := c.client()
	if err != nil {
		return control.Status{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	s, err := cl.Status(ctx)
	if err != nil {
		return s, c.notRunning(err)
	}
	return s, nil
}

// notRunning turns a failure to reach a socket into a sentence that helps.
func (c *command) notRunning(err error) error {
	dir, derr := c.stateDir()
	if derr != nil {
		return derr
	}
	if app.Running(dir) {
		return fmt.Errorf("the Musubi in %s does not answer: %w", dir, err)
	}
	return fmt.Errorf("no Musubi runs in %s; start one with: musubi up --detach", dir)
}

// explain does the same for an error of which it is not known whether it is one.
func (c *command) explain(err error) error {
	if errors.Is(err, supervisor.ErrNotRunning) {
		return c.notRunning(err)
	}
	return err
}

// process adds what the supervisor knows.
func (c *command) process(ctx context.Context, s *control.Status) error {
	dir, err := c.stateDir()
	if err != nil {
		return err
	}
	p, err := supervisor.GetStatus(ctx, dir)
	if err != nil {
		return err
	}
	s.Process = control.Process{Supervisor: p.Pid, Daemon: p.DaemonPid, Restarts: p.Restarts, Limits: p.Limits.String()}
	return nil
}

func (c *command) status() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Show what the running Musubi holds",
		Example: "  musubi status\n  musubi status --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.daemonStatus(cmd.Context())
			if err != nil {
				return err
			}
			if err := c.process(cmd.Context(), &s); err != nil {
				return c.explain(err)
			}
			if c.json {
				e := json.NewEncoder(c.out)
				e.SetIndent("", "  ")
				return e.Encode(s)
			}
			c.printStatus(s)
			return nil
		},
	}
	c.jsonFlag(cmd)
	return cmd
}

func (c *command) printStatus(s control.Status) {
	state := c.colour("32", "ready")
	if !s.Ready {
		state = c.colour("33", "building the world")
	}
	c.printf("Musubi %s, %s\n", s.Version, state)
	c.printf("  API        %s\n", s.API)
	c.printf("  up since   %s\n", s.Started.Local().Format(time.DateTime))
	c.printf("  world      %d VPCs, %d instances running\n", s.World.VPCs, s.World.Guests)
	c.printf("  internet   %s\n", s.Internet)
	c.printf("  agents     %d connected, %d sessions open\n", s.Agents, s.Sessions)
	c.printf("  processes  supervisor %d, daemon %d (restarted %d times)\n", s.Process.Supervisor, s.Process.Daemon, s.Process.Restarts)
	c.printf("  limits     %s\n", s.Process.Limits)
	for _, unit := range slices.Sorted(maps.Keys(s.World.Failing)) {
		c.printf("  %s %s: %s\n", c.colour("31", "failing"), unit, s.World.Failing[unit])
	}
	if s.World.LastError != "" && len(s.World.Failing) == 0 {
		c.printf("  %s %s (%d in all)\n", c.colour("31", "last error"), s.World.LastError, s.World.Errors)
	}
	for _, id := range slices.Sorted(maps.Keys(s.World.PortErrors)) {
		c.printf("  %s in %s: no port was left for %d packets\n", c.colour("33", "port errors"), id, s.World.PortErrors[id])
	}
	c.printCounts("resources", s.Resources)
	c.printCounts("asked for, not served", s.Unserved)
}

func (c *command) printCounts(title string, counts map[string]int) {
	if len(counts) == 0 {
		return
	}
	names := make([]string, 0, len(counts))
	for n := range counts {
		names = append(names, n)
	}
	slices.Sort(names)
	c.printf("  %s\n", title)
	for _, n := range names {
		c.printf("    %5d  %s\n", counts[n], n)
	}
}

func (c *command) version() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  musubi version",
		Args:    cobra.NoArgs,
		Run:     func(*cobra.Command, []string) { c.printf("musubi %s\n", version) },
	}
}
