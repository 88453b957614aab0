package ec2

import (
	"context"
	"slices"
	"strconv"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func (a *API) describeSecurityGroups(_ context.Context, call *protocol.Call, in *model.DescribeSecurityGroupsRequest) (*model.DescribeSecurityGroupsResult, error) {
	r, s := a.engine.Snapshot(), call.Caller.Scope
	ids := slices.Clone(in.GroupIds)
	for _, name := range in.GroupNames {
		id, err := vpc.GroupID(r, s, "", name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	all, next, err := groupListing(r).page(r, s, ids, in.Filters, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeSecurityGroupsResult{NextToken: next}
	for _, g := range all {
		out.SecurityGroups = append(out.SecurityGroups, groupView(r, g))
	}
	return out, nil
}

func groupListing(r cloud.Reader) listing[vpc.SecurityGroup] {
	fields := filterFields[vpc.SecurityGroup]{
		"group-id":    one(func(g vpc.SecurityGroup) string { return g.ID }),
		"group-name":  one(func(g vpc.SecurityGroup) string { return g.Name }),
		"vpc-id":      one(func(g vpc.SecurityGroup) string { return g.VPCID }),
		"owner-id":    one(func(g vpc.SecurityGroup) string { return g.Account }),
		"description": one(func(g vpc.SecurityGroup) string { return g.Description }),
	}
	for name, get := range permissionFields() {
		fields["ip-permission."+name] = ruleValues(r, false, get)
		fields["egress.ip-permission."+name] = ruleValues(r, true, get)
	}
	return listing[vpc.SecurityGroup]{
		table: vpc.SecurityGroups, find: vpc.FindSecurityGroup,
		scope:   func(g vpc.SecurityGroup) cloud.Scope { return g.Scope },
		key:     func(g vpc.SecurityGroup) string { return g.ID },
		indexed: []indexedFilter{{"group-id", "id"}, {"vpc-id", vpc.ByVPC}},
		fields:  fields,
		tags:    func(g vpc.SecurityGroup) cloud.Tags { return g.Tags },
	}
}

// ruleValues collects a value of each rule of a group in one direction.
func ruleValues(r cloud.Reader, egress bool, get func(vpc.SecurityGroupRule) string) func(vpc.SecurityGroup) []string {
	return func(g vpc.SecurityGroup) []string {
		var out []string
		for rule := range vpc.SecurityGroupRules.By(r, vpc.ByGroup, g.ID) {
			if rule.Egress == egress {
				out = append(out, get(rule))
			}
		}
		return out
	}
}

// permissionFields are what the ip-permission.* filters compare.
func permissionFields() map[string]func(vpc.SecurityGroupRule) string {
	family := func(v6 bool) func(vpc.SecurityGroupRule) string {
		return func(r vpc.SecurityGroupRule) string {
			if !r.CIDR.IsValid() || r.CIDR.Addr().Is6() != v6 {
				return ""
			}
			return r.CIDR.String()
		}
	}
	return map[string]func(vpc.SecurityGroupRule) string{
		"cidr":           family(false),
		"ipv6-cidr":      family(true),
		"group-id":       func(r vpc.SecurityGroupRule) string { return r.PeerGroupID },
		"protocol":       func(r vpc.SecurityGroupRule) string { return r.Protocol },
		"from-port":      func(r vpc.SecurityGroupRule) string { return strconv.Itoa(r.FromPort) },
		"to-port":        func(r vpc.SecurityGroupRule) string { return strconv.Itoa(r.ToPort) },
		"prefix-list-id": func(r vpc.SecurityGroupRule) string { return r.PrefixListID },
		"user-id": func(r vpc.SecurityGroupRule) string {
			if r.PeerGroupID == "" {
				return ""
			}
			return r.Account
		},
	}
}

func groupView(r cloud.Reader, g vpc.SecurityGroup) model.SecurityGroup {
	v := model.SecurityGroup{GroupId: &g.ID, GroupName: &g.Name, Description: &g.Description, VpcId: &g.VPCID,
		OwnerId: &g.Account, SecurityGroupArn: new(resourceARN(g.Scope, "security-group", g.ID)), Tags: tagList(g.Tags)}
	var in, out []vpc.SecurityGroupRule
	for rule := range vpc.SecurityGroupRules.By(r, vpc.ByGroup, g.ID) {
		if rule.Egress {
			out = append(out, rule)
		} else {
			in = append(in, rule)
		}
	}
	v.IpPermissions, v.IpPermissionsEgress = permissions(in), permissions(out)
	return v
}

// permissions groups rules by protocol and ports, as AWS answers them.
func permissions(rules []vpc.SecurityGroupRule) []model.IpPermission {
	type key struct {
		protocol string
		from, to int
	}
	at := map[key]int{}
	var out []model.IpPermission
	for _, r := range rules {
		k := key{r.Protocol, r.FromPort, r.ToPort}
		n, ok := at[k]
		if !ok {
			n = len(out)
			at[k] = n
			p := model.IpPermission{IpProtocol: new(r.Protocol)}
			if hasPorts(r) {
				p.FromPort, p.ToPort = new(int64(r.FromPort)), new(int64(r.ToPort))
			}
			out = append(out, p)
		}
		addPeer(&out[n], r)
	}
	return out
}

// hasPorts says whether a permission shows ports: ICMP shows type and code,
// also if they are -1.
func hasPorts(r vpc.SecurityGroupRule) bool {
	switch r.Protocol {
	case "-1":
		return false
	case "tcp", "udp", "icmp", "icmpv6":
		return true
	}
	return r.FromPort != -1
}

func addPeer(p *model.IpPermission, r vpc.SecurityGroupRule) {
	text := text(r.Description)
	switch {
	case r.PeerGroupID != "":
		p.UserIdGroupPairs = append(p.UserIdGroupPairs, model.UserIdGroupPair{GroupId: &r.PeerGroupID, UserId: &r.Account, Description: text})
	case r.PrefixListID != "":
		p.PrefixListIds = append(p.PrefixListIds, model.PrefixListId{PrefixListId: &r.PrefixListID, Description: text})
	case r.CIDR.Addr().Is6():
		p.Ipv6Ranges = append(p.Ipv6Ranges, model.Ipv6Range{CidrIpv6: new(r.CIDR.String()), Description: text})
	default:
		p.IpRanges = append(p.IpRanges, model.IpRange{CidrIp: new(r.CIDR.String()), Description: text})
	}
}

// permissionOf gives back a permission of a request that matched no rule.
func permissionOf(p vpc.RuleParams) model.IpPermission {
	out := model.IpPermission{IpProtocol: &p.Protocol}
	if p.FromPort != nil && p.ToPort != nil {
		out.FromPort, out.ToPort = new(int64(*p.FromPort)), new(int64(*p.ToPort))
	}
	addPeer(&out, vpc.SecurityGroupRule{CIDR: p.CIDR, PeerGroupID: p.PeerGroupID, PrefixListID: p.PrefixListID, Description: p.Description})
	return out
}

func (a *API) describeSecurityGroupRules(_ context.Context, call *protocol.Call, in *model.DescribeSecurityGroupRulesRequest) (*model.DescribeSecurityGroupRulesResult, error) {
	r := a.engine.Snapshot()
	all, next, err := ruleListing().page(r, call.Caller.Scope, in.SecurityGroupRuleIds, in.Filters, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeSecurityGroupRulesResult{NextToken: next}
	for _, rule := range all {
		out.SecurityGroupRules = append(out.SecurityGroupRules, ruleView(r, rule))
	}
	return out, nil
}

func ruleListing() listing[vpc.SecurityGroupRule] {
	return listing[vpc.SecurityGroupRule]{
		table: vpc.SecurityGroupRules, find: vpc.FindSecurityGroupRule,
		scope:   func(r vpc.SecurityGroupRule) cloud.Scope { return r.Scope },
		key:     func(r vpc.SecurityGroupRule) string { return r.ID },
		indexed: []indexedFilter{{"security-group-rule-id", "id"}, {"group-id", vpc.ByGroup}},
		fields: filterFields[vpc.SecurityGroupRule]{
			"group-id":               one(func(r vpc.SecurityGroupRule) string { return r.GroupID }),
			"security-group-rule-id": one(func(r vpc.SecurityGroupRule) string { return r.ID }),
		},
		tags: func(r vpc.SecurityGroupRule) cloud.Tags { return r.Tags },
	}
}

func ruleView(r cloud.Reader, rule vpc.SecurityGroupRule) model.SecurityGroupRule {
	v := model.SecurityGroupRule{SecurityGroupRuleId: &rule.ID, GroupId: &rule.GroupID, GroupOwnerId: &rule.Account,
		SecurityGroupRuleArn: new(resourceARN(rule.Scope, "security-group-rule", rule.ID)),
		IsEgress:             &rule.Egress, IpProtocol: &rule.Protocol, FromPort: new(int64(rule.FromPort)), ToPort: new(int64(rule.ToPort)),
		Description: text(rule.Description), PrefixListId: text(rule.PrefixListID), Tags: tagList(rule.Tags)}
	if rule.CIDR.IsValid() && rule.CIDR.Addr().Is6() {
		v.CidrIpv6 = new(rule.CIDR.String())
	} else if rule.CIDR.IsValid() {
		v.CidrIpv4 = new(rule.CIDR.String())
	}
	if rule.PeerGroupID != "" {
		v.ReferencedGroupInfo = &model.ReferencedSecurityGroup{GroupId: &rule.PeerGroupID, UserId: &rule.Account}
		if g, ok := vpc.SecurityGroups.Get(r, rule.PeerGroupID); ok {
			v.ReferencedGroupInfo.VpcId = &g.VPCID
		}
	}
	return v
}

func revokedView(r vpc.SecurityGroupRule) model.RevokedSecurityGroupRule {
	v := model.RevokedSecurityGroupRule{SecurityGroupRuleId: &r.ID, GroupId: &r.GroupID, IsEgress: &r.Egress, IpProtocol: &r.Protocol,
		FromPort: new(int64(r.FromPort)), ToPort: new(int64(r.ToPort)), Description: text(r.Description),
		PrefixListId: text(r.PrefixListID), ReferencedGroupId: text(r.PeerGroupID)}
	if r.CIDR.IsValid() && r.CIDR.Addr().Is6() {
		v.CidrIpv6 = new(r.CIDR.String())
	} else if r.CIDR.IsValid() {
		v.CidrIpv4 = new(r.CIDR.String())
	}
	return v
}
