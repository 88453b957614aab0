package ec2

import (
	"context"
	"strconv"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func (a *API) describeInstances(_ context.Context, call *protocol.Call, in *model.DescribeInstancesRequest) (*model.DescribeInstancesResult, error) {
	r := a.engine.Snapshot()
	if len(in.InstanceIds) > 0 {
		if _, err := compute.FindInstances(r, call.Caller.Scope, in.InstanceIds); err != nil {
			return nil, err
		}
	}
	all, next, err := instanceListing(r).page(r, call.Caller.Scope, in.InstanceIds, in.Filters, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeInstancesResult{NextToken: next}
	at := map[string]int{}
	for _, i := range all {
		n, ok := at[i.ReservationID]
		if !ok {
			n = len(out.Reservations)
			at[i.ReservationID] = n
			out.Reservations = append(out.Reservations, model.Reservation{OwnerId: new(i.Account), ReservationId: new(i.ReservationID)})
		}
		out.Reservations[n].Instances = append(out.Reservations[n].Instances, instanceView(r, i))
	}
	return out, nil
}

func instanceListing(r cloud.Reader) listing[compute.Instance] {
	return listing[compute.Instance]{
		table: compute.Instances, find: compute.FindInstance,
		scope:   func(i compute.Instance) cloud.Scope { return i.Scope },
		key:     func(i compute.Instance) string { return i.ID },
		indexed: []indexedFilter{{"instance-id", "id"}, {"vpc-id", compute.ByVPC}},
		fields:  instanceFields(r),
		tags:    func(i compute.Instance) cloud.Tags { return i.Tags },
	}
}

func instanceFields(r cloud.Reader) filterFields[compute.Instance] {
	type inst = compute.Instance
	nics := func(get func(vpc.NetworkInterface) []string) func(inst) []string {
		return func(i inst) []string {
			var out []string
			for _, n := range compute.Interfaces(r, i.ID) {
				out = append(out, get(n)...)
			}
			return out
		}
	}
	groups := nics(func(n vpc.NetworkInterface) []string { return n.GroupIDs })
	ids := nics(func(n vpc.NetworkInterface) []string { return []string{n.ID} })
	first := nics(func(n vpc.NetworkInterface) []string { return addressTexts(n.PrivateIPs[:min(1, len(n.PrivateIPs))]) })
	every := nics(func(n vpc.NetworkInterface) []string { return addressTexts(n.PrivateIPs) })
	public := nics(func(n vpc.NetworkInterface) []string {
		var out []string
		for a := range vpc.Addresses.By(r, "interface", n.ID) {
			out = append(out, a.PublicIP.String())
		}
		return out
	})
	return filterFields[inst]{
		"instance-id":                            one(func(i inst) string { return i.ID }),
		"instance-state-name":                    one(func(i inst) string { return string(i.State) }),
		"instance-state-code":                    one(func(i inst) string { return strconv.Itoa(i.State.Code()) }),
		"instance-type":                          one(func(i inst) string { return i.InstanceType }),
		"instance-lifecycle":                     func(inst) []string { return nil },
		"image-id":                               one(func(i inst) string { return i.ImageID }),
		"architecture":                           one(func(i inst) string { return i.Architecture }),
		"availability-zone":                      one(func(i inst) string { return i.Zone }),
		"client-token":                           one(func(i inst) string { return i.ClientToken }),
		"key-name":                               one(func(i inst) string { return i.KeyName }),
		"launch-index":                           one(func(i inst) string { return strconv.Itoa(i.LaunchIndex) }),
		"monitoring-state":                       one(func(i inst) string { return onOff(i.Monitoring) }),
		"owner-id":                               one(func(i inst) string { return i.Account }),
		"reservation-id":                         one(func(i inst) string { return i.ReservationID }),
		"root-device-name":                       one(func(i inst) string { return i.RootDeviceName }),
		"root-device-type":                       func(inst) []string { return []string{"ebs"} },
		"virtualization-type":                    func(inst) []string { return []string{"hvm"} },
		"tenancy":                                one(func(i inst) string { return i.Tenancy }),
		"vpc-id":                                 one(func(i inst) string { return i.VPCID }),
		"subnet-id":                              one(func(i inst) string { return i.SubnetID }),
		"private-dns-name":                       one(func(i inst) string { return i.PrivateDNSName }),
		"iam-instance-profile.arn":               one(func(i inst) string { return i.ProfileARN }),
		"iam-instance-profile.id":                one(func(i inst) string { return i.ProfileID }),
		"metadata-options.http-tokens":           one(func(i inst) string { return i.Metadata.HTTPTokens }),
		"private-ip-address":                     first,
		"ip-address":                             public,
		"group-id":                               groups,
		"instance.group-id":                      groups,
		"network-interface.group-id":             groups,
		"network-interface.network-interface-id": ids,
		"network-interface.addresses.private-ip-address": every,
		"network-interface.private-ip-address":           every,
		"network-interface.subnet-id":                    nics(func(n vpc.NetworkInterface) []string { return []string{n.SubnetID} }),
		"network-interface.vpc-id":                       nics(func(n vpc.NetworkInterface) []string { return []string{n.VPCID} }),
		"block-device-mapping.volume-id": func(i inst) []string {
			var out []string
			for _, b := range i.Volumes {
				out = append(out, b.VolumeID)
			}
			return out
		},
	}
}

func onOff(b bool) string {
	if b {
		return "enabled"
	}
	return "disabled"
}

func stateView(s compute.InstanceState) *model.InstanceState {
	return &model.InstanceState{Code: new(int64(s.Code())), Name: new(string(s))}
}

func instanceView(r cloud.Reader, i compute.Instance) model.Instance {
	v := model.Instance{
		InstanceId: &i.ID, ImageId: &i.ImageID, InstanceType: &i.InstanceType, KeyName: text(i.KeyName), LaunchTime: &i.LaunchTime,
		State: stateView(i.State), StateTransitionReason: &i.TransitionReason, AmiLaunchIndex: new(int64(i.LaunchIndex)),
		Architecture: &i.Architecture, ClientToken: &i.ClientToken, EbsOptimized: &i.EBSOptimized, EnaSupport: new(true),
		Hypervisor: new("xen"), VirtualizationType: new("hvm"), RootDeviceName: &i.RootDeviceName, RootDeviceType: new("ebs"),
		PlatformDetails: new("Linux/UNIX"), UsageOperation: new("RunInstances"), UsageOperationUpdateTime: &i.LaunchTime,
		Monitoring: &model.Monitoring{State: new(onOff(i.Monitoring))}, SourceDestCheck: &i.SourceDestCheck,
		VpcId: text(i.VPCID), SubnetId: text(i.SubnetID), PrivateDnsName: &i.PrivateDNSName, PublicDnsName: new(""),
		CpuOptions:                       &model.CpuOptions{CoreCount: new(int64(i.CPUCores)), ThreadsPerCore: new(int64(i.CPUThreads))},
		EnclaveOptions:                   &model.EnclaveOptions{Enabled: new(false)},
		HibernationOptions:               &model.HibernationOptions{Configured: new(false)},
		MaintenanceOptions:               &model.InstanceMaintenanceOptions{AutoRecovery: &i.AutoRecovery},
		MetadataOptions:                  metadataView(i),
		CapacityReservationSpecification: &model.CapacityReservationSpecificationResponse{CapacityReservationPreference: new("open")},
		Placement:                        placementView(r, i),
		PrivateDnsNameOptions: &model.PrivateDnsNameOptionsResponse{HostnameType: &i.HostnameType,
			EnableResourceNameDnsARecord: &i.ResourceNameDNSA, EnableResourceNameDnsAAAARecord: &i.ResourceNameDNSAAAA},
		Tags: tagList(i.Tags),
	}
	if i.StateReasonCode != "" {
		v.StateReason = &model.StateReason{Code: &i.StateReasonCode, Message: &i.StateReason}
	}
	if i.ProfileARN != "" {
		v.IamInstanceProfile = &model.IamInstanceProfile{Arn: &i.ProfileARN, Id: &i.ProfileID}
	}
	for _, b := range i.Volumes {
		v.BlockDeviceMappings = append(v.BlockDeviceMappings, model.InstanceBlockDeviceMapping{DeviceName: &b.DeviceName,
			Ebs: &model.EbsInstanceBlockDevice{VolumeId: &b.VolumeID, Status: new("attached"), AttachTime: &b.AttachedAt,
				DeleteOnTermination: &b.DeleteOnTermination}})
	}
	addInterfaceViews(r, i, &v)
	return v
}

func metadataView(i compute.Instance) *model.InstanceMetadataOptionsResponse {
	m := i.Metadata
	return &model.InstanceMetadataOptionsResponse{State: new("applied"), HttpTokens: &m.HTTPTokens, HttpEndpoint: &m.HTTPEndpoint,
		HttpPutResponseHopLimit: new(int64(m.HopLimit)), HttpProtocolIpv6: &m.HTTPIPv6, InstanceMetadataTags: &m.InstanceTags}
}

func placementView(r cloud.Reader, i compute.Instance) *model.Placement {
	p := &model.Placement{AvailabilityZone: &i.Zone, Tenancy: &i.Tenancy, GroupName: new("")}
	if z, ok := cloud.FindZoneOf(r, i.Scope, i.Zone); ok {
		p.AvailabilityZoneId = &z.ID
	}
	return p
}

// addInterfaceViews adds the interfaces and what the instance shows of the
// primary one.
func addInterfaceViews(r cloud.Reader, i compute.Instance, v *model.Instance) {
	for _, n := range compute.Interfaces(r, i.ID) {
		e := interfaceView(r, n)
		view := model.InstanceNetworkInterface{
			NetworkInterfaceId: e.NetworkInterfaceId, OwnerId: e.OwnerId, VpcId: e.VpcId, SubnetId: e.SubnetId, Description: e.Description,
			MacAddress: e.MacAddress, Status: e.Status, InterfaceType: e.InterfaceType, SourceDestCheck: e.SourceDestCheck, Groups: e.Groups,
			PrivateDnsName: e.PrivateDnsName, PrivateIpAddress: e.PrivateIpAddress, Association: instanceAssociation(e.Association),
			Attachment: &model.InstanceNetworkInterfaceAttachment{AttachmentId: e.Attachment.AttachmentId, AttachTime: e.Attachment.AttachTime,
				DeleteOnTermination: e.Attachment.DeleteOnTermination, DeviceIndex: e.Attachment.DeviceIndex,
				NetworkCardIndex: e.Attachment.NetworkCardIndex, Status: e.Attachment.Status},
		}
		for _, p := range e.PrivateIpAddresses {
			view.PrivateIpAddresses = append(view.PrivateIpAddresses, model.InstancePrivateIpAddress{PrivateIpAddress: p.PrivateIpAddress,
				Primary: p.Primary, PrivateDnsName: p.PrivateDnsName, Association: instanceAssociation(p.Association)})
		}
		for _, p := range e.Ipv6Addresses {
			view.Ipv6Addresses = append(view.Ipv6Addresses, model.InstanceIpv6Address{Ipv6Address: p.Ipv6Address, IsPrimaryIpv6: p.IsPrimaryIpv6})
		}
		v.NetworkInterfaces = append(v.NetworkInterfaces, view)
		if n.Attachment.DeviceIndex != 0 {
			continue
		}
		v.PrivateIpAddress, v.SecurityGroups, v.SourceDestCheck, v.Ipv6Address = e.PrivateIpAddress, e.Groups, e.SourceDestCheck, e.Ipv6Address
		if e.Association != nil {
			v.PublicIpAddress = e.Association.PublicIp
			v.PublicDnsName = new(val(e.Association.PublicDnsName))
		}
	}
}

func instanceAssociation(a *model.NetworkInterfaceAssociation) *model.InstanceNetworkInterfaceAssociation {
	if a == nil {
		return nil
	}
	return &model.InstanceNetworkInterfaceAssociation{IpOwnerId: a.IpOwnerId, PublicIp: a.PublicIp, PublicDnsName: a.PublicDnsName}
}
