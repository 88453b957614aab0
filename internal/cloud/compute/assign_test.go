package compute_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func TestAddressLimits(t *testing.T) {
	l := newLab(t)
	refused(l, "PrivateIpAddressLimitExceeded", l.launch(func(c *compute.RunInstances) { c.Interfaces[0].SecondaryCount = 2 }))
	i := l.running(func(c *compute.RunInstances) { c.Interfaces[0].SecondaryCount = 1 })
	n, _ := compute.PrimaryInterface(l.db.Snapshot(), i.ID)
	assign := func(id string, count int) compute.AssignAddresses {
		return compute.AssignAddresses{AssignAddresses: vpc.AssignAddresses{ID: id, IPv4Count: count}}
	}
	if got := refused(l, "PrivateIpAddressLimitExceeded", assign(n.ID, 1)); got != "Number of private addresses will exceed limit." {
		t.Error(got)
	}
	free := must(l, vpc.CreateInterface{InterfaceParams: vpc.InterfaceParams{SubnetID: l.private.ID}})
	if got := must(l, assign(free.ID, 9)); len(got.IPv4s) != 9 {
		t.Errorf("assigned %v", got)
	}
}

func TestReassignedAddress(t *testing.T) {
	l := newLab(t)
	from := must(l, vpc.CreateInterface{InterfaceParams: vpc.InterfaceParams{SubnetID: l.private.ID, SecondaryCount: 1}})
	to := must(l, vpc.CreateInterface{InterfaceParams: vpc.InterfaceParams{SubnetID: l.private.ID}})
	floating := from.PrivateIPs[1]
	l.edit(func(tx *cloud.Tx) {
		vpc.Addresses.Put(tx, vpc.Address{AllocationID: "eipalloc-1", Scope: l.caller.Scope, PublicIP: netip.MustParseAddr("198.18.0.1"),
			InterfaceID: from.ID, PrivateIP: floating, AssociationID: "eipassoc-1"})
		vpc.InternetGateways.Put(tx, vpc.InternetGateway{ID: "igw-1", Scope: l.caller.Scope, VPCID: l.vpc.ID})
	})
	move := compute.AssignAddresses{AssignAddresses: vpc.AssignAddresses{ID: to.ID, IPv4s: []netip.Addr{floating}}}
	refused(l, "InvalidIPAddress.InUse", move)
	move.AllowReassignment = true
	must(l, move)
	a, _ := vpc.Addresses.Get(l.db.Snapshot(), "eipalloc-1")
	if n, _ := vpc.NetworkInterfaces.Get(l.db.Snapshot(), from.ID); len(n.PrivateIPs) != 1 || a.InterfaceID != to.ID || a.PrivateIP != floating {
		t.Errorf("moved: %+v, from %+v", a, n)
	}
	move.IPv4s = []netip.Addr{from.PrivateIPs[0]}
	refused(l, "InvalidParameterValue", move)
}

func TestTagsInMetadata(t *testing.T) {
	l := newLab(t)
	bad := func(c *compute.RunInstances) {
		c.Metadata.InstanceTags, c.InstanceTags = "enabled", cloud.Tags{"a/b": "c"}
	}
	if got := refused(l, "InvalidParameterValue", l.launch(bad)); !strings.HasPrefix(got, "'a/b' is not a valid tag key.") {
		t.Error(got)
	}
	i := must(l, l.launch(func(c *compute.RunInstances) { c.InstanceTags = cloud.Tags{"a b": "c"} }))[0]
	refused(l, "InvalidParameterValue", compute.ModifyMetadata{ID: i.ID, Change: compute.MetadataChange{InstanceTags: "enabled"}})
}

func TestStartWithTooManyInterfaces(t *testing.T) {
	l := newLab(t)
	i := l.running(func(c *compute.RunInstances) {
		c.InstanceType = "t3.small"
		c.Interfaces = []compute.LaunchInterface{{SubnetID: l.private.ID}, {SubnetID: l.private.ID, DeviceIndex: 1}, {SubnetID: l.private.ID, DeviceIndex: 2}}
	})
	must(l, compute.StopInstances{IDs: []string{i.ID}})
	l.report(i, 1, compute.Stopped)
	must(l, compute.ModifyInstance{ID: i.ID, InstanceType: new("t3.micro")})
	refused(l, "AttachmentLimitExceeded", compute.StartInstances{IDs: []string{i.ID}})
}

func TestOmittedDevices(t *testing.T) {
	l := newLab(t)
	i := l.running(func(c *compute.RunInstances) {
		c.Volumes = []compute.LaunchVolume{{DeviceName: "/dev/sdf", SizeGiB: 1}}
	})
	made := must(l, compute.CreateImage{InstanceID: i.ID, Name: "golden"})
	l.completed(compute.ReportSnapshot{ID: made.SnapshotID, Digest: "sha256:disk"})
	one := must(l, l.launch(func(c *compute.RunInstances) { c.ImageID, c.Omit = made.ID, []string{"/dev/sdf"} }))[0]
	if len(one.Volumes) != 1 {
		t.Errorf("volumes: %+v", one.Volumes)
	}
	refused(l, "InvalidBlockDeviceMapping", l.launch(func(c *compute.RunInstances) { c.ImageID, c.Omit = made.ID, []string{"/dev/xvda"} }))
}
