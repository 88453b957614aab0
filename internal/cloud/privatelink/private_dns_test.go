package privatelink

import (
	"slices"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func (w *world) service(id string) Service {
	w.t.Helper()
	s, ok := Services.Get(w.db.Snapshot(), id)
	if !ok {
		w.t.Fatalf("no service %s", id)
	}
	return s
}

// look reports whether the record of a service's private name was found.
func (w *world) look(id string, found bool) VerificationState {
	w.t.Helper()
	p := w.service(id).PrivateDNS
	must(w, internal(), ReportPrivateDNS{ServiceID: id, Name: p.Name, Token: p.Token, Found: found})
	return w.service(id).PrivateDNS.State
}

func TestVerification(t *testing.T) {
	w := newWorld(t)
	s := w.open(false)
	for _, bad := range []string{"API.example.com", "example", "a..b", "*.*.example.com", "-a.example.com", "a.*.com", "x." + strings.Repeat("a", 64) + ".com"} {
		_, err := try(w, provider, ModifyService{ID: s.ID, PrivateDNSName: bad})
		refused(t, err, "InvalidParameter", "private DNS name")
	}
	_, err := try(w, provider, StartVerification{ServiceID: s.ID})
	refused(t, err, "InvalidParameter", "does not have a private DNS name")
	must(w, provider, ModifyService{ID: s.ID, PrivateDNSName: "*.api.example.com"})
	p := w.service(s.ID).PrivateDNS
	want := []string{p.Token + ".api.example.com.", "api.example.com.", p.Token + ".example.com.", "example.com."}
	if p.State != PendingVerification || len(p.Token) != 21 || p.Token[0] != '_' || !slices.Equal(p.Records(), want) {
		t.Errorf("got %+v with the records %v", p, p.Records())
	}
	if got := w.look(s.ID, false); got != PendingVerification {
		t.Errorf("%s while nothing was asked", got)
	}
	must(w, provider, StartVerification{ServiceID: s.ID})
	if got := w.look(s.ID, false); got != VerificationFailed {
		t.Errorf("%s without the record", got)
	}
	if got := w.look(s.ID, true); got != VerificationFailed {
		t.Errorf("%s without having been asked again", got)
	}
	must(w, provider, StartVerification{ServiceID: s.ID})
	if got := w.look(s.ID, true); got != Verified {
		t.Errorf("%s with the record", got)
	}
	must(w, internal(), ReportPrivateDNS{ServiceID: s.ID, Name: "old.example.com", Token: p.Token})
	if w.service(s.ID).PrivateDNS.State != Verified {
		t.Error("a report about another name counted")
	}
	if got := w.look(s.ID, false); got != VerificationFailed || !w.service(s.ID).PrivateDNS.Lapsed {
		t.Errorf("%s after the record went", got)
	}
	_, err = try(w, consumer, interfaceEndpoint(s, "c-a"))
	refused(t, err, "InvalidParameter", "has not verified the private DNS name")
	must(w, provider, ModifyService{ID: s.ID, RemovePrivateDNS: true})
	if p := w.service(s.ID).PrivateDNS; p != (PrivateDNS{}) {
		t.Errorf("left %+v", p)
	}
}

func (w *world) hostnames() {
	w.change(func(tx *cloud.Tx) {
		v, _ := vpc.VPCs.Get(tx, "vpc-c")
		v.EnableDNSHostnames = true
		vpc.VPCs.Put(tx, v)
	})
}

func TestPrivateDNS(t *testing.T) {
	w := newWorld(t)
	w.hostnames()
	s := w.open(true)
	must(w, provider, ModifyService{ID: s.ID, PrivateDNSName: "api.example.com"})
	e := must(w, consumer, interfaceEndpoint(s, "c-a"))
	enable := ModifyEndpoint{ID: e.ID, PrivateDNS: new(true)}
	_, err := try(w, consumer, enable)
	refused(t, err, "InvalidParameter", "Private DNS can only be enabled after the endpoint connection is accepted by the owner of "+s.Name)
	must(w, provider, AcceptConnections{ServiceID: s.ID, EndpointIDs: []string{e.ID}})
	_, err = try(w, consumer, enable)
	refused(t, err, "InvalidParameter", "Private DNS can't be enabled because the service "+s.Name+" has not verified the private DNS name.")
	w.look(s.ID, true)
	enable.Conflicts = func(_ cloud.Reader, id, domain string) bool { return id == "vpc-c" && domain == "api.example.com" }
	_, err = try(w, consumer, enable)
	refused(t, err, "InvalidParameter", "already a conflicting DNS domain for api.example.com in the VPC vpc-c")
	enable.Conflicts = nil
	must(w, consumer, enable)
	got := w.endpoint(e.ID)
	last := got.DNSEntries[len(got.DNSEntries)-1]
	if !got.PrivateDNS || last.Name != "api.example.com" || last.HostedZoneID == "" || last.HostedZoneID == got.DNSEntries[0].HostedZoneID {
		t.Errorf("got %+v", got)
	}
	must(w, consumer, enable)
	if again := w.endpoint(e.ID); again.PrivateZoneID != got.PrivateZoneID {
		t.Error("another hidden zone")
	}
	second := must(w, consumer, interfaceEndpoint(s, "c-c"))
	must(w, provider, AcceptConnections{ServiceID: s.ID, EndpointIDs: []string{second.ID}})
	_, err = try(w, consumer, ModifyEndpoint{ID: second.ID, PrivateDNS: new(true)})
	refused(t, err, "InvalidParameter", "conflicting DNS domain")
	must(w, provider, ModifyService{ID: s.ID, PrivateDNSName: "other.example.com"})
	must(w, consumer, ModifyEndpoint{ID: e.ID, ResetPolicy: true})
	if kept := w.endpoint(e.ID); kept.PrivateName != "api.example.com" {
		t.Errorf("an endpoint that exists changed its name to %s", kept.PrivateName)
	}
	must(w, consumer, ModifyEndpoint{ID: e.ID, PrivateDNS: new(false)})
	if off := w.endpoint(e.ID); off.PrivateDNS || len(off.DNSEntries) != 2 {
		t.Errorf("got %+v", off)
	}
}

func TestRegions(t *testing.T) {
	w := newWorld(t)
	s := w.open(false)
	far := consumer
	far.Region = "us-east-1"
	w.change(func(tx *cloud.Tx) { w.network(tx, far.Scope, "f") })
	create := CreateEndpoint{Type: "Interface", VPCID: "vpc-f", ServiceName: s.Name, SubnetIDs: []string{"f-a"}, ServiceRegion: region}
	_, err := try(w, far, create)
	refused(t, err, "InvalidServiceName", "does not exist")
	_, err = try(w, provider, ModifyService{ID: s.ID, AddRegions: []string{"moon-east-1"}})
	refused(t, err, "InvalidParameter", "moon-east-1")
	must(w, provider, ModifyService{ID: s.ID, AddRegions: []string{"us-east-1"}})
	if len(Visible(w.db.Snapshot(), far)) != 0 || len(Visible(w.db.Snapshot(), far, region)) != 1 {
		t.Error("seen in the wrong region")
	}
	create.ServiceRegion = ""
	_, err = try(w, far, create)
	refused(t, err, "InvalidServiceName", "does not exist")
	create.ServiceRegion = region
	w.change(func(tx *cloud.Tx) {
		sn, _ := vpc.Subnets.Get(tx, "f-c")
		sn.ZoneID = "use1-az3"
		vpc.Subnets.Put(tx, sn)
		sn, _ = vpc.Subnets.Get(tx, "f-a")
		sn.Zone, sn.ZoneID = "us-east-1a", "use1-az1"
		vpc.Subnets.Put(tx, sn)
	})
	create.SubnetIDs = []string{"f-c"}
	_, err = try(w, far, create)
	refused(t, err, "InvalidParameter", "Only the following availability zones are supported for remote access: use1-az1, use1-az2, use1-az4, use1-az5, use1-az6")
	create.SubnetIDs = []string{"f-a"}
	e := must(w, far, create)
	if !e.CrossRegion() || e.Interfaces[0].LoadBalancerARN != w.lb || e.DNSEntries[1].Name !=
		e.ID+"-"+e.Suffix+"-us-east-1a."+s.ID+".ap-northeast-1.vpce.amazonaws.com" {
		t.Errorf("got %+v", e)
	}
	must(w, provider, elb.SetSubnets{ARN: w.lb, Subnets: elb.Mappings([]string{"p-a"}), InUse: ZoneInUse})
	for _, x := range []struct{ region, part string }{{region, "hosts the VPC endpoint service"}, {"eu-west-1", "is not supported by"}} {
		_, err = try(w, provider, ModifyService{ID: s.ID, RemoveRegions: []string{x.region}})
		refused(t, err, "InvalidParameter", x.part)
	}
	must(w, provider, ModifyService{ID: s.ID, RemoveRegions: []string{"us-east-1"}})
	if got := w.service(s.ID); len(got.SupportedRegions) != 0 {
		t.Errorf("regions %v", got.SupportedRegions)
	}
}

func TestShuffledZones(t *testing.T) {
	w := newWorld(t)
	_, err := try(w, internal(), vpc.ShuffleZones{})
	refused(t, err, "IncorrectState", "there are subnets")
	w.change(func(tx *cloud.Tx) { cloud.Settings.Put(tx, cloud.Setting{Name: cloud.ShuffleZones, Value: "yes"}) })
	orders := map[string]bool{}
	for _, account := range []string{"111111111111", "222222222222", "333333333333", "444444444444", "555555555555", "666666666666"} {
		var names, ids []string
		for _, z := range cloud.ZonesOf(w.db.Snapshot(), cloud.Scope{Account: account, Region: region}) {
			names, ids = append(names, z.Name), append(ids, z.ID)
		}
		orders[strings.Join(ids, " ")] = true
		slices.Sort(ids)
		if strings.Join(names, " ") != "ap-northeast-1a ap-northeast-1c ap-northeast-1d" || strings.Join(ids, " ") != "apne1-az1 apne1-az2 apne1-az4" {
			t.Errorf("%s: %v are %v", account, names, ids)
		}
	}
	if len(orders) < 3 {
		t.Errorf("six accounts have the orders %v", orders)
	}
	s := must(w, provider, CreateService{LoadBalancerARNs: []string{w.lb}})
	for _, account := range []string{provider.Account, consumer.Account} {
		var want []string
		for _, z := range cloud.ZonesOf(w.db.Snapshot(), cloud.Scope{Account: account, Region: region}) {
			if slices.Contains(s.ZoneIDs, z.ID) {
				want = append(want, z.Name)
			}
		}
		if got := s.ZoneNames(w.db.Snapshot(), account); !slices.Equal(got, want) {
			t.Errorf("%s calls the zones %v, want %v", account, got, want)
		}
	}
}
