package vpc_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func publicVPC(l *netLab) (vpc.VPC, vpc.InternetGateway, vpc.Subnet) {
	v := l.vpc("10.0.0.0/16")
	g := must(l, vpc.CreateInternetGateway{})
	must(l, vpc.AttachInternetGateway{ID: g.ID, VPCID: v.ID})
	return v, g, l.subnet(v, "10.0.1.0/24", "")
}

func TestElasticIP(t *testing.T) {
	l := newNetLab(t)
	v, g, s := publicVPC(l)
	a, b := must(l, vpc.AllocateAddress{}), must(l, vpc.AllocateAddress{})
	if a.PublicIP == b.PublicIP || !netip.MustParsePrefix("198.18.0.0/15").Contains(a.PublicIP) {
		t.Errorf("addresses %s and %s", a.PublicIP, b.PublicIP)
	}
	n, m := l.nic(s), l.nic(s)
	first := must(l, vpc.AssociateAddress{AllocationID: a.AllocationID, InterfaceID: n.ID})
	again := must(l, vpc.AssociateAddress{AllocationID: a.AllocationID, InstanceID: n.Attachment.InstanceID, InterfaceID: "eni-gone"})
	if first.AssociationID == "" || again.AssociationID != first.AssociationID {
		t.Errorf("associations %q and %q", first.AssociationID, again.AssociationID)
	}
	refused(l, "Resource.AlreadyAssociated", vpc.AssociateAddress{AllocationID: a.AllocationID, InterfaceID: m.ID})
	refused(l, "Resource.AlreadyAssociated", vpc.AssociateAddress{AllocationID: b.AllocationID, InterfaceID: n.ID})
	moved := must(l, vpc.AssociateAddress{PublicIP: a.PublicIP, InterfaceID: m.ID, AllowReassociation: true})
	if moved.InterfaceID != m.ID || moved.AssociationID == first.AssociationID {
		t.Errorf("moved: %+v", moved)
	}
	refused(l, "InvalidIPAddress.InUse", vpc.ReleaseAddress{AllocationID: a.AllocationID})
	if text := refused(l, "DependencyViolation", vpc.DetachInternetGateway{ID: g.ID, VPCID: v.ID}); !strings.Contains(text, "has some mapped public address(es)") {
		t.Error(text)
	}
	must(l, vpc.DisassociateAddress{AssociationID: moved.AssociationID})
	refused(l, "InvalidAssociationID.NotFound", vpc.DisassociateAddress{AssociationID: moved.AssociationID})
	must(l, vpc.ReleaseAddress{AllocationID: a.AllocationID})
	refused(l, "InvalidAllocationID.NotFound", vpc.ReleaseAddress{AllocationID: a.AllocationID})

	refused(l, "InvalidParameterValue", vpc.AssociateAddress{AllocationID: b.AllocationID, InterfaceID: n.ID, PrivateIP: netip.MustParseAddr("10.0.1.200")})
	must(l, vpc.AssociateAddress{AllocationID: b.AllocationID, InterfaceID: n.ID})
	l.edit(func(tx *cloud.Tx) { vpc.RemoveInterface(tx, n.ID) })
	if left, _ := vpc.Addresses.Get(l.db.Snapshot(), b.AllocationID); left.AssociationID != "" || left.InterfaceID != "" {
		t.Errorf("address of a removed interface: %+v", left)
	}
	must(l, vpc.DetachInternetGateway{ID: g.ID, VPCID: v.ID})
	refused(l, "Gateway.NotAttached", vpc.AssociateAddress{AllocationID: b.AllocationID, InterfaceID: m.ID})
}

func TestLentAddress(t *testing.T) {
	l := newNetLab(t)
	_, _, s := publicVPC(l)
	n := l.nic(s)
	l.edit(func(tx *cloud.Tx) {
		if _, err := vpc.LendPublicIP(tx, n.ID, n.PrivateIPs[0]); err != nil {
			t.Error(err)
		}
	})
	lent, ok := vpc.Addresses.First(l.db.Snapshot(), "interface", n.ID)
	if !ok || !lent.Amazon || lent.AllocationID != "" {
		t.Fatalf("lent: %+v", lent)
	}
	refused(l, "InvalidAddress.NotFound", vpc.DisassociateAddress{PublicIP: lent.PublicIP})
	eip := must(l, vpc.AllocateAddress{})
	must(l, vpc.AssociateAddress{AllocationID: eip.AllocationID, InterfaceID: n.ID})
	if now, _ := vpc.Addresses.First(l.db.Snapshot(), "interface", n.ID); now.AllocationID != eip.AllocationID {
		t.Errorf("the Elastic IP did not replace the lent address: %+v", now)
	}
	l.edit(func(tx *cloud.Tx) { vpc.ReleaseLent(tx, n.ID) })
	if _, ok := vpc.Addresses.First(l.db.Snapshot(), "interface", n.ID); !ok {
		t.Error("ReleaseLent took the Elastic IP away")
	}
}

