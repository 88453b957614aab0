package ec2

import (
	"context"
	"net/netip"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func (a *API) securityGroupOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateSecurityGroup", a.createSecurityGroup),
		protocol.Op("DeleteSecurityGroup", a.deleteSecurityGroup),
		protocol.Op("DescribeSecurityGroups", a.describeSecurityGroups),
		protocol.Op("DescribeSecurityGroupRules", a.describeSecurityGroupRules),
		protocol.Op("AuthorizeSecurityGroupIngress", a.authorizeIngress),
		protocol.Op("AuthorizeSecurityGroupEgress", a.authorizeEgress),
		protocol.Op("RevokeSecurityGroupIngress", a.revokeIngress),
		protocol.Op("RevokeSecurityGroupEgress", a.revokeEgress),
		protocol.Op("ModifySecurityGroupRules", a.modifySecurityGroupRules),
		protocol.Op("UpdateSecurityGroupRuleDescriptionsIngress", a.describeIngress),
		protocol.Op("UpdateSecurityGroupRuleDescriptionsEgress", a.describeEgress),
	}
}

func (a *API) createSecurityGroup(ctx context.Context, call *protocol.Call, in *model.CreateSecurityGroupRequest) (*model.CreateSecurityGroupResult, error) {
	tags, err := tagsFromSpecs(in.TagSpecifications, "security-group")
	if err != nil {
		return nil, err
	}
	g, err := do(ctx, a, call, vpc.CreateSecurityGroup{
		Name: val(in.GroupName), Description: val(in.Description), VPCID: val(in.VpcId), Tags: tags})
	if err != nil {
		return nil, err
	}
	return &model.CreateSecurityGroupResult{GroupId: &g.ID, SecurityGroupArn: new(resourceARN(g.Scope, "security-group", g.ID)),
		Tags: tagList(g.Tags)}, nil
}

func (a *API) deleteSecurityGroup(ctx context.Context, call *protocol.Call, in *model.DeleteSecurityGroupRequest) (*model.DeleteSecurityGroupResult, error) {
	id, err := a.groupID(call, in.GroupId, in.GroupName)
	if err != nil {
		return nil, err
	}
	if _, err := do(ctx, a, call, vpc.DeleteSecurityGroup{ID: id}); err != nil {
		return nil, err
	}
	return &model.DeleteSecurityGroupResult{Return: new(true), GroupId: &id}, nil
}

// groupID resolves a group that is named by id, or by name in the default VPC.
func (a *API) groupID(call *protocol.Call, id, name *string) (string, error) {
	return vpc.GroupID(a.engine.Snapshot(), call.Caller.Scope, val(id), val(name))
}

func (a *API) authorizeIngress(ctx context.Context, call *protocol.Call, in *model.AuthorizeSecurityGroupIngressRequest) (*model.AuthorizeSecurityGroupIngressResult, error) {
	id, err := a.groupID(call, in.GroupId, in.GroupName)
	if err != nil {
		return nil, err
	}
	perms := withLegacy(in.IpPermissions, in.IpProtocol, in.FromPort, in.ToPort, in.CidrIp)
	rules, err := a.authorize(ctx, call, id, false, perms, in.TagSpecifications)
	return &model.AuthorizeSecurityGroupIngressResult{Return: new(true), SecurityGroupRules: rules}, err
}

func (a *API) authorizeEgress(ctx context.Context, call *protocol.Call, in *model.AuthorizeSecurityGroupEgressRequest) (*model.AuthorizeSecurityGroupEgressResult, error) {
	rules, err := a.authorize(ctx, call, val(in.GroupId), true, in.IpPermissions, in.TagSpecifications)
	return &model.AuthorizeSecurityGroupEgressResult{Return: new(true), SecurityGroupRules: rules}, err
}

func (a *API) authorize(ctx context.Context, call *protocol.Call, id string, egress bool, perms []model.IpPermission, specs []model.TagSpecification) ([]model.SecurityGroupRule, error) {
	tags, err := tagsFromSpecs(specs, "security-group-rule")
	if err != nil {
		return nil, err
	}
	params, err := a.ruleParams(call, perms)
	if err != nil {
		return nil, err
	}
	rules, err := do(ctx, a, call, vpc.AuthorizeRules{GroupID: id, Egress: egress, Rules: params, Tags: tags})
	var out []model.SecurityGroupRule
	for _, r := range rules {
		out = append(out, ruleView(a.engine.Snapshot(), r))
	}
	return out, err
}

