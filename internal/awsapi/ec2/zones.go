package ec2

import (
	"context"
	"slices"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
)

func (a *API) zoneOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("DescribeAvailabilityZones", a.describeZones),
		protocol.Op("DescribeRegions", a.describeRegions),
	}
}

func (a *API) describeZones(_ context.Context, call *protocol.Call, in *model.DescribeAvailabilityZonesRequest) (*model.DescribeAvailabilityZonesResult, error) {
	region := call.Caller.Region
	all := cloud.ZonesOf(a.engine.Snapshot(), call.Caller.Scope)
	zones := slices.Clone(all)
	for _, want := range []struct {
		ids []string
		get func(cloud.Zone) string
	}{
		{in.ZoneNames, func(z cloud.Zone) string { return z.Name }},
		{in.ZoneIds, func(z cloud.Zone) string { return z.ID }},
	} {
		for _, id := range want.ids {
			if !slices.ContainsFunc(all, func(z cloud.Zone) bool { return want.get(z) == id }) {
				return nil, cloud.Errorf(cloud.KindInvalid, "zone", "InvalidParameterValue", "Invalid availability zone: [%s]", id)
			}
		}
		if len(want.ids) > 0 {
			zones = slices.DeleteFunc(zones, func(z cloud.Zone) bool { return !slices.Contains(want.ids, want.get(z)) })
		}
	}
	zones, err := selectItems(zones, in.Filters, zoneFields(region), nil)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeAvailabilityZonesResult{}
	for _, z := range zones {
		out.AvailabilityZones = append(out.AvailabilityZones, model.AvailabilityZone{
			ZoneName: new(z.Name), ZoneId: new(z.ID), RegionName: new(region), State: new("available"), ZoneType: new("availability-zone"),
			OptInStatus: new("opt-in-not-required"), GroupName: new(zoneGroup(region)), NetworkBorderGroup: new(region)})
	}
	return out, nil
}

func zoneGroup(region string) string { return region + "-zg-1" }

func zoneFields(region string) filterFields[cloud.Zone] {
	always := func(s string) func(cloud.Zone) []string { return func(cloud.Zone) []string { return []string{s} } }
	none := func(cloud.Zone) []string { return nil }
	return filterFields[cloud.Zone]{
		"zone-name":        one(func(z cloud.Zone) string { return z.Name }),
		"zone-id":          one(func(z cloud.Zone) string { return z.ID }),
		"region-name":      always(region),
		"group-name":       always(zoneGroup(region)),
		"state":            always("available"),
		"zone-type":        always("availability-zone"),
		"opt-in-status":    always("opt-in-not-required"),
		"message":          none,
		"parent-zone-id":   none,
		"parent-zone-name": none,
		"group-long-name":  none,
	}
}

func (a *API) describeRegions(_ context.Context, _ *protocol.Call, in *model.DescribeRegionsRequest) (*model.DescribeRegionsResult, error) {
	regions := cloud.Regions()
	for _, name := range in.RegionNames {
		if !slices.Contains(regions, name) {
			return nil, cloud.Errorf(cloud.KindInvalid, "region", "InvalidParameterValue", "Invalid region: [%s]", name)
		}
	}
	if len(in.RegionNames) > 0 {
		regions = slices.DeleteFunc(regions, func(r string) bool { return !slices.Contains(in.RegionNames, r) })
	}
	regions, err := selectItems(regions, in.Filters, filterFields[string]{
		"region-name":   one(func(r string) string { return r }),
		"endpoint":      one(regionEndpoint),
		"opt-in-status": one(optInStatus),
	}, nil)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeRegionsResult{}
	for _, r := range regions {
		out.Regions = append(out.Regions, model.Region{RegionName: new(r), Endpoint: new(regionEndpoint(r)), OptInStatus: new(optInStatus(r))})
	}
	return out, nil
}

func regionEndpoint(r string) string { return "ec2." + r + ".amazonaws.com" }

// optInStatus: every region is enabled for every account.
func optInStatus(r string) string {
	if cloud.OptInRequired(r) {
		return "opted-in"
	}
	return "opt-in-not-required"
}
