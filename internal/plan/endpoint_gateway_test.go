package plan

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/amazon"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/plan/plantest"
	"github.com/musubi-net/musubi/internal/spec"
)

// TestGatewayEndpoint: the route tables that lead to the endpoint show in the VPC,
// its address and source in the fabric, and its prefix list in the rules of groups.
func TestGatewayEndpoint(t *testing.T) {
	l := newLab(t)
	l.do(plantest.Seed)
	list, _ := amazon.PrefixListOf(plantest.Scope.Region, "s3")
	changes := l.do(func(tx *cloud.Tx) {
		e := privatelink.Endpoint{ID: "vpce-gw", Scope: plantest.Scope, Type: "Gateway", VPCID: "vpc-1", Amazon: "s3", ServiceRegion: plantest.Scope.Region,
			State: privatelink.Pending, Number: 77}
		privatelink.Endpoints.Put(tx, e)
		v, _ := vpc.VPCs.Get(tx, "vpc-1")
		table, _ := vpc.RouteTables.Get(tx, v.MainRouteTableID)
		table.Routes = append(slices.Clone(table.Routes), vpc.Route{PrefixListID: list.ID, GatewayID: e.ID, State: vpc.RouteActive})
		vpc.RouteTables.Put(tx, table)
		g, _ := vpc.NetworkInterfaces.First(tx, vpc.ByVPC, "vpc-1")
		vpc.SecurityGroupRules.Put(tx, vpc.SecurityGroupRule{ID: "sgr-s3", Scope: plantest.Scope, GroupID: g.GroupIDs[0], Egress: true, Protocol: "tcp",
			FromPort: 443, ToPort: 443, PrefixListID: list.ID})
	})
	if u := Affected(l.db.Snapshot(), changes); !slices.Contains(u.VPCs, "vpc-1") || !u.Fabric {
		t.Errorf("touches %+v", u)
	}
	r := l.db.Snapshot()
	v, _ := vpc.VPCs.Get(r, "vpc-1")
	table, _ := vpc.RouteTables.Get(r, v.MainRouteTableID)
	got := CompileVPC(r, "vpc-1")
	want := spec.Gateway{ID: "vpce-gw", RouteTable: table.Number, Address: list.Prefixes[0].Addr(), VIP: spec.EndpointVIP(77), Source: spec.EndpointSource(77)}
	if !slices.Equal(got.Gateways, []spec.Gateway{want}) {
		t.Errorf("gateways %+v", got.Gateways)
	}
	for _, x := range got.RouteTables {
		if slices.ContainsFunc(x.Routes, func(r spec.Route) bool { return !r.Destination.IsValid() }) {
			t.Errorf("a route to nowhere: %+v", x)
		}
	}
	if !slices.ContainsFunc(got.Groups, func(g spec.Group) bool {
		return slices.Contains(g.Egress, spec.Rule{Protocol: 6, From: 443, To: 443, Peer: netip.PrefixFrom(want.Address, 32)})
	}) {
		t.Errorf("no rule for the prefix list: %+v", got.Groups)
	}
	f := CompileFabric(r)
	if !slices.Contains(f.Local, want.VIP) || !slices.Contains(f.Routes, spec.FabricRoute{Address: want.Source, VPC: v.Number}) {
		t.Errorf("fabric %+v", f)
	}
	if CompilePublic(r, "vpce-gw") != nil {
		t.Error("a gateway endpoint has names")
	}
	l.do(func(tx *cloud.Tx) {
		e, _ := privatelink.Endpoints.Get(tx, "vpce-gw")
		e.State = privatelink.Deleting
		privatelink.Endpoints.Put(tx, e)
	})
	if got := CompileVPC(l.db.Snapshot(), "vpc-1"); len(got.Gateways) != 0 || slices.Contains(CompileFabric(l.db.Snapshot()).Local, want.VIP) {
		t.Error("a deleting endpoint still leads somewhere")
	}
}

// TestNamesOfS3: buckets are names below those of the service and of endpoints.
func TestNamesOfS3(t *testing.T) {
	l := newLab(t)
	l.do(plantest.Seed)
	const regional = "*.vpce-1-abcd1234.s3.ap-northeast-1.vpce.amazonaws.com"
	l.do(func(tx *cloud.Tx) {
		e, _ := privatelink.Endpoints.Get(tx, "vpce-1")
		e.Amazon, e.ServiceRegion, e.PrivateDNS, e.PrivateName = "s3", plantest.Scope.Region, true, "s3.ap-northeast-1.amazonaws.com"
		e.DNSEntries = []privatelink.DNSEntry{{Name: regional}, {Name: "*.vpce-1-abcd1234-" + e.Interfaces[0].Zone + ".s3.ap-northeast-1.vpce.amazonaws.com"}}
		e.Interfaces = slices.Clone(e.Interfaces)
		e.Interfaces[0].LoadBalancerARN = ""
		privatelink.Endpoints.Put(tx, e)
	})
	r := l.db.Snapshot()
	d := CompileDNS(r, "vpc-1")
	i := slices.IndexFunc(d.Zones, func(z spec.DNSZone) bool { return z.Name == "s3.ap-northeast-1.amazonaws.com." })
	if i < 0 || len(d.Zones[i].Records) != 2 || d.Zones[i].Records[1].Name != "*.s3.ap-northeast-1.amazonaws.com." || d.Zones[i].Records[1].Alias != regional+"." {
		t.Errorf("zones %+v", d.Zones)
	}
	if p := CompilePublic(r, "vpce-1"); p == nil || len(p.Names) != 2 || len(p.Names[regional+"."]) != 1 {
		t.Errorf("public names %+v", p)
	}
}
