package cli

import (
	"context"
	"encoding/json"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/musubi-net/musubi/internal/app"
	"github.com/musubi-net/musubi/internal/supervisor"
)

func (c *command) doctor() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Say what this machine lacks, with the mend",
		Example: "  musubi doctor",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found := findings(cmd.Context())
			if c.json {
				return json.NewEncoder(c.out).Encode(found)
			}
			fatal := false
			for _, f := range found {
				mark := c.colour("33", "optional")
				if f.Fatal {
					mark, fatal = c.colour("31", "missing "), true
				}
				c.printf("%s  %s\n          %s\n", mark, f.What, f.Mend)
			}
			if fatal {
				return exitCode(1)
			}
			if l := supervisor.ProbeLimits(); l.Complete() {
				c.printf("%s  limits: %s\n", c.colour("32", "ok      "), l)
			}
			c.printf("%s  this machine can run Musubi\n", c.colour("32", "ok      "))
			return nil
		},
	}
	c.jsonFlag(cmd)
	return cmd
}

func findings(ctx context.Context) []app.Problem {
	found := app.Probe(ctx)
	if _, err := exec.LookPath("terraform"); err != nil {
		found = append(found, app.Problem{What: "terraform is not installed", Mend: "only the demo and your own configurations need it: install Terraform"})
	}
	return found
}
