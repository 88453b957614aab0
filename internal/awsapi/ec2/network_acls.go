package ec2

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// networkACLOperations: network ACLs can be read; there are only default ones.
func (a *API) networkACLOperations() []protocol.Operation {
	return []protocol.Operation{protocol.Op("DescribeNetworkAcls", a.describeNetworkACLs)}
}

func (a *API) describeNetworkACLs(_ context.Context, call *protocol.Call, in *model.DescribeNetworkAclsRequest) (*model.DescribeNetworkAclsResult, error) {
	acls, next, err := networkACLListing().page(a.engine.Snapshot(), call.Caller.Scope, in.NetworkAclIds, in.Filters, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeNetworkAclsResult{NextToken: next}
	for _, x := range acls {
		out.NetworkAcls = append(out.NetworkAcls, *networkACLView(x))
	}
	return out, nil
}

func networkACLListing() listing[vpc.NetworkACL] {
	associations := func(get func(vpc.NetworkACL, vpc.ACLAssociation) string) func(vpc.NetworkACL) []string {
		return func(x vpc.NetworkACL) []string {
			var out []string
			for _, s := range x.Associations {
				out = append(out, get(x, s))
			}
			return out
		}
	}
	entries := func(get func(model.NetworkAclEntry) *string) func(vpc.NetworkACL) []string {
		return func(x vpc.NetworkACL) []string {
			var out []string
			for _, e := range networkACLView(x).Entries {
				if v := get(e); v != nil {
					out = append(out, *v)
				}
			}
			return out
		}
	}
	return listing[vpc.NetworkACL]{
		table: vpc.NetworkACLs, find: vpc.FindNetworkACL,
		scope:   func(x vpc.NetworkACL) cloud.Scope { return x.Scope },
		key:     func(x vpc.NetworkACL) string { return x.ID },
		tags:    func(x vpc.NetworkACL) cloud.Tags { return x.Tags },
		indexed: []indexedFilter{{"network-acl-id", "id"}, {"association.subnet-id", vpc.BySubnet}, {"vpc-id", vpc.ByVPC}},
		fields: filterFields[vpc.NetworkACL]{
			"network-acl-id":             one(func(x vpc.NetworkACL) string { return x.ID }),
			"vpc-id":                     one(func(x vpc.NetworkACL) string { return x.VPCID }),
			"owner-id":                   one(func(x vpc.NetworkACL) string { return x.Account }),
			"default":                    yesNo(func(x vpc.NetworkACL) bool { return x.IsDefault }),
			"association.association-id": associations(func(_ vpc.NetworkACL, s vpc.ACLAssociation) string { return s.ID }),
			"association.network-acl-id": associations(func(x vpc.NetworkACL, _ vpc.ACLAssociation) string { return x.ID }),
			"association.subnet-id":      associations(func(_ vpc.NetworkACL, s vpc.ACLAssociation) string { return s.SubnetID }),
			"entry.cidr":                 entries(func(e model.NetworkAclEntry) *string { return e.CidrBlock }),
			"entry.ipv6-cidr":            entries(func(e model.NetworkAclEntry) *string { return e.Ipv6CidrBlock }),
			"entry.protocol":             entries(func(e model.NetworkAclEntry) *string { return e.Protocol }),
			"entry.rule-action":          entries(func(e model.NetworkAclEntry) *string { return e.RuleAction }),
			"entry.egress":               entries(func(e model.NetworkAclEntry) *string { return new(strconv.FormatBool(val(e.Egress))) }),
			"entry.rule-number":          entries(func(e model.NetworkAclEntry) *string { return new(strconv.FormatInt(val(e.RuleNumber), 10)) }),
		},
	}
}

func networkACLView(x vpc.NetworkACL) *model.NetworkAcl {
	out := &model.NetworkAcl{NetworkAclId: new(x.ID), VpcId: new(x.VPCID), OwnerId: new(x.Account), IsDefault: new(x.IsDefault), Tags: tagList(x.Tags)}
	for _, s := range x.Associations {
		out.Associations = append(out.Associations, model.NetworkAclAssociation{
			NetworkAclAssociationId: new(s.ID), NetworkAclId: new(x.ID), SubnetId: new(s.SubnetID)})
	}
	entries := slices.Clone(x.Entries)
	slices.SortStableFunc(entries, func(p, q vpc.ACLEntry) int {
		if p.Egress != q.Egress {
			if p.Egress {
				return -1
			}
			return 1
		}
		return cmp.Compare(p.Number, q.Number)
	})
	for _, e := range entries {
		out.Entries = append(out.Entries, aclEntryView(e))
	}
	return out
}

func aclEntryView(e vpc.ACLEntry) model.NetworkAclEntry {
	v := model.NetworkAclEntry{RuleNumber: new(int64(e.Number)), Protocol: new(e.Protocol), Egress: new(e.Egress), RuleAction: new("deny")}
	if e.Allow {
		v.RuleAction = new("allow")
	}
	if e.CIDR.Addr().Is4() {
		v.CidrBlock = new(e.CIDR.String())
	} else {
		v.Ipv6CidrBlock = new(e.CIDR.String())
	}
	if e.Protocol == "6" || e.Protocol == "17" {
		v.PortRange = &model.PortRange{From: new(int64(e.FromPort)), To: new(int64(e.ToPort))}
	}
	return v
}
