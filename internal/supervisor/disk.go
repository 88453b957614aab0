package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/guest/images"
	"github.com/musubi-net/musubi/internal/guest/tree"
	"github.com/musubi-net/musubi/internal/spec"
)

// defaultDisk is how large a disk is that nobody gave a size.
const defaultDisk = 4 << 30

// diskBytes is how much a disk holds.
func diskBytes(l spec.Limits) int64 {
	if l.DiskBytes <= 0 {
		return defaultDisk
	}
	return l.DiskBytes
}

// diskOptions bound an instance's disk, which takes memory as it fills.
func diskOptions(l spec.Limits) string {
	return fmt.Sprintf("mode=755,size=%d,nr_inodes=1m", diskBytes(l))
}

// imageStore is the store of images, as the supervisor sees it.
func imageStore() *images.Store { return images.Open(filepath.Join(StateDir, images.Dir)) }

// firstContent is the file with what a disk begins with; empty for a disk that
// has begun already, or begins empty.
func (i *instance) firstContent() (string, error) {
	if i.spec.Snapshot == "" {
		return "", nil
	}
	if _, err := os.Lstat(filepath.Join(i.disk, "built")); err == nil {
		return "", nil
	}
	return imageStore().Disk(i.spec.Snapshot)
}

// snapshot keeps the content of a guest's disk in the store of images. The guest
// may run meanwhile; whatever else is to be done to it waits.
func (g *guests) snapshot(ctx context.Context, id string) (digest string, size int64, err error) {
	i, err := g.get(id)
	if err != nil {
		return "", 0, err
	}
	i.op.Lock()
	defer i.op.Unlock()
	if !i.hasDisk {
		return "", 0, fmt.Errorf("guest %s has no disk", id)
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(i.disk, &disk); err != nil {
		return "", 0, fmt.Errorf("disk of guest %s: %w", id, err)
	}
	o := tree.PackOptions{
		// What an overlay works in, and the mark of a disk, which unpacking sets.
		Skip:  func(name string) bool { return strings.HasPrefix(name, "over/") && isWork(name) || name == "built" },
		Label: id + " " + time.Now().UTC().Format(time.RFC3339Nano), LargestFile: int64(disk.Blocks) * disk.Bsize,
	}
	digest, size, err = imageStore().AddDisk(func(w io.Writer) error { return tree.Pack(ctx, w, i.disk, o) })
	if errors.Is(err, unix.ENOSPC) {
		err = fmt.Errorf("the state directory has no space for it: %w", err)
	}
	return digest, size, err
}

// isWork tells whether a name below over is an overlay's work directory.
func isWork(name string) bool {
	return strings.Count(name, "/") == 1 && strings.HasSuffix(name, ".work")
}
