package elb

import (
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// AWS's default quotas.
const (
	maxLoadBalancers = 50
	maxListeners     = 50
	maxTargetGroups  = 3000
	maxTargets       = 1000
)

// CreateLoadBalancer makes a network or application load balancer. It is provisioning until
// the reconciler reports it active. The same name with the same settings
// returns what exists.
type CreateLoadBalancer struct {
	Name          string
	Type          string // default: application
	Scheme        string // default: internet-facing
	IPAddressType string // default: ipv4
	Subnets       []SubnetMapping
	GroupIDs      []string
	// EnforcePrivateLink is on or off; empty is on if there are groups.
	EnforcePrivateLink string
	Tags               cloud.Tags
}

// Apply implements cloud.Command.
func (c CreateLoadBalancer) Apply(tx *cloud.Tx) (LoadBalancer, error) {
	if err := c.normalize(); err != nil {
		return LoadBalancer{}, err
	}
	if err := CheckTags(c.Tags); err != nil {
		return LoadBalancer{}, err
	}
	scope := tx.Caller.Scope
	places, err := resolve(tx, scope, c.Type, c.Subnets)
	if err != nil {
		return LoadBalancer{}, err
	}
	l := LoadBalancer{Scope: scope, Name: c.Name, Type: c.Type, Scheme: c.Scheme, IPAddressType: c.IPAddressType,
		VPCID: places[0].subnet.VPCID, State: Provisioning, CreatedAt: tx.Now, Tags: c.Tags.Clone()}
	if l.GroupIDs, err = groupsOf(tx, l.VPCID, c.GroupIDs); err != nil {
		return LoadBalancer{}, err
	}
	if err := l.defaultGroup(tx); err != nil {
		return LoadBalancer{}, err
	}
	if err := l.setEnforcement(c.EnforcePrivateLink); err != nil {
		return LoadBalancer{}, err
	}
	if old, ok := LoadBalancers.First(tx, ByName, scope.Key()+"/"+c.Name); ok {
		return old, sameLoadBalancer(old, l, c.Subnets)
	}
	if countOfType(tx, scope, c.Type) >= maxLoadBalancers {
		return LoadBalancer{}, cloud.Errorf(cloud.KindLimit, subjectLB, "TooManyLoadBalancers",
			"The maximum number of load balancers has been reached")
	}
	for _, p := range places {
		if err := checkPlace(tx, &l, p); err != nil {
			return LoadBalancer{}, err
		}
	}
	return l.build(tx, places)
}

// normalize applies the defaults and refuses what can never be right.
func (c *CreateLoadBalancer) normalize() error {
	c.Type = orDefault(c.Type, "application")
	c.Scheme = orDefault(c.Scheme, "internet-facing")
	c.IPAddressType = orDefault(c.IPAddressType, "ipv4")
	if err := checkOneOf(subjectLB, "type", c.Type, "application", "network", "gateway"); err != nil {
		return err
	}
	if c.Type == "gateway" {
		return notServed(subjectLB, "A load balancer of type '%s'", c.Type)
	}
	if err := checkOneOf(subjectLB, "scheme", c.Scheme, "internet-facing", "internal"); err != nil {
		return err
	}
	if err := checkIPType(c.Type, c.IPAddressType); err != nil {
		return err
	}
	if strings.HasPrefix(c.Name, "internal-") {
		return invalid(subjectLB, "The load balancer name '%s' cannot begin with 'internal-'", c.Name)
	}
	return checkName(subjectLB, "load balancer", c.Name)
}

func checkIPType(lbType, v string) error {
	if v == "dualstack-without-public-ipv4" {
		if lbType == typeApplication {
			return notServed(subjectLB, "The IP address type '%s'", v)
		}
		return badConfiguration(subjectLB, "IP address type '%s' is not supported for load balancers with type 'network'", v)
	}
	return checkOneOf(subjectLB, "ipAddressType", v, "ipv4", "dualstack")
}

// build gives the checked load balancer its identity and its nodes.
func (l LoadBalancer) build(tx *cloud.Tx, places []place) (LoadBalancer, error) {
	l.Hex = tx.IDs.Hex(16)
	l.ARN = arnPrefix(l.Scope) + "loadbalancer/" + l.path()
	l.DNSName = l.dnsName(tx.IDs)
	l.CanonicalZoneID = HostedZoneID(l.Region)
	if l.IsApplication() {
		l.CanonicalZoneID = ApplicationHostedZoneID(l.Region)
	}
	l.Attributes = defaultLBAttributes(l.Type, l.Scheme)
	for _, p := range places {
		n, err := addNode(tx, &l, p)
		if isTaken(err) {
			l.fail(tx, "The private IPv4 address '"+p.PrivateIPv4.String()+"' is already in use")
			break
		}
		if err != nil {
			return LoadBalancer{}, err
		}
		l.Nodes = append(l.Nodes, n)
	}
	LoadBalancers.Put(tx, l)
	return l, nil
}

// isTaken reports whether an address that the user chose has another holder:
// AWS finds that out after it has accepted the load balancer.
func isTaken(err error) bool { return cloud.IsKind(err, cloud.KindInUse) }

func (l *LoadBalancer) fail(tx *cloud.Tx, reason string) {
	for _, n := range l.Nodes {
		removeNode(tx, n)
	}
	l.Nodes, l.State, l.StateReason = nil, Failed, reason
}

func sameLoadBalancer(old, l LoadBalancer, subnets []SubnetMapping) error {
	var have, want []string
	for _, n := range old.Nodes {
		have = append(have, n.SubnetID)
	}
	for _, m := range subnets {
		want = append(want, m.SubnetID)
	}
	slices.Sort(have)
	slices.Sort(want)
	if old.Type == l.Type && old.Scheme == l.Scheme && old.IPAddressType == l.IPAddressType &&
		sameSet(old.GroupIDs, l.GroupIDs) && slices.Equal(have, want) {
		return nil
	}
	return cloud.Errorf(cloud.KindExists, subjectLB, "DuplicateLoadBalancerName",
		"A load balancer with the same name '%s' exists, but with different settings", l.Name)
}

// groupsOf checks the security groups of a load balancer in a VPC.
func groupsOf(r cloud.Reader, vpcID string, ids []string) ([]string, error) {
	for _, id := range ids {
		if g, ok := vpc.SecurityGroups.Get(r, id); !ok {
			return nil, &cloud.Error{Kind: cloud.KindNotFound, Subject: "security-group", ID: id, Code: "InvalidSecurityGroup",
				Message: "The security group '" + id + "' does not exist"}
		} else if g.VPCID != vpcID {
			return nil, badConfiguration(subjectLB, "One or more security groups are invalid")
		}
	}
	return vpc.CheckGroups(r, vpcID, ids)
}

// defaultGroup gives an application load balancer that has no security groups
// the VPC's default one.
func (l *LoadBalancer) defaultGroup(r cloud.Reader) error {
	if !l.IsApplication() || len(l.GroupIDs) > 0 {
		return nil
	}
	v, ok := vpc.VPCs.Get(r, l.VPCID)
	if !ok || v.DefaultGroupID == "" {
		return badConfiguration(subjectLB, "The VPC '%s' has no default security group", l.VPCID)
	}
	l.GroupIDs = []string{v.DefaultGroupID}
	return nil
}

func countOfType(r cloud.Reader, scope cloud.Scope, lbType string) int {
	n := 0
	for l := range LoadBalancers.By(r, ByScope, scope.Key()) {
		if l.Type == lbType {
			n++
		}
	}
	return n
}

// setEnforcement sets whether the groups' rules apply to PrivateLink traffic.
func (l *LoadBalancer) setEnforcement(v string) error {
	if l.IsApplication() {
		if v != "" {
			return badConfiguration(subjectLB, "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic is not supported on "+
				"load balancers with type 'application'")
		}
		return nil
	}
	if v != "" {
		if err := checkOneOf(subjectLB, "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic", v, "on", "off"); err != nil {
			return err
		}
		if len(l.GroupIDs) == 0 {
			return badConfiguration(subjectLB, "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic can only be set "+
				"on a load balancer that has security groups")
		}
		l.EnforcePrivateLink = v
	}
	if l.EnforcePrivateLink == "" && len(l.GroupIDs) > 0 {
		l.EnforcePrivateLink = "on"
	}
	return nil
}
