package vpc_test

import (
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func TestRoutes(t *testing.T) {
	l := newNetLab(t)
	v := l.vpc("10.0.0.0/16")
	other := l.vpc("10.0.0.0/16")
	g := must(l, vpc.CreateInternetGateway{})
	table := must(l, vpc.CreateRouteTable{VPCID: v.ID, ClientToken: "once"}).ID
	if again := must(l, vpc.CreateRouteTable{VPCID: v.ID, ClientToken: "once"}); again.ID != table {
		t.Errorf("the same token made %s and %s", table, again.ID)
	}
	refused(l, "IdempotentParameterMismatch", vpc.CreateRouteTable{VPCID: other.ID, ClientToken: "once"})
	anywhere := pfx("0.0.0.0/0")
	toIGW := vpc.RouteTarget{GatewayID: g.ID}
	refused(l, "InvalidParameterValue", vpc.CreateRoute{RouteTableID: table, Destination: anywhere, Target: toIGW})
	must(l, vpc.AttachInternetGateway{ID: g.ID, VPCID: v.ID})
	must(l, vpc.CreateRoute{RouteTableID: table, Destination: anywhere, Target: toIGW})
	must(l, vpc.CreateRoute{RouteTableID: table, Destination: anywhere, Target: toIGW})
	if got := l.routes(table); got != "10.0.0.0/16 local active; 0.0.0.0/0 "+g.ID+" active" {
		t.Error(got)
	}

	refused(l, "InvalidGatewayID.NotFound", vpc.CreateRoute{RouteTableID: table, Destination: pfx("1.0.0.0/8"), Target: vpc.RouteTarget{GatewayID: "igw-0"}})
	refused(l, "InvalidNatGatewayID.NotFound", vpc.CreateRoute{RouteTableID: table, Destination: pfx("1.0.0.0/8"), Target: vpc.RouteTarget{NATGatewayID: "nat-0"}})
	refused(l, "InvalidNetworkInterfaceID.NotFound", vpc.CreateRoute{RouteTableID: table, Destination: pfx("1.0.0.0/8"), Target: vpc.RouteTarget{InterfaceID: "eni-0"}})
	refused(l, "MissingParameter", vpc.CreateRoute{RouteTableID: table, Destination: pfx("1.0.0.0/8")})
	refused(l, "InvalidParameterValue", vpc.CreateRoute{RouteTableID: table, Destination: pfx("169.254.168.0/24"), Target: toIGW})
	refused(l, "UnsupportedOperation", vpc.CreateRoute{RouteTableID: table, Destination: pfx("10.0.1.0/24"), Target: toIGW})
	if m := refused(l, "InvalidRoute.NotFound", vpc.DeleteRoute{RouteTableID: table, Destination: pfx("1.0.0.0/8")}); m != "no route with destination-cidr-block 1.0.0.0/8 in route table "+table {
		t.Error(m)
	}
	if m := refused(l, "InvalidParameterValue", vpc.DeleteRoute{RouteTableID: table, Destination: pfx("10.0.0.0/16")}); !strings.Contains(m, "cannot remove local route") {
		t.Error(m)
	}

	n := l.nic(l.subnet(v, "10.0.1.0/24", ""))
	refused(l, "RouteAlreadyExists", vpc.CreateRoute{RouteTableID: table, Destination: anywhere, Target: vpc.RouteTarget{InterfaceID: n.ID}})
	must(l, vpc.ReplaceRoute{RouteTableID: table, Destination: anywhere, Target: vpc.RouteTarget{InstanceID: n.Attachment.InstanceID}})
	if got := l.routes(table); got != "10.0.0.0/16 local active; 0.0.0.0/0 "+n.ID+" active" {
		t.Error(got)
	}
	l.edit(func(tx *cloud.Tx) { vpc.RemoveInterface(tx, n.ID) })
	if got := l.routes(table); !strings.HasSuffix(got, n.ID+" blackhole") {
		t.Error(got)
	}
	must(l, vpc.ReplaceRoute{RouteTableID: table, Destination: anywhere, Target: toIGW})
	must(l, vpc.DetachInternetGateway{ID: g.ID, VPCID: v.ID})
	if got := l.routes(table); !strings.HasSuffix(got, g.ID+" blackhole") {
		t.Error(got)
	}
	must(l, vpc.AttachInternetGateway{ID: g.ID, VPCID: other.ID})
	if got := l.routes(table); !strings.HasSuffix(got, g.ID+" blackhole") {
		t.Errorf("attached elsewhere: %s", got)
	}
	must(l, vpc.DeleteRoute{RouteTableID: table, Destination: anywhere})
	must(l, vpc.ReplaceRoute{RouteTableID: table, Destination: pfx("10.0.0.0/16"), Target: vpc.RouteTarget{Local: true}})
	must(l, vpc.DeleteRouteTable{ID: table})
}

func TestRouteTableAssociations(t *testing.T) {
	l := newNetLab(t)
	v, other := l.vpc("10.0.0.0/16"), l.vpc("10.0.0.0/16")
	s := l.subnet(v, "10.0.1.0/24", "")
	a := must(l, vpc.CreateRouteTable{VPCID: v.ID}).ID
	b := must(l, vpc.CreateRouteTable{VPCID: v.ID}).ID
	x := must(l, vpc.AssociateRouteTable{RouteTableID: a, SubnetID: s.ID})
	if again := must(l, vpc.AssociateRouteTable{RouteTableID: a, SubnetID: s.ID}); again != x {
		t.Errorf("associated again: %v, %v", x, again)
	}
	refused(l, "Resource.AlreadyAssociated", vpc.AssociateRouteTable{RouteTableID: b, SubnetID: s.ID})
	refused(l, "InvalidParameterValue", vpc.AssociateRouteTable{RouteTableID: other.MainRouteTableID, SubnetID: s.ID})
	refused(l, "InvalidParameterValue", vpc.ReplaceRouteTableAssociation{AssociationID: x.ID, RouteTableID: other.MainRouteTableID})
	refused(l, "DependencyViolation", vpc.DeleteRouteTable{ID: a})
	y := must(l, vpc.ReplaceRouteTableAssociation{AssociationID: x.ID, RouteTableID: b})
	if y.ID == x.ID || y.SubnetID != s.ID {
		t.Errorf("replaced association %+v", y)
	}
	refused(l, "InvalidAssociationID.NotFound", vpc.DisassociateRouteTable{AssociationID: x.ID})
	must(l, vpc.DisassociateRouteTable{AssociationID: y.ID})

	main := l.table(v.MainRouteTableID).Associations[0]
	refused(l, "InvalidParameterValue", vpc.DisassociateRouteTable{AssociationID: main.ID})
	must(l, vpc.ReplaceRouteTableAssociation{AssociationID: main.ID, RouteTableID: b})
	if w, _ := vpc.VPCs.Get(l.db.Snapshot(), v.ID); w.MainRouteTableID != b {
		t.Errorf("main table is %s, want %s", w.MainRouteTableID, b)
	}
	must(l, vpc.DeleteRouteTable{ID: v.MainRouteTableID})
	refused(l, "DependencyViolation", vpc.DeleteRouteTable{ID: b})
}
