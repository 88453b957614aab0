package vpc_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// eniLab is a VPC with a /28 subnet: 11 addresses, .4 to .14.
func eniLab(t *testing.T) (*netLab, vpc.VPC, vpc.Subnet) {
	t.Helper()
	l := newNetLab(t)
	v := must(l, vpc.CreateVPC{CIDR: netip.MustParsePrefix("10.0.0.0/16")})
	s := must(l, vpc.CreateSubnet{VPCID: v.ID, CIDR: netip.MustParsePrefix("10.0.1.0/28"), Zone: "ap-northeast-1a"})
	return l, v, s
}

func eni(subnet string, change func(*vpc.InterfaceParams)) vpc.CreateInterface {
	p := vpc.InterfaceParams{SubnetID: subnet, SourceDestCheck: true}
	if change != nil {
		change(&p)
	}
	return vpc.CreateInterface{InterfaceParams: p}
}

func addrs(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range texts {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func TestInterfaceAddresses(t *testing.T) {
	l, v, s := eniLab(t)
	first := must(l, eni(s.ID, nil))
	if got := fmt.Sprint(first.PrivateIPs); got != "[10.0.1.4]" {
		t.Errorf("first address %s", got)
	}
	if !slices.Equal(first.GroupIDs, []string{v.DefaultGroupID}) || first.Status != "available" || !strings.HasPrefix(first.MAC, "02:") {
		t.Errorf("interface: %+v", first)
	}
	wanted := must(l, eni(s.ID, func(p *vpc.InterfaceParams) { p.PrivateIPs = addrs("10.0.1.6", "10.0.1.8"); p.SecondaryCount = 1 }))
	if got := fmt.Sprint(wanted.PrivateIPs); got != "[10.0.1.6 10.0.1.8 10.0.1.5]" {
		t.Errorf("wanted addresses %s", got)
	}
	beside := must(l, eni(s.ID, func(p *vpc.InterfaceParams) { p.SecondaryIPs = addrs("10.0.1.7") }))
	if got := fmt.Sprint(beside.PrivateIPs); got != "[10.0.1.9 10.0.1.7]" {
		t.Errorf("secondary beside a picked one %s", got)
	}
	for ip, code := range map[string]string{"10.0.1.3": "InvalidParameterValue", "10.0.1.15": "InvalidParameterValue",
		"10.0.2.9": "InvalidParameterValue", "10.0.1.6": "InvalidIPAddress.InUse"} {
		refused(l, code, eni(s.ID, func(p *vpc.InterfaceParams) { p.PrivateIPs = addrs(ip) }))
	}
	free := func() int { got, _ := vpc.Subnets.Get(l.db.Snapshot(), s.ID); return got.AvailableIPv4 }
	if free() != 11-6 {
		t.Errorf("%d free", free())
	}
	refused(l, "InvalidParameterValue", eni(s.ID, func(p *vpc.InterfaceParams) { p.IPv6Count = 1 }))
	for range 5 {
		must(l, eni(s.ID, nil))
	}
	refused(l, "InsufficientFreeAddressesInSubnet", eni(s.ID, nil))
	must(l, vpc.DeleteInterface{ID: first.ID})
	if again := must(l, eni(s.ID, nil)); fmt.Sprint(again.PrivateIPs) != "[10.0.1.4]" || again.Number == first.Number {
		t.Errorf("the freed address is not given again: %+v", again)
	}
}

func TestAssignAddresses(t *testing.T) {
	l, _, s := eniLab(t)
	n := must(l, eni(s.ID, nil))
	got := must(l, vpc.AssignAddresses{ID: n.ID, IPv4s: addrs("10.0.1.10"), IPv4Count: 1})
	if fmt.Sprint(got.IPv4s) != "[10.0.1.10 10.0.1.5]" {
		t.Errorf("assigned %v", got.IPv4s)
	}
	refused(l, "InvalidParameterValue", vpc.UnassignAddresses{ID: n.ID, Addresses: addrs("10.0.1.4")})
	refused(l, "InvalidParameterValue", vpc.UnassignAddresses{ID: n.ID, Addresses: addrs("10.0.1.11")})
	must(l, vpc.UnassignAddresses{ID: n.ID, Addresses: addrs("10.0.1.10", "10.0.1.5")})
	if s, _ := vpc.Subnets.Get(l.db.Snapshot(), s.ID); s.AvailableIPv4 != 10 {
		t.Errorf("%d free", s.AvailableIPv4)
	}
}

func TestInterfaceOwnership(t *testing.T) {
	l, _, s := eniLab(t)
	var service vpc.NetworkInterface
	l.edit(func(tx *cloud.Tx) {
		var err error
		service, err = vpc.NewInterface(tx, vpc.InterfaceParams{SubnetID: s.ID, Type: vpc.TypeNLB, RequesterID: "amazon-elb",
			NoGroups: true, Attachment: &vpc.Attachment{InstanceOwnerID: "amazon-aws"}})
		if err != nil {
			t.Fatal(err)
		}
	})
	if service.Status != "in-use" || !strings.HasPrefix(service.Attachment.ID, "ela-attach-") || len(service.GroupIDs) != 0 {
		t.Errorf("service's interface: %+v", service)
	}
	refused(l, "InvalidParameterValue", vpc.DeleteInterface{ID: service.ID})
	refused(l, "OperationNotPermitted", vpc.ModifyInterface{ID: service.ID, Description: new("mine")})
	refused(l, "OperationNotPermitted", vpc.AssignAddresses{ID: service.ID, IPv4Count: 1})
	l.caller.Account = "999999999999"
	refused(l, "InvalidNetworkInterfaceID.NotFound", vpc.DeleteInterface{ID: service.ID})
}

func TestInterfaceGroups(t *testing.T) {
	l, v, s := eniLab(t)
	other := must(l, vpc.CreateVPC{CIDR: netip.MustParsePrefix("10.1.0.0/16")})
	var ids []string
	for k := range 6 {
		g := must(l, vpc.CreateSecurityGroup{Name: fmt.Sprint("g", k), Description: "d", VPCID: v.ID})
		ids = append(ids, g.ID)
	}
	n := must(l, eni(s.ID, func(p *vpc.InterfaceParams) { p.GroupIDs = []string{ids[0], ids[0], ids[1]} }))
	if !slices.Equal(n.GroupIDs, ids[:2]) {
		t.Errorf("groups %v", n.GroupIDs)
	}
	refused(l, "InvalidGroup.NotFound", vpc.ModifyInterface{ID: n.ID, GroupIDs: []string{other.DefaultGroupID}})
	refused(l, "InvalidGroup.NotFound", vpc.ModifyInterface{ID: n.ID, GroupIDs: []string{"sg-0"}})
	refused(l, "SecurityGroupsPerInterfaceLimitExceeded", vpc.ModifyInterface{ID: n.ID, GroupIDs: ids})
	refused(l, "DependencyViolation", vpc.DeleteSecurityGroup{ID: ids[0]})
	must(l, vpc.ModifyInterface{ID: n.ID, GroupIDs: ids[1:2]})
	must(l, vpc.DeleteSecurityGroup{ID: ids[0]})
}
