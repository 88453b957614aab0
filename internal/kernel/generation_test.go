package kernel

import (
	"maps"

	"github.com/google/nftables"

	"github.com/musubi-net/musubi/internal/kernel/link"
	"github.com/musubi-net/musubi/internal/kernel/netns"
)

// readGeneration counts the transactions of a namespace's nf_tables.
func readGeneration(dir, name string) (uint32, error) {
	d, err := netns.OpenDir(dir)
	if err != nil {
		return 0, err
	}
	ns, err := d.Open(name)
	if err != nil {
		return 0, err
	}
	defer func() { _ = ns.Close() }()
	c, err := nftables.New(nftables.WithNetNSFd(ns.FD()))
	if err != nil {
		return 0, err
	}
	g, err := c.GetGen()
	if err != nil {
		return 0, err
	}
	return g.ID, nil
}

// merge2 adds one state to another.
func merge2(to, from link.State) {
	maps.Copy(to.Addresses, from.Addresses)
	maps.Copy(to.Routes, from.Routes)
	maps.Copy(to.Neighbours, from.Neighbours)
	maps.Copy(to.Rules, from.Rules)
}
