package compute

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// checkNetwork finds the subnet of each interface and refuses what does not fit
// together.
func (l *launch) checkNetwork(tx *cloud.Tx) error {
	if len(l.Interfaces) > l.kind.MaxInterfaces {
		return tooManyInterfaces(len(l.Interfaces), l.kind.Name)
	}
	indexes := map[int]bool{}
	for _, spec := range l.Interfaces {
		if indexes[spec.DeviceIndex] {
			return invalid("Each network interface requires a unique device index.")
		}
		indexes[spec.DeviceIndex] = true
		s, err := l.subnet(tx, spec)
		if err != nil {
			return err
		}
		l.subnets = append(l.subnets, s)
		if spec.DeviceIndex == 0 {
			l.primary = s
		}
	}
	if !indexes[0] {
		return invalid("When specifying network interfaces, you must include a device at index 0.")
	}
	for _, spec := range l.Interfaces {
		v4 := max(1, len(spec.PrivateIPs)) + len(spec.SecondaryIPs) + spec.SecondaryCount
		if err := checkAddresses(l.kind.Name, v4, len(spec.IPv6s)+max(0, spec.IPv6Count)); err != nil {
			return err
		}
	}
	for k, s := range l.subnets {
		if err := l.checkPlacement(tx, l.Interfaces[k], s); err != nil {
			return err
		}
	}
	return nil
}

func (l *launch) subnet(tx *cloud.Tx, spec LaunchInterface) (vpc.Subnet, error) {
	switch {
	case spec.InterfaceID != "":
		n, err := freeInterface(tx, spec.InterfaceID)
		if err != nil {
			return vpc.Subnet{}, err
		}
		return vpc.FindSubnet(tx, tx.Caller.Scope, n.SubnetID)
	case spec.SubnetID != "":
		return vpc.FindSubnet(tx, tx.Caller.Scope, spec.SubnetID)
	}
	return defaultSubnet(tx, l.Zone)
}

// freeInterface returns a user's interface that is not attached.
func freeInterface(tx *cloud.Tx, id string) (vpc.NetworkInterface, error) {
	n, err := vpc.FindInterface(tx, tx.Caller.Scope, id)
	if err != nil {
		return n, err
	}
	if n.RequesterID != "" {
		return n, cloud.Errorf(cloud.KindForbidden, "network-interface", "OperationNotPermitted",
			"You do not have permission to access the specified resource.")
	}
	if n.Attachment != nil {
		return n, &cloud.Error{Kind: cloud.KindInUse, Subject: "network-interface", ID: id, Code: "InvalidNetworkInterface.InUse",
			Message: "Interface: [" + id + "] in use."}
	}
	return n, nil
}

func (l *launch) checkPlacement(tx *cloud.Tx, spec LaunchInterface, s vpc.Subnet) error {
	switch {
	case l.Zone != "" && s.Zone != l.Zone:
		return combination("The availability zone '%s' does not match the availability zone '%s' of subnet '%s'.", l.Zone, s.Zone, s.ID)
	case s.Zone != l.primary.Zone:
		return combination("You may not attach a network interface to an instance if they are not in the same availability zone")
	case s.VPCID != l.primary.VPCID:
		return combination("All network interfaces of an instance must be in the same VPC.")
	case l.MaxCount > 1 && (spec.InterfaceID != "" || len(spec.PrivateIPs)+len(spec.SecondaryIPs)+len(spec.IPv6s) > 0):
		return combination("Network interfaces and IP addresses can be specified only when launching one instance.")
	case spec.InterfaceID != "" && (spec.SubnetID != "" || len(spec.GroupIDs)+len(spec.PrivateIPs)+len(spec.SecondaryIPs)+len(spec.IPv6s) > 0 || spec.IPv6Count+spec.SecondaryCount > 0):
		return combination("A network interface may not specify both a network interface ID and a subnet, security groups or addresses.")
	case spec.PublicIP != nil && *spec.PublicIP && spec.InterfaceID != "":
		return combination("The associatePublicIPAddress parameter cannot be specified for a network interface with an ID.")
	case spec.PublicIP != nil && *spec.PublicIP && len(l.Interfaces) > 1:
		return combination("The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces.")
	}
	for _, id := range spec.GroupIDs {
		if err := checkLaunchGroup(tx, id, s); err != nil {
			return err
		}
	}
	return nil
}

