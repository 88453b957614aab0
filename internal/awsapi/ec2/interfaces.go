package ec2

import (
	"context"
	"net/netip"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func (a *API) interfaceOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateNetworkInterface", a.createNetworkInterface),
		protocol.Op("DeleteNetworkInterface", a.deleteNetworkInterface),
		protocol.Op("DescribeNetworkInterfaces", a.describeNetworkInterfaces),
		protocol.Op("DescribeNetworkInterfaceAttribute", a.describeNetworkInterfaceAttribute),
		protocol.Op("ModifyNetworkInterfaceAttribute", a.modifyNetworkInterfaceAttribute),
		protocol.Op("AttachNetworkInterface", a.attachNetworkInterface),
		protocol.Op("DetachNetworkInterface", a.detachNetworkInterface),
		protocol.Op("AssignPrivateIpAddresses", a.assignPrivateIPs),
		protocol.Op("UnassignPrivateIpAddresses", a.unassignPrivateIPs),
		protocol.Op("AssignIpv6Addresses", a.assignIPv6s),
		protocol.Op("UnassignIpv6Addresses", a.unassignIPv6s),
	}
}

func (a *API) createNetworkInterface(ctx context.Context, call *protocol.Call, in *model.CreateNetworkInterfaceRequest) (*model.CreateNetworkInterfaceResult, error) {
	tags, err := tagsFromSpecs(in.TagSpecifications, "network-interface")
	if err != nil {
		return nil, err
	}
	if t := val(in.InterfaceType); t != "" && t != "interface" {
		return nil, unserved("InterfaceType", t)
	}
	p := vpc.InterfaceParams{SubnetID: val(in.SubnetId), Description: val(in.Description), GroupIDs: in.Groups,
		SecondaryCount: int(val(in.SecondaryPrivateIpAddressCount)), SourceDestCheck: true, Tags: tags, ClientToken: val(in.ClientToken)}
	if p.PrivateIPs, p.SecondaryIPs, err = wantedIPv4(in.PrivateIpAddress, in.PrivateIpAddresses); err != nil {
		return nil, err
	}
	if p.IPv6s, p.IPv6Count, err = wantedIPv6(in.Ipv6Addresses, in.Ipv6AddressCount); err != nil {
		return nil, err
	}
	n, err := do(ctx, a, call, vpc.CreateInterface{InterfaceParams: p})
	if err != nil {
		return nil, err
	}
	return &model.CreateNetworkInterfaceResult{NetworkInterface: new(interfaceView(a.engine.Snapshot(), n)), ClientToken: in.ClientToken}, nil
}

// wantedIPv4 lists the wanted primary address, if any, with what follows it,
// or the wanted secondary addresses alone.
func wantedIPv4(primary *string, list []model.PrivateIpAddressSpecification) (withPrimary, secondary []netip.Addr, err error) {
	var first, rest []string
	if val(primary) != "" {
		first = append(first, *primary)
	}
	for _, s := range list {
		if val(s.Primary) {
			first = append(first, val(s.PrivateIpAddress))
		} else {
			rest = append(rest, val(s.PrivateIpAddress))
		}
	}
	if len(first) > 1 {
		return nil, nil, badCombination("Only one primary private IP address can be specified.")
	}
	all, err := parseAddresses("privateIpAddress", append(first, rest...), false)
	if len(first) == 0 {
		return nil, all, err
	}
	return all, nil, err
}

// wantedIPv6 lists the wanted IPv6 addresses or their number; an explicit
// number of 0 is -1: none, whatever the subnet says.
func wantedIPv6(list []model.InstanceIpv6Address, count *int64) ([]netip.Addr, int, error) {
	var texts []string
	for _, s := range list {
		texts = append(texts, val(s.Ipv6Address))
	}
	if len(texts) > 0 && val(count) > 0 {
		return nil, 0, badCombination("The parameters Ipv6Addresses and Ipv6AddressCount can not be used together.")
	}
	n := int(val(count))
	if count != nil && n == 0 {
		n = -1
	}
	out, err := parseAddresses("ipv6Address", texts, true)
	return out, n, err
}

func (a *API) deleteNetworkInterface(ctx context.Context, call *protocol.Call, in *model.DeleteNetworkInterfaceRequest) (*model.DeleteNetworkInterfaceResult, error) {
	_, err := do(ctx, a, call, vpc.DeleteInterface{ID: val(in.NetworkInterfaceId)})
	return &model.DeleteNetworkInterfaceResult{}, err
}

