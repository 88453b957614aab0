// Package plantest is a small cloud for tests, made of records: the system of
// the examples.
//
// It may import internal/cloud and its families.
package plantest

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/acm"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/dns"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// Where and when the cloud is.
var (
	Scope = cloud.Scope{Account: "000000000000", Region: "ap-northeast-1"}
	Zones = []string{"a", "c", "d"}
	Began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// The load balancer of the seed.
const (
	BalancerARN  = "arn:aws:elasticloadbalancing:ap-northeast-1:000000000000:loadbalancer/net/nlb/1111111111111111"
	BalancerName = "nlb-1111111111111111.elb.ap-northeast-1.amazonaws.com"
	GroupARN     = "arn:aws:elasticloadbalancing:ap-northeast-1:000000000000:targetgroup/tg/2222222222222222"
	ListenerARN  = "arn:aws:elasticloadbalancing:ap-northeast-1:000000000000:listener/net/nlb/1111111111111111/3333333333333333"
)

// Schema has the tables of the families that the plan reads.
func Schema() *cloud.Schema {
	var tables []cloud.AnyTable
	for _, x := range [][]cloud.AnyTable{vpc.Tables(), compute.Tables(), elb.Tables(), privatelink.Tables(), dns.Tables(), iam.Tables(), acm.Tables()} {
		tables = append(tables, x...)
	}
	return cloud.NewSchema(tables...)
}

func address(s string) netip.Addr { return netip.MustParseAddr(s) }

// AddVPC makes a VPC of three subnets, 10.0.1.0/24 to 10.0.3.0/24, named by its
// number.
func AddVPC(tx *cloud.Tx, number uint32) {
	id := fmt.Sprintf("vpc-%d", number)
	vpc.VPCs.Put(tx, vpc.VPC{ID: id, Scope: Scope, Number: number, EnableDNSSupport: true, EnableDNSHostnames: true,
		MainRouteTableID: "rtb-" + id, CIDRs: []vpc.CIDRAssociation{{Prefix: netip.MustParsePrefix("10.0.0.0/16")}}})
	vpc.RouteTables.Put(tx, vpc.RouteTable{ID: "rtb-" + id, Scope: Scope, Number: number * 10, VPCID: id,
		Routes: []vpc.Route{{Destination: netip.MustParsePrefix("10.0.0.0/16"), Local: true}}})
	for i, z := range Zones {
		vpc.Subnets.Put(tx, vpc.Subnet{ID: fmt.Sprintf("subnet-%d%s", number, z), Scope: Scope, VPCID: id, Zone: Scope.Region + z, ZoneID: "apne1-az" + z,
			CIDR: netip.MustParsePrefix(fmt.Sprintf("10.0.%d.0/24", i+1))})
	}
}

// AddInterface makes a network interface in the zone's subnet.
func AddInterface(tx *cloud.Tx, vpcNumber, number uint32, zone int, host int, typ vpc.InterfaceType, groups ...string) vpc.NetworkInterface {
	n := vpc.NetworkInterface{ID: fmt.Sprintf("eni-%d", number), Scope: Scope, Number: number, VPCID: fmt.Sprintf("vpc-%d", vpcNumber),
		SubnetID: fmt.Sprintf("subnet-%d%s", vpcNumber, Zones[zone]), Zone: Scope.Region + Zones[zone], Type: typ,
		MAC: fmt.Sprintf("02:00:00:00:00:%02x", number), PrivateIPs: []netip.Addr{address(fmt.Sprintf("10.0.%d.%d", zone+1, host))},
		GroupIDs: groups, SourceDestCheck: true, Status: "in-use"}
	vpc.NetworkInterfaces.Put(tx, n)
	return n
}

// AddInstance makes a running instance with one interface.
func AddInstance(tx *cloud.Tx, id string, vpcNumber, number uint32, zone, host int, groups ...string) {
	n := AddInterface(tx, vpcNumber, number, zone, host, vpc.TypeInterface, groups...)
	n.Attachment = &vpc.Attachment{InstanceID: id}
	vpc.NetworkInterfaces.Put(tx, n)
	compute.Instances.Put(tx, compute.Instance{ID: id, Scope: Scope, State: compute.Running, Boot: 1, VPCID: n.VPCID, SubnetID: n.SubnetID,
		Zone: n.Zone, ImageID: "ami-1", InstanceType: "t3.micro", Architecture: "x86_64", LaunchTime: Began,
		PrivateDNSName: fmt.Sprintf("ip-10-0-%d-%d.ap-northeast-1.compute.internal", zone+1, host),
		Metadata:       compute.MetadataOptions{HTTPTokens: "required", HopLimit: 2, HTTPEndpoint: "enabled"},
		UserData:       []byte("#!/bin/sh\necho hello\n"), Tags: cloud.Tags{"Name": id}})
}

// AddGroup makes a security group that lets everything out, with further rules.
func AddGroup(tx *cloud.Tx, id string, vpcNumber uint32, rules ...vpc.SecurityGroupRule) {
	vpc.SecurityGroups.Put(tx, vpc.SecurityGroup{ID: id, Scope: Scope, VPCID: fmt.Sprintf("vpc-%d", vpcNumber), Name: id + "-name"})
	rules = append(rules, vpc.SecurityGroupRule{Egress: true, Protocol: "-1", CIDR: netip.MustParsePrefix("0.0.0.0/0")})
	for i, r := range rules {
		r.ID, r.GroupID, r.Scope = fmt.Sprintf("sgr-%s-%d", id, i), id, Scope
		vpc.SecurityGroupRules.Put(tx, r)
	}
}

// Seed is the system of the examples: a consumer (vpc-1) and a provider (vpc-2)
// with the same range, an NLB over three Zones, and an endpoint in one of them.
func Seed(tx *cloud.Tx) {
	AddVPC(tx, 1)
	AddVPC(tx, 2)
	tcp80 := vpc.SecurityGroupRule{Protocol: "tcp", FromPort: 80, ToPort: 80, CIDR: netip.MustParsePrefix("10.0.0.0/16")}
	AddGroup(tx, "sg-client", 1)
	AddGroup(tx, "sg-endpoint", 1, vpc.SecurityGroupRule{Protocol: "tcp", FromPort: 80, ToPort: 80, PeerGroupID: "sg-client"})
	AddGroup(tx, "sg-web", 2, tcp80, vpc.SecurityGroupRule{Protocol: "icmp", FromPort: 8, ToPort: -1, CIDR: netip.MustParsePrefix("0.0.0.0/0")})
	AddInstance(tx, "i-client", 1, 1, 0, 10, "sg-client")
	lb := elb.LoadBalancer{ARN: BalancerARN, Scope: Scope, Type: "network", Scheme: "internal", VPCID: "vpc-2", DNSName: BalancerName,
		Attributes: map[string]string{"load_balancing.cross_zone.enabled": "false"}}
	for i, z := range Zones {
		id := "i-web-" + z
		AddInstance(tx, id, 2, uint32(10+i), i, 10, "sg-web")
		n := AddInterface(tx, 2, uint32(20+i), i, 20, vpc.TypeNLB)
		lb.Nodes = append(lb.Nodes, elb.Node{Zone: n.Zone, ZoneID: "apne1-az" + z, SubnetID: n.SubnetID, InterfaceID: n.ID, PrivateIP: n.PrivateIPs[0]})
		elb.Targets.Put(tx, elb.Target{TargetGroupARN: GroupARN, ID: id, Port: 80, Zone: n.Zone, Health: elb.Healthy})
	}
	elb.LoadBalancers.Put(tx, lb)
	elb.TargetGroups.Put(tx, elb.TargetGroup{ARN: GroupARN, Scope: Scope, Protocol: "TCP", Port: 80, VPCID: "vpc-2", TargetType: "instance", IPAddressType: "ipv4",
		Attributes:  map[string]string{"preserve_client_ip.enabled": "true", "target_health_state.unhealthy.connection_termination.enabled": "true"},
		HealthCheck: elb.HealthCheck{Protocol: "TCP", Port: "traffic-port", IntervalSeconds: 30, TimeoutSeconds: 10, HealthyThreshold: 3, UnhealthyThreshold: 3}})
	elb.Listeners.Put(tx, elb.Listener{ARN: ListenerARN, Scope: Scope, LoadBalancerARN: BalancerARN, Port: 80, Protocol: "TCP",
		Targets: []elb.WeightedGroup{{TargetGroupARN: GroupARN, Weight: 1}}})
	addEndpoint(tx)
}

func addEndpoint(tx *cloud.Tx) {
	n := AddInterface(tx, 1, 30, 0, 50, vpc.TypeVPCEndpoint, "sg-endpoint")
	const suffix = ".vpce-svc-1.ap-northeast-1.vpce.amazonaws.com"
	privatelink.Endpoints.Put(tx, privatelink.Endpoint{ID: "vpce-1", Scope: Scope, Type: "Interface", VPCID: "vpc-1", ServiceID: "vpce-svc-1",
		State: privatelink.Pending, GroupIDs: []string{"sg-endpoint"}, Suffix: "abcd1234",
		Interfaces: []privatelink.EndpointInterface{{InterfaceID: n.ID, SubnetID: n.SubnetID, Zone: n.Zone, ZoneID: "apne1-aza", Address: n.PrivateIPs[0], LoadBalancerARN: BalancerARN}},
		DNSEntries: []privatelink.DNSEntry{{Name: "vpce-1-abcd1234" + suffix}, {Name: "vpce-1-abcd1234-ap-northeast-1a" + suffix}}})
	dns.Zones.Put(tx, dns.Zone{ID: "Z1", Account: Scope.Account, Name: "example.local.", Private: true, VPCs: []dns.ZoneVPC{{VPCID: "vpc-1", Region: Scope.Region}}})
	dns.RecordSets.Put(tx, dns.RecordSet{ZoneID: "Z1", Name: "provider-nlb.example.local.", Type: "A",
		Alias: &dns.Alias{ZoneID: "Z2", Name: "VPCE-1-abcd1234" + suffix}})
	dns.RecordSets.Put(tx, dns.RecordSet{ZoneID: "Z1", Name: "w.example.local.", Type: "TXT", TTL: 30, Values: []string{`"one"`}, Weight: new(int64(3)), SetIdentifier: "one"})
}

// SetHealth sets the observed SetHealth of a web server.
func SetHealth(tx *cloud.Tx, id string, h elb.HealthState) {
	t, _ := elb.Targets.Get(tx, elb.TargetKey(GroupARN, id, 80))
	t.Health = h
	elb.Targets.Put(tx, t)
}

// SetCrossZone sets the load balancer's attribute.
func SetCrossZone(tx *cloud.Tx, on bool) {
	lb, _ := elb.LoadBalancers.Get(tx, BalancerARN)
	lb.Attributes = map[string]string{"load_balancing.cross_zone.enabled": fmt.Sprint(on)}
	elb.LoadBalancers.Put(tx, lb)
}

// Guard gives the load balancer a security group, sg-nlb, that lets the clients'
// subnet in and is allowed by the web servers' group.
func Guard(tx *cloud.Tx) {
	AddGroup(tx, "sg-nlb", 2, vpc.SecurityGroupRule{Protocol: "tcp", FromPort: 80, ToPort: 80, CIDR: netip.MustParsePrefix("10.0.1.0/24")},
		vpc.SecurityGroupRule{Protocol: "tcp", FromPort: 80, ToPort: 80, PeerGroupID: "sg-web"})
	vpc.SecurityGroupRules.Put(tx, vpc.SecurityGroupRule{ID: "sgr-nlb", Scope: Scope, GroupID: "sg-web", Protocol: "tcp", FromPort: 8080, ToPort: 8080, PeerGroupID: "sg-nlb"})
	lb, _ := elb.LoadBalancers.Get(tx, BalancerARN)
	lb.GroupIDs, lb.EnforcePrivateLink = []string{"sg-nlb"}, "on"
	for _, x := range lb.Nodes {
		n, _ := vpc.NetworkInterfaces.Get(tx, x.InterfaceID)
		n.GroupIDs = lb.GroupIDs
		vpc.NetworkInterfaces.Put(tx, n)
	}
	elb.LoadBalancers.Put(tx, lb)
}

// SetEnforcement switches the groups' rules for PrivateLink traffic on or off.
func SetEnforcement(tx *cloud.Tx, to string) {
	lb, _ := elb.LoadBalancers.Get(tx, BalancerARN)
	lb.EnforcePrivateLink = to
	elb.LoadBalancers.Put(tx, lb)
}

// AddInternet gives the provider an internet gateway, a NAT gateway in zone c, a
// public address for i-web-a, and routes.
func AddInternet(tx *cloud.Tx) {
	vpc.InternetGateways.Put(tx, vpc.InternetGateway{ID: "igw-1", Scope: Scope, VPCID: "vpc-2"})
	any4 := netip.MustParsePrefix("0.0.0.0/0")
	vpc.RouteTables.Put(tx, vpc.RouteTable{ID: "rtb-public", Scope: Scope, Number: 21, VPCID: "vpc-2",
		Routes:       []vpc.Route{{Destination: any4, GatewayID: "igw-1"}},
		Associations: []vpc.RouteTableAssociation{{SubnetID: "subnet-2a"}, {SubnetID: "subnet-2c"}}})
	main, _ := vpc.RouteTables.Get(tx, "rtb-vpc-2")
	main.Routes = append(slices.Clone(main.Routes), vpc.Route{Destination: any4, NATGatewayID: "nat-1"},
		vpc.Route{Destination: netip.MustParsePrefix("172.16.0.0/12"), InterfaceID: "eni-10"},
		vpc.Route{Destination: netip.MustParsePrefix("192.168.0.0/16"), GatewayID: "igw-gone"})
	vpc.RouteTables.Put(tx, main)
	n := AddInterface(tx, 2, 40, 1, 40, vpc.TypeNATGateway)
	vpc.NATGateways.Put(tx, vpc.NATGateway{ID: "nat-1", Scope: Scope, VPCID: "vpc-2", SubnetID: n.SubnetID, ConnectivityType: "public", State: "pending",
		InterfaceID: n.ID, PublicIP: address("198.18.0.1"), PrivateIP: n.PrivateIPs[0]})
	vpc.Addresses.Put(tx, vpc.Address{AllocationID: "eipalloc-1", Scope: Scope, PublicIP: address("198.18.0.1"), InterfaceID: n.ID, PrivateIP: n.PrivateIPs[0]})
	vpc.Addresses.Put(tx, vpc.Address{Scope: Scope, PublicIP: address("198.18.0.2"), InterfaceID: "eni-10", Amazon: true})
	vpc.Addresses.Put(tx, vpc.Address{AllocationID: "eipalloc-2", Scope: Scope, PublicIP: address("198.18.0.3")})
}
