package ec2

import (
	"context"
	"net/netip"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func (a *API) addressOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("AllocateAddress", a.allocateAddress),
		protocol.Op("ReleaseAddress", a.releaseAddress),
		protocol.Op("AssociateAddress", a.associateAddress),
		protocol.Op("DisassociateAddress", a.disassociateAddress),
		protocol.Op("DescribeAddresses", a.describeAddresses),
		protocol.Op("DescribeAddressesAttribute", a.describeAddressesAttribute),
	}
}

// amazonPool is the pool that all public addresses come from.
const amazonPool = "amazon"

func (a *API) allocateAddress(ctx context.Context, call *protocol.Call, in *model.AllocateAddressRequest) (*model.AllocateAddressResult, error) {
	tags, err := tagsFromSpecs(in.TagSpecifications, "elastic-ip")
	if err != nil {
		return nil, err
	}
	if d := val(in.Domain); d != "" && d != "vpc" {
		return nil, invalidValue("domain", d, "Addresses are for use in a VPC.")
	}
	if p := val(in.PublicIpv4Pool); p != "" && p != amazonPool {
		return nil, unserved("PublicIpv4Pool", p)
	}
	x, err := do(ctx, a, call, vpc.AllocateAddress{NetworkBorderGroup: val(in.NetworkBorderGroup), Tags: tags})
	if err != nil {
		return nil, err
	}
	return &model.AllocateAddressResult{AllocationId: new(x.AllocationID), PublicIp: new(x.PublicIP.String()), Domain: new("vpc"),
		NetworkBorderGroup: new(x.NetworkBorderGroup), PublicIpv4Pool: new(amazonPool)}, nil
}

func (a *API) releaseAddress(ctx context.Context, call *protocol.Call, in *model.ReleaseAddressRequest) (*model.ReleaseAddressResult, error) {
	if err := checkBorderGroup(call, in.NetworkBorderGroup); err != nil {
		return nil, err
	}
	if val(in.AllocationId) == "" && val(in.PublicIp) != "" {
		return nil, cloud.Errorf(cloud.KindInvalid, "address", "InvalidParameterValue",
			"You must specify an allocation id when releasing a VPC elastic IP address")
	}
	_, err := do(ctx, a, call, vpc.ReleaseAddress{AllocationID: val(in.AllocationId)})
	return nil, err
}

func (a *API) associateAddress(ctx context.Context, call *protocol.Call, in *model.AssociateAddressRequest) (*model.AssociateAddressResult, error) {
	c := vpc.AssociateAddress{AllocationID: val(in.AllocationId), InstanceID: val(in.InstanceId), InterfaceID: val(in.NetworkInterfaceId),
		AllowReassociation: val(in.AllowReassociation)}
	var err error
	if c.PublicIP, err = address("publicIp", in.PublicIp); err != nil {
		return nil, err
	}
	if c.PrivateIP, err = address("privateIpAddress", in.PrivateIpAddress); err != nil {
		return nil, err
	}
	x, err := do(ctx, a, call, c)
	if err != nil {
		return nil, err
	}
	return &model.AssociateAddressResult{AssociationId: new(x.AssociationID)}, nil
}

func (a *API) disassociateAddress(ctx context.Context, call *protocol.Call, in *model.DisassociateAddressRequest) (*model.DisassociateAddressResult, error) {
	ip, err := address("publicIp", in.PublicIp)
	if err != nil {
		return nil, err
	}
	_, err = do(ctx, a, call, vpc.DisassociateAddress{AssociationID: val(in.AssociationId), PublicIP: ip})
	return nil, err
}

