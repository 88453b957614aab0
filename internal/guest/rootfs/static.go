package rootfs

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// runs tells why this program cannot run in an image: one that was not built
// statically needs the host's dynamic linker, which no image has to have.
func (b *builder) runs() error {
	f, err := elf.Open(b.host(b.cfg.Exe))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		name, err := io.ReadAll(p.Open())
		if err != nil {
			return err
		}
		linker := strings.TrimRight(string(name), "\x00")
		if _, err := os.Stat(b.path(linker)); errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("this musubi is linked dynamically and the image has no %s: build it with CGO_ENABLED=0", linker)
		}
	}
	return nil
}
