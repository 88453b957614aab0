package plan

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/spec"
)

// CompileMetadata compiles what the metadata service of a VPC tells, an entry for
// each address from which an instance may ask.
func CompileMetadata(r cloud.Reader, vpcID string) []spec.Metadata {
	var out []spec.Metadata
	for _, compile := range MetadataOf(r, vpcID) {
		out = append(out, compile())
	}
	slices.SortFunc(out, func(a, b spec.Metadata) int { return a.Address.Compare(b.Address) })
	return out
}

// MetadataOf finds the entries of CompileMetadata by their addresses. Each is
// compiled, from the reader, when it is first wanted: few instances ask between one
// change of a VPC and the next.
func MetadataOf(r cloud.Reader, vpcID string) map[netip.Addr]func() spec.Metadata {
	out := map[netip.Addr]func() spec.Metadata{}
	for i := range compute.Instances.By(r, compute.ByVPC, vpcID) {
		if i.State == compute.Terminated {
			continue
		}
		interfaces := compute.Interfaces(r, i.ID)
		if len(interfaces) == 0 {
			continue
		}
		compile := sync.OnceValue(func() spec.Metadata { return instanceMetadata(r, i, interfaces) })
		add := func(a netip.Addr) {
			out[a] = func() spec.Metadata {
				m := compile()
				m.Address = a
				return m
			}
		}
		for _, n := range interfaces {
			for _, a := range n.PrivateIPs {
				add(a)
			}
			if i.Metadata.HTTPIPv6 != "enabled" {
				continue
			}
			for _, a := range n.IPv6s {
				add(a)
			}
		}
	}
	return out
}

func instanceMetadata(r cloud.Reader, i compute.Instance, interfaces []vpc.NetworkInterface) spec.Metadata {
	v := values{}
	primary := interfaces[0]
	v.instance(r, i, primary)
	for _, n := range interfaces {
		v.networkInterface(r, n)
	}
	v.document(i, primary)
	if k, ok := compute.KeyPairs.Get(r, i.Key()+"/"+i.KeyName); ok && i.KeyName != "" {
		v["meta-data/public-keys"] = "0=" + k.Name
		v["meta-data/public-keys/0/openssh-key"] = k.PublicKey
	}
	if i.Metadata.InstanceTags == "enabled" {
		for k, t := range i.Tags {
			v["meta-data/tags/instance/"+k] = t
		}
	}
	if len(i.UserData) > 0 {
		v["user-data"] = string(i.UserData)
	}
	m := spec.Metadata{
		VPC: i.VPCID, InstanceID: i.ID, Values: v,
		TokensRequired: i.Metadata.HTTPTokens != "optional", Enabled: i.Metadata.HTTPEndpoint != "disabled",
		HopLimit: max(1, i.Metadata.HopLimit),
	}
	if p, ok := profileOf(r, i); ok {
		m.Role = p.RoleName
		v["meta-data/iam/info"] = encode(map[string]string{
			"Code": "Success", "LastUpdated": i.LaunchTime.UTC().Format(time.RFC3339),
			"InstanceProfileArn": p.ARN(), "InstanceProfileId": p.ID,
		})
	}
	return m
}

// profileOf is the instance profile of an instance.
func profileOf(r cloud.Reader, i compute.Instance) (iam.InstanceProfile, bool) {
	if i.ProfileARN == "" {
		return iam.InstanceProfile{}, false
	}
	return iam.InstanceProfiles.Get(r, i.Account+"/"+i.ProfileARN[strings.LastIndexByte(i.ProfileARN, '/')+1:])
}

// values are paths below /latest/ with their text.
type values map[string]string

// set leaves out what has no text: AWS has no such path then.
func (v values) set(path, text string) {
	if text != "" {
		v[path] = text
	}
}

func (v values) instance(r cloud.Reader, i compute.Instance, primary vpc.NetworkInterface) {
	m := func(path, text string) { v.set("meta-data/"+path, text) }
	m("ami-id", i.ImageID)
	m("ami-launch-index", strconv.Itoa(i.LaunchIndex))
	m("ami-manifest-path", "(unknown)")
	m("hostname", i.PrivateDNSName)
	m("local-hostname", i.PrivateDNSName)
	m("instance-action", "none")
	m("instance-id", i.ID)
	m("instance-life-cycle", "on-demand")
	m("instance-type", i.InstanceType)
	m("profile", "default-hvm")
	m("reservation-id", i.ReservationID)
	m("mac", primary.MAC)
	m("local-ipv4", joined(primary.PrivateIPs[:min(1, len(primary.PrivateIPs))]))
	m("ipv6", joined(primary.IPv6s[:min(1, len(primary.IPv6s))]))
	public := publicAddresses(r, primary)
	m("public-ipv4", joined(public[:min(1, len(public))]))
	if host := publicHostname(r, primary, public); host != "" {
		m("public-hostname", host)
	}
	m("security-groups", groupNames(r, primary))
	m("placement/availability-zone", i.Zone)
	m("placement/region", i.Region)
	if s, ok := vpc.Subnets.Get(r, i.SubnetID); ok {
		m("placement/availability-zone-id", s.ZoneID)
	}
	m("services/domain", "amazonaws.com")
	m("services/partition", "aws")
	m("block-device-mapping/ami", i.RootDeviceName)
	m("block-device-mapping/root", i.RootDeviceName)
	n := 0
	for _, b := range i.Volumes {
		if b.DeviceName != i.RootDeviceName {
			n++
			m("block-device-mapping/ebs"+strconv.Itoa(n), strings.TrimPrefix(b.DeviceName, "/dev/"))
		}
	}
}

