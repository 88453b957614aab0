package vpc

import "github.com/musubi-net/musubi/internal/cloud"

// ModifySubnetAttribute changes one attribute of a subnet.
type ModifySubnetAttribute struct {
	SubnetID                  string
	MapPublicIPOnLaunch       *bool
	AssignIPv6OnCreation      *bool
	EnableDNS64               *bool
	EnableResourceNameDNSA    *bool
	EnableResourceNameDNSAAAA *bool
	HostnameType              *string
}

// Apply sets the attribute.
func (c ModifySubnetAttribute) Apply(tx *cloud.Tx) (cloud.None, error) {
	s, err := FindSubnet(tx, tx.Caller.Scope, c.SubnetID)
	if err != nil {
		return cloud.None{}, err
	}
	switch c.given() {
	case 0:
		return cloud.None{}, cloud.Errorf(cloud.KindMissing, "subnet", "MissingParameter", "The request must contain exactly one attribute to modify")
	case 1:
	default:
		return cloud.None{}, cloud.Errorf(cloud.KindInvalid, "subnet", "InvalidParameterCombination", "Fields for multiple attribute types specified")
	}
	if c.EnableDNS64 != nil && *c.EnableDNS64 {
		return cloud.None{}, cloud.Errorf(cloud.KindUnsupported, "subnet", "UnsupportedOperation", "DNS64 is not served: EnableDns64 must be false")
	}
	if err := c.checkIPv6(&s); err != nil {
		return cloud.None{}, err
	}
	set(&s.MapPublicIPOnLaunch, c.MapPublicIPOnLaunch)
	set(&s.AssignIPv6OnCreation, c.AssignIPv6OnCreation)
	set(&s.EnableDNS64, c.EnableDNS64)
	set(&s.EnableResourceNameDNSA, c.EnableResourceNameDNSA)
	set(&s.EnableResourceNameDNSAAAA, c.EnableResourceNameDNSAAAA)
	if h := c.HostnameType; h != nil {
		if *h != "ip-name" && *h != "resource-name" {
			return cloud.None{}, invalidValue("subnet", "privateDnsHostnameTypeOnLaunch", *h, "Valid values are ip-name and resource-name.")
		}
		s.HostnameType = *h
	}
	Subnets.Put(tx, s)
	return cloud.None{}, nil
}

func (c ModifySubnetAttribute) given() int {
	n := 0
	for _, b := range []*bool{c.MapPublicIPOnLaunch, c.AssignIPv6OnCreation, c.EnableDNS64,
		c.EnableResourceNameDNSA, c.EnableResourceNameDNSAAAA} {
		if b != nil {
			n++
		}
	}
	if c.HostnameType != nil {
		n++
	}
	return n
}

// checkIPv6 refuses what only a subnet with IPv6 can have.
func (c ModifySubnetAttribute) checkIPv6(s *Subnet) error {
	wants := c.AssignIPv6OnCreation != nil && *c.AssignIPv6OnCreation ||
		c.EnableResourceNameDNSAAAA != nil && *c.EnableResourceNameDNSAAAA
	if wants && len(s.IPv6CIDRs) == 0 {
		return cloud.Errorf(cloud.KindInvalid, "subnet", "InvalidParameterValue",
			"Invalid value 'true' for the attribute: the subnet '%s' does not have an IPv6 CIDR block associated with it.", s.ID)
	}
	return nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}
