package vpc_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud/amazon"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func groupLab(t *testing.T) (*netLab, vpc.VPC, vpc.SecurityGroup) {
	t.Helper()
	l := newNetLab(t)
	v := must(l, vpc.CreateVPC{CIDR: netip.MustParsePrefix("10.0.0.0/16")})
	return l, v, must(l, vpc.CreateSecurityGroup{Name: "web", Description: "web servers", VPCID: v.ID})
}

// rules lists a group's rules as "in tcp 80 80 10.0.0.0/8".
func rules(l *netLab, group string) []string {
	var out []string
	for r := range vpc.SecurityGroupRules.By(l.db.Snapshot(), vpc.ByGroup, group) {
		out = append(out, fmt.Sprintf("%t %s %d %d %s", r.Egress, r.Protocol, r.FromPort, r.ToPort, r.Peer()))
	}
	slices.Sort(out)
	return out
}

func tcp(cidr string, from, to int) vpc.RuleParams {
	return vpc.RuleParams{Protocol: "tcp", FromPort: &from, ToPort: &to, CIDR: netip.MustParsePrefix(cidr)}
}

func TestNewGroups(t *testing.T) {
	l, v, g := groupLab(t)
	if got := rules(l, g.ID); !slices.Equal(got, []string{"true -1 -1 -1 0.0.0.0/0"}) {
		t.Errorf("a new group's rules: %v", got)
	}
	if got := rules(l, v.DefaultGroupID); !slices.Equal(got, []string{"false -1 -1 -1 " + v.DefaultGroupID, "true -1 -1 -1 0.0.0.0/0"}) {
		t.Errorf("the default group's rules: %v", got)
	}
	text := refused(l, "InvalidGroup.Duplicate", vpc.CreateSecurityGroup{Name: "web", Description: "again", VPCID: v.ID})
	if text != "The security group 'web' already exists for VPC '"+v.ID+"'" {
		t.Error(text)
	}
	for code, c := range map[string]vpc.CreateSecurityGroup{
		"InvalidVpcID.NotFound": {Name: "a", Description: "d", VPCID: "vpc-0"},
		"VPCIdNotSpecified":     {Name: "a", Description: "d"},
		"MissingParameter":      {Name: "a", VPCID: v.ID},
	} {
		refused(l, code, c)
	}
	for _, c := range []vpc.CreateSecurityGroup{{Name: "default", Description: "d"}, {Name: "sg-mine", Description: "d"}, {Name: "a", Description: "日本"},
		{Name: "a", Description: strings.Repeat("x", 256)}} {
		c.VPCID = v.ID
		refused(l, "InvalidParameterValue", c)
	}
	refused(l, "CannotDelete", vpc.DeleteSecurityGroup{ID: v.DefaultGroupID})
	refused(l, "InvalidGroup.NotFound", vpc.DeleteSecurityGroup{ID: "sg-0"})
	refused(l, "InvalidGroupId.Malformed", vpc.DeleteSecurityGroup{ID: "web"})
	must(l, vpc.DeleteSecurityGroup{ID: g.ID})
	if got := rules(l, g.ID); got != nil {
		t.Errorf("rules outlive their group: %v", got)
	}
}

func TestRuleForms(t *testing.T) {
	l, _, g := groupLab(t)
	cidr := netip.MustParsePrefix("10.9.8.7/8")
	for _, tt := range []struct {
		protocol string
		from, to int // -9: not given
		want     string
	}{
		{"tcp", 80, 80, "tcp 80 80"}, {"6", 81, 90, "tcp 81 90"}, {"17", 53, 53, "udp 53 53"}, {"UDP", 54, 54, "udp 54 54"},
		{"-1", 0, 0, "-1 -1 -1"}, {"icmp", 8, -1, "icmp 8 -1"}, {"icmp", -9, -9, "icmp -1 -1"}, {"58", 128, 0, "icmpv6 128 0"},
		{"50", -9, -9, "50 -1 -1"}, {"51", 0, 0, "51 0 0"},
		{"tcp", 90, 80, ""}, {"tcp", -1, 80, ""}, {"tcp", 0, 65536, ""}, {"tcp", -9, 80, ""}, {"bogus", 1, 1, ""}, {"256", 1, 1, ""},
		{"icmp", 256, 0, ""}, {"icmp", -1, 3, ""},
	} {
		p := vpc.RuleParams{Protocol: tt.protocol, CIDR: cidr}
		if tt.from != -9 {
			p.FromPort = &tt.from
		}
		if tt.to != -9 {
			p.ToPort = &tt.to
		}
		c := vpc.AuthorizeRules{GroupID: g.ID, Rules: []vpc.RuleParams{p}}
		if tt.want == "" {
			refused(l, "InvalidParameterValue", c)
			continue
		}
		r := must(l, c)[0]
		if got := fmt.Sprintf("%s %d %d %s", r.Protocol, r.FromPort, r.ToPort, r.CIDR); got != tt.want+" 10.0.0.0/8" {
			t.Errorf("%s %d %d: %s", tt.protocol, tt.from, tt.to, got)
		}
	}
	refused(l, "InvalidPrefixListID.NotFound", vpc.AuthorizeRules{GroupID: g.ID, Rules: []vpc.RuleParams{{Protocol: "-1", PrefixListID: "pl-1"}}})
	lists := amazon.PrefixLists(g.Region)
	if r := must(l, vpc.AuthorizeRules{GroupID: g.ID, Egress: true, Rules: []vpc.RuleParams{{Protocol: "-1", PrefixListID: lists[0].ID}}})[0]; r.PrefixListID != lists[0].ID || r.CIDR.IsValid() {
		t.Errorf("rule with a prefix list: %+v", r)
	}
	refused(l, "MissingParameter", vpc.AuthorizeRules{GroupID: g.ID, Rules: []vpc.RuleParams{{Protocol: "-1"}}})
	refused(l, "MissingParameter", vpc.AuthorizeRules{GroupID: g.ID})
}

