package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/musubi-net/musubi/internal/app"
)

func (c *command) up() *cobra.Command {
	o := app.UpOptions{Version: version, Output: os.Stderr}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start Musubi",
		Long: `Start Musubi: the AWS APIs on a loopback address, and a world in namespaces of
its own. What it holds is kept in the state directory and comes back with the
next up; instances boot anew then.

With --internet host, instances that have a path to the internet (an internet or
a NAT gateway) reach the real one by this machine's network: TCP and UDP over
IPv4, and names that its resolver knows. Private ranges, this machine's own
addresses and what is on its loopback stay closed. It is not kept: say it at each
up, or set MUSUBI_INTERNET.`,
		Example: "  musubi up --detach\n  musubi up --dir /tmp/other --listen 127.0.0.1:4567\n  musubi up --internet host",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := c.stateDir()
			if err != nil {
				return err
			}
			o.Dir = dir
			return c.runUp(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVarP(&o.Detach, "detach", "d", false, "run in the background")
	cmd.Flags().StringVar(&o.Listen, "listen", defaultListen(), "loopback address of the API; port 0 picks a free one")
	cmd.Flags().StringVar(&o.Internet, "internet", defaultInternet(), "what the internet of the world is: host (the real one, by this machine's network) or closed")
	cmd.Flags().BoolVar(&o.ShuffleZones, "shuffle-zones", false, "let zone names mean other zones in each account, as on AWS; stays with the state")
	cmd.Flags().BoolVar(&o.Debug, "debug", false, "log every request")
	return cmd
}

func (c *command) runUp(ctx context.Context, o app.UpOptions) error {
	for _, p := range app.Probe(ctx) {
		if p.Fatal {
			return fmt.Errorf("%s %s (musubi doctor says more)", p.What, p.Mend)
		}
	}
	s, err := app.Up(ctx, o)
	if err != nil {
		return err
	}
	c.printf("Musubi is up: %s, state in %s\n", s.API, o.Dir)
	c.printf("Point your tools at it:  eval \"$(musubi env%s)\"\n", c.dirFlag())
	if o.Detach {
		return nil
	}
	select {
	case <-s.Done():
		return s.Wait()
	case <-ctx.Done():
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return s.Stop(stop)
	}
}

// defaultListen is LocalStack's port, which many tools know, or $MUSUBI_LISTEN.
func defaultListen() string {
	if l := os.Getenv("MUSUBI_LISTEN"); l != "" {
		return l
	}
	return "127.0.0.1:4566"
}

// defaultInternet is closed, or $MUSUBI_INTERNET.
func defaultInternet() string {
	if i := os.Getenv("MUSUBI_INTERNET"); i != "" {
		return i
	}
	return app.InternetClosed
}

// dirFlag repeats --dir in a hint, where it was given.
func (c *command) dirFlag() string {
	if c.dir == "" {
		return ""
	}
	return " --dir " + c.dir
}

func (c *command) down() *cobra.Command {
	var purge bool
	cmd := &cobra.Command{
		Use:     "down",
		Short:   "Stop Musubi",
		Long:    "Stop Musubi and everything in it. Its state stays, unless --purge removes it.",
		Example: "  musubi down\n  musubi down --purge",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := c.stateDir()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 2*time.Minute)
			defer cancel()
			was, err := app.Down(ctx, dir, purge)
			if err != nil {
				return err
			}
			switch {
			case purge:
				c.printf("stopped, and nothing is left of it\n")
			case was:
				c.printf("stopped; its state stays in %s\n", dir)
			default:
				c.printf("no Musubi runs in %s\n", dir)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&purge, "purge", false, "remove the state too")
	return cmd
}
