package vpc

import (
	"net/netip"

	"github.com/musubi-net/musubi/internal/cloud"
)

var (
	anyIPv4 = netip.MustParsePrefix("0.0.0.0/0")
	anyIPv6 = netip.MustParsePrefix("::/0")
)

// createDefaultGroup makes a new VPC's default security group: everything in
// from its own members, everything out. It sets v.DefaultGroupID and returns
// it; the caller stores v.
func createDefaultGroup(tx *cloud.Tx, v *VPC) string {
	g := SecurityGroup{ID: "sg-" + tx.IDs.Hex(17), Scope: v.Scope, VPCID: v.ID,
		Name: "default", Description: "default VPC security group"}
	SecurityGroups.Put(tx, g)
	putRule(tx, g, SecurityGroupRule{Protocol: "-1", FromPort: -1, ToPort: -1, PeerGroupID: g.ID})
	openEgress(tx, g, v)
	v.DefaultGroupID = g.ID
	return g.ID
}

// openEgress gives a new group its rules that let everything out.
func openEgress(tx *cloud.Tx, g SecurityGroup, v *VPC) {
	putRule(tx, g, SecurityGroupRule{Egress: true, Protocol: "-1", FromPort: -1, ToPort: -1, CIDR: anyIPv4})
	if len(v.IPv6CIDRs) > 0 {
		putRule(tx, g, SecurityGroupRule{Egress: true, Protocol: "-1", FromPort: -1, ToPort: -1, CIDR: anyIPv6})
	}
}

func putRule(tx *cloud.Tx, g SecurityGroup, r SecurityGroupRule) SecurityGroupRule {
	r.ID = "sgr-" + tx.IDs.Hex(17)
	r.Scope = g.Scope
	r.GroupID = g.ID
	SecurityGroupRules.Put(tx, r)
	return r
}

// removeGroup removes a group and its rules. It checks nothing; DeleteVpc uses
// it for the default group.
func removeGroup(tx *cloud.Tx, id string) {
	for r := range SecurityGroupRules.By(tx, ByGroup, id) {
		SecurityGroupRules.Delete(tx, r.ID)
	}
	SecurityGroups.Delete(tx, id)
}

func groupNotFound(id string) error {
	return &cloud.Error{Kind: cloud.KindNotFound, Subject: "security-group", ID: id, Code: "InvalidGroup.NotFound",
		Message: "The security group '" + id + "' does not exist"}
}
