package ec2

import (
	"context"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
)

// absentOperations read kinds of resources of which
// there can be none, because their Create operations are not served: the answer
// is an empty list, and no id exists.
func (a *API) absentOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("DescribeVpcPeeringConnections", a.describePeerings),
		protocol.Op("DescribeEgressOnlyInternetGateways", a.describeEgressGateways),
	}
}

// nothing refuses ids and unknown filters.
func nothing(ids []string, filters []model.Filter, code, noun string, names ...string) error {
	if len(ids) > 0 {
		return &cloud.Error{Kind: cloud.KindNotFound, Subject: noun, ID: ids[0], Code: code, Message: "The " + noun + " '" + ids[0] + "' does not exist"}
	}
	fields := filterFields[struct{}]{}
	for _, n := range names {
		fields[n] = func(struct{}) []string { return nil }
	}
	_, err := selectItems(nil, filters, fields, func(struct{}) cloud.Tags { return nil })
	return err
}

func (a *API) describePeerings(_ context.Context, _ *protocol.Call, in *model.DescribeVpcPeeringConnectionsRequest) (*model.DescribeVpcPeeringConnectionsResult, error) {
	return &model.DescribeVpcPeeringConnectionsResult{}, nothing(in.VpcPeeringConnectionIds, in.Filters,
		"InvalidVpcPeeringConnectionID.NotFound", "vpcPeeringConnection ID",
		"accepter-vpc-info.cidr-block", "accepter-vpc-info.owner-id", "accepter-vpc-info.vpc-id", "expiration-time",
		"requester-vpc-info.cidr-block", "requester-vpc-info.owner-id", "requester-vpc-info.vpc-id",
		"status-code", "status-message", "vpc-peering-connection-id")
}

func (a *API) describeEgressGateways(_ context.Context, _ *protocol.Call, in *model.DescribeEgressOnlyInternetGatewaysRequest) (*model.DescribeEgressOnlyInternetGatewaysResult, error) {
	return &model.DescribeEgressOnlyInternetGatewaysResult{}, nothing(in.EgressOnlyInternetGatewayIds, in.Filters,
		"InvalidGatewayID.NotFound", "egressOnlyInternetGateway ID")
}
