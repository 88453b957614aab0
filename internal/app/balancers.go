package app

import (
	"log/slog"
	"path/filepath"

	"github.com/musubi-net/musubi/internal/dataplane/l4"
	"github.com/musubi-net/musubi/internal/dataplane/l7"
	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/supervisor"
)

// bucketsDir stands for S3: a bucket is a directory in it, an object a file.
func bucketsDir() string { return filepath.Join(supervisor.StateDir, "s3") }

// applicationBalancers carries application load balancers in a world.
func applicationBalancers(world *kernel.World, log *slog.Logger) *l7.Server {
	return l7.New(l7.Options{Listen: world.ListenTCP, Dial: world.DialTCP, LogDir: bucketsDir(), Log: log})
}

// networkBalancers carries what network load balancers need user space for.
func networkBalancers(world *kernel.World, log *slog.Logger) *l4.Server {
	return l4.New(l4.Options{Listen: world.ListenTCP, Dial: world.DialTCP, DialAs: world.DialTCPAs, Client: world.Client, Log: log})
}
