package kernel_test

import (
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/kernel/netns"
	"github.com/musubi-net/musubi/internal/spec"
)

// TestHalfMadeLinks takes a world over whose maker was killed while it made
// links: they are made anew, and are in nobody else's way.
func TestHalfMadeLinks(t *testing.T) {
	t.Parallel()
	for name, down := range map[string][][2]string{
		"neither end": {{"vpc-half", spec.FabricLink}, {kernel.FabricNS, "f7"}, {"vpc-half", spec.InternetLink}, {kernel.InternetNS, "n7"}},
		"one end":     {{"vpc-half", spec.FabricLink}, {"vpc-half", spec.InternetLink}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			half := &spec.VPC{ID: "vpc-half", Number: 7, Internet: &spec.InternetGateway{}}
			w.apply(half)
			for _, l := range down {
				w.setDown(l[0], l[1])
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			w.open()
			w.apply(&spec.VPC{ID: "vpc-before", Number: 1, Internet: &spec.InternetGateway{}})
			w.join(&spec.VPC{}, half)
			w.apply(half)
			for _, l := range down {
				if !w.isUp(l[0], l[1]) {
					t.Errorf("%s of %s is still down", l[1], l[0])
				}
			}
			for _, l := range down {
				w.setDown(l[0], l[1])
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			w.open()
			if err := w.RemoveVPC(t.Context(), half.ID); err != nil {
				t.Error(err)
			}
			w.apply(&spec.VPC{ID: "vpc-after", Number: 8, Internet: &spec.InternetGateway{}})
		})
	}
}

func (w *world) setDown(ns, name string) {
	w.t.Helper()
	w.link(ns, name, netlink.LinkSetDown)
}

func (w *world) isUp(ns, name string) (up bool) {
	w.t.Helper()
	w.link(ns, name, func(l netlink.Link) error {
		up = l.Attrs().OperState == netlink.OperUp
		return nil
	})
	return up
}

// link does something to a link of a namespace.
func (w *world) link(ns, name string, do func(netlink.Link) error) {
	w.t.Helper()
	dir, err := netns.OpenDir(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	n, err := dir.Open(ns)
	if err != nil {
		w.t.Fatal(err)
	}
	err = n.Do(func() error {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		return do(l)
	})
	if err != nil {
		w.t.Errorf("%s of %s: %v", name, ns, err)
	}
	_ = n.Close()
}
