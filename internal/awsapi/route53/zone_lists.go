package route53

import (
	"cmp"
	"context"
	"slices"

	model "github.com/musubi-net/musubi/internal/awsapi/model/route53"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/dns"
)

// maxZones is the most zones of one answer.
const maxZones = 100

// ownZones are an account's zones by id.
func ownZones(r cloud.Reader, account string) []dns.Zone {
	return slices.Collect(dns.Zones.By(r, dns.ByAccount, account))
}

// from drops what comes before the first zone that is not before a start.
func from(zones []dns.Zone, before func(dns.Zone) bool) []dns.Zone {
	i := slices.IndexFunc(zones, func(z dns.Zone) bool { return !before(z) })
	if i < 0 {
		return nil
	}
	return zones[i:]
}

func (a *API) listHostedZones(_ context.Context, call *protocol.Call, in *model.ListHostedZonesRequest) (*model.ListHostedZonesResponse, error) {
	most, err := limit(in.MaxItems, maxZones)
	if err != nil {
		return nil, err
	}
	zones := ownZones(a.engine.Snapshot(), call.Caller.Account)
	if value(in.HostedZoneType) == "PrivateHostedZone" {
		zones = slices.DeleteFunc(zones, func(z dns.Zone) bool { return !z.Private })
	}
	if in.Marker != nil {
		zones = from(zones, func(z dns.Zone) bool { return z.ID < zoneID(in.Marker) })
	}
	out := &model.ListHostedZonesResponse{Marker: in.Marker, IsTruncated: new(len(zones) > most), MaxItems: new(digits(most))}
	if len(zones) > most {
		out.NextMarker = new(zones[most].ID)
		zones = zones[:most]
	}
	out.HostedZones = zoneViews(zones)
	return out, nil
}

func (a *API) listHostedZonesByName(_ context.Context, call *protocol.Call, in *model.ListHostedZonesByNameRequest) (*model.ListHostedZonesByNameResponse, error) {
	most, err := limit(in.MaxItems, maxZones)
	if err != nil {
		return nil, err
	}
	zones := ownZones(a.engine.Snapshot(), call.Caller.Account)
	order := func(a, b dns.Zone) int {
		return cmp.Or(cmp.Compare(dns.ReverseLabels(a.Name), dns.ReverseLabels(b.Name)), cmp.Compare(a.ID, b.ID))
	}
	slices.SortFunc(zones, order)
	start := dns.Zone{ID: zoneID(in.HostedZoneId)}
	switch {
	case in.DNSName != nil:
		if start.Name, err = dns.CanonicalName(*in.DNSName); err != nil {
			return nil, &protocol.Error{Code: "InvalidDomainName", Message: err.Error()}
		}
		zones = from(zones, func(z dns.Zone) bool { return order(z, start) < 0 })
	case in.HostedZoneId != nil:
		return nil, &protocol.Error{Code: "InvalidInput", Message: "The request contains a hosted zone ID but no DNS name."}
	}
	out := &model.ListHostedZonesByNameResponse{
		DNSName: in.DNSName, HostedZoneId: in.HostedZoneId, IsTruncated: new(len(zones) > most), MaxItems: new(digits(most)),
	}
	if len(zones) > most {
		out.NextDNSName, out.NextHostedZoneId = new(dns.EscapedName(zones[most].Name)), new(zones[most].ID)
		zones = zones[:most]
	}
	out.HostedZones = zoneViews(zones)
	return out, nil
}

func (a *API) listHostedZonesByVPC(_ context.Context, call *protocol.Call, in *model.ListHostedZonesByVPCRequest) (*model.ListHostedZonesByVPCResponse, error) {
	most, err := limit(in.MaxItems, maxZones)
	if err != nil {
		return nil, err
	}
	snapshot := a.engine.Snapshot()
	v := dns.ZoneVPC{VPCID: value(in.VPCId), Region: value(in.VPCRegion)}
	zones := slices.Collect(dns.Zones.By(snapshot, dns.ByVPC, v.VPCID))
	if err := mayList(snapshot, call.Caller.Account, v, zones); err != nil {
		return nil, err
	}
	zones = append(zones, dns.HiddenZones(snapshot, v.VPCID)...)
	slices.SortFunc(zones, func(a, b dns.Zone) int { return cmp.Compare(a.ID, b.ID) })
	if in.NextToken != nil {
		zones = from(zones, func(z dns.Zone) bool { return z.ID < *in.NextToken })
	}
	out := &model.ListHostedZonesByVPCResponse{HostedZoneSummaries: []model.HostedZoneSummary{}, MaxItems: new(digits(most))}
	if len(zones) > most {
		out.NextToken = new(zones[most].ID)
		zones = zones[:most]
	}
	for _, z := range zones {
		owner := &model.HostedZoneOwner{OwningAccount: some(z.Account)}
		if z.Account == "" {
			owner.OwningService = new("vpce.amazonaws.com")
		}
		out.HostedZoneSummaries = append(out.HostedZoneSummaries, model.HostedZoneSummary{
			HostedZoneId: new(z.ID), Name: new(dns.EscapedName(z.Name)), Owner: owner,
		})
	}
	return out, nil
}

// mayList refuses the zones of a VPC that is not the caller's. One that is gone
// may still be asked for by who has zones in it.
func mayList(r cloud.Reader, account string, v dns.ZoneVPC, zones []dns.Zone) error {
	_, err := dns.FindVPC(r, account, v)
	if cloud.IsKind(err, cloud.KindForbidden) {
		return &protocol.Error{Code: "AccessDenied", Message: "The VPC " + v.VPCID + " in region " + v.Region + " is not owned by you.", Status: 403}
	}
	if own := func(z dns.Zone) bool { return z.Account == account && slices.Contains(z.VPCs, v) }; !slices.ContainsFunc(zones, own) {
		return err
	}
	return nil
}

func (a *API) getHostedZoneCount(_ context.Context, call *protocol.Call, _ *model.GetHostedZoneCountRequest) (*model.GetHostedZoneCountResponse, error) {
	return &model.GetHostedZoneCountResponse{HostedZoneCount: new(int64(len(ownZones(a.engine.Snapshot(), call.Caller.Account))))}, nil
}
