package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/plan/plantest"
	"github.com/musubi-net/musubi/internal/spec"
)

var applicationARN = strings.ReplaceAll(plantest.BalancerARN, "net/nlb/1111111111111111", "app/alb/4444444444444444")

// addApplication adds an application load balancer in two zones of the
// provider, the first of which has a public address.
func addApplication(tx *cloud.Tx) {
	plantest.AddInternet(tx)
	plantest.AddGroup(tx, "sg-alb", 2, vpc.SecurityGroupRule{Protocol: "tcp", FromPort: 443, ToPort: 443, CIDR: netip.MustParsePrefix("0.0.0.0/0")})
	lb := elb.LoadBalancer{ARN: applicationARN, Scope: plantest.Scope, Type: "application", Scheme: "internet-facing", VPCID: "vpc-2",
		DNSName: "alb.example.", GroupIDs: []string{"sg-alb"}}
	for i, z := range plantest.Zones[:2] {
		n := plantest.AddInterface(tx, 2, uint32(60+i), i, 60, vpc.TypeInterface, "sg-alb")
		n.RequesterID = "amazon-elb"
		vpc.NetworkInterfaces.Put(tx, n)
		lb.Nodes = append(lb.Nodes, elb.Node{Zone: n.Zone, ZoneID: "apne1-az" + z, SubnetID: n.SubnetID, InterfaceID: n.ID, PrivateIP: n.PrivateIPs[0]})
	}
	lb.Nodes[0].PublicIP = netip.MustParseAddr("198.18.0.60")
	vpc.Addresses.Put(tx, vpc.Address{Scope: plantest.Scope, PublicIP: lb.Nodes[0].PublicIP, InterfaceID: lb.Nodes[0].InterfaceID, Amazon: true})
	elb.LoadBalancers.Put(tx, lb)
	for port, protocol := range map[int]string{80: "HTTP", 443: "HTTPS"} {
		arn := strings.ReplaceAll(applicationARN, ":loadbalancer/", ":listener/") + fmt.Sprintf("/9%015d", port)
		elb.Listeners.Put(tx, elb.Listener{ARN: arn, Scope: plantest.Scope, LoadBalancerARN: applicationARN, Port: port, Protocol: protocol,
			Actions: []elb.Action{{Type: "forward", Forward: &elb.Forward{Groups: []elb.WeightedGroup{{TargetGroupARN: plantest.GroupARN, Weight: 1}}}}}})
	}
}

// addListener adds a listener of the network load balancer, with a group of its
// own.
func addListener(tx *cloud.Tx, port int, protocol string, g elb.TargetGroup) {
	g.ARN, g.VPCID, g.Scope, g.Protocol = plantest.GroupARN+fmt.Sprint(port), "vpc-2", plantest.Scope, "TCP"
	if g.IPAddressType == "" {
		g.IPAddressType = "ipv4"
	}
	elb.TargetGroups.Put(tx, g)
	elb.Listeners.Put(tx, elb.Listener{ARN: plantest.ListenerARN[:len(plantest.ListenerARN)-16] + fmt.Sprintf("%016d", port), Scope: plantest.Scope,
		LoadBalancerARN: plantest.BalancerARN, Port: port, Protocol: protocol, Targets: []elb.WeightedGroup{{TargetGroupARN: g.ARN, Weight: 1}}})
}

// TestGoldenUserSpace has listeners of every kind that user space carries.
func TestGoldenUserSpace(t *testing.T) {
	l := newLab(t)
	l.do(plantest.Seed)
	l.do(addApplication)
	l.do(func(tx *cloud.Tx) {
		lb, _ := elb.LoadBalancers.Get(tx, plantest.BalancerARN)
		lb.Nodes = slices.Clone(lb.Nodes[:2])
		lb.Nodes[0].IPv6 = netip.MustParseAddr("2001:db8::20")
		elb.LoadBalancers.Put(tx, lb)
		elb.Listeners.Delete(tx, plantest.ListenerARN)
		addListener(tx, 443, "TLS", elb.TargetGroup{TargetType: "ip"})
		addListener(tx, 444, "TCP", elb.TargetGroup{TargetType: "ip", Attributes: map[string]string{"proxy_protocol_v2.enabled": "true"}})
		addListener(tx, 445, "TCP", elb.TargetGroup{TargetType: "ip", IPAddressType: "ipv6"})
		addListener(tx, 80, "TCP", elb.TargetGroup{TargetType: "alb", Attributes: map[string]string{"preserve_client_ip.enabled": "true"}})
		elb.Targets.Put(tx, elb.Target{TargetGroupARN: plantest.GroupARN + "80", ID: applicationARN, Port: 443, Health: elb.Healthy})
	})
	golden(t, "user-space", spec.Dump(CompileVPC(l.db.Snapshot(), "vpc-2")))
}

func TestTransparent(t *testing.T) {
	tests := []struct {
		name, protocol string
		group          elb.TargetGroup
		want           bool
	}{
		{"kernel", "TCP", elb.TargetGroup{Attributes: map[string]string{"preserve_client_ip.enabled": "true"}}, false},
		{"TLS", "TLS", elb.TargetGroup{Attributes: map[string]string{"preserve_client_ip.enabled": "true"}}, true},
		{"TLS without the client's address", "TLS", elb.TargetGroup{Attributes: map[string]string{"preserve_client_ip.enabled": "false"}}, false},
		{"proxy protocol", "TCP", elb.TargetGroup{Attributes: map[string]string{"preserve_client_ip.enabled": "true", "proxy_protocol_v2.enabled": "true"}}, true},
		{"translation", "TCP", elb.TargetGroup{IPAddressType: "ipv6", Attributes: map[string]string{"preserve_client_ip.enabled": "true"}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			l.do(plantest.Seed)
			l.do(func(tx *cloud.Tx) { addListener(tx, 443, tt.protocol, tt.group) })
			if got := CompileVPC(l.db.Snapshot(), "vpc-2").Transparent; got != tt.want {
				t.Error(got)
			}
		})
	}
}

func TestSticky(t *testing.T) {
	l := newLab(t)
	l.do(plantest.Seed)
	l.do(func(tx *cloud.Tx) {
		addListener(tx, 81, "TCP", elb.TargetGroup{Attributes: map[string]string{"stickiness.enabled": "true", "stickiness.type": "source_ip"}})
		both, _ := elb.Listeners.Get(tx, plantest.ListenerARN)
		both.ARN, both.Port = both.ARN[:len(both.ARN)-1]+"9", 82
		both.Targets = append(slices.Clone(both.Targets), elb.WeightedGroup{TargetGroupARN: plantest.GroupARN + "81", Weight: 1})
		elb.Listeners.Put(tx, both)
	})
	for _, x := range CompileVPC(l.db.Snapshot(), "vpc-2").Listeners {
		if want := x.Port == 81; x.Sticky != want {
			t.Errorf("%s:%d sticky: %t", x.Address, x.Port, x.Sticky)
		}
	}
}
