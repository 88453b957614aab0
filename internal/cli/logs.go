package cli

import (
	"github.com/spf13/cobra"

	"github.com/musubi-net/musubi/internal/supervisor"
)

func (c *command) logs() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs [INSTANCE]",
		Short: "Print Musubi's log, or an instance's console",
		Long: `Print Musubi's own log, or what an instance wrote to its console: its boot and
the output of its user data.`,
		Example:           "  musubi logs\n  musubi logs provider-service-1\n  musubi logs -f consumer-instance",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.completeInstances,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := c.stateDir()
			if err != nil {
				return err
			}
			id := ""
			if len(args) == 1 {
				i, err := c.instance(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				id = i.ID
			}
			if err := supervisor.Logs(cmd.Context(), dir, id, follow, c.out); err != nil {
				return c.explain(err)
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on printing what is added")
	return cmd
}