func (a *API) describeAddresses(_ context.Context, call *protocol.Call, in *model.DescribeAddressesRequest) (*model.DescribeAddressesResult, error) {
	r := a.engine.Snapshot()
	ids := in.AllocationIds
	for _, p := range in.PublicIps {
		ip, err := netip.ParseAddr(p)
		if err != nil {
			return nil, invalidValue("publicIp", p, "Invalid IPv4 address.")
		}
		x, err := vpc.FindPublicIP(r, call.Caller.Scope, ip)
		if err != nil {
			return nil, err
		}
		ids = append(ids, x.AllocationID)
	}
	list, err := addressListing(r).list(r, call.Caller.Scope, ids, in.Filters)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeAddressesResult{}
	for _, x := range list {
		if !x.Amazon {
			out.Addresses = append(out.Addresses, *addressView(r, x))
		}
	}
	return out, nil
}

func addressListing(r cloud.Reader) listing[vpc.Address] {
	viewed := func(get func(*model.Address) *string) func(vpc.Address) []string {
		return func(x vpc.Address) []string {
			if v := get(addressView(r, x)); v != nil {
				return []string{*v}
			}
			return nil
		}
	}
	return listing[vpc.Address]{
		table: vpc.Addresses, find: vpc.FindAddress,
		scope: func(x vpc.Address) cloud.Scope { return x.Scope },
		key:   func(x vpc.Address) string { return x.AllocationID + "/" + x.PublicIP.String() },
		tags:  func(x vpc.Address) cloud.Tags { return x.Tags },
		indexed: []indexedFilter{{"allocation-id", "id"}, {"public-ip", "ip"}, {"association-id", vpc.ByAssociation},
			{"network-interface-id", "interface"}},
		fields: filterFields[vpc.Address]{
			"allocation-id":              viewed(func(v *model.Address) *string { return v.AllocationId }),
			"association-id":             viewed(func(v *model.Address) *string { return v.AssociationId }),
			"public-ip":                  viewed(func(v *model.Address) *string { return v.PublicIp }),
			"private-ip-address":         viewed(func(v *model.Address) *string { return v.PrivateIpAddress }),
			"network-interface-id":       viewed(func(v *model.Address) *string { return v.NetworkInterfaceId }),
			"network-interface-owner-id": viewed(func(v *model.Address) *string { return v.NetworkInterfaceOwnerId }),
			"network-border-group":       viewed(func(v *model.Address) *string { return v.NetworkBorderGroup }),
			"instance-id":                viewed(func(v *model.Address) *string { return v.InstanceId }),
			"domain":                     viewed(func(v *model.Address) *string { return v.Domain }),
		},
	}
}

func addressView(r cloud.Reader, x vpc.Address) *model.Address {
	out := &model.Address{
		AllocationId: text(x.AllocationID), PublicIp: new(x.PublicIP.String()), Domain: new("vpc"), PublicIpv4Pool: new(amazonPool),
		NetworkBorderGroup: new(x.NetworkBorderGroup), AssociationId: text(x.AssociationID), NetworkInterfaceId: text(x.InterfaceID),
		Tags: tagList(x.Tags),
	}
	if x.InterfaceID == "" {
		return out
	}
	out.PrivateIpAddress = new(x.PrivateIP.String())
	if n, ok := vpc.NetworkInterfaces.Get(r, x.InterfaceID); ok {
		out.NetworkInterfaceOwnerId = new(n.Account)
		if n.Attachment != nil {
			out.InstanceId = text(n.Attachment.InstanceID)
		}
	}
	return out
}

// describeAddressesAttribute knows the addresses; none has a reverse name.
func (a *API) describeAddressesAttribute(_ context.Context, call *protocol.Call, in *model.DescribeAddressesAttributeRequest) (*model.DescribeAddressesAttributeResult, error) {
	if n := val(in.Attribute); n != "domain-name" {
		return nil, invalidValue("attribute", n, "Unknown attribute.")
	}
	r := a.engine.Snapshot()
	list, next, err := addressListing(r).page(r, call.Caller.Scope, in.AllocationIds, nil, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeAddressesAttributeResult{NextToken: next}
	for _, x := range list {
		if !x.Amazon {
			out.Addresses = append(out.Addresses, model.AddressAttribute{AllocationId: new(x.AllocationID), PublicIp: new(x.PublicIP.String())})
		}
	}
	return out, nil
}
