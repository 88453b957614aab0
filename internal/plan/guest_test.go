package plan

import (
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/plan/plantest"
	"github.com/musubi-net/musubi/internal/spec"
)

func TestGuestOfImage(t *testing.T) {
	l := newLab(t)
	l.do(plantest.Seed)
	l.do(func(tx *cloud.Tx) {
		i, _ := compute.Instances.Get(tx, "i-client")
		i.RootImage, i.RootSnapshot, i.RootVolumeID, i.InstanceType = "sha256:a", "sha256:b", "vol-1", "m5.xlarge"
		i.CPUCores, i.CPUThreads = 1, 2
		compute.Instances.Put(tx, i)
		compute.Volumes.Put(tx, compute.Volume{ID: "vol-1", SizeGiB: 20})
	})
	g := Guest(l.db.Snapshot(), "i-client")
	want := spec.Limits{MemoryBytes: 16 << 30, Processes: 65536, DiskBytes: 20 << 30, CPUs: 2}
	if g.Image != "sha256:a" || g.Snapshot != "sha256:b" || g.Limits != want {
		t.Errorf("guest: %+v", g)
	}
	l.do(func(tx *cloud.Tx) {
		i, _ := compute.Instances.Get(tx, "i-client")
		i.InstanceType = "t3.nano"
		compute.Instances.Put(tx, i)
	})
	if g := Guest(l.db.Snapshot(), "i-client"); g.Limits.MemoryBytes != 512<<20 || g.Limits.Processes != 4096 {
		t.Errorf("t3.nano: %+v", g.Limits)
	}
}
