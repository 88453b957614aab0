package cli

import (
	"context"
	"encoding/json"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/musubi-net/musubi/internal/kernel"
)

// finding is one line of doctor.
type finding struct {
	What string `json:"what"`
	Mend string `json:"mend"`
	// Fatal findings keep Musubi from starting.
	Fatal bool `json:"fatal"`
}

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
			c.printf("%s  this machine can run Musubi\n", c.colour("32", "ok      "))
			return nil
		},
	}
	c.jsonFlag(cmd)
	return cmd
}

func findings(ctx context.Context) []finding {
	found := []finding{}
	for _, p := range kernel.Probe(ctx) {
		found = append(found, finding{What: p.What, Mend: p.Mend, Fatal: true})
	}
	for _, tool := range []struct{ bin, mend string }{
		{"terraform", "only the demo and your own configurations need it: install Terraform"},
		{"newuidmap", "instances then have one user id only: install the package uidmap, and give your user a range in /etc/subuid"},
	} {
		if _, err := exec.LookPath(tool.bin); err != nil {
			found = append(found, finding{What: tool.bin + " is not installed", Mend: tool.mend})
		}
	}
	return found
}
