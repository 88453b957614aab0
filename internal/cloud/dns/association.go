package dns

import (
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// maxAssociations is how many VPCs a private zone may have.
const maxAssociations = 300

// AssociateVPC makes a private zone answer in another VPC of the caller's. If the
// zone is another account's, that has to have authorized it.
type AssociateVPC struct {
	ZoneID  string
	VPC     ZoneVPC
	Comment string
}

// Apply adds the VPC.
func (c AssociateVPC) Apply(tx *cloud.Tx) (ChangeInfo, error) {
	z, ok := Zones.Get(tx, c.ZoneID)
	if !ok {
		return ChangeInfo{}, noZone(c.ZoneID)
	}
	if _, allowed := Authorizations.Get(tx, AuthorizationKey(z.ID, c.VPC)); z.Account != tx.Caller.Account && !allowed {
		return ChangeInfo{}, cloud.Errorf(cloud.KindForbidden, "hosted-zone", "NotAuthorizedException", "The VPC: %s has not authorized to associate with your hosted zone.", c.VPC.VPCID)
	}
	if !z.Private {
		return ChangeInfo{}, cloud.Errorf(cloud.KindInvalid, "hosted-zone", "PublicZoneVPCAssociation", "Attempting to associate public zone: %s with vpc: %s", z.ID, c.VPC.VPCID)
	}
	if err := checkAssociation(tx, z, c.VPC); err != nil {
		return ChangeInfo{}, err
	}
	if len(z.VPCs) >= maxAssociations {
		return ChangeInfo{}, cloud.Errorf(cloud.KindLimit, "hosted-zone", "LimitsExceeded", "Limits Exceeded: MAX_VPCS_ASSOCIATED_BY_ZONE - Cannot associate more VPCs with the hosted zone.")
	}
	z.VPCs = append(slices.Clone(z.VPCs), c.VPC)
	Zones.Put(tx, z)
	return newChange(tx, c.Comment), nil
}

// checkAssociation refuses a VPC that is not the caller's, and one that has a
// zone of that name already.
func checkAssociation(tx *cloud.Tx, z Zone, v ZoneVPC) error {
	if _, err := FindVPC(tx, tx.Caller.Account, v); err != nil {
		return err
	}
	for other := range Zones.By(tx, ByVPC, v.VPCID) {
		if other.Name == z.Name {
			return conflicting(v, other.ID)
		}
	}
	for _, hidden := range HiddenZones(tx, v.VPCID) {
		if hidden.Name == z.Name {
			return conflicting(v, hidden.ID)
		}
	}
	return nil
}

// HiddenZones are the zones that endpoints with private DNS have in a VPC. They
// are PrivateLink's, and have no records that can be asked for.
func HiddenZones(r cloud.Reader, vpcID string) []Zone {
	var out []Zone
	for e := range privatelink.Endpoints.By(r, privatelink.ByVPC, vpcID) {
		if e.PrivateDNS && e.PrivateName != "" && e.State != privatelink.Deleting && e.State != privatelink.Deleted {
			out = append(out, Zone{ID: e.PrivateZoneID, Name: strings.TrimPrefix(strings.ToLower(e.PrivateName), "*.") + ".", Private: true})
		}
	}
	return out
}

func conflicting(v ZoneVPC, zoneID string) *cloud.Error {
	return cloud.Errorf(cloud.KindConflict, "hosted-zone", "ConflictingDomainExists",
		"The VPC %s in region %s has already been associated with the hosted zone %s with the same domain name.", v.VPCID, v.Region, zoneID)
}

// FindVPC returns the account's VPC in the region that the request names.
func FindVPC(r cloud.Reader, account string, v ZoneVPC) (vpc.VPC, error) {
	found, ok := vpc.VPCs.Get(r, v.VPCID)
	switch {
	case !ok || found.Region != v.Region:
		return vpc.VPC{}, badVPC(v)
	case found.Account != account:
		return vpc.VPC{}, cloud.Errorf(cloud.KindForbidden, "vpc", "NotAuthorizedException", "The VPC: %s that you provided is not owned by you, and its owner has not authorized to associate with your hosted zone.", v.VPCID)
	}
	return found, nil
}

func badVPC(v ZoneVPC) *cloud.Error {
	return cloud.Errorf(cloud.KindInvalid, "vpc", "InvalidVPCId", "The VPC: %s in region: %s that you provided is not valid.", v.VPCID, v.Region)
}

// DisassociateVPC takes a VPC from a private zone, for the owner of either. The
// VPC itself may be gone.
type DisassociateVPC struct {
	ZoneID  string
	VPC     ZoneVPC
	Comment string
}

// Apply removes the VPC.
func (c DisassociateVPC) Apply(tx *cloud.Tx) (ChangeInfo, error) {
	z, ok := Zones.Get(tx, c.ZoneID)
	if !ok {
		return ChangeInfo{}, noZone(c.ZoneID)
	}
	if v, found := vpc.VPCs.Get(tx, c.VPC.VPCID); z.Account != tx.Caller.Account && (!found || v.Account != tx.Caller.Account) {
		return ChangeInfo{}, notYours()
	}
	i := slices.Index(z.VPCs, c.VPC)
	if i < 0 {
		return ChangeInfo{}, cloud.Errorf(cloud.KindNotFound, "association", "VPCAssociationNotFound", "The VPC: %s is not currently associated with the hosted zone %s.", c.VPC.VPCID, z.ID)
	}
	if len(z.VPCs) == 1 {
		return ChangeInfo{}, cloud.Errorf(cloud.KindInUse, "association", "LastVPCAssociation", "Cannot remove last VPC association for the private zone")
	}
	z.VPCs = slices.Delete(slices.Clone(z.VPCs), i, i+1)
	Zones.Put(tx, z)
	return newChange(tx, c.Comment), nil
}
