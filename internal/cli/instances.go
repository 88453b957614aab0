package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/musubi-net/musubi/internal/control"
)

// instance finds one instance by id or Name tag. Instances that are gone do not
// count unless they are asked for by id.
func (c *command) instance(ctx context.Context, want string) (control.Instance, error) {
	cl, err := c.client()
	if err != nil {
		return control.Instance{}, err
	}
	all, err := cl.Instances(ctx)
	if err != nil {
		return control.Instance{}, c.notRunning(err)
	}
	var found []control.Instance
	for _, i := range all {
		if i.ID == want {
			return i, nil
		}
		if i.Name == want && i.State != "terminated" {
			found = append(found, i)
		}
	}
	switch len(found) {
	case 0:
		return control.Instance{}, fmt.Errorf("no instance has the id or Name %q%s", want, suggest(all))
	case 1:
		return found[0], nil
	}
	ids := make([]string, len(found))
	for n, i := range found {
		ids[n] = i.ID
	}
	return control.Instance{}, fmt.Errorf("%d instances are named %q: say which: %s", len(found), want, strings.Join(ids, ", "))
}

// suggest lists a few instances that do exist.
func suggest(all []control.Instance) string {
	var names []string
	for _, i := range all {
		if i.State != "running" {
			continue
		}
		n := i.Name
		if n == "" {
			n = i.ID
		}
		if names = append(names, n); len(names) == 5 {
			break
		}
	}
	if len(names) == 0 {
		return "; none is running"
	}
	return "; running: " + strings.Join(names, ", ")
}

// completeInstances offers ids and names to the shell.
func (c *command) completeInstances(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	cl, err := c.client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	all, err := cl.Instances(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, i := range all {
		if i.State == "running" {
			out = append(out, i.ID+"\t"+i.Name)
			if i.Name != "" {
				out = append(out, i.Name+"\t"+i.ID)
			}
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
