package plan

import (
	"reflect"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/acm"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/dns"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// change adds what one change touches. Tables that are not named here do not
// show in the world.
func (t *touched) change(c cloud.Change) {
	switch c.Table {
	case vpc.VPCs.Name(), vpc.Subnets.Name(), vpc.RouteTables.Name(), vpc.InternetGateways.Name(), vpc.NATGateways.Name(),
		vpc.Addresses.Name():
		t.network(c)
	case vpc.SecurityGroups.Name(), vpc.SecurityGroupRules.Name(), vpc.NetworkInterfaces.Name():
		t.filter(c)
	case compute.Instances.Name(), iam.InstanceProfiles.Name():
		t.instances(c)
	case compute.StoredImages.Name(), compute.Snapshots.Name():
		t.images(c)
	case elb.LoadBalancers.Name(), elb.Listeners.Name(), elb.Rules.Name(), elb.TargetGroups.Name(), elb.Targets.Name():
		t.balancing(c)
	case elb.TrustStores.Name(), acm.Certificates.Name(), iam.ServerCertificates.Name():
		t.certified(c)
	case privatelink.Services.Name():
		for _, s := range sides[privatelink.Service](c) {
			t.verify(s)
		}
	case privatelink.Endpoints.Name():
		for _, e := range sides[privatelink.Endpoint](c) {
			t.endpoint(e)
		}
	case dns.Zones.Name():
		for _, z := range sides[dns.Zone](c) {
			t.zone(z)
		}
	case dns.RecordSets.Name():
		for _, s := range sides[dns.RecordSet](c) {
			for x := range privatelink.Services.By(t.r, privatelink.ByRecord, s.Name) {
				t.verify(x)
			}
			for x := range acm.Certificates.By(t.r, acm.ByRecord, s.Name) {
				if x.Waits() {
					t.certificates.add(x.ARN)
				}
			}
			if z, ok := dns.Zones.Get(t.r, s.ZoneID); ok {
				t.zone(z)
			}
		}
	case dns.HealthChecks.Name(), dns.CheckResults.Name():
		t.checked(c)
	}
}

func (t *touched) network(c cloud.Change) {
	for _, v := range sides[vpc.VPC](c) {
		t.vpcs.add(v.ID)
		t.dns.add(v.ID)
		t.metadata.add(v.ID)
		t.health.add(v.ID)
	}
	for _, s := range sides[vpc.Subnet](c) {
		t.vpcs.add(s.VPCID)
		t.metadata.add(s.VPCID)
	}
	for _, x := range sides[vpc.RouteTable](c) {
		t.vpcs.add(x.VPCID)
	}
	for _, g := range sides[vpc.InternetGateway](c) {
		t.vpcs.add(g.VPCID)
		t.internet = true
	}
	for _, g := range sides[vpc.NATGateway](c) {
		t.vpcs.add(g.VPCID)
	}
	for _, a := range sides[vpc.Address](c) {
		if n, ok := vpc.NetworkInterfaces.Get(t.r, a.InterfaceID); ok {
			t.vpcs.add(n.VPCID)
			t.dns.add(n.VPCID)
			t.metadata.add(n.VPCID)
			if n.Attachment != nil {
				t.public.add(n.Attachment.InstanceID)
			}
		}
		t.internet = t.internet || a.InterfaceID != ""
	}
}

func (t *touched) filter(c cloud.Change) {
	for _, g := range sides[vpc.SecurityGroup](c) {
		t.vpcs.add(g.VPCID)
		t.metadata.add(g.VPCID)
	}
	for _, rule := range sides[vpc.SecurityGroupRule](c) {
		if g, ok := vpc.SecurityGroups.Get(t.r, rule.GroupID); ok {
			t.vpcs.add(g.VPCID)
			t.guarded(g)
		}
	}
	for _, n := range sides[vpc.NetworkInterface](c) {
		t.vpcs.add(n.VPCID)
		t.dns.add(n.VPCID)
		t.metadata.add(n.VPCID)
		if n.Attachment != nil && n.Attachment.InstanceID != "" {
			t.public.add(n.Attachment.InstanceID)
			t.health.add(n.VPCID)
		}
		if _, ok := vpc.Addresses.First(t.r, "interface", n.ID); ok {
			t.internet = true
		}
	}
}

// guarded touches the consumers of the load balancers that a group guards: its
// rules apply there.
func (t *touched) guarded(g vpc.SecurityGroup) {
	for n := range vpc.NetworkInterfaces.By(t.r, vpc.ByGroup, g.ID) {
		if n.Type != vpc.TypeNLB {
			continue
		}
		for lb := range elb.LoadBalancers.By(t.r, elb.ByVPC, g.VPCID) {
			if !slices.Contains(lb.GroupIDs, g.ID) {
				continue
			}
			for e := range privatelink.Endpoints.By(t.r, privatelink.ByLB, lb.ARN) {
				t.vpcs.add(e.VPCID)
			}
		}
		return
	}
}

func (t *touched) instances(c cloud.Change) {
	for _, p := range sides[iam.InstanceProfile](c) {
		for i := range compute.Instances.By(t.r, compute.ByProfile, p.ARN()) {
			t.metadata.add(i.VPCID)
		}
	}
	for _, i := range sides[compute.Instance](c) {
		t.vpcs.add(i.VPCID)
		t.dns.add(i.VPCID)
		t.metadata.add(i.VPCID)
		t.health.add(i.VPCID)
		t.guests.add(i.ID)
		t.public.add(i.ID)
		t.unused(i.RootImage, i.RootSnapshot)
		for target := range elb.Targets.By(t.r, "target", i.ID) {
			t.group(target.TargetGroupARN)
			if elb.Departed(t.r, target) {
				t.drains.add(elb.TargetKey(target.TargetGroupARN, target.ID, target.Port))
			}
		}
	}
}

func (t *touched) balancing(c cloud.Change) {
	all := sides[elb.LoadBalancer](c)
	if len(all) == 2 && reflect.DeepEqual(visible(all[0]), visible(all[1])) {
		return
	}
	for _, lb := range all {
		t.aliased(lb.DNSName)
		t.balancer(lb.ARN, lb.VPCID)
		for e := range privatelink.Endpoints.By(t.r, privatelink.ByLB, lb.ARN) {
			t.endpoint(e)
		}
	}
	for _, l := range sides[elb.Listener](c) {
		t.balancerOf(l.LoadBalancerARN)
	}
	for _, x := range sides[elb.Rule](c) {
		t.balancerOf(x.LoadBalancerARN)
	}
	for _, g := range sides[elb.TargetGroup](c) {
		t.group(g.ARN)
	}
	for _, target := range sides[elb.Target](c) {
		t.group(target.TargetGroupARN)
		if !target.DrainingSince.IsZero() {
			t.drains.add(elb.TargetKey(target.TargetGroupARN, target.ID, target.Port))
		}
	}
}

// visible is a load balancer without the fields that do not show in the world.
func visible(lb elb.LoadBalancer) elb.LoadBalancer {
	lb.State, lb.StateReason, lb.Tags, lb.HeldBy = "", "", nil, nil
	return lb
}

// group touches the load balancers that use a target group.
func (t *touched) group(arn string) {
	for l := range elb.Listeners.By(t.r, elb.ByGroup, arn) {
		t.balancerOf(l.LoadBalancerARN)
	}
	for x := range elb.Rules.By(t.r, elb.ByGroup, arn) {
		t.balancerOf(x.LoadBalancerARN)
	}
}

func (t *touched) balancerOf(arn string) {
	if lb, ok := elb.LoadBalancers.Get(t.r, arn); ok {
		t.balancer(lb.ARN, lb.VPCID)
	}
}

// certified touches the load balancers that present a certificate or ask for
// those of a trust store.
func (t *touched) certified(c cloud.Change) {
	var used []string
	for _, x := range sides[acm.Certificate](c) {
		used = append(used, x.ARN)
		if x.Waits() {
			t.certificates.add(x.ARN)
		}
	}
	for _, x := range sides[iam.ServerCertificate](c) {
		used = append(used, x.ARN())
	}
	for _, arn := range used {
		for l := range elb.Listeners.By(t.r, elb.ByCertificate, arn) {
			t.balancers.add(l.LoadBalancerARN)
		}
	}
	for _, x := range sides[elb.TrustStore](c) {
		for l := range elb.Listeners.By(t.r, elb.ByTrustStore, x.ARN) {
			t.balancers.add(l.LoadBalancerARN)
		}
	}
}

// balancer touches a load balancer's VPC, and its names and those of the
// endpoints that are pinned to it. Their consumers' VPCs do not change with what
// is behind the load balancer.
func (t *touched) balancer(arn, vpcID string) {
	if t.done[arn] {
		return
	}
	t.done.add(arn)
	t.balancers.add(arn)
	t.nested(arn)
	t.vpcs.add(vpcID)
	t.health.add(vpcID)
	t.public.add(arn)
	if lb, ok := elb.LoadBalancers.Get(t.r, arn); ok {
		t.aliased(lb.DNSName)
	}
	for e := range privatelink.Endpoints.By(t.r, privatelink.ByLB, arn) {
		t.public.add(e.ID)
	}
}

// nested touches the network load balancers that have an application load
// balancer as their target.
func (t *touched) nested(arn string) {
	for target := range elb.Targets.By(t.r, "target", arn) {
		t.group(target.TargetGroupARN)
	}
}

// endpoint touches the consumer, the provider and the way between.
func (t *touched) endpoint(e privatelink.Endpoint) {
	t.vpcs.add(e.VPCID)
	t.public.add(e.ID)
	t.aliased(e.ID)
	t.endpoints.add(e.ID)
	if e.PrivateDNS {
		t.dns.add(e.VPCID)
	}
	t.fabric = true
	for _, i := range e.Interfaces {
		if lb, ok := elb.LoadBalancers.Get(t.r, i.LoadBalancerARN); ok {
			t.vpcs.add(lb.VPCID)
			t.balancers.add(lb.ARN) // its entrances
		}
	}
}

// verify looks at the record of a service's private name again.
func (t *touched) verify(s privatelink.Service) {
	if s.PrivateDNS.Name != "" {
		t.services.add(s.ID)
	}
}
