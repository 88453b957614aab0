package ec2

import (
	"context"
	"maps"
	"slices"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func (a *API) dhcpOptionsOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateDhcpOptions", a.createDHCPOptions),
		protocol.Op("DeleteDhcpOptions", a.deleteDHCPOptions),
		protocol.Op("DescribeDhcpOptions", a.describeDHCPOptions),
		protocol.Op("AssociateDhcpOptions", a.associateDHCPOptions),
	}
}

func (a *API) createDHCPOptions(ctx context.Context, call *protocol.Call, in *model.CreateDhcpOptionsRequest) (*model.CreateDhcpOptionsResult, error) {
	tags, err := tagsFromSpecs(in.TagSpecifications, "dhcp-options")
	if err != nil {
		return nil, err
	}
	c := vpc.CreateDHCPOptions{Options: map[string][]string{}, Tags: tags}
	for _, o := range in.DhcpConfigurations {
		c.Options[val(o.Key)] = append(c.Options[val(o.Key)], o.Values...)
	}
	d, err := do(ctx, a, call, c)
	if err != nil {
		return nil, err
	}
	return &model.CreateDhcpOptionsResult{DhcpOptions: dhcpOptionsView(d)}, nil
}

func (a *API) deleteDHCPOptions(ctx context.Context, call *protocol.Call, in *model.DeleteDhcpOptionsRequest) (*model.DeleteDhcpOptionsResult, error) {
	_, err := do(ctx, a, call, vpc.DeleteDHCPOptions{ID: val(in.DhcpOptionsId)})
	return nil, err
}

func (a *API) associateDHCPOptions(ctx context.Context, call *protocol.Call, in *model.AssociateDhcpOptionsRequest) (*model.AssociateDhcpOptionsResult, error) {
	_, err := do(ctx, a, call, vpc.AssociateDHCPOptions{VPCID: val(in.VpcId), OptionsID: val(in.DhcpOptionsId)})
	return nil, err
}

func (a *API) describeDHCPOptions(_ context.Context, call *protocol.Call, in *model.DescribeDhcpOptionsRequest) (*model.DescribeDhcpOptionsResult, error) {
	l := listing[vpc.DHCPOptions]{
		table: vpc.DHCPOptionSets, find: vpc.FindDHCPOptions,
		scope:   func(d vpc.DHCPOptions) cloud.Scope { return d.Scope },
		key:     func(d vpc.DHCPOptions) string { return d.ID },
		tags:    func(d vpc.DHCPOptions) cloud.Tags { return d.Tags },
		indexed: []indexedFilter{{"dhcp-options-id", "id"}},
		fields: filterFields[vpc.DHCPOptions]{
			"dhcp-options-id": one(func(d vpc.DHCPOptions) string { return d.ID }),
			"owner-id":        one(func(d vpc.DHCPOptions) string { return d.Account }),
			"key":             func(d vpc.DHCPOptions) []string { return slices.Collect(maps.Keys(d.Options)) },
			"value":           func(d vpc.DHCPOptions) []string { return slices.Concat(slices.Collect(maps.Values(d.Options))...) },
		},
	}
	sets, next, err := l.page(a.engine.Snapshot(), call.Caller.Scope, in.DhcpOptionsIds, in.Filters, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeDhcpOptionsResult{NextToken: next}
	for _, d := range sets {
		out.DhcpOptions = append(out.DhcpOptions, *dhcpOptionsView(d))
	}
	return out, nil
}

func dhcpOptionsView(d vpc.DHCPOptions) *model.DhcpOptions {
	out := &model.DhcpOptions{DhcpOptionsId: new(d.ID), OwnerId: new(d.Account), Tags: tagList(d.Tags)}
	for _, k := range slices.Sorted(maps.Keys(d.Options)) {
		o := model.DhcpConfiguration{Key: new(k)}
		for _, v := range d.Options[k] {
			o.Values = append(o.Values, model.AttributeValue{Value: new(v)})
		}
		out.DhcpConfigurations = append(out.DhcpConfigurations, o)
	}
	return out
}
