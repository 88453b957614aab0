package cli

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/musubi-net/musubi/internal/supervisor"
)

func (c *command) exec() *cobra.Command {
	var tty bool
	cmd := &cobra.Command{
		Use:   "exec INSTANCE -- CMD [ARG…]",
		Short: "Run a command in an instance",
		Long: `Run a command in an instance, which is given by its id or its Name tag. Standard
input, the exit code and, on a terminal, the window are the command's own.`,
		Example:           "  musubi exec consumer-instance -- curl -s http://provider-nlb.example.local/\n  echo hello | musubi exec i-0123456789abcdef0 -- cat",
		Args:              cobra.MinimumNArgs(2),
		ValidArgsFunction: c.completeInstances,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("tty") {
				tty = c.interactive()
			}
			argv := args[1:]
			if argv[0] == "--" {
				argv = argv[1:]
			}
			if len(argv) == 0 {
				return errors.New("say what to run: musubi exec INSTANCE -- CMD")
			}
			return c.runIn(cmd.Context(), args[0], supervisor.ExecOptions{Argv: argv, TTY: tty})
		},
	}
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().BoolVarP(&tty, "tty", "t", false, "give the command a terminal (default: if there is one)")
	return cmd
}

func (c *command) shell() *cobra.Command {
	return &cobra.Command{
		Use:               "shell INSTANCE",
		Short:             "Open a shell in an instance",
		Example:           "  musubi shell consumer-instance",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completeInstances,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.runIn(cmd.Context(), args[0], supervisor.ExecOptions{Login: true, TTY: c.interactive()})
		},
	}
}

// interactive reports whether a person sits at both ends.
func (c *command) interactive() bool {
	return term.IsTerminal(int(c.in.Fd())) && term.IsTerminal(int(c.out.Fd()))
}

// runIn runs something in an instance and ends with its exit code. Signals go to
// the program, which decides what they mean; they do not cancel the call.
func (c *command) runIn(ctx context.Context, name string, o supervisor.ExecOptions) error {
	i, err := c.instance(ctx, name)
	if err != nil {
		return err
	}
	dir, err := c.stateDir()
	if err != nil {
		return err
	}
	o.Stdin, o.Stdout, o.Stderr = c.in, c.out, os.Stderr
	if t := os.Getenv("TERM"); t != "" && o.TTY {
		o.Env = append(o.Env, "TERM="+t)
	}
	code, err := supervisor.Exec(context.WithoutCancel(ctx), dir, i.ID, o)
	if e, ok := errors.AsType[*supervisor.ExecError](err); ok {
		_, _ = c.err.Write([]byte("musubi: " + e.Message + "\n"))
		return exitCode(e.Code)
	}
	if err != nil {
		return err
	}
	if code != 0 {
		return exitCode(code)
	}
	return nil
}
