package route53

import (
	"context"

	model "github.com/musubi-net/musubi/internal/awsapi/model/route53"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/dns"
)

func (a *API) createHostedZone(ctx context.Context, call *protocol.Call, in *model.CreateHostedZoneRequest) (*model.CreateHostedZoneResponse, error) {
	c := dns.CreateZone{Name: value(in.Name), CallerReference: value(in.CallerReference)}
	if in.HostedZoneConfig != nil {
		c.Comment, c.PrivateZone = value(in.HostedZoneConfig.Comment), in.HostedZoneConfig.PrivateZone
	}
	if in.VPC != nil {
		c.VPC = new(vpcOf(in.VPC))
	}
	created, err := do(ctx, a, call, c)
	if err != nil {
		return nil, err
	}
	z := created.Zone
	out := &model.CreateHostedZoneResponse{
		HostedZone: new(zoneView(z)), ChangeInfo: accepted(created.Change), DelegationSet: delegationSet(z),
		Location: new("https://route53.amazonaws.com/2013-04-01/hostedzone/" + z.ID),
	}
	if c.VPC != nil {
		out.VPC = new(vpcView(*c.VPC))
	}
	return out, nil
}

func (a *API) getHostedZone(_ context.Context, call *protocol.Call, in *model.GetHostedZoneRequest) (*model.GetHostedZoneResponse, error) {
	z, err := dns.FindZone(a.engine.Snapshot(), call.Caller.Account, zoneID(in.Id))
	if err != nil {
		return nil, err
	}
	out := &model.GetHostedZoneResponse{HostedZone: new(zoneView(z)), DelegationSet: delegationSet(z)}
	for _, v := range z.VPCs {
		out.VPCs = append(out.VPCs, vpcView(v))
	}
	return out, nil
}

func (a *API) deleteHostedZone(ctx context.Context, call *protocol.Call, in *model.DeleteHostedZoneRequest) (*model.DeleteHostedZoneResponse, error) {
	change, err := do(ctx, a, call, dns.DeleteZone{ID: zoneID(in.Id)})
	if err != nil {
		return nil, err
	}
	return &model.DeleteHostedZoneResponse{ChangeInfo: accepted(change)}, nil
}

func (a *API) updateHostedZoneComment(ctx context.Context, call *protocol.Call, in *model.UpdateHostedZoneCommentRequest) (*model.UpdateHostedZoneCommentResponse, error) {
	z, err := do(ctx, a, call, dns.UpdateComment{ID: zoneID(in.Id), Comment: value(in.Comment)})
	if err != nil {
		return nil, err
	}
	return &model.UpdateHostedZoneCommentResponse{HostedZone: new(zoneView(z))}, nil
}

func (a *API) associateVPC(ctx context.Context, call *protocol.Call, in *model.AssociateVPCWithHostedZoneRequest) (*model.AssociateVPCWithHostedZoneResponse, error) {
	change, err := do(ctx, a, call, dns.AssociateVPC{ZoneID: zoneID(in.HostedZoneId), VPC: vpcOf(in.VPC), Comment: value(in.Comment)})
	if err != nil {
		return nil, err
	}
	return &model.AssociateVPCWithHostedZoneResponse{ChangeInfo: accepted(change)}, nil
}

func (a *API) disassociateVPC(ctx context.Context, call *protocol.Call, in *model.DisassociateVPCFromHostedZoneRequest) (*model.DisassociateVPCFromHostedZoneResponse, error) {
	change, err := do(ctx, a, call, dns.DisassociateVPC{ZoneID: zoneID(in.HostedZoneId), VPC: vpcOf(in.VPC), Comment: value(in.Comment)})
	if err != nil {
		return nil, err
	}
	return &model.DisassociateVPCFromHostedZoneResponse{ChangeInfo: accepted(change)}, nil
}

func (a *API) getChange(_ context.Context, call *protocol.Call, in *model.GetChangeRequest) (*model.GetChangeResponse, error) {
	c, err := dns.FindChange(a.engine.Snapshot(), call.Caller.Account, bare(in.Id, "change"))
	if err != nil {
		return nil, err
	}
	return &model.GetChangeResponse{ChangeInfo: changeView(c)}, nil
}

// getDNSSEC answers for public zones, of which none is signed.
func (a *API) getDNSSEC(_ context.Context, call *protocol.Call, in *model.GetDNSSECRequest) (*model.GetDNSSECResponse, error) {
	z, err := dns.FindZone(a.engine.Snapshot(), call.Caller.Account, zoneID(in.HostedZoneId))
	if err != nil {
		return nil, err
	}
	if z.Private {
		return nil, cloud.Errorf(cloud.KindInvalid, "hosted-zone", "InvalidArgument", "Operation is unsupported for private hosted zones: %s", z.ID)
	}
	return &model.GetDNSSECResponse{Status: &model.DNSSECStatus{ServeSignature: new("NOT_SIGNING")}, KeySigningKeys: []model.KeySigningKey{}}, nil
}
