// Package cli is the musubi command: what a user types. It starts and stops a
// Musubi through app, and otherwise talks to a running one through its sockets
// and its public API.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/musubi-net/musubi/internal/app"
)

// version is set by the linker.
var version = "dev"

// Main runs the command line and returns the exit code. It also runs the parts
// of Musubi that are this binary under another name: the hidden stages of the
// supervisor and the tools inside instances.
func Main(args []string) int {
	if run, ok := app.Stage(args); ok {
		return run()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c := &command{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	root := c.root()
	root.SetArgs(args[1:])
	err := root.ExecuteContext(ctx)
	var code exitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	default:
		_, _ = fmt.Fprintf(c.err, "musubi: %v\n", err)
		return 1
	}
}

// exitCode ends the program with the code of a command that ran elsewhere, and
// says nothing more.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// command is what all subcommands share.
type command struct {
	in   *os.File
	out  *os.File
	err  io.Writer
	dir  string
	json bool
}

func (c *command) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "musubi",
		Short: "AWS private networking on your own machine",
		Long: `Musubi speaks the AWS APIs to unmodified Terraform, AWS CLI and SDKs, and builds
the VPCs, load balancers, PrivateLink endpoints and instances that they describe
for real, in the kernel of this machine, without root.`,
		Example:       "  musubi up --detach\n  eval \"$(musubi env)\"\n  terraform apply\n  musubi shell consumer-instance",
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.PersistentFlags().StringVar(&c.dir, "dir", "", "state directory (default "+tildeDir()+")")
	root.AddCommand(c.up(), c.down(), c.status(), c.env(), c.exec(), c.shell(), c.logs(), c.image(), c.proxy(), c.forward(), c.notifications(), c.services(), c.doctor(), c.ca(), c.version())
	return root
}

// stateDir is --dir, $MUSUBI_DIR, or the XDG state directory's musubi.
func (c *command) stateDir() (string, error) {
	dir := c.dir
	if dir == "" {
		dir = os.Getenv("MUSUBI_DIR")
	}
	if dir == "" {
		d, err := defaultDir()
		if err != nil {
			return "", err
		}
		dir = d
	}
	return filepath.Abs(dir)
}

func defaultDir() (string, error) {
	if x := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(x) {
		return filepath.Join(x, "musubi"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no state directory: %w; give one with --dir", err)
	}
	return filepath.Join(home, ".local", "state", "musubi"), nil
}

func tildeDir() string {
	if os.Getenv("XDG_STATE_HOME") != "" {
		return "$XDG_STATE_HOME/musubi"
	}
	return "~/.local/state/musubi"
}

// colour wraps text in an SGR sequence when the output is a terminal.
func (c *command) colour(sgr, text string) string {
	if os.Getenv("NO_COLOR") != "" || !term.IsTerminal(int(c.out.Fd())) {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[0m"
}

func (c *command) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(c.out, format, args...)
}