func (a *API) revokeIngress(ctx context.Context, call *protocol.Call, in *model.RevokeSecurityGroupIngressRequest) (*model.RevokeSecurityGroupIngressResult, error) {
	id, err := a.groupID(call, in.GroupId, in.GroupName)
	if err != nil {
		return nil, err
	}
	perms := withLegacy(in.IpPermissions, in.IpProtocol, in.FromPort, in.ToPort, in.CidrIp)
	rules, unknown, err := a.revoke(ctx, call, id, false, perms, in.SecurityGroupRuleIds)
	return &model.RevokeSecurityGroupIngressResult{Return: new(true), RevokedSecurityGroupRules: rules, UnknownIpPermissions: unknown}, err
}

func (a *API) revokeEgress(ctx context.Context, call *protocol.Call, in *model.RevokeSecurityGroupEgressRequest) (*model.RevokeSecurityGroupEgressResult, error) {
	rules, unknown, err := a.revoke(ctx, call, val(in.GroupId), true, in.IpPermissions, in.SecurityGroupRuleIds)
	return &model.RevokeSecurityGroupEgressResult{Return: new(true), RevokedSecurityGroupRules: rules, UnknownIpPermissions: unknown}, err
}

func (a *API) revoke(ctx context.Context, call *protocol.Call, id string, egress bool, perms []model.IpPermission, ids []string) ([]model.RevokedSecurityGroupRule, []model.IpPermission, error) {
	params, err := a.ruleParams(call, perms)
	if err != nil {
		return nil, nil, err
	}
	r, err := do(ctx, a, call, vpc.RevokeRules{GroupID: id, Egress: egress, Rules: params, IDs: ids})
	if err != nil {
		return nil, nil, err
	}
	var out []model.RevokedSecurityGroupRule
	for _, rule := range r.Rules {
		out = append(out, revokedView(rule))
	}
	var unknown []model.IpPermission
	for _, p := range r.Unknown {
		unknown = append(unknown, permissionOf(p))
	}
	return out, unknown, nil
}

func (a *API) modifySecurityGroupRules(ctx context.Context, call *protocol.Call, in *model.ModifySecurityGroupRulesRequest) (*model.ModifySecurityGroupRulesResult, error) {
	c := vpc.ModifyRules{GroupID: val(in.GroupId)}
	for _, u := range in.SecurityGroupRules {
		if u.SecurityGroupRule == nil {
			return nil, missingParameter("SecurityGroupRule")
		}
		p, err := ruleRequest(u.SecurityGroupRule)
		if err != nil {
			return nil, err
		}
		c.Updates = append(c.Updates, vpc.RuleUpdate{ID: val(u.SecurityGroupRuleId), Rule: p})
	}
	_, err := do(ctx, a, call, c)
	return &model.ModifySecurityGroupRulesResult{Return: new(true)}, err
}

func ruleRequest(r *model.SecurityGroupRuleRequest) (vpc.RuleParams, error) {
	p := vpc.RuleParams{Protocol: val(r.IpProtocol), FromPort: intPointer(r.FromPort), ToPort: intPointer(r.ToPort),
		Description: val(r.Description), PeerGroupID: val(r.ReferencedGroupId), PrefixListID: val(r.PrefixListId)}
	peers := 0
	for _, given := range []*string{r.CidrIpv4, r.CidrIpv6, r.ReferencedGroupId, r.PrefixListId} {
		if given != nil {
			peers++
		}
	}
	if peers != 1 {
		return p, &protocol.Error{Code: "InvalidParameterCombination", Message: "Exactly one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId must be specified."}
	}
	var err error
	switch {
	case r.CidrIpv4 != nil:
		p.CIDR, err = ruleCIDR(*r.CidrIpv4, false)
	case r.CidrIpv6 != nil:
		p.CIDR, err = ruleCIDR(*r.CidrIpv6, true)
	}
	return p, err
}

func (a *API) describeIngress(ctx context.Context, call *protocol.Call, in *model.UpdateSecurityGroupRuleDescriptionsIngressRequest) (*model.UpdateSecurityGroupRuleDescriptionsIngressResult, error) {
	err := a.describeRules(ctx, call, in.GroupId, in.GroupName, false, in.IpPermissions, in.SecurityGroupRuleDescriptions)
	return &model.UpdateSecurityGroupRuleDescriptionsIngressResult{Return: new(true)}, err
}

