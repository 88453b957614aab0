package cli

import (
	"os"
	"strings"
	"testing"
)

// A group of commands tells what it does not have, rather than print its help and
// let a script go on.
func TestUnknownCommandsFail(t *testing.T) {
	for _, args := range [][]string{{"bogus"}, {"image", "bogus"}, {"services", "bogus"}} {
		c := &command{out: os.Stdout, err: os.Stderr}
		root := c.root()
		root.SetArgs(args)
		if err := root.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), `unknown command "bogus"`) {
			t.Errorf("%q: %v", args, err)
		}
	}
}
