package route53

import (
	"slices"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/route53"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/dns"
)

func zoneView(z dns.Zone) model.HostedZone {
	config := &model.HostedZoneConfig{PrivateZone: new(z.Private)}
	if z.Comment != "" {
		config.Comment = new(z.Comment)
	}
	return model.HostedZone{
		Id: new("/hostedzone/" + z.ID), Name: new(dns.EscapedName(z.Name)), CallerReference: new(z.CallerReference),
		Config: config, ResourceRecordSetCount: new(int64(z.RecordCount)),
	}
}

func zoneViews(zones []dns.Zone) []model.HostedZone {
	out := []model.HostedZone{}
	for _, z := range zones {
		out = append(out, zoneView(z))
	}
	return out
}

// delegationSet is a public zone's name servers; private zones have none.
func delegationSet(z dns.Zone) *model.DelegationSet {
	if z.Private {
		return nil
	}
	return &model.DelegationSet{NameServers: slices.Clone(z.NameServers)}
}

func vpcView(v dns.ZoneVPC) model.VPC {
	return model.VPC{VPCId: new(v.VPCID), VPCRegion: new(v.Region)}
}

func vpcOf(v *model.VPC) dns.ZoneVPC {
	if v == nil {
		return dns.ZoneVPC{}
	}
	return dns.ZoneVPC{VPCID: value(v.VPCId), Region: value(v.VPCRegion)}
}

// accepted is a change as the request that asks for it sees it: on its way.
func accepted(c dns.ChangeInfo) *model.ChangeInfo {
	v := changeView(c)
	v.Status = new("PENDING")
	return v
}

func changeView(c dns.ChangeInfo) *model.ChangeInfo {
	v := &model.ChangeInfo{Id: new("/change/" + c.ID), Status: new(c.Status), SubmittedAt: new(c.SubmittedAt)}
	if c.Comment != "" {
		v.Comment = new(c.Comment)
	}
	return v
}

func recordView(s dns.RecordSet) model.ResourceRecordSet {
	v := model.ResourceRecordSet{Name: new(dns.EscapedName(s.Name)), Type: new(s.Type), Weight: s.Weight}
	v.SetIdentifier, v.Failover, v.Region, v.HealthCheckId = some(s.SetIdentifier), some(s.Failover), some(s.Region), some(s.HealthCheckID)
	if s.Geo != nil {
		v.GeoLocation = &model.GeoLocation{ContinentCode: some(s.Geo.Continent), CountryCode: some(s.Geo.Country), SubdivisionCode: some(s.Geo.Subdivision)}
	}
	if s.MultiValue {
		v.MultiValueAnswer = new(true)
	}
	if s.Alias != nil {
		v.AliasTarget = &model.AliasTarget{
			HostedZoneId: new(s.Alias.ZoneID), DNSName: new(dns.EscapedName(s.Alias.Name)), EvaluateTargetHealth: new(s.Alias.EvaluateTargetHealth),
		}
		return v
	}
	v.TTL = new(s.TTL)
	for _, text := range s.Values {
		v.ResourceRecords = append(v.ResourceRecords, model.ResourceRecord{Value: new(text)})
	}
	return v
}

func tagList(tags cloud.Tags) []model.Tag {
	list := make([]model.Tag, 0, len(tags))
	for k, v := range tags {
		list = append(list, model.Tag{Key: new(k), Value: new(v)})
	}
	slices.SortFunc(list, func(a, b model.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return list
}