func (a *API) describeEgress(ctx context.Context, call *protocol.Call, in *model.UpdateSecurityGroupRuleDescriptionsEgressRequest) (*model.UpdateSecurityGroupRuleDescriptionsEgressResult, error) {
	err := a.describeRules(ctx, call, in.GroupId, in.GroupName, true, in.IpPermissions, in.SecurityGroupRuleDescriptions)
	return &model.UpdateSecurityGroupRuleDescriptionsEgressResult{Return: new(true)}, err
}

func (a *API) describeRules(ctx context.Context, call *protocol.Call, id, name *string, egress bool, perms []model.IpPermission, byID []model.SecurityGroupRuleDescription) error {
	group, err := a.groupID(call, id, name)
	if err != nil {
		return err
	}
	params, err := a.ruleParams(call, perms)
	if err != nil {
		return err
	}
	c := vpc.DescribeRules{GroupID: group, Egress: egress, Rules: params, ByID: map[string]string{}}
	for _, d := range byID {
		c.ByID[val(d.SecurityGroupRuleId)] = val(d.Description)
	}
	_, err = do(ctx, a, call, c)
	return err
}

// withLegacy adds the permission that a request describes with top-level
// parameters, as requests did before IpPermissions.
func withLegacy(perms []model.IpPermission, proto *string, from, to *int64, cidr *string) []model.IpPermission {
	if proto == nil && cidr == nil && from == nil && to == nil {
		return perms
	}
	p := model.IpPermission{IpProtocol: proto, FromPort: from, ToPort: to}
	if cidr != nil {
		p.IpRanges = []model.IpRange{{CidrIp: cidr}}
	}
	return append(perms, p)
}

// ruleParams takes permissions apart into rules with one peer each.
func (a *API) ruleParams(call *protocol.Call, perms []model.IpPermission) ([]vpc.RuleParams, error) {
	var out []vpc.RuleParams
	for _, perm := range perms {
		base := vpc.RuleParams{Protocol: val(perm.IpProtocol), FromPort: intPointer(perm.FromPort), ToPort: intPointer(perm.ToPort)}
		n := len(out)
		for _, r := range perm.IpRanges {
			p := base
			p.Description = val(r.Description)
			var err error
			if p.CIDR, err = ruleCIDR(val(r.CidrIp), false); err != nil {
				return nil, err
			}
			out = append(out, p)
		}
		for _, r := range perm.Ipv6Ranges {
			p := base
			p.Description = val(r.Description)
			var err error
			if p.CIDR, err = ruleCIDR(val(r.CidrIpv6), true); err != nil {
				return nil, err
			}
			out = append(out, p)
		}
		for _, r := range perm.PrefixListIds {
			p := base
			p.Description, p.PrefixListID = val(r.Description), val(r.PrefixListId)
			out = append(out, p)
		}
		groups, err := a.groupPeers(call, base, perm.UserIdGroupPairs)
		if err != nil {
			return nil, err
		}
		if out = append(out, groups...); len(out) == n {
			out = append(out, base) // no peer: the domain refuses it
		}
	}
	return out, nil
}

func (a *API) groupPeers(call *protocol.Call, base vpc.RuleParams, pairs []model.UserIdGroupPair) ([]vpc.RuleParams, error) {
	var out []vpc.RuleParams
	for _, pair := range pairs {
		if pair.VpcPeeringConnectionId != nil {
			return nil, &protocol.Error{Code: "UnsupportedOperation", Message: "The parameter VpcPeeringConnectionId of a security group rule is not served."}
		}
		p := base
		p.Description = val(pair.Description)
		var err error
		if p.PeerGroupID, err = a.groupID(call, pair.GroupId, pair.GroupName); err != nil {
			return nil, err
		}
		if p.PeerGroupID == "" {
			return nil, missingParameter("GroupId")
		}
		out = append(out, p)
	}
	return out, nil
}

func ruleCIDR(text string, v6 bool) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is6() != v6 || p.Addr().Is4In6() {
		return p, &cloud.Error{Kind: cloud.KindInvalid, Subject: "security-group-rule", ID: text, Code: "InvalidParameterValue",
			Message: "CIDR block " + text + " is malformed"}
	}
	return p, nil
}
