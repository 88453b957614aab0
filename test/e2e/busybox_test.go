package e2e

import (
	"debug/elf"
	"os/exec"
	"testing"
)

// busybox is the path of a static busybox, of which tests make images and whose
// small programs need nothing else of a root file system.
func busybox(t *testing.T) string {
	t.Helper()
	const wanted = "install Debian's busybox-static"
	path, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatalf("busybox is missing: %s: %v", wanted, err)
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer func() { _ = f.Close() }()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Fatalf("%s needs libraries: %s", path, wanted)
		}
	}
	return path
}
