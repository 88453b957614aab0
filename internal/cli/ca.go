package cli

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/musubi-net/musubi/internal/app"
)

func (c *command) ca() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Print the root certificate that this Musubi's certificates lead to",
		Long: `Print the root certificate (PEM) of this Musubi's certificate authority, which
issues what ACM is asked for. Instances trust it; give it to a program on the host
that is to trust it too.`,
		Example: "  musubi ca > musubi.pem\n  curl --cacert musubi.pem https://…\n  musubi ca --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := c.stateDir()
			if err != nil {
				return err
			}
			root, err := app.GetRootCertificate(dir)
			if err != nil {
				return err
			}
			if c.json {
				e := json.NewEncoder(c.out)
				e.SetIndent("", "  ")
				return e.Encode(root)
			}
			c.printf("%s", root.PEM)
			return nil
		},
	}
	c.jsonFlag(cmd)
	return cmd
}
