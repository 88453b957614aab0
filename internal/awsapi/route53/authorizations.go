package route53

import (
	"context"

	model "github.com/musubi-net/musubi/internal/awsapi/model/route53"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud/dns"
)

// maxAuthorizations is the most authorizations of one answer.
const maxAuthorizations = 50

func (a *API) createVPCAssociationAuthorization(ctx context.Context, call *protocol.Call, in *model.CreateVPCAssociationAuthorizationRequest) (*model.CreateVPCAssociationAuthorizationResponse, error) {
	c := dns.AuthorizeVPC{ZoneID: zoneID(in.HostedZoneId), VPC: vpcOf(in.VPC)}
	if _, err := do(ctx, a, call, c); err != nil {
		return nil, err
	}
	return &model.CreateVPCAssociationAuthorizationResponse{HostedZoneId: new(c.ZoneID), VPC: new(vpcView(c.VPC))}, nil
}

func (a *API) deleteVPCAssociationAuthorization(ctx context.Context, call *protocol.Call, in *model.DeleteVPCAssociationAuthorizationRequest) (*model.DeleteVPCAssociationAuthorizationResponse, error) {
	_, err := do(ctx, a, call, dns.UnauthorizeVPC{ZoneID: zoneID(in.HostedZoneId), VPC: vpcOf(in.VPC)})
	return &model.DeleteVPCAssociationAuthorizationResponse{}, err
}

func (a *API) listVPCAssociationAuthorizations(_ context.Context, call *protocol.Call, in *model.ListVPCAssociationAuthorizationsRequest) (*model.ListVPCAssociationAuthorizationsResponse, error) {
	most, err := limit(in.MaxResults, maxAuthorizations)
	if err != nil {
		return nil, err
	}
	snapshot := a.engine.Snapshot()
	z, err := dns.FindZone(snapshot, call.Caller.Account, zoneID(in.HostedZoneId))
	if err != nil {
		return nil, err
	}
	out := &model.ListVPCAssociationAuthorizationsResponse{HostedZoneId: new(z.ID), VPCs: []model.VPC{}}
	for x := range dns.Authorizations.By(snapshot, dns.ByZone, z.ID) {
		key := dns.AuthorizationKey(x.ZoneID, x.VPC)
		if key < value(in.NextToken) {
			continue
		}
		if len(out.VPCs) == most {
			out.NextToken = new(key)
			break
		}
		out.VPCs = append(out.VPCs, vpcView(x.VPC))
	}
	return out, nil
}
