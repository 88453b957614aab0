package vpc

import (
	"net/netip"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// The states of a NAT gateway.
const (
	NATPending   = "pending"
	NATAvailable = "available"
	NATDeleting  = "deleting"
	NATDeleted   = "deleted"
	NATFailed    = "failed"
)

// NATMemory is how long a deleted or failed NAT gateway stays visible.
const NATMemory = time.Hour

// natRequester is the owner of the interfaces of NAT gateways.
const natRequester = "amazon-aws"

// CreateNATGateway makes a NAT gateway in a subnet.
type CreateNATGateway struct {
	SubnetID         string
	ConnectivityType string // public (default), private
	AllocationID     string // public only
	PrivateIP        netip.Addr
	Tags             cloud.Tags
	ClientToken      string
}

// Apply makes the gateway, or returns the one that the token made before. What
// AWS finds out only later (no internet gateway) makes a failed gateway.
func (c CreateNATGateway) Apply(tx *cloud.Tx) (NATGateway, error) {
	if g, ok := NATGateways.First(tx, ByToken, TokenKey(tx.Caller.Scope, c.ClientToken)); ok {
		if g.SubnetID != c.SubnetID || g.AllocationID != c.AllocationID {
			return NATGateway{}, tokenMismatch("nat-gateway")
		}
		return g, nil
	}
	s, err := FindSubnet(tx, tx.Caller.Scope, c.SubnetID)
	if err != nil {
		return NATGateway{}, err
	}
	if err := c.checkAddress(tx); err != nil {
		return NATGateway{}, err
	}
	forgetNATGateways(tx, s.VPCID)
	g := NATGateway{
		ID: "nat-" + tx.IDs.Hex(17), Scope: s.Scope, VPCID: s.VPCID, SubnetID: s.ID, ConnectivityType: c.ConnectivityType,
		AllocationID: c.AllocationID, State: NATPending, CreatedAt: tx.Now, ClientToken: c.ClientToken, Tags: c.Tags.Clone(),
	}
	if g.ConnectivityType == "" {
		g.ConnectivityType = "public"
	}
	if _, ok := InternetGateways.First(tx, ByVPC, s.VPCID); !ok && g.ConnectivityType == "public" {
		g.State, g.FailureCode, g.DeletedAt = NATFailed, "Gateway.NotAttached", tx.Now
		g.FailureMessage = "Network " + s.VPCID + " has no Internet gateway attached"
		NATGateways.Put(tx, g)
		return g, nil
	}
	if err := placeNAT(tx, &g, c.PrivateIP); err != nil {
		return NATGateway{}, err
	}
	NATGateways.Put(tx, g)
	return g, nil
}

// checkAddress says whether the connectivity type and the Elastic IP fit.
func (c CreateNATGateway) checkAddress(tx *cloud.Tx) error {
	switch c.ConnectivityType {
	case "", "public":
	case "private":
		if c.AllocationID != "" {
			return cloud.Errorf(cloud.KindInvalid, "nat-gateway", "InvalidParameterCombination",
				"The parameter AllocationId may not be used with the connectivity type private")
		}
		return nil
	default:
		return invalidValue("nat-gateway", "connectivityType", c.ConnectivityType, "Valid values are public and private.")
	}
	if c.AllocationID == "" {
		return cloud.Errorf(cloud.KindMissing, "nat-gateway", "MissingParameter",
			"The request must include the AllocationId parameter. Add the required parameter and retry the request.")
	}
	a, err := FindAddress(tx, tx.Caller.Scope, c.AllocationID)
	if err != nil {
		return err
	}
	if a.AssociationID != "" {
		return cloud.Errorf(cloud.KindConflict, "address", "Resource.AlreadyAssociated",
			"Elastic IP address [%s] is already associated", c.AllocationID)
	}
	return nil
}

// placeNAT makes the gateway's interface and gives it the Elastic IP.
func placeNAT(tx *cloud.Tx, g *NATGateway, wanted netip.Addr) error {
	p := InterfaceParams{
		SubnetID: g.SubnetID, Type: TypeNATGateway, Description: "Interface for NAT Gateway " + g.ID,
		NoGroups: true, RequesterID: natRequester, IPv6Count: -1,
		Attachment: &Attachment{InstanceOwnerID: natRequester, DeviceIndex: 1, Status: "attached", AttachedAt: tx.Now},
	}
	if wanted.IsValid() {
		p.PrivateIPs = []netip.Addr{wanted}
	}
	n, err := NewInterface(tx, p)
	if err != nil {
		return err
	}
	g.InterfaceID, g.PrivateIP = n.ID, n.PrivateIPs[0]
	if g.AllocationID == "" {
		return nil
	}
	a, err := BindAddress(tx, g.AllocationID, n.ID, g.PrivateIP, false)
	if err != nil {
		return err
	}
	g.AssociationID, g.PublicIP = a.AssociationID, a.PublicIP
	return nil
}

// DeleteNATGateway begins to delete a NAT gateway; its routes lead nowhere from
// then on.
type DeleteNATGateway struct{ ID string }

// Apply begins it. A gateway that is gone already is not an error while it is
// visible.
func (c DeleteNATGateway) Apply(tx *cloud.Tx) (cloud.None, error) {
	g, err := FindNATGateway(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return cloud.None{}, err
	}
	switch g.State {
	case NATDeleting, NATDeleted:
		return cloud.None{}, nil
	case NATFailed:
		g.State, g.DeletedAt = NATDeleted, tx.Now
	default:
		g.State = NATDeleting
		setRouteStates(tx, g.ID, g.VPCID, RouteBlackhole)
	}
	NATGateways.Put(tx, g)
	return cloud.None{}, nil
}

// ReportNATGateway is the reconciler's word that the world has (or has no
// longer) a NAT gateway: pending becomes available, deleting becomes deleted.
type ReportNATGateway struct{ ID string }

// Apply moves the state on.
func (c ReportNATGateway) Apply(tx *cloud.Tx) (cloud.None, error) {
	if !tx.Caller.Internal {
		return cloud.None{}, cloud.Errorf(cloud.KindForbidden, "nat-gateway", "UnauthorizedOperation", "You are not authorized to perform this operation.")
	}
	g, ok := NATGateways.Get(tx, c.ID)
	if !ok {
		return cloud.None{}, nil
	}
	switch g.State {
	case NATPending:
		g.State = NATAvailable
	case NATDeleting:
		g.State, g.DeletedAt = NATDeleted, tx.Now
		RemoveInterface(tx, g.InterfaceID)
	default:
		return cloud.None{}, nil
	}
	NATGateways.Put(tx, g)
	return cloud.None{}, nil
}

// forgetNATGateways drops a VPC's gateways that are no longer visible.
func forgetNATGateways(tx *cloud.Tx, vpcID string) {
	for g := range NATGateways.By(tx, ByVPC, vpcID) {
		if !g.Visible(tx.Now) {
			NATGateways.Delete(tx, g.ID)
		}
	}
}

// Visible reports whether AWS still shows the gateway at that time.
func (g *NATGateway) Visible(now time.Time) bool {
	return g.DeletedAt.IsZero() || now.Sub(g.DeletedAt) < NATMemory
}