func checkLaunchGroup(tx *cloud.Tx, id string, s vpc.Subnet) error {
	if !strings.HasPrefix(id, "sg-") {
		return &cloud.Error{Kind: cloud.KindInvalid, Subject: "security-group", ID: id, Code: "InvalidGroupId.Malformed",
			Message: `Invalid id: "` + id + `" (expecting "sg-...")`}
	}
	g, ok := vpc.SecurityGroups.Get(tx, id)
	if !ok || g.Scope != tx.Caller.Scope {
		return &cloud.Error{Kind: cloud.KindNotFound, Subject: "security-group", ID: id, Code: "InvalidGroup.NotFound",
			Message: "The security group '" + id + "' does not exist"}
	}
	if g.VPCID != s.VPCID {
		return cloud.Errorf(cloud.KindConflict, "security-group", "InvalidParameter",
			"Security group %s and subnet %s belong to different networks.", id, s.ID)
	}
	return nil
}

// addInterfaces makes or attaches the instance's interfaces and derives what
// the instance knows from the primary one.
func (l *launch) addInterfaces(tx *cloud.Tx, i *Instance) error {
	for k, spec := range l.Interfaces {
		n, err := l.addInterface(tx, i, spec, l.subnets[k])
		if err != nil {
			return err
		}
		if spec.DeviceIndex == 0 {
			i.SourceDestCheck = n.SourceDestCheck
			i.PrivateDNSName = PrivateDNSName(i, n)
		}
	}
	return nil
}

func (l *launch) addInterface(tx *cloud.Tx, i *Instance, spec LaunchInterface, s vpc.Subnet) (vpc.NetworkInterface, error) {
	attachment := vpc.Attachment{InstanceID: i.ID, InstanceOwnerID: i.Account, DeviceIndex: spec.DeviceIndex,
		DeleteOnTermination: spec.InterfaceID == ""}
	if spec.DeleteOnTermination != nil {
		attachment.DeleteOnTermination = *spec.DeleteOnTermination
	}
	if spec.InterfaceID != "" {
		n, err := freeInterface(tx, spec.InterfaceID)
		if err != nil {
			return n, err
		}
		return vpc.Attach(tx, n, attachment), nil
	}
	n, err := vpc.NewInterface(tx, vpc.InterfaceParams{
		SubnetID: s.ID, Description: spec.Description, PrivateIPs: spec.PrivateIPs, SecondaryIPs: spec.SecondaryIPs, SecondaryCount: spec.SecondaryCount,
		IPv6s: spec.IPv6s, IPv6Count: spec.IPv6Count, GroupIDs: spec.GroupIDs, SourceDestCheck: true,
		Attachment: &attachment, Tags: l.InterfaceTags,
	})
	if err != nil {
		return n, err
	}
	if l.lends(spec, s) {
		n.LendOnStart = true
		vpc.NetworkInterfaces.Put(tx, n)
		return n, lend(tx, n)
	}
	return n, nil
}

// lends says whether AWS lends the new interface a public address: if asked,
// or by the subnet's rule for a launch with one interface.
func (l *launch) lends(spec LaunchInterface, s vpc.Subnet) bool {
	if spec.PublicIP != nil {
		return *spec.PublicIP
	}
	return s.MapPublicIPOnLaunch && len(l.Interfaces) == 1
}

// lend gives an interface that asks for it a public address, unless it has one.
func lend(tx *cloud.Tx, n vpc.NetworkInterface) error {
	if !n.LendOnStart || len(n.PrivateIPs) == 0 {
		return nil
	}
	if _, has := vpc.Addresses.First(tx, "interface", n.ID); has {
		return nil
	}
	_, err := vpc.LendPublicIP(tx, n.ID, n.PrivateIPs[0])
	return err
}

// PrivateDNSName is the instance's name in its VPC, by its hostname type.
func PrivateDNSName(i *Instance, n vpc.NetworkInterface) string {
	suffix := InternalDomain(i.Region)
	if i.HostnameType == "resource-name" || len(n.PrivateIPs) == 0 {
		return i.ID + "." + suffix
	}
	return AddressDNSName(i.Region, n.PrivateIPs[0])
}

// AddressDNSName is the private name that follows from an address.
func AddressDNSName(region string, a netip.Addr) string {
	return fmt.Sprintf("ip-%s.%s", strings.ReplaceAll(a.String(), ".", "-"), InternalDomain(region))
}

// PublicDNSName is the public name that follows from a public address.
func PublicDNSName(region string, a netip.Addr) string {
	domain := region + ".compute"
	if region == "us-east-1" {
		domain = "compute-1"
	}
	return fmt.Sprintf("ec2-%s.%s.amazonaws.com", strings.ReplaceAll(a.String(), ".", "-"), domain)
}

// InternalDomain is the domain of private names in a region.
func InternalDomain(region string) string {
	if region == "us-east-1" {
		return "ec2.internal"
	}
	return region + ".compute.internal"
}
