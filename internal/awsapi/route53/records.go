package route53

import (
	"context"
	"strconv"

	model "github.com/musubi-net/musubi/internal/awsapi/model/route53"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud/dns"
)

// maxRecords is the most record sets of one answer.
const maxRecords = 300

func digits(n int) string { return strconv.Itoa(n) }

func (a *API) changeResourceRecordSets(ctx context.Context, call *protocol.Call, in *model.ChangeResourceRecordSetsRequest) (*model.ChangeResourceRecordSetsResponse, error) {
	c := dns.ChangeRecords{ZoneID: zoneID(in.HostedZoneId)}
	if in.ChangeBatch != nil {
		c.Comment = value(in.ChangeBatch.Comment)
		for _, change := range in.ChangeBatch.Changes {
			decoded, err := changeOf(change)
			if err != nil {
				return nil, err
			}
			c.Changes = append(c.Changes, decoded)
		}
	}
	accept, err := do(ctx, a, call, c)
	if err != nil {
		return nil, err
	}
	return &model.ChangeResourceRecordSetsResponse{ChangeInfo: accepted(accept)}, nil
}

func changeOf(in model.Change) (dns.Change, error) {
	out := dns.Change{Action: dns.Action(value(in.Action))}
	s := in.ResourceRecordSet
	if s == nil {
		return out, &protocol.Error{Code: "InvalidInput", Message: "Invalid request: Missing field 'ResourceRecordSet' in Change"}
	}
	for what, used := range map[string]bool{
		"Geoproximity routing": s.GeoProximityLocation != nil,
		"IP-based routing":     s.CidrRoutingConfig != nil, "A traffic policy instance": s.TrafficPolicyInstanceId != nil,
	} {
		if used {
			return out, &protocol.Error{Code: "UnsupportedOperation", Message: what + " is not served by Musubi."}
		}
	}
	out.HasTTL = s.TTL != nil
	out.Set = dns.RecordSet{
		Name: value(s.Name), Type: value(s.Type), TTL: value(s.TTL), SetIdentifier: value(s.SetIdentifier), Weight: s.Weight,
		Failover: value(s.Failover), Region: value(s.Region), MultiValue: value(s.MultiValueAnswer), HealthCheckID: value(s.HealthCheckId),
	}
	if g := s.GeoLocation; g != nil {
		out.Set.Geo = &dns.Location{Continent: value(g.ContinentCode), Country: value(g.CountryCode), Subdivision: value(g.SubdivisionCode)}
	}
	for _, r := range s.ResourceRecords {
		out.Set.Values = append(out.Set.Values, value(r.Value))
	}
	if t := s.AliasTarget; t != nil {
		out.Set.Alias = &dns.Alias{ZoneID: zoneID(t.HostedZoneId), Name: value(t.DNSName), EvaluateTargetHealth: value(t.EvaluateTargetHealth)}
	}
	return out, nil
}

func (a *API) listResourceRecordSets(_ context.Context, call *protocol.Call, in *model.ListResourceRecordSetsRequest) (*model.ListResourceRecordSetsResponse, error) {
	most, err := limit(in.MaxItems, maxRecords)
	if err != nil {
		return nil, err
	}
	snapshot := a.engine.Snapshot()
	z, err := dns.FindZone(snapshot, call.Caller.Account, zoneID(in.HostedZoneId))
	if err != nil {
		return nil, err
	}
	start, err := startKey(z.ID, in)
	if err != nil {
		return nil, err
	}
	out := &model.ListResourceRecordSetsResponse{ResourceRecordSets: []model.ResourceRecordSet{}, IsTruncated: new(false), MaxItems: new(digits(most))}
	for s := range dns.RecordSets.By(snapshot, dns.ByZone, z.ID) {
		if dns.RecordKey(s.ZoneID, s.Name, s.Type, s.SetIdentifier) < start {
			continue
		}
		v := recordView(s)
		if len(out.ResourceRecordSets) == most {
			out.IsTruncated = new(true)
			out.NextRecordName, out.NextRecordType, out.NextRecordIdentifier = v.Name, v.Type, v.SetIdentifier
			break
		}
		out.ResourceRecordSets = append(out.ResourceRecordSets, v)
	}
	return out, nil
}

// startKey is the key from which on record sets are listed.
func startKey(zone string, in *model.ListResourceRecordSetsRequest) (string, error) {
	if in.StartRecordName == nil || *in.StartRecordName == "" {
		if in.StartRecordType != nil || in.StartRecordIdentifier != nil {
			return "", &protocol.Error{Code: "InvalidInput", Message: "The input is not valid: a record type or identifier was specified without a name."}
		}
		return "", nil
	}
	if in.StartRecordIdentifier != nil && in.StartRecordType == nil {
		return "", &protocol.Error{Code: "InvalidInput", Message: "The input is not valid: a record identifier was specified without a type."}
	}
	name, err := dns.CanonicalName(*in.StartRecordName)
	if err != nil {
		return "", &protocol.Error{Code: "InvalidInput", Message: err.Error()}
	}
	return dns.RecordKey(zone, name, value(in.StartRecordType), value(in.StartRecordIdentifier)), nil
}
