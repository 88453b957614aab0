package dns

import (
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// maxAuthorizations is how many authorizations a zone may have.
const maxAuthorizations = 1000

// AuthorizeVPC allows the owner of a VPC to associate it with the caller's zone.
// Once that is done, the authorization may go.
type AuthorizeVPC struct {
	ZoneID string
	VPC    ZoneVPC
}

// Apply records the authorization; one that exists stays.
func (c AuthorizeVPC) Apply(tx *cloud.Tx) (cloud.None, error) {
	z, err := c.check(tx)
	if err != nil {
		return cloud.None{}, err
	}
	if !z.Private {
		return cloud.None{}, badInput("The hosted zone %s is public: a VPC can only be associated with a private hosted zone.", z.ID)
	}
	count := 0
	for a := range Authorizations.By(tx, ByZone, z.ID) {
		if a.VPC != c.VPC {
			count++
		}
	}
	if count >= maxAuthorizations {
		return cloud.None{}, cloud.Errorf(cloud.KindLimit, "hosted-zone", "TooManyVPCAssociationAuthorizations", "Limits Exceeded: MAX_VPC_ASSOCIATION_AUTHORIZATIONS_BY_ZONE - Cannot authorize more VPCs for the hosted zone.")
	}
	Authorizations.Put(tx, Authorization{ZoneID: z.ID, VPC: c.VPC})
	return cloud.None{}, nil
}

// check finds the zone and sees to it that the VPC is somebody's.
func (c AuthorizeVPC) check(tx *cloud.Tx) (Zone, error) {
	z, err := FindZone(tx, tx.Caller.Account, c.ZoneID)
	if err != nil {
		return Zone{}, err
	}
	if v, ok := vpc.VPCs.Get(tx, c.VPC.VPCID); !ok || v.Region != c.VPC.Region {
		return Zone{}, badVPC(c.VPC)
	}
	return z, nil
}

// UnauthorizeVPC takes an authorization back. What was associated stays.
type UnauthorizeVPC struct {
	ZoneID string
	VPC    ZoneVPC
}

// Apply removes the authorization.
func (c UnauthorizeVPC) Apply(tx *cloud.Tx) (cloud.None, error) {
	z, err := FindZone(tx, tx.Caller.Account, c.ZoneID)
	if err != nil {
		return cloud.None{}, err
	}
	key := AuthorizationKey(z.ID, c.VPC)
	if _, ok := Authorizations.Get(tx, key); !ok {
		return cloud.None{}, cloud.Errorf(cloud.KindNotFound, "association", "VPCAssociationAuthorizationNotFound", "The VPC %s is not authorized to be associated with the hosted zone %s.", c.VPC.VPCID, z.ID)
	}
	Authorizations.Delete(tx, key)
	return cloud.None{}, nil
}