func (a *API) modifyNetworkInterfaceAttribute(ctx context.Context, call *protocol.Call, in *model.ModifyNetworkInterfaceAttributeRequest) (*model.ModifyNetworkInterfaceAttributeResult, error) {
	c := vpc.ModifyInterface{ID: val(in.NetworkInterfaceId), GroupIDs: in.Groups, LendOnStart: in.AssociatePublicIpAddress}
	if in.Description != nil {
		c.Description = new(val(in.Description.Value))
	}
	if in.SourceDestCheck != nil {
		c.SourceDestCheck = in.SourceDestCheck.Value
	}
	if in.Attachment != nil {
		c.AttachmentID, c.DeleteOnTermination = val(in.Attachment.AttachmentId), in.Attachment.DeleteOnTermination
	}
	_, err := do(ctx, a, call, c)
	return &model.ModifyNetworkInterfaceAttributeResult{}, err
}

func (a *API) attachNetworkInterface(ctx context.Context, call *protocol.Call, in *model.AttachNetworkInterfaceRequest) (*model.AttachNetworkInterfaceResult, error) {
	if val(in.NetworkCardIndex) != 0 {
		return nil, unserved("NetworkCardIndex", "other than 0")
	}
	n, err := do(ctx, a, call, compute.AttachInterface{InterfaceID: val(in.NetworkInterfaceId), InstanceID: val(in.InstanceId),
		DeviceIndex: int(val(in.DeviceIndex))})
	if err != nil {
		return nil, err
	}
	return &model.AttachNetworkInterfaceResult{AttachmentId: &n.Attachment.ID, NetworkCardIndex: new(int64(0))}, nil
}

func (a *API) detachNetworkInterface(ctx context.Context, call *protocol.Call, in *model.DetachNetworkInterfaceRequest) (*model.DetachNetworkInterfaceResult, error) {
	_, err := do(ctx, a, call, compute.DetachInterface{AttachmentID: val(in.AttachmentId)})
	return &model.DetachNetworkInterfaceResult{}, err
}

func (a *API) assignPrivateIPs(ctx context.Context, call *protocol.Call, in *model.AssignPrivateIpAddressesRequest) (*model.AssignPrivateIpAddressesResult, error) {
	ips, err := parseAddresses("privateIpAddress", in.PrivateIpAddresses, false)
	if err != nil {
		return nil, err
	}
	got, err := do(ctx, a, call, compute.AssignAddresses{AllowReassignment: val(in.AllowReassignment),
		AssignAddresses: vpc.AssignAddresses{ID: val(in.NetworkInterfaceId), IPv4s: ips, IPv4Count: int(val(in.SecondaryPrivateIpAddressCount))}})
	out := &model.AssignPrivateIpAddressesResult{NetworkInterfaceId: in.NetworkInterfaceId}
	for _, ip := range got.IPv4s {
		out.AssignedPrivateIpAddresses = append(out.AssignedPrivateIpAddresses, model.AssignedPrivateIpAddress{PrivateIpAddress: new(ip.String())})
	}
	return out, err
}

func (a *API) unassignPrivateIPs(ctx context.Context, call *protocol.Call, in *model.UnassignPrivateIpAddressesRequest) (*model.UnassignPrivateIpAddressesResult, error) {
	ips, err := parseAddresses("privateIpAddress", in.PrivateIpAddresses, false)
	if err != nil {
		return nil, err
	}
	_, err = do(ctx, a, call, vpc.UnassignAddresses{ID: val(in.NetworkInterfaceId), Addresses: ips})
	return &model.UnassignPrivateIpAddressesResult{}, err
}

func (a *API) assignIPv6s(ctx context.Context, call *protocol.Call, in *model.AssignIpv6AddressesRequest) (*model.AssignIpv6AddressesResult, error) {
	ips, err := parseAddresses("ipv6Address", in.Ipv6Addresses, true)
	if err != nil {
		return nil, err
	}
	got, err := do(ctx, a, call, compute.AssignAddresses{AssignAddresses: vpc.AssignAddresses{ID: val(in.NetworkInterfaceId), IPv6s: ips, IPv6Count: int(val(in.Ipv6AddressCount))}})
	out := &model.AssignIpv6AddressesResult{NetworkInterfaceId: in.NetworkInterfaceId}
	for _, ip := range got.IPv6s {
		out.AssignedIpv6Addresses = append(out.AssignedIpv6Addresses, ip.String())
	}
	return out, err
}

func (a *API) unassignIPv6s(ctx context.Context, call *protocol.Call, in *model.UnassignIpv6AddressesRequest) (*model.UnassignIpv6AddressesResult, error) {
	ips, err := parseAddresses("ipv6Address", in.Ipv6Addresses, true)
	if err != nil {
		return nil, err
	}
	_, err = do(ctx, a, call, vpc.UnassignAddresses{ID: val(in.NetworkInterfaceId), Addresses: ips})
	return &model.UnassignIpv6AddressesResult{NetworkInterfaceId: in.NetworkInterfaceId, UnassignedIpv6Addresses: in.Ipv6Addresses}, err
}
