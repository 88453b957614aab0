// Package frugal makes a process that idles in every guest, as init and the agent
// do, take little: Go's runtime is set for throughput, and there are hundreds of them.
// It uses no environment, which what they start would inherit.
//
// It may import nothing of the project.
package frugal

import (
	"runtime"
	"runtime/debug"
)

const (
	// garbage is how much may be there in per cent of what is in use. The runtime's
	// smallest heap, 4 MiB at 100, shrinks along.
	garbage = 20
	// processors bounds what runs at a time: each costs caches and threads.
	processors = 2
)

// Begin is called when the process begins.
func Begin() {
	debug.SetGCPercent(garbage)
	if runtime.GOMAXPROCS(0) > processors {
		runtime.GOMAXPROCS(processors)
	}
}

// Rest gives back what the beginning took, once the process has nothing to do.
func Rest() { debug.FreeOSMemory() }
