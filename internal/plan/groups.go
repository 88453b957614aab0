package plan

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/amazon"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/spec"
)

// protocols are the names that rules use beside numbers.
var protocols = map[string]int{"-1": -1, "tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58}

// compileGroups compiles the security groups in use in a VPC. A provider's, which
// an endpoint uses, may be among them: their references to groups stand for what
// is in this VPC.
func compileGroups(r cloud.Reader, vpcID string, used map[string]bool) []spec.Group {
	var out []spec.Group
	for _, id := range slices.Sorted(maps.Keys(used)) {
		g := spec.Group{ID: id}
		for rule := range vpc.SecurityGroupRules.By(r, vpc.ByGroup, id) {
			if rule.Egress {
				g.Egress = append(g.Egress, compileRule(r, vpcID, rule)...)
			} else {
				g.Ingress = append(g.Ingress, compileRule(r, vpcID, rule)...)
				g.Balanced = append(g.Balanced, compileBalanced(r, vpcID, rule)...)
			}
		}
		g.Ingress, g.Egress, g.Balanced = tidyRules(g.Ingress), tidyRules(g.Egress), tidyRules(g.Balanced)
		out = append(out, g)
	}
	return out
}

// compileRule is one rule, once for each peer that it stands for.
func compileRule(r cloud.Reader, vpcID string, in vpc.SecurityGroupRule) []spec.Rule {
	if in.CIDR.IsValid() {
		return rulesFor(in, in.CIDR.Masked())
	}
	if list, ok := amazon.FindPrefixList(in.Region, in.PrefixListID); ok {
		return rulesFor(in, list.Prefixes...)
	}
	return rulesFor(in, memberPeers(r, vpcID, in.PeerGroupID, func(vpc.NetworkInterface) bool { return true })...)
}

// compileBalanced is a rule whose peer is a group that load balancers are in,
// once for each of their nodes.
func compileBalanced(r cloud.Reader, vpcID string, in vpc.SecurityGroupRule) []spec.Rule {
	return rulesFor(in, memberPeers(r, vpcID, in.PeerGroupID, func(n vpc.NetworkInterface) bool { return n.Type == vpc.TypeNLB })...)
}

func rulesFor(in vpc.SecurityGroupRule, peers ...netip.Prefix) []spec.Rule {
	proto, ok := protocols[in.Protocol]
	if !ok {
		n, err := strconv.Atoi(in.Protocol)
		if err != nil {
			return nil
		}
		proto = n
	}
	rule := spec.Rule{Protocol: proto}
	rule.From, rule.To = ruleRange(proto, in.FromPort, in.ToPort)
	var out []spec.Rule
	for _, p := range peers {
		rule.Peer = p
		out = append(out, rule)
	}
	return out
}

// ruleRange is the range in the form that spec.Rule documents.
func ruleRange(proto, from, to int) (uint16, uint16) {
	switch proto {
	case 6, 17:
		if from < 0 {
			return 0, 65535
		}
		return uint16(from), uint16(max(from, to))
	case 1, 58: // from is the type, to the code
		switch {
		case from < 0:
			return 0, 65535
		case to < 0:
			return uint16(from) << 8, uint16(from)<<8 | 0xff
		}
		return uint16(from)<<8 | uint16(to), uint16(from)<<8 | uint16(to)
	}
	return 0, 65535
}

// memberPeers are the private addresses of a group's members in the VPC.
func memberPeers(r cloud.Reader, vpcID, groupID string, wanted func(vpc.NetworkInterface) bool) []netip.Prefix {
	if groupID == "" {
		return nil
	}
	var out []netip.Prefix
	for n := range vpc.NetworkInterfaces.By(r, vpc.ByGroup, groupID) {
		if n.VPCID != vpcID || !wanted(n) {
			continue
		}
		for _, a := range slices.Concat(n.PrivateIPs, n.IPv6s) {
			out = append(out, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	return out
}

func tidyRules(rules []spec.Rule) []spec.Rule {
	slices.SortFunc(rules, func(a, b spec.Rule) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), comparePrefix(a.Peer, b.Peer))
	})
	return slices.Compact(rules)
}