func TestNATGateway(t *testing.T) {
	l := newNetLab(t)
	v, g, s := publicVPC(l)
	eip := must(l, vpc.AllocateAddress{})
	refused(l, "MissingParameter", vpc.CreateNATGateway{SubnetID: s.ID})
	refused(l, "InvalidAllocationID.NotFound", vpc.CreateNATGateway{SubnetID: s.ID, AllocationID: "eipalloc-0"})
	refused(l, "InvalidParameterCombination", vpc.CreateNATGateway{SubnetID: s.ID, AllocationID: eip.AllocationID, ConnectivityType: "private"})
	c := vpc.CreateNATGateway{SubnetID: s.ID, AllocationID: eip.AllocationID, ClientToken: "once"}
	nat := must(l, c)
	if must(l, c).ID != nat.ID {
		t.Error("the token made two gateways")
	}
	refused(l, "Resource.AlreadyAssociated", vpc.CreateNATGateway{SubnetID: s.ID, AllocationID: eip.AllocationID})
	n, ok := vpc.NetworkInterfaces.Get(l.db.Snapshot(), nat.InterfaceID)
	if !ok || n.Description != "Interface for NAT Gateway "+nat.ID || n.Type != vpc.TypeNATGateway || n.RequesterID == "" || len(n.GroupIDs) != 0 {
		t.Errorf("interface %+v", n)
	}
	if nat.State != vpc.NATPending || nat.PublicIP != eip.PublicIP {
		t.Errorf("gateway %+v", nat)
	}
	refused(l, "UnauthorizedOperation", vpc.ReportNATGateway{ID: nat.ID})
	refused(l, "AuthFailure", vpc.DisassociateAddress{AssociationID: nat.AssociationID})
	l.report(nat.ID, vpc.NATAvailable)
	must(l, vpc.CreateRoute{RouteTableID: v.MainRouteTableID, Destination: pfx("0.0.0.0/0"), Target: vpc.RouteTarget{NATGatewayID: nat.ID}})
	refused(l, "DependencyViolation", vpc.DeleteSubnet{ID: s.ID})
	must(l, vpc.DeleteNATGateway{ID: nat.ID})
	if got := l.routes(v.MainRouteTableID); !strings.HasSuffix(got, nat.ID+" blackhole") {
		t.Error(got)
	}
	l.report(nat.ID, vpc.NATDeleted)
	must(l, vpc.ReleaseAddress{AllocationID: eip.AllocationID})
	must(l, vpc.DetachInternetGateway{ID: g.ID, VPCID: v.ID})

	// Without an internet gateway AWS makes a gateway that fails.
	eip = must(l, vpc.AllocateAddress{})
	failed := must(l, vpc.CreateNATGateway{SubnetID: s.ID, AllocationID: eip.AllocationID})
	if failed.State != vpc.NATFailed || failed.FailureCode != "Gateway.NotAttached" {
		t.Errorf("gateway %+v", failed)
	}
	private := must(l, vpc.CreateNATGateway{SubnetID: s.ID, ConnectivityType: "private", PrivateIP: netip.MustParseAddr("10.0.1.77")})
	if private.PrivateIP.String() != "10.0.1.77" || private.PublicIP.IsValid() {
		t.Errorf("gateway %+v", private)
	}
	must(l, vpc.DeleteNATGateway{ID: private.ID})
	l.report(private.ID, vpc.NATDeleted)

	// An hour later the deleted ones are forgotten.
	l.now = l.now.Add(vpc.NATMemory + time.Second)
	must(l, vpc.CreateNATGateway{SubnetID: s.ID, ConnectivityType: "private"})
	refused(l, "NatGatewayNotFound", vpc.DeleteNATGateway{ID: nat.ID})
}

// report plays the reconciler.
func (l *netLab) report(id, want string) {
	l.t.Helper()
	user := l.caller
	l.caller.Internal = true
	must(l, vpc.ReportNATGateway{ID: id})
	l.caller = user
	if g, _ := vpc.NATGateways.Get(l.db.Snapshot(), id); g.State != want {
		l.t.Errorf("NAT gateway is %s, want %s", g.State, want)
	}
}