func TestDuplicateRules(t *testing.T) {
	l, v, g := groupLab(t)
	in := func(r ...vpc.RuleParams) vpc.AuthorizeRules { return vpc.AuthorizeRules{GroupID: g.ID, Rules: r} }
	must(l, in(tcp("0.0.0.0/0", 22, 22), vpc.RuleParams{Protocol: "-1", PeerGroupID: g.ID}))
	for want, r := range map[string]vpc.RuleParams{
		`the specified rule "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW" already exists`: tcp("0.0.0.0/0", 22, 22),
		`the specified rule "peer: ` + g.ID + `, ALL, ALLOW" already exists`:                          {Protocol: "-1", PeerGroupID: g.ID},
	} {
		if got := refused(l, "InvalidPermission.Duplicate", in(r)); got != want {
			t.Error(got)
		}
	}
	refused(l, "InvalidParameterValue", in(tcp("10.0.0.0/8", 1, 1), tcp("10.1.0.0/8", 1, 1)))
	other := must(l, vpc.CreateVPC{CIDR: netip.MustParsePrefix("10.1.0.0/16")})
	refused(l, "InvalidGroup.NotFound", in(vpc.RuleParams{Protocol: "-1", PeerGroupID: other.DefaultGroupID}))
	ref := must(l, vpc.AuthorizeRules{GroupID: v.DefaultGroupID, Rules: []vpc.RuleParams{{Protocol: "-1", PeerGroupID: g.ID}}})
	if text := refused(l, "DependencyViolation", vpc.DeleteSecurityGroup{ID: g.ID}); text != "resource "+g.ID+" has a dependent object" {
		t.Error(text)
	}
	must(l, vpc.RevokeRules{GroupID: v.DefaultGroupID, IDs: []string{ref[0].ID}})
	must(l, vpc.DeleteSecurityGroup{ID: g.ID})
}

func TestRevokeAndModify(t *testing.T) {
	l, _, g := groupLab(t)
	made := must(l, vpc.AuthorizeRules{GroupID: g.ID, Rules: []vpc.RuleParams{tcp("10.0.0.0/8", 80, 80), tcp("10.0.0.0/8", 81, 81)}})
	zero := 0
	must(l, vpc.RevokeRules{GroupID: g.ID, Egress: true, Rules: []vpc.RuleParams{{Protocol: "-1", FromPort: &zero, ToPort: &zero,
		CIDR: netip.MustParsePrefix("0.0.0.0/0"), Description: "not compared"}}})
	refused(l, "InvalidPermission.NotFound", vpc.RevokeRules{GroupID: g.ID, Rules: []vpc.RuleParams{tcp("10.0.0.0/8", 82, 82)}})
	refused(l, "InvalidSecurityGroupRuleId.NotFound", vpc.RevokeRules{GroupID: g.ID, IDs: []string{"sgr-0"}})
	refused(l, "InvalidSecurityGroupRuleId.NotFound", vpc.RevokeRules{GroupID: g.ID, Egress: true, IDs: []string{made[0].ID}})
	refused(l, "InvalidPermission.Duplicate", vpc.ModifyRules{GroupID: g.ID, Updates: []vpc.RuleUpdate{{ID: made[0].ID, Rule: tcp("10.0.0.0/8", 81, 81)}}})
	must(l, vpc.ModifyRules{GroupID: g.ID, Updates: []vpc.RuleUpdate{{ID: made[0].ID, Rule: tcp("10.0.0.0/8", 443, 443)}}})
	must(l, vpc.RevokeRules{GroupID: g.ID, IDs: []string{made[1].ID}})
	if got := rules(l, g.ID); !slices.Equal(got, []string{"false tcp 443 443 10.0.0.0/8"}) {
		t.Errorf("rules: %v", got)
	}
	refused(l, "InvalidParameterValue", vpc.DescribeRules{GroupID: g.ID, ByID: map[string]string{made[0].ID: "tab\t"}})
	must(l, vpc.DescribeRules{GroupID: g.ID, ByID: map[string]string{made[0].ID: "by id"}})
	p := tcp("10.0.0.0/8", 443, 443)
	p.Description = "by permission"
	must(l, vpc.DescribeRules{GroupID: g.ID, Rules: []vpc.RuleParams{p}})
	if r, _ := vpc.SecurityGroupRules.Get(l.db.Snapshot(), made[0].ID); r.Description != "by permission" {
		t.Errorf("description %q", r.Description)
	}
}
