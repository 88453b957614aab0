package app

import (
	"context"
	"os"

	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/supervisor"
)

// Problem is something that this machine lacks, with the mend.
type Problem struct {
	What string `json:"what"`
	Mend string `json:"mend"`
	// Fatal problems keep Musubi from starting.
	Fatal bool `json:"fatal"`
}

// Probe tries what Musubi needs of this machine, in namespaces that it throws
// away again.
func Probe(ctx context.Context) []Problem {
	out := []Problem{}
	fatal := false
	for _, p := range kernel.Probe(ctx) {
		out = append(out, Problem{What: p.What, Mend: p.Mend, Fatal: !p.Minor})
		fatal = fatal || !p.Minor
	}
	if fatal {
		return out // the rest would fail for the same reason
	}
	for _, p := range supervisor.Probe(ctx) {
		out = append(out, Problem(p))
	}
	return out
}

// probeChild is the hidden command that tries what the kernel can do, in
// namespaces of its own.
func probeChild() int {
	if err := kernel.ProbeChild(os.Stdout); err != nil {
		return 1
	}
	return 0
}
