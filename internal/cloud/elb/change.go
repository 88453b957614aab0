package elb

import (
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// Find returns the caller's load balancer with that ARN.
func Find(r cloud.Reader, scope cloud.Scope, arn string) (LoadBalancer, error) {
	l, ok := LoadBalancers.Get(r, arn)
	if !ok || l.Scope != scope {
		return LoadBalancer{}, noLoadBalancer(arn)
	}
	return l, nil
}

// ZoneInUse says whether something outside this package (an endpoint's
// interface) depends on a load balancer's node in a zone.
type ZoneInUse func(r cloud.Reader, l LoadBalancer, zone string) bool

// SetSubnets replaces the list of subnets: nodes are added and removed, those
// that stay keep their addresses.
type SetSubnets struct {
	ARN     string
	Subnets []SubnetMapping
	// IPAddressType may be empty.
	IPAddressType string
	InUse         ZoneInUse
}

// Apply implements cloud.Command.
func (c SetSubnets) Apply(tx *cloud.Tx) (LoadBalancer, error) {
	l, err := Find(tx, tx.Caller.Scope, c.ARN)
	if err != nil {
		return l, err
	}
	places, err := resolve(tx, l.Scope, l.Type, c.Subnets)
	if err != nil {
		return l, err
	}
	if places[0].subnet.VPCID != l.VPCID {
		return l, badConfiguration(subjectLB, "All subnets must belong to the same VPC: '%s', '%s'", l.VPCID, places[0].subnet.VPCID)
	}
	if c.IPAddressType != "" {
		if err := l.setIPType(tx, c.IPAddressType); err != nil {
			return l, err
		}
	}
	kept, added, err := l.compare(places)
	if err != nil {
		return l, err
	}
	for _, n := range l.Nodes {
		if _, ok := kept[n.Zone]; ok {
			continue
		}
		if c.InUse != nil && c.InUse(tx, l, n.Zone) {
			return l, badConfiguration(subjectLB, "The Availability Zone '%s' cannot be removed from load balancer '%s' "+
				"because the load balancer has active VPC endpoint associations", n.Zone, l.ARN)
		}
	}
	return l.replaceNodes(tx, places, kept, added)
}

// compare sorts a new list into the nodes that stay, by zone, and the places
// that are new.
func (l *LoadBalancer) compare(places []place) (kept map[string]Node, added []place, err error) {
	kept = map[string]Node{}
	for _, p := range places {
		n, ok := l.nodeIn(p.subnet.Zone)
		switch {
		case !ok, l.IsApplication() && n.SubnetID != p.subnet.ID:
			added = append(added, p)
			continue
		case n.SubnetID != p.subnet.ID:
			return nil, nil, badConfiguration(subjectLB, "The subnet of Availability Zone '%s' cannot be changed: "+
				"remove '%s' first, then add '%s'", n.Zone, n.SubnetID, p.subnet.ID)
		case p.AllocationID != "" && p.AllocationID != n.AllocationID,
			p.PrivateIPv4.IsValid() && p.PrivateIPv4 != n.PrivateIP,
			p.IPv6.IsValid() && n.IPv6.IsValid() && p.IPv6 != n.IPv6:
			return nil, nil, badConfiguration(subjectLB, "The IP addresses of subnet '%s' cannot be changed", n.SubnetID)
		}
		kept[n.Zone] = n
	}
	return kept, added, nil
}

func (l LoadBalancer) replaceNodes(tx *cloud.Tx, places []place, kept map[string]Node, added []place) (LoadBalancer, error) {
	for _, p := range added {
		if err := checkPlace(tx, &l, p); err != nil {
			return l, err
		}
	}
	for _, n := range l.Nodes {
		if _, ok := kept[n.Zone]; !ok {
			removeNode(tx, n)
		}
	}
	var nodes []Node
	for _, p := range places {
		n, ok := kept[p.subnet.Zone]
		if !ok {
			var err error
			if n, err = addNode(tx, &l, p); err != nil {
				return l, err
			}
		}
		nodes = append(nodes, n)
	}
	l.Nodes = nodes
	LoadBalancers.Put(tx, l)
	return l, nil
}

// SetSecurityGroups replaces the security groups of a load balancer that has
// some.
type SetSecurityGroups struct {
	ARN                string
	GroupIDs           []string
	EnforcePrivateLink string // on, off or empty
}

// Apply implements cloud.Command.
func (c SetSecurityGroups) Apply(tx *cloud.Tx) (LoadBalancer, error) {
	l, err := Find(tx, tx.Caller.Scope, c.ARN)
	if err != nil {
		return l, err
	}
	switch {
	case len(l.GroupIDs) == 0:
		return l, badConfiguration(subjectLB, "You cannot set security groups on load balancer '%s' because it was created "+
			"without security groups", l.ARN)
	case len(c.GroupIDs) == 0:
		return l, badConfiguration(subjectLB, "You cannot remove all security groups from load balancer '%s'", l.ARN)
	}
	if l.GroupIDs, err = groupsOf(tx, l.VPCID, c.GroupIDs); err != nil {
		return l, err
	}
	if err := l.setEnforcement(c.EnforcePrivateLink); err != nil {
		return l, err
	}
	for _, n := range l.Nodes {
		vpc.SetInterfaceGroups(tx, n.InterfaceID, l.GroupIDs)
	}
	LoadBalancers.Put(tx, l)
	return l, nil
}

// SetIPAddressType switches between ipv4 and dualstack.
type SetIPAddressType struct {
	ARN  string
	Type string
}

// Apply implements cloud.Command.
func (c SetIPAddressType) Apply(tx *cloud.Tx) (LoadBalancer, error) {
	l, err := Find(tx, tx.Caller.Scope, c.ARN)
	if err != nil {
		return l, err
	}
	if err := l.setIPType(tx, c.Type); err != nil {
		return l, err
	}
	LoadBalancers.Put(tx, l)
	return l, nil
}

// setIPType gives every node an IPv6 address or takes it away.
func (l *LoadBalancer) setIPType(tx *cloud.Tx, want string) error {
	if err := checkIPType(l.Type, want); err != nil {
		return err
	}
	if want == l.IPAddressType {
		return nil
	}
	l.IPAddressType = want
	nodes := make([]Node, len(l.Nodes))
	for i, n := range l.Nodes {
		if want == "ipv4" {
			vpc.DropIPv6(tx, n.InterfaceID)
			n.IPv6, n.ChosenIPv6 = netip.Addr{}, false
			nodes[i] = n
			continue
		}
		if s, ok := vpc.Subnets.Get(tx, n.SubnetID); !ok || len(s.IPv6CIDRs) == 0 {
			return badConfiguration(subjectLB, "You must specify subnets with an associated IPv6 CIDR block: '%s'", n.SubnetID)
		}
		eni, err := vpc.AddIPv6(tx, n.InterfaceID, nil, 1)
		if err != nil {
			return err
		}
		n.IPv6 = eni.IPv6s[0]
		nodes[i] = n
	}
	l.Nodes = nodes
	return nil
}

// DeleteLoadBalancer deletes a load balancer with its listeners and interfaces.
// One that does not exist is no error.
type DeleteLoadBalancer struct{ ARN string }

// Apply implements cloud.Command.
func (c DeleteLoadBalancer) Apply(tx *cloud.Tx) (cloud.None, error) {
	l, err := Find(tx, tx.Caller.Scope, c.ARN)
	if err != nil {
		return cloud.None{}, nil
	}
	if l.Attributes[attrDeletionProtection] == "true" {
		return cloud.None{}, cloud.Errorf(cloud.KindProtected, subjectLB, "OperationNotPermitted",
			"Load balancer '%s' cannot be deleted because deletion protection is enabled", l.ARN)
	}
	if len(l.HeldBy) > 0 || isTarget(tx, l.ARN) {
		return cloud.None{}, cloud.Errorf(cloud.KindInUse, subjectLB, "ResourceInUse",
			"Load balancer '%s' cannot be deleted because it is currently associated with another service", l.ARN)
	}
	for _, x := range slices.Collect(Listeners.By(tx, ByLB, l.ARN)) {
		removeListener(tx, x.ARN)
	}
	for _, t := range slices.Collect(Targets.By(tx, "target", l.ARN)) {
		Targets.Delete(tx, TargetKey(t.TargetGroupARN, t.ID, t.Port))
	}
	for _, n := range l.Nodes {
		removeNode(tx, n)
	}
	LoadBalancers.Delete(tx, l.ARN)
	return cloud.None{}, nil
}

// isTarget reports whether a load balancer is registered as the target of a
// network load balancer's group; one that drains is not any more.
func isTarget(r cloud.Reader, arn string) bool {
	for t := range Targets.By(r, "target", arn) {
		if t.DrainingSince.IsZero() {
			return true
		}
	}
	return false
}
