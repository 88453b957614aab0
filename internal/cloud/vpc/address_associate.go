package vpc

import (
	"net/netip"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
)

// AssociateAddress associates an Elastic IP with an instance's only interface
// or with an interface.
type AssociateAddress struct {
	AllocationID string
	PublicIP     netip.Addr // instead of AllocationID
	InstanceID   string
	InterfaceID  string
	// PrivateIP is one of the interface's addresses; by default the primary.
	PrivateIP          netip.Addr
	AllowReassociation bool
}

// Apply returns the associated address.
func (c AssociateAddress) Apply(tx *cloud.Tx) (Address, error) {
	a, err := c.address(tx)
	if err != nil {
		return Address{}, err
	}
	n, err := c.target(tx)
	if err != nil {
		return Address{}, err
	}
	if n.RequesterID != "" {
		return Address{}, serviceOwned()
	}
	private := c.PrivateIP
	if !private.IsValid() && len(n.PrivateIPs) > 0 {
		private = n.PrivateIPs[0]
	}
	if !slices.Contains(n.PrivateIPs, private) {
		return Address{}, cloud.Errorf(cloud.KindInvalid, "address", "InvalidParameterValue",
			"The private IP address %s is not assigned to the network interface %s", private, n.ID)
	}
	if _, ok := InternetGateways.First(tx, ByVPC, n.VPCID); !ok {
		return Address{}, cloud.Errorf(cloud.KindState, "internet-gateway", "Gateway.NotAttached",
			"Network %s is not attached to any internet gateway", n.VPCID)
	}
	if held, ok := NetworkInterfaces.Get(tx, a.InterfaceID); ok && held.RequesterID != "" {
		return Address{}, serviceOwned()
	}
	return BindAddress(tx, a.AllocationID, n.ID, private, c.AllowReassociation)
}

func (c AssociateAddress) address(tx *cloud.Tx) (Address, error) {
	if c.AllocationID != "" {
		return FindAddress(tx, tx.Caller.Scope, c.AllocationID)
	}
	if !c.PublicIP.IsValid() {
		return Address{}, cloud.Errorf(cloud.KindMissing, "address", "MissingParameter", "Either public IP or allocation id must be specified")
	}
	return FindPublicIP(tx, tx.Caller.Scope, c.PublicIP)
}

// FindPublicIP returns the scope's Elastic IP with that address, or AWS's
// refusal.
func FindPublicIP(r cloud.Reader, s cloud.Scope, ip netip.Addr) (Address, error) {
	a, ok := Addresses.First(r, "ip", ip.String())
	if !ok || a.Scope != s || a.Amazon {
		return Address{}, &cloud.Error{Kind: cloud.KindNotFound, Subject: "address", ID: ip.String(), Code: "InvalidAddress.NotFound",
			Message: "Address '" + ip.String() + "' not found."}
	}
	return a, nil
}

func (c AssociateAddress) target(tx *cloud.Tx) (NetworkInterface, error) {
	switch {
	// With both, the instance counts: Terraform sends the interface that the
	// address had before when it moves to another instance.
	case c.InstanceID != "":
		return onlyInterface(tx, tx.Caller.Scope, c.InstanceID)
	case c.InterfaceID != "":
		return findInterface(tx, tx.Caller.Scope, c.InterfaceID)
	}
	return NetworkInterface{}, cloud.Errorf(cloud.KindMissing, "address", "MissingParameter", "Either instance ID or network interface id must be specified")
}

// serviceOwned is AWS's refusal where an address belongs to one of its services.
func serviceOwned() error {
	return cloud.Errorf(cloud.KindForbidden, "address", "AuthFailure", "You do not have permission to access the specified resource.")
}

// DisassociateAddress ends an Elastic IP's association.
type DisassociateAddress struct {
	AssociationID string
	PublicIP      netip.Addr // instead of AssociationID
}

// Apply ends it.
func (c DisassociateAddress) Apply(tx *cloud.Tx) (cloud.None, error) {
	var a Address
	switch {
	case c.AssociationID != "":
		var ok bool
		a, ok = Addresses.First(tx, ByAssociation, c.AssociationID)
		if !ok || a.Scope != tx.Caller.Scope {
			return cloud.None{}, &cloud.Error{Kind: cloud.KindNotFound, Subject: "address-association", ID: c.AssociationID,
				Code: "InvalidAssociationID.NotFound", Message: "The association ID '" + c.AssociationID + "' does not exist"}
		}
	case c.PublicIP.IsValid():
		var err error
		if a, err = FindPublicIP(tx, tx.Caller.Scope, c.PublicIP); err != nil {
			return cloud.None{}, err
		}
		if a.AssociationID == "" {
			return cloud.None{}, nil
		}
	default:
		return cloud.None{}, cloud.Errorf(cloud.KindMissing, "address", "MissingParameter", "Either public IP or association id must be specified")
	}
	if n, ok := NetworkInterfaces.Get(tx, a.InterfaceID); ok && n.RequesterID != "" {
		return cloud.None{}, serviceOwned()
	}
	unbind(tx, a)
	return cloud.None{}, nil
}
