package vpc

import (
	"encoding/binary"
	"net/netip"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Public addresses come from 198.18.0.0/15, the range for benchmarks: they are
// never anybody's on the real internet. The first 256 are the world's own.
const (
	publicFirst = 0xC6120100 // 198.18.1.0
	publicCount = 1<<17 - 256 - 1
)

// newPublicIP takes the next public address. Numbers go round only after the
// whole range was given, so that an address does not soon mean something else.
func newPublicIP(tx *cloud.Tx) (netip.Addr, error) {
	for range publicCount {
		n := tx.NextNumber("public-address") % publicCount
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], publicFirst+n)
		a := netip.AddrFrom4(b)
		if _, taken := Addresses.First(tx, "ip", a.String()); !taken {
			return a, nil
		}
	}
	return netip.Addr{}, cloud.Errorf(cloud.KindLimit, "address", "AddressLimitExceeded", "The maximum number of addresses has been reached.")
}

// AllocateAddress allocates an Elastic IP.
type AllocateAddress struct {
	NetworkBorderGroup string // the region's name or empty
	Tags               cloud.Tags
}

// Apply allocates it.
func (c AllocateAddress) Apply(tx *cloud.Tx) (Address, error) {
	s := tx.Caller.Scope
	if c.NetworkBorderGroup != "" && c.NetworkBorderGroup != s.Region {
		return Address{}, cloud.Errorf(cloud.KindInvalid, "address", "InvalidParameterValue",
			"The NetworkBorderGroup '%s' is invalid. Specify a valid network border group and try again.", c.NetworkBorderGroup)
	}
	ip, err := newPublicIP(tx)
	if err != nil {
		return Address{}, err
	}
	a := Address{AllocationID: "eipalloc-" + tx.IDs.Hex(17), Scope: s, PublicIP: ip, NetworkBorderGroup: s.Region, Tags: c.Tags.Clone()}
	Addresses.Put(tx, a)
	return a, nil
}

// ReleaseAddress releases an Elastic IP that is not associated.
type ReleaseAddress struct{ AllocationID string }

// Apply releases it.
func (c ReleaseAddress) Apply(tx *cloud.Tx) (cloud.None, error) {
	a, err := FindAddress(tx, tx.Caller.Scope, c.AllocationID)
	if err != nil {
		return cloud.None{}, err
	}
	if a.AssociationID != "" {
		return cloud.None{}, cloud.Errorf(cloud.KindInUse, "address", "InvalidIPAddress.InUse", "Address %s is in use.", a.PublicIP)
	}
	Addresses.Delete(tx, a.AllocationID)
	return cloud.None{}, nil
}

// LendPublicIP gives an interface a public address of Amazon's for as long as
// the interface's owner keeps it; see ReleaseLent.
func LendPublicIP(tx *cloud.Tx, interfaceID string, private netip.Addr) (netip.Addr, error) {
	n, ok := NetworkInterfaces.Get(tx, interfaceID)
	if !ok {
		return netip.Addr{}, interfaceKind().missing(interfaceID)
	}
	ip, err := newPublicIP(tx)
	if err != nil {
		return netip.Addr{}, err
	}
	Addresses.Put(tx, Address{Scope: n.Scope, PublicIP: ip, InterfaceID: n.ID, PrivateIP: private,
		NetworkBorderGroup: n.Region, Amazon: true})
	return ip, nil
}

// ReleaseLent takes back the address that an interface was lent, if any.
func ReleaseLent(tx *cloud.Tx, interfaceID string) {
	for a := range Addresses.By(tx, "interface", interfaceID) {
		if a.Amazon {
			Addresses.Delete(tx, a.PublicIP.String())
		}
	}
}

// interfaceGone gives back the public addresses of an interface that is removed
// and leaves the routes to it without a target.
func interfaceGone(tx *cloud.Tx, n *NetworkInterface) {
	ReleaseLent(tx, n.ID)
	for a := range Addresses.By(tx, "interface", n.ID) {
		unbind(tx, a)
	}
	setRouteStates(tx, n.ID, n.VPCID, RouteBlackhole)
}

func unbind(tx *cloud.Tx, a Address) {
	a.AssociationID, a.InterfaceID, a.PrivateIP = "", "", netip.Addr{}
	Addresses.Put(tx, a)
}

// BindAddress associates an Elastic IP of the interface's account with one of
// the interface's private addresses. An address that Amazon lent to the same
// private address goes back.
func BindAddress(tx *cloud.Tx, allocationID, interfaceID string, private netip.Addr, allowReassociation bool) (Address, error) {
	n, ok := NetworkInterfaces.Get(tx, interfaceID)
	if !ok {
		return Address{}, interfaceKind().missing(interfaceID)
	}
	a, err := FindAddress(tx, n.Scope, allocationID)
	if err != nil {
		return Address{}, err
	}
	if a.InterfaceID == n.ID && a.PrivateIP == private {
		return a, nil
	}
	if a.AssociationID != "" && !allowReassociation {
		return Address{}, alreadyAssociated(a.AllocationID, a.AssociationID)
	}
	for other := range Addresses.By(tx, "interface", n.ID) {
		switch {
		case other.PrivateIP != private:
		case other.Amazon:
			Addresses.Delete(tx, other.PublicIP.String())
		case !allowReassociation:
			return Address{}, alreadyAssociated(n.ID, other.AssociationID)
		default:
			unbind(tx, other)
		}
	}
	a.AssociationID = "eipassoc-" + tx.IDs.Hex(17)
	a.InterfaceID, a.PrivateIP = n.ID, private
	Addresses.Put(tx, a)
	return a, nil
}

func alreadyAssociated(id, associationID string) error {
	return cloud.Errorf(cloud.KindConflict, "address", "Resource.AlreadyAssociated",
		"resource %s is already associated with associate-id %s", id, associationID)
}