func (v values) networkInterface(r cloud.Reader, n vpc.NetworkInterface) {
	m := func(path, text string) { v.set("meta-data/network/interfaces/macs/"+n.MAC+"/"+path, text) }
	m("device-number", strconv.Itoa(n.Attachment.DeviceIndex))
	m("interface-id", n.ID)
	m("local-ipv4s", joined(n.PrivateIPs))
	m("ipv6s", joined(n.IPv6s))
	m("mac", n.MAC)
	m("owner-id", n.Account)
	m("security-group-ids", strings.Join(n.GroupIDs, "\n"))
	m("security-groups", groupNames(r, n))
	m("subnet-id", n.SubnetID)
	m("vpc-id", n.VPCID)
	if len(n.PrivateIPs) > 0 {
		m("local-hostname", compute.AddressDNSName(n.Region, n.PrivateIPs[0]))
	}
	public := publicAddresses(r, n)
	m("public-ipv4s", joined(public))
	m("public-hostname", publicHostname(r, n, public))
	for a := range vpc.Addresses.By(r, "interface", n.ID) {
		m("ipv4-associations/"+a.PublicIP.String(), privateOf(a, n).String())
	}
	if s, ok := vpc.Subnets.Get(r, n.SubnetID); ok {
		m("subnet-ipv4-cidr-block", s.CIDR.String())
		m("subnet-ipv6-cidr-blocks", blocks(s.IPv6CIDRs))
	}
	if v, ok := vpc.VPCs.Get(r, n.VPCID); ok {
		m("vpc-ipv4-cidr-block", v.Primary().String())
		m("vpc-ipv4-cidr-blocks", blocks(v.CIDRs))
		m("vpc-ipv6-cidr-blocks", blocks(v.IPv6CIDRs))
	}
}

// document is the instance identity document.
func (v values) document(i compute.Instance, primary vpc.NetworkInterface) {
	private := ""
	if len(primary.PrivateIPs) > 0 {
		private = primary.PrivateIPs[0].String()
	}
	v["dynamic/instance-identity/document"] = encode(map[string]any{
		"accountId": i.Account, "architecture": i.Architecture, "availabilityZone": i.Zone, "billingProducts": nil,
		"devpayProductCodes": nil, "marketplaceProductCodes": nil, "imageId": i.ImageID, "instanceId": i.ID,
		"instanceType": i.InstanceType, "kernelId": nil, "pendingTime": i.LaunchTime.UTC().Format(time.RFC3339),
		"privateIp": private, "ramdiskId": nil, "region": i.Region, "version": "2017-09-30",
	})
}

// encode is indented JSON with sorted keys, as the service answers.
func encode(v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("plan: " + err.Error()) // maps of strings always encode
	}
	return string(b)
}

func publicAddresses(r cloud.Reader, n vpc.NetworkInterface) []netip.Addr {
	var out []netip.Addr
	for a := range vpc.Addresses.By(r, "interface", n.ID) {
		out = append(out, a.PublicIP)
	}
	slices.SortFunc(out, netip.Addr.Compare)
	return out
}

// publicHostname is the name of the first public address, if the VPC gives names.
func publicHostname(r cloud.Reader, n vpc.NetworkInterface, public []netip.Addr) string {
	if v, ok := vpc.VPCs.Get(r, n.VPCID); !ok || !v.EnableDNSHostnames || len(public) == 0 {
		return ""
	}
	return compute.PublicDNSName(n.Region, public[0])
}

func groupNames(r cloud.Reader, n vpc.NetworkInterface) string {
	var names []string
	for _, id := range n.GroupIDs {
		if g, ok := vpc.SecurityGroups.Get(r, id); ok {
			names = append(names, g.Name)
		}
	}
	slices.SortFunc(names, cmp.Compare)
	return strings.Join(names, "\n")
}

func joined(addresses []netip.Addr) string {
	var s []string
	for _, a := range addresses {
		s = append(s, a.String())
	}
	return strings.Join(s, "\n")
}

func blocks(in []vpc.CIDRAssociation) string {
	var s []string
	for _, c := range in {
		s = append(s, c.Prefix.String())
	}
	return strings.Join(s, "\n")
}
