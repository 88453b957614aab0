package ec2

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

func (a *API) instanceTypeOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("DescribeInstanceTypes", a.describeInstanceTypes),
		protocol.Op("DescribeInstanceTypeOfferings", a.describeInstanceTypeOfferings),
	}
}

func (a *API) describeInstanceTypes(_ context.Context, _ *protocol.Call, in *model.DescribeInstanceTypesRequest) (*model.DescribeInstanceTypesResult, error) {
	all := compute.InstanceTypes()
	if len(in.InstanceTypes) > 0 {
		all = nil
		var unknown []string
		for _, name := range in.InstanceTypes {
			t, ok := compute.FindInstanceType(name)
			if !ok {
				unknown = append(unknown, name)
			}
			all = append(all, t)
		}
		if len(unknown) > 0 {
			return nil, cloud.Errorf(cloud.KindInvalid, "instance-type", "InvalidInstanceType",
				"The following supplied instance types do not exist: [%s]", strings.Join(unknown, ", "))
		}
	}
	all, err := selectItems(all, in.Filters, typeFields(), nil)
	if err != nil {
		return nil, err
	}
	limit := in.MaxResults
	if limit == nil {
		limit = new(int64(100))
	}
	all, next, err := page(all, func(t compute.InstanceType) string { return t.Name }, limit, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeInstanceTypesResult{NextToken: next}
	for _, t := range all {
		out.InstanceTypes = append(out.InstanceTypes, typeView(t))
	}
	return out, nil
}

func typeFields() filterFields[compute.InstanceType] {
	type kind = compute.InstanceType
	number := func(get func(kind) int) func(kind) []string {
		return func(t kind) []string { return []string{strconv.Itoa(get(t))} }
	}
	always := func(value string) func(kind) []string { return func(kind) []string { return []string{value} } }
	return filterFields[kind]{
		"instance-type":                           one(func(t kind) string { return t.Name }),
		"bare-metal":                              always("false"),
		"burstable-performance-supported":         yesNo(func(t kind) bool { return t.Burstable }),
		"current-generation":                      yesNo(func(t kind) bool { return t.Current }),
		"free-tier-eligible":                      yesNo(func(t kind) bool { return t.FreeTier }),
		"hibernation-supported":                   always("false"),
		"hypervisor":                              one(func(t kind) string { return t.Hypervisor }),
		"instance-storage-supported":              always("false"),
		"memory-info.size-in-mib":                 number(func(t kind) int { return t.MemoryMiB }),
		"network-info.maximum-network-interfaces": number(func(t kind) int { return t.MaxInterfaces }),
		"processor-info.supported-architecture":   one(func(t kind) string { return t.Architecture }),
		"supported-root-device-type":              always("ebs"),
		"supported-usage-class":                   always("on-demand"),
		"supported-virtualization-type":           always("hvm"),
		"vcpu-info.default-cores":                 number(func(t kind) int { return t.Cores() }),
		"vcpu-info.default-threads-per-core":      number(func(t kind) int { return t.ThreadsPerCore }),
		"vcpu-info.default-vcpus":                 number(func(t kind) int { return t.VCPUs }),
	}
}

func typeView(t compute.InstanceType) model.InstanceTypeInfo {
	modes := []string{"legacy-bios", "uefi"}
	if t.Architecture == "arm64" {
		modes = []string{"uefi"}
	}
	cores := []int64{}
	for n := 1; n <= t.Cores(); n++ {
		cores = append(cores, int64(n))
	}
	threads := []int64{1}
	if t.ThreadsPerCore == 2 {
		threads = append(threads, 2)
	}
	nics := new(int64(t.MaxInterfaces))
	ena := "required"
	nvme := "required"
	if t.Hypervisor == "xen" {
		ena, nvme = "unsupported", "unsupported"
	}
	return model.InstanceTypeInfo{
		InstanceType: &t.Name, CurrentGeneration: &t.Current, FreeTierEligible: &t.FreeTier, BareMetal: new(false), Hypervisor: &t.Hypervisor,
		BurstablePerformanceSupported: &t.Burstable, DedicatedHostsSupported: new(false), HibernationSupported: new(false),
		InstanceStorageSupported: new(false), AutoRecoverySupported: new(true), NitroEnclavesSupport: new("unsupported"),
		NitroTpmSupport: new("unsupported"), SupportedBootModes: modes, SupportedRootDeviceTypes: []string{"ebs"},
		SupportedUsageClasses: []string{"on-demand"}, SupportedVirtualizationTypes: []string{"hvm"},
		ProcessorInfo: &model.ProcessorInfo{SupportedArchitectures: []string{t.Architecture}, SustainedClockSpeedInGhz: &t.GHz},
		VCpuInfo: &model.VCpuInfo{DefaultVCpus: new(int64(t.VCPUs)), DefaultCores: new(int64(t.Cores())),
			DefaultThreadsPerCore: new(int64(t.ThreadsPerCore)), ValidCores: cores, ValidThreadsPerCore: threads},
		MemoryInfo: &model.MemoryInfo{SizeInMiB: new(int64(t.MemoryMiB))},
		EbsInfo:    &model.EbsInfo{EbsOptimizedSupport: &t.EBSOptimized, EncryptionSupport: new("supported"), NvmeSupport: &nvme},
		NetworkInfo: &model.NetworkInfo{NetworkPerformance: &t.Network, MaximumNetworkInterfaces: nics, MaximumNetworkCards: new(int64(1)),
			DefaultNetworkCardIndex: new(int64(0)), Ipv4AddressesPerInterface: new(int64(t.AddressesPer)),
			Ipv6AddressesPerInterface: new(int64(t.AddressesPer)), Ipv6Supported: new(true), EnaSupport: &ena, EfaSupported: new(false),
			NetworkCards: []model.NetworkCardInfo{{NetworkCardIndex: new(int64(0)), NetworkPerformance: &t.Network, MaximumNetworkInterfaces: nics}}},
		PlacementGroupInfo: &model.PlacementGroupInfo{SupportedStrategies: []string{}},
	}
}

func (a *API) describeInstanceTypeOfferings(_ context.Context, call *protocol.Call, in *model.DescribeInstanceTypeOfferingsRequest) (*model.DescribeInstanceTypeOfferingsResult, error) {
	region := call.Caller.Region
	kind := val(in.LocationType)
	var places []string
	switch kind {
	case "", "region":
		kind, places = "region", []string{region}
	case "availability-zone":
		for _, z := range cloud.ZonesOf(a.engine.Snapshot(), call.Caller.Scope) {
			places = append(places, z.Name)
		}
	case "availability-zone-id":
		for _, z := range cloud.ZonesOf(a.engine.Snapshot(), call.Caller.Scope) {
			places = append(places, z.ID)
		}
	default:
		return nil, invalidValue("LocationType", kind, "Unknown location type.")
	}
	type offer struct{ name, place string }
	var all []offer
	for _, t := range compute.InstanceTypes() {
		for _, p := range places {
			all = append(all, offer{t.Name, p})
		}
	}
	all, err := selectItems(all, in.Filters, filterFields[offer]{
		"instance-type": one(func(o offer) string { return o.name }),
		"location":      one(func(o offer) string { return o.place }),
	}, nil)
	if err != nil {
		return nil, err
	}
	all, next, err := page(all, func(o offer) string { return fmt.Sprint(o.name, "/", o.place) }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeInstanceTypeOfferingsResult{NextToken: next}
	for _, o := range all {
		out.InstanceTypeOfferings = append(out.InstanceTypeOfferings, model.InstanceTypeOffering{InstanceType: &o.name, Location: &o.place, LocationType: &kind})
	}
	return out, nil
}
