package app

import (
	"log/slog"
	"path/filepath"

	"github.com/musubi-net/musubi/internal/ca"
	"github.com/musubi-net/musubi/internal/dataplane/l4"
	"github.com/musubi-net/musubi/internal/dataplane/l7"
	"github.com/musubi-net/musubi/internal/dataplane/l7/sticky"
	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/supervisor"
)

// bucketsDir stands for S3: a bucket is a directory in it, an object a file.
func bucketsDir() string { return filepath.Join(supervisor.StateDir, "s3") }

// applicationBalancers carries application load balancers in a world. Their
// stickiness cookies outlive the daemon.
func applicationBalancers(world *kernel.World, authority *ca.Authority, log *slog.Logger) (*l7.Server, error) {
	key, err := authority.Secret("stickiness cookies", sticky.KeySize)
	if err != nil {
		return nil, err
	}
	return l7.New(l7.Options{Listen: world.ListenTCP, Dial: world.DialTCP, LogDir: bucketsDir(), CookieKey: key, Log: log}), nil
}

// networkBalancers carries what network load balancers need user space for.
func networkBalancers(world *kernel.World, log *slog.Logger) *l4.Server {
	return l4.New(l4.Options{Listen: world.ListenTCP, Dial: world.DialTCP, DialAs: world.DialTCPAs, Client: world.Client, Log: log})
}
