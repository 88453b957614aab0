package vpc

import (
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
)

// The numbers of the entries that AWS makes. The last ones deny what no other
// entry allows.
const (
	aclAllowIPv4 = 100
	aclAllowIPv6 = 101
	aclDenyIPv4  = 32767
	aclDenyIPv6  = 32768
)

// createDefaultACL makes a new VPC's default network ACL, which allows
// everything, and returns its id.
func createDefaultACL(tx *cloud.Tx, v *VPC) string {
	a := NetworkACL{ID: "acl-" + tx.IDs.Hex(17), Scope: v.Scope, VPCID: v.ID, IsDefault: true}
	for _, egress := range []bool{false, true} {
		a.Entries = append(a.Entries,
			ACLEntry{Number: aclAllowIPv4, Protocol: "-1", Allow: true, Egress: egress, CIDR: anyIPv4},
			ACLEntry{Number: aclDenyIPv4, Protocol: "-1", Egress: egress, CIDR: anyIPv4})
	}
	NetworkACLs.Put(tx, a)
	if len(v.IPv6CIDRs) > 0 {
		allowIPv6(tx, a.ID)
	}
	return a.ID
}

// allowIPv6 adds the entries that a default ACL gets with the VPC's first IPv6
// block.
func allowIPv6(tx *cloud.Tx, id string) {
	a, ok := NetworkACLs.Get(tx, id)
	if !ok || slices.ContainsFunc(a.Entries, func(e ACLEntry) bool { return e.Number == aclDenyIPv6 }) {
		return
	}
	a.Entries = slices.Clone(a.Entries)
	for _, egress := range []bool{false, true} {
		a.Entries = append(a.Entries,
			ACLEntry{Number: aclAllowIPv6, Protocol: "-1", Allow: true, Egress: egress, CIDR: anyIPv6},
			ACLEntry{Number: aclDenyIPv6, Protocol: "-1", Egress: egress, CIDR: anyIPv6})
	}
	NetworkACLs.Put(tx, a)
}

// joinDefaultACL associates a new subnet with its VPC's default ACL.
func joinDefaultACL(tx *cloud.Tx, v *VPC, subnetID string) {
	a, ok := NetworkACLs.Get(tx, v.DefaultACLID)
	if !ok {
		return
	}
	a.Associations = append(slices.Clone(a.Associations), ACLAssociation{ID: "aclassoc-" + tx.IDs.Hex(17), SubnetID: subnetID})
	NetworkACLs.Put(tx, a)
}

// leaveACL ends a deleted subnet's association.
func leaveACL(tx *cloud.Tx, subnetID string) {
	for a := range NetworkACLs.By(tx, BySubnet, subnetID) {
		a.Associations = slices.DeleteFunc(slices.Clone(a.Associations), func(x ACLAssociation) bool { return x.SubnetID == subnetID })
		NetworkACLs.Put(tx, a)
	}
}
