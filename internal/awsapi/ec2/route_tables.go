package ec2

import (
	"context"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func (a *API) routeTableOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateRouteTable", a.createRouteTable),
		protocol.Op("DeleteRouteTable", a.deleteRouteTable),
		protocol.Op("DescribeRouteTables", a.describeRouteTables),
		protocol.Op("AssociateRouteTable", a.associateRouteTable),
		protocol.Op("DisassociateRouteTable", a.disassociateRouteTable),
		protocol.Op("ReplaceRouteTableAssociation", a.replaceRouteTableAssociation),
	}
}

func (a *API) createRouteTable(ctx context.Context, call *protocol.Call, in *model.CreateRouteTableRequest) (*model.CreateRouteTableResult, error) {
	tags, err := tagsFromSpecs(in.TagSpecifications, "route-table")
	if err != nil {
		return nil, err
	}
	t, err := do(ctx, a, call, vpc.CreateRouteTable{VPCID: val(in.VpcId), Tags: tags, ClientToken: val(in.ClientToken)})
	if err != nil {
		return nil, err
	}
	return &model.CreateRouteTableResult{RouteTable: routeTableView(a.engine.Snapshot(), t), ClientToken: in.ClientToken}, nil
}

func (a *API) deleteRouteTable(ctx context.Context, call *protocol.Call, in *model.DeleteRouteTableRequest) (*model.DeleteRouteTableResult, error) {
	_, err := do(ctx, a, call, vpc.DeleteRouteTable{ID: val(in.RouteTableId)})
	return nil, err
}

func (a *API) describeRouteTables(_ context.Context, call *protocol.Call, in *model.DescribeRouteTablesRequest) (*model.DescribeRouteTablesResult, error) {
	r := a.engine.Snapshot()
	tables, next, err := routeTableListing().page(r, call.Caller.Scope, in.RouteTableIds, in.Filters, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeRouteTablesResult{NextToken: next}
	for _, t := range tables {
		out.RouteTables = append(out.RouteTables, *routeTableView(r, t))
	}
	return out, nil
}

func routeTableListing() listing[vpc.RouteTable] {
	return listing[vpc.RouteTable]{
		table: vpc.RouteTables, find: vpc.FindRouteTable,
		scope: func(t vpc.RouteTable) cloud.Scope { return t.Scope },
		key:   func(t vpc.RouteTable) string { return t.ID },
		tags:  func(t vpc.RouteTable) cloud.Tags { return t.Tags },
		indexed: []indexedFilter{
			{"route-table-id", "id"}, {"association.route-table-id", "id"},
			{"association.route-table-association-id", vpc.ByAssociation}, {"association.subnet-id", vpc.BySubnet},
			{"vpc-id", vpc.ByVPC}, {"route.nat-gateway-id", "target"},
		},
		fields: routeTableFields(),
	}
}

func routeTableFields() filterFields[vpc.RouteTable] {
	associations := func(get func(vpc.RouteTable, vpc.RouteTableAssociation) string) func(vpc.RouteTable) []string {
		return func(t vpc.RouteTable) []string {
			var out []string
			for _, x := range t.Associations {
				out = append(out, get(t, x))
			}
			return out
		}
	}
	routes := func(get func(*model.Route) *string) func(vpc.RouteTable) []string {
		return func(t vpc.RouteTable) []string {
			var out []string
			for _, r := range t.Routes {
				if v := get(routeView(nil, r)); v != nil {
					out = append(out, *v)
				}
			}
			return out
		}
	}
	none := func(vpc.RouteTable) []string { return nil }
	return filterFields[vpc.RouteTable]{
		"route-table-id":                         one(func(t vpc.RouteTable) string { return t.ID }),
		"vpc-id":                                 one(func(t vpc.RouteTable) string { return t.VPCID }),
		"owner-id":                               one(func(t vpc.RouteTable) string { return t.Account }),
		"association.route-table-association-id": associations(func(_ vpc.RouteTable, x vpc.RouteTableAssociation) string { return x.ID }),
		"association.route-table-id":             associations(func(t vpc.RouteTable, _ vpc.RouteTableAssociation) string { return t.ID }),
		"association.subnet-id":                  associations(func(_ vpc.RouteTable, x vpc.RouteTableAssociation) string { return x.SubnetID }),
		"association.main": associations(func(_ vpc.RouteTable, x vpc.RouteTableAssociation) string {
			if x.Main {
				return "true"
			}
			return "false"
		}),
		"association.gateway-id":                none,
		"route.destination-cidr-block":          routes(func(r *model.Route) *string { return r.DestinationCidrBlock }),
		"route.destination-ipv6-cidr-block":     routes(func(r *model.Route) *string { return r.DestinationIpv6CidrBlock }),
		"route.gateway-id":                      routes(func(r *model.Route) *string { return r.GatewayId }),
		"route.nat-gateway-id":                  routes(func(r *model.Route) *string { return r.NatGatewayId }),
		"route.instance-id":                     routes(func(r *model.Route) *string { return r.InstanceId }),
		"route.origin":                          routes(func(r *model.Route) *string { return r.Origin }),
		"route.state":                           routes(func(r *model.Route) *string { return r.State }),
		"route.destination-prefix-list-id":      routes(func(r *model.Route) *string { return r.DestinationPrefixListId }),
		"route.egress-only-internet-gateway-id": none,
		"route.transit-gateway-id":              none,
		"route.vpc-peering-connection-id":       none,
	}
}

func routeTableView(r cloud.Reader, t vpc.RouteTable) *model.RouteTable {
	out := &model.RouteTable{RouteTableId: new(t.ID), VpcId: new(t.VPCID), OwnerId: new(t.Account), Tags: tagList(t.Tags)}
	for _, x := range t.Associations {
		out.Associations = append(out.Associations, model.RouteTableAssociation{
			RouteTableAssociationId: new(x.ID), RouteTableId: new(t.ID), Main: new(x.Main), SubnetId: text(x.SubnetID),
			AssociationState: associated(),
		})
	}
	for _, x := range t.Routes {
		out.Routes = append(out.Routes, *routeView(r, x))
	}
	return out
}

func associated() *model.RouteTableAssociationState {
	return &model.RouteTableAssociationState{State: new("associated")}
}

func (a *API) associateRouteTable(ctx context.Context, call *protocol.Call, in *model.AssociateRouteTableRequest) (*model.AssociateRouteTableResult, error) {
	x, err := do(ctx, a, call, vpc.AssociateRouteTable{RouteTableID: val(in.RouteTableId), SubnetID: val(in.SubnetId)})
	if err != nil {
		return nil, err
	}
	return &model.AssociateRouteTableResult{AssociationId: new(x.ID), AssociationState: associated()}, nil
}

func (a *API) disassociateRouteTable(ctx context.Context, call *protocol.Call, in *model.DisassociateRouteTableRequest) (*model.DisassociateRouteTableResult, error) {
	_, err := do(ctx, a, call, vpc.DisassociateRouteTable{AssociationID: val(in.AssociationId)})
	return nil, err
}

func (a *API) replaceRouteTableAssociation(ctx context.Context, call *protocol.Call, in *model.ReplaceRouteTableAssociationRequest) (*model.ReplaceRouteTableAssociationResult, error) {
	x, err := do(ctx, a, call, vpc.ReplaceRouteTableAssociation{AssociationID: val(in.AssociationId), RouteTableID: val(in.RouteTableId)})
	if err != nil {
		return nil, err
	}
	return &model.ReplaceRouteTableAssociationResult{NewAssociationId: new(x.ID), AssociationState: associated()}, nil
}
