package ec2

import (
	"context"
	"net/netip"
	"strconv"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func (a *API) describeNetworkInterfaces(_ context.Context, call *protocol.Call, in *model.DescribeNetworkInterfacesRequest) (*model.DescribeNetworkInterfacesResult, error) {
	r := a.engine.Snapshot()
	all, next, err := interfaceListing(r).page(r, call.Caller.Scope, in.NetworkInterfaceIds, in.Filters, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeNetworkInterfacesResult{NextToken: next}
	_, byAttachment := exactValues(in.Filters, attachmentFilter)
	for _, n := range all {
		v := interfaceView(r, n)
		// Who asks for an attachment that ended is told so: Terraform waits for
		// minutes where it only finds that there is nothing.
		if byAttachment && n.Attachment == nil {
			v.Attachment = &model.NetworkInterfaceAttachment{AttachmentId: &n.DetachedID, Status: new("detached")}
		}
		out.NetworkInterfaces = append(out.NetworkInterfaces, v)
	}
	return out, nil
}

const attachmentFilter = "attachment.attachment-id"

func interfaceListing(r cloud.Reader) listing[vpc.NetworkInterface] {
	return listing[vpc.NetworkInterface]{
		table: vpc.NetworkInterfaces, find: vpc.FindInterface,
		scope: func(n vpc.NetworkInterface) cloud.Scope { return n.Scope },
		key:   func(n vpc.NetworkInterface) string { return n.ID },
		indexed: []indexedFilter{{"network-interface-id", "id"}, {"attachment.instance-id", "instance"}, {attachmentFilter, "attachment"},
			{"subnet-id", vpc.BySubnet}, {"group-id", vpc.ByGroup}, {"vpc-id", vpc.ByVPC}},
		fields: interfaceFields(r),
		tags:   func(n vpc.NetworkInterface) cloud.Tags { return n.Tags },
	}
}

func interfaceFields(r cloud.Reader) filterFields[vpc.NetworkInterface] {
	type eni = vpc.NetworkInterface
	attached := func(get func(vpc.Attachment) string) func(eni) []string {
		return func(n eni) []string {
			if n.Attachment == nil {
				return nil
			}
			return []string{get(*n.Attachment)}
		}
	}
	public := func(get func(vpc.Address) string) func(eni) []string {
		return func(n eni) []string {
			var out []string
			for a := range vpc.Addresses.By(r, "interface", n.ID) {
				out = append(out, get(a))
			}
			return out
		}
	}
	return filterFields[eni]{
		"network-interface-id": one(func(n eni) string { return n.ID }),
		"vpc-id":               one(func(n eni) string { return n.VPCID }),
		"subnet-id":            one(func(n eni) string { return n.SubnetID }),
		"availability-zone":    one(func(n eni) string { return n.Zone }),
		"description":          one(func(n eni) string { return n.Description }),
		"interface-type":       one(func(n eni) string { return string(n.Type) }),
		"mac-address":          one(func(n eni) string { return n.MAC }),
		"owner-id":             one(func(n eni) string { return n.Account }),
		"requester-id":         one(func(n eni) string { return n.RequesterID }),
		"requester-managed":    yesNo(func(n eni) bool { return n.RequesterID != "" }),
		"source-dest-check":    yesNo(func(n eni) bool { return n.SourceDestCheck }),
		"status":               one(func(n eni) string { return n.Status }),
		"private-dns-name":     one(func(n eni) string { return val(interfaceName(n)) }),
		"group-id":             func(n eni) []string { return n.GroupIDs },
		"group-name": func(n eni) []string {
			var out []string
			for _, id := range n.GroupIDs {
				g, _ := vpc.SecurityGroups.Get(r, id)
				out = append(out, g.Name)
			}
			return out
		},
		"private-ip-address":           func(n eni) []string { return addressTexts(n.PrivateIPs[:min(1, len(n.PrivateIPs))]) },
		"addresses.private-ip-address": func(n eni) []string { return addressTexts(n.PrivateIPs) },
		"ipv6-addresses.ipv6-address":  func(n eni) []string { return addressTexts(n.IPv6s) },
		attachmentFilter: func(n eni) []string {
			if n.Attachment == nil {
				return []string{n.DetachedID}
			}
			return []string{n.Attachment.ID}
		},
		"attachment.instance-id":       attached(func(t vpc.Attachment) string { return t.InstanceID }),
		"attachment.instance-owner-id": attached(func(t vpc.Attachment) string { return t.InstanceOwnerID }),
		"attachment.status":            attached(func(t vpc.Attachment) string { return t.Status }),
		"attachment.device-index":      attached(func(t vpc.Attachment) string { return strconv.Itoa(t.DeviceIndex) }),
		"attachment.delete-on-termination": attached(func(t vpc.Attachment) string {
			return strconv.FormatBool(t.DeleteOnTermination)
		}),
		"association.public-ip":           public(func(x vpc.Address) string { return x.PublicIP.String() }),
		"addresses.association.public-ip": public(func(x vpc.Address) string { return x.PublicIP.String() }),
		"association.allocation-id":       public(func(x vpc.Address) string { return x.AllocationID }),
		"association.association-id":      public(func(x vpc.Address) string { return x.AssociationID }),
		"association.ip-owner-id":         public(ipOwner),
		"addresses.association.owner-id":  public(ipOwner),
		"addresses.primary":               func(n eni) []string { return []string{"true"} },
		"association.public-dns-name":     public(func(x vpc.Address) string { return compute.PublicDNSName(x.Region, x.PublicIP) }),
	}
}

func addressTexts(list []netip.Addr) []string {
	var out []string
	for _, a := range list {
		out = append(out, a.String())
	}
	return out
}

// ipOwner is amazon for lent addresses, else the account.
func ipOwner(a vpc.Address) string {
	if a.Amazon {
		return "amazon"
	}
	return a.Account
}

// interfaceName is the interface's private name, if it has an IPv4 address.
func interfaceName(n vpc.NetworkInterface) *string {
	if len(n.PrivateIPs) == 0 {
		return nil
	}
	return new(compute.AddressDNSName(n.Region, n.PrivateIPs[0]))
}

func interfaceView(r cloud.Reader, n vpc.NetworkInterface) model.NetworkInterface {
	v := model.NetworkInterface{
		NetworkInterfaceId: &n.ID, OwnerId: &n.Account, VpcId: &n.VPCID, SubnetId: &n.SubnetID, AvailabilityZone: &n.Zone,
		InterfaceType: new(string(n.Type)), Description: &n.Description, MacAddress: &n.MAC, SourceDestCheck: &n.SourceDestCheck,
		RequesterId: text(n.RequesterID), RequesterManaged: new(n.RequesterID != ""), Status: &n.Status, TagSet: tagList(n.Tags),
		Groups: groupIdentifiers(r, n.GroupIDs), PrivateDnsName: interfaceName(n), Attachment: attachmentView(n.Attachment),
		DenyAllIgwTraffic: new(false),
	}
	if z, ok := cloud.FindZoneOf(r, n.Scope, n.Zone); ok {
		v.AvailabilityZoneId = &z.ID
	}
	for k, ip := range n.PrivateIPs {
		p := model.NetworkInterfacePrivateIpAddress{PrivateIpAddress: new(ip.String()), Primary: new(k == 0),
			PrivateDnsName: new(compute.AddressDNSName(n.Region, ip)), Association: associationView(r, n, ip)}
		if k == 0 {
			v.PrivateIpAddress, v.Association = p.PrivateIpAddress, p.Association
		}
		v.PrivateIpAddresses = append(v.PrivateIpAddresses, p)
	}
	for k, ip := range n.IPv6s {
		if k == 0 {
			v.Ipv6Address = new(ip.String())
		}
		v.Ipv6Addresses = append(v.Ipv6Addresses, model.NetworkInterfaceIpv6Address{Ipv6Address: new(ip.String()), IsPrimaryIpv6: new(false)})
	}
	if v.Association != nil {
		v.PublicDnsName = v.Association.PublicDnsName
	}
	return v
}

func attachmentView(t *vpc.Attachment) *model.NetworkInterfaceAttachment {
	if t == nil {
		return nil
	}
	return &model.NetworkInterfaceAttachment{AttachmentId: &t.ID, InstanceId: text(t.InstanceID), InstanceOwnerId: &t.InstanceOwnerID,
		DeviceIndex: new(int64(t.DeviceIndex)), NetworkCardIndex: new(int64(0)), Status: &t.Status,
		DeleteOnTermination: &t.DeleteOnTermination, AttachTime: &t.AttachedAt}
}

func groupIdentifiers(r cloud.Reader, ids []string) []model.GroupIdentifier {
	var out []model.GroupIdentifier
	for _, id := range ids {
		g, _ := vpc.SecurityGroups.Get(r, id)
		out = append(out, model.GroupIdentifier{GroupId: new(id), GroupName: new(g.Name)})
	}
	return out
}

// publicAddress finds the public address of an interface's private one.
func publicAddress(r cloud.Reader, n vpc.NetworkInterface, private netip.Addr) (vpc.Address, bool) {
	for a := range vpc.Addresses.By(r, "interface", n.ID) {
		if a.PrivateIP == private {
			return a, true
		}
	}
	return vpc.Address{}, false
}

func associationView(r cloud.Reader, n vpc.NetworkInterface, private netip.Addr) *model.NetworkInterfaceAssociation {
	a, ok := publicAddress(r, n, private)
	if !ok {
		return nil
	}
	return &model.NetworkInterfaceAssociation{AllocationId: text(a.AllocationID), AssociationId: text(a.AssociationID),
		IpOwnerId: new(ipOwner(a)), PublicIp: new(a.PublicIP.String()), PublicDnsName: publicName(r, n.VPCID, a)}
}

// publicName is an address's public name, in VPCs that give such names.
func publicName(r cloud.Reader, vpcID string, a vpc.Address) *string {
	if v, ok := vpc.VPCs.Get(r, vpcID); !ok || !v.EnableDNSHostnames {
		return nil
	}
	return new(compute.PublicDNSName(a.Region, a.PublicIP))
}

func (a *API) describeNetworkInterfaceAttribute(_ context.Context, call *protocol.Call, in *model.DescribeNetworkInterfaceAttributeRequest) (*model.DescribeNetworkInterfaceAttributeResult, error) {
	r := a.engine.Snapshot()
	n, err := vpc.FindInterface(r, call.Caller.Scope, val(in.NetworkInterfaceId))
	if err != nil {
		return nil, err
	}
	out := &model.DescribeNetworkInterfaceAttributeResult{NetworkInterfaceId: &n.ID}
	switch val(in.Attribute) {
	case "description":
		out.Description = &model.AttributeValue{Value: &n.Description}
	case "groupSet":
		out.Groups = groupIdentifiers(r, n.GroupIDs)
	case "sourceDestCheck":
		out.SourceDestCheck = &model.AttributeBooleanValue{Value: &n.SourceDestCheck}
	case "attachment":
		out.Attachment = attachmentView(n.Attachment)
	case "associatePublicIpAddress":
		out.AssociatePublicIpAddress = &n.LendOnStart
	case "":
		return nil, missingParameter("Attribute")
	default:
		return nil, invalidValue("attribute", val(in.Attribute), "Unknown attribute.")
	}
	return out, nil
}
