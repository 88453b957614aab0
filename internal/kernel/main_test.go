package kernel_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/test/lab"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == kernel.ProbeCommand {
		if err := kernel.ProbeChild(os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	lab.MainAsBoth(m)
}

func TestProbe(t *testing.T) {
	for _, p := range kernel.Probe(t.Context()) {
		t.Errorf("%s %s", p.What, p.Mend)
	}
}
