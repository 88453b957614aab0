package plan

import (
	"net/netip"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/spec"
)

// CompileGuests compiles every guest that should run, by instance id.
func CompileGuests(r cloud.Reader) []spec.Guest {
	var out []spec.Guest
	for i := range compute.Instances.All(r) {
		if g := Guest(r, i.ID); g != nil {
			out = append(out, *g)
		}
	}
	return out
}

// Guest compiles what an instance runs in; nil if it should not run.
func Guest(r cloud.Reader, instanceID string) *spec.Guest {
	i, ok := compute.Instances.Get(r, instanceID)
	if !ok || i.State != compute.Pending && i.State != compute.Running {
		return nil
	}
	g := &spec.Guest{
		InstanceID: i.ID, Boot: i.Boot, Hostname: i.PrivateDNSName, Name: i.Tags["Name"],
		ImageID: i.ImageID, UserData: i.UserData, Resolver: resolver4, Search: compute.InternalDomain(i.Region),
		Image: i.RootImage, Snapshot: i.RootSnapshot, Limits: limits(r, &i),
	}
	v, ok := vpc.VPCs.Get(r, i.VPCID)
	if !ok {
		return g
	}
	g.Resolver = resolverOf(v)
	if d, ok := vpc.DHCPOptionSets.Get(r, v.DHCPOptionsID); ok {
		applyDHCP(g, d.Options)
	}
	return g
}

// limits are what the instance's type and its root volume allow it.
func limits(r cloud.Reader, i *compute.Instance) spec.Limits {
	l := spec.Limits{CPUs: i.CPUCores * i.CPUThreads}
	if t, ok := compute.FindInstanceType(i.InstanceType); ok {
		l.MemoryBytes = int64(t.MemoryMiB) << 20
		// Linux allows more the more memory there is.
		l.Processes = min(max(leastProcesses, leastProcesses*t.MemoryMiB/1024), mostProcesses)
		if l.CPUs == 0 {
			l.CPUs = t.VCPUs
		}
	}
	if v, ok := compute.Volumes.Get(r, i.RootVolumeID); ok {
		l.DiskBytes = int64(v.SizeGiB) << 30
	}
	return l
}

// Bounds of how many processes an instance may have.
const (
	leastProcesses = 4096
	mostProcesses  = 65536
)

// applyDHCP sets what the VPC's DHCP options tell a guest: the first server that
// is an address, and the domain.
func applyDHCP(g *spec.Guest, options map[string][]string) {
	for _, s := range options["domain-name-servers"] {
		if s == "AmazonProvidedDNS" {
			break
		}
		if a, err := netip.ParseAddr(s); err == nil {
			g.Resolver = a
			break
		}
	}
	if d := options["domain-name"]; len(d) > 0 {
		g.Search = strings.Join(d, " ")
	}
}
