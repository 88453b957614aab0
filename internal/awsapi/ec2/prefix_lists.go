package ec2

import (
	"context"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/amazon"
)

// prefixListOperations read AWS's own prefix lists. Users' own can not be made.
func (a *API) prefixListOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("DescribePrefixLists", a.describePrefixLists),
		protocol.Op("DescribeManagedPrefixLists", a.describeManagedPrefixLists),
		protocol.Op("GetManagedPrefixListEntries", a.getManagedPrefixListEntries),
	}
}

// prefixLists finds the lists with some ids, or all, that match filters.
func prefixLists(region string, ids []string, filters []model.Filter, notFound string) ([]amazon.PrefixList, error) {
	type list = amazon.PrefixList
	all := amazon.PrefixLists(region)
	if len(ids) > 0 {
		all = nil
		for _, id := range ids {
			l, ok := amazon.FindPrefixList(region, id)
			if !ok {
				return nil, &cloud.Error{Kind: cloud.KindNotFound, Subject: "prefix-list", ID: id, Code: notFound, Message: "The prefix list ID '" + id + "' does not exist"}
			}
			all = append(all, l)
		}
	}
	return selectItems(all, filters, filterFields[list]{
		"prefix-list-id":   one(func(l list) string { return l.ID }),
		"prefix-list-name": one(func(l list) string { return l.Name }),
		"owner-id":         one(func(list) string { return "AWS" }),
	}, func(list) cloud.Tags { return nil })
}

func (a *API) describePrefixLists(_ context.Context, call *protocol.Call, in *model.DescribePrefixListsRequest) (*model.DescribePrefixListsResult, error) {
	list, err := prefixLists(call.Caller.Region, in.PrefixListIds, in.Filters, "InvalidPrefixListId.NotFound")
	if err != nil {
		return nil, err
	}
	list, next, err := page(list, func(l amazon.PrefixList) string { return l.Name }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribePrefixListsResult{NextToken: next}
	for _, l := range list {
		v := model.PrefixList{PrefixListId: new(l.ID), PrefixListName: new(l.Name)}
		for _, p := range l.Prefixes {
			v.Cidrs = append(v.Cidrs, p.String())
		}
		out.PrefixLists = append(out.PrefixLists, v)
	}
	return out, nil
}

func (a *API) describeManagedPrefixLists(_ context.Context, call *protocol.Call, in *model.DescribeManagedPrefixListsRequest) (*model.DescribeManagedPrefixListsResult, error) {
	list, err := prefixLists(call.Caller.Region, in.PrefixListIds, in.Filters, "InvalidPrefixListID.NotFound")
	if err != nil {
		return nil, err
	}
	list, next, err := page(list, func(l amazon.PrefixList) string { return l.Name }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeManagedPrefixListsResult{NextToken: next}
	for _, l := range list {
		out.PrefixLists = append(out.PrefixLists, model.ManagedPrefixList{PrefixListId: new(l.ID), PrefixListName: new(l.Name),
			PrefixListArn: new(l.ARN()), AddressFamily: new("IPv4"), OwnerId: new("AWS"), State: new("create-complete")})
	}
	return out, nil
}

func (a *API) getManagedPrefixListEntries(_ context.Context, call *protocol.Call, in *model.GetManagedPrefixListEntriesRequest) (*model.GetManagedPrefixListEntriesResult, error) {
	list, err := prefixLists(call.Caller.Region, []string{val(in.PrefixListId)}, nil, "InvalidPrefixListID.NotFound")
	if err != nil {
		return nil, err
	}
	out := &model.GetManagedPrefixListEntriesResult{}
	for _, p := range list[0].Prefixes {
		out.Entries = append(out.Entries, model.PrefixListEntry{Cidr: new(p.String())})
	}
	entries, next, err := page(out.Entries, func(e model.PrefixListEntry) string { return *e.Cidr }, in.MaxResults, in.NextToken)
	out.Entries, out.NextToken = entries, next
	return out, err
}
