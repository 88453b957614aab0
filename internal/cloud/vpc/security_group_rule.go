package vpc

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/amazon"
)

// maxRulesPerGroup is AWS's default quota, per direction and address family.
const maxRulesPerGroup = 60

// descriptionChars are the characters that AWS allows in a rule's description.
const descriptionChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789. _-:/()#,@[]+=&;{}!$*"

// RuleParams is one rule as a user describes it: a permission with one peer.
type RuleParams struct {
	// Protocol is a name or number; FromPort and ToPort are nil where not given.
	Protocol         string
	FromPort, ToPort *int
	// Exactly one of CIDR, PeerGroupID and PrefixListID.
	CIDR         netip.Prefix
	PeerGroupID  string
	PrefixListID string
	Description  string
}

// rule checks p and puts it into the form in which rules are stored, so that
// equal rules compare equal.
func (p RuleParams) rule(tx *cloud.Tx, g SecurityGroup, egress bool) (SecurityGroupRule, error) {
	r := SecurityGroupRule{Scope: g.Scope, GroupID: g.ID, Egress: egress, Description: p.Description}
	if !validDescription(p.Description) {
		return r, badDescription()
	}
	var err error
	if r.Protocol, err = protocolName(p.Protocol); err != nil {
		return r, err
	}
	if r.FromPort, r.ToPort, err = portRange(r.Protocol, p.FromPort, p.ToPort); err != nil {
		return r, err
	}
	if p.PrefixListID != "" {
		if _, ok := amazon.FindPrefixList(g.Region, p.PrefixListID); !ok {
			return r, &cloud.Error{Kind: cloud.KindNotFound, Subject: "prefix-list", ID: p.PrefixListID, Code: "InvalidPrefixListID.NotFound",
				Message: "The prefix list ID '" + p.PrefixListID + "' does not exist"}
		}
		r.PrefixListID = p.PrefixListID
		return r, nil
	}
	if p.PeerGroupID == "" {
		if !p.CIDR.IsValid() {
			return r, cloud.Errorf(cloud.KindMissing, "security-group-rule", "MissingParameter", "Source group ID missing.")
		}
		r.CIDR = p.CIDR.Masked()
		return r, nil
	}
	peer, err := ownGroup(tx, tx.Caller.Scope, p.PeerGroupID)
	if err != nil {
		return r, err
	}
	if peer.VPCID != g.VPCID {
		return r, &cloud.Error{Kind: cloud.KindConflict, Subject: "security-group", ID: peer.ID, Code: "InvalidGroup.NotFound",
			Message: "You have specified two resources that belong to different networks."}
	}
	r.PeerGroupID = peer.ID
	return r, nil
}

func protocolName(s string) (string, error) {
	switch p := strings.ToLower(s); p {
	case "tcp", "udp", "icmp", "icmpv6", "-1":
		return p, nil
	case "all":
		return "-1", nil
	case "6":
		return "tcp", nil
	case "17":
		return "udp", nil
	case "1":
		return "icmp", nil
	case "58":
		return "icmpv6", nil
	case "":
		return "", cloud.Errorf(cloud.KindMissing, "security-group-rule", "MissingParameter", "The request must contain the parameter ipProtocol")
	}
	if n, err := strconv.Atoi(s); err != nil || n < 0 || n > 255 {
		return "", invalidRule("Invalid value '%s' for IP protocol. Unknown protocol.", s)
	}
	return s, nil
}

// portRange checks ports, or ICMP type and code. For all protocols together
// there are none, whatever the user said.
func portRange(protocol string, from, to *int) (int, int, error) {
	switch protocol {
	case "-1":
		return -1, -1, nil
	case "tcp", "udp":
		return tcpPorts(from, to)
	case "icmp", "icmpv6":
		return icmpRange(value(from, -1), value(to, -1))
	}
	f, t := value(from, -1), value(to, -1)
	for _, x := range []int{f, t} {
		if x < -1 || x > 65535 {
			return 0, 0, invalidRule("Invalid value '%d' for portRange.", x)
		}
	}
	return f, t, nil
}

func tcpPorts(from, to *int) (int, int, error) {
	if from == nil || to == nil {
		return 0, 0, invalidRule("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
	}
	for _, x := range []int{*from, *to} {
		if x < 0 || x > 65535 {
			return 0, 0, invalidRule("TCP/UDP port (%d) out of range", x)
		}
	}
	if *from > *to {
		return 0, 0, invalidRule("Invalid TCP/UDP port range (%d:%d)", *from, *to)
	}
	return *from, *to, nil
}

func icmpRange(kind, code int) (int, int, error) {
	switch {
	case kind < -1 || kind > 255:
		return 0, 0, invalidRule("ICMP type (%d) out of range", kind)
	case code < -1 || code > 255:
		return 0, 0, invalidRule("ICMP code (%d) out of range", code)
	case kind == -1 && code != -1:
		return 0, 0, invalidRule("ICMP code (%d) requires an ICMP type", code)
	}
	return kind, code, nil
}

func value(p *int, otherwise int) int {
	if p == nil {
		return otherwise
	}
	return *p
}

// Peer is the rule's peer as text.
func (r *SecurityGroupRule) Peer() string {
	switch {
	case r.PeerGroupID != "":
		return r.PeerGroupID
	case r.PrefixListID != "":
		return r.PrefixListID
	}
	return r.CIDR.String()
}

// match is what makes two rules of a group the same.
func (r *SecurityGroupRule) match() string {
	return fmt.Sprintf("%t %s %d %d %s", r.Egress, r.Protocol, r.FromPort, r.ToPort, r.Peer())
}

// duplicateRule is AWS's sentence about a rule that is there already.
func duplicateRule(r SecurityGroupRule) error {
	what := strings.ToUpper(r.Protocol)
	number := func(n int) string {
		if n == -1 {
			return "ALL"
		}
		return strconv.Itoa(n)
	}
	switch r.Protocol {
	case "-1":
		what = "ALL"
	case "icmp", "icmpv6":
		what += ", type: " + number(r.FromPort) + ", code: " + number(r.ToPort)
	case "tcp", "udp":
		what += ", from port: " + number(r.FromPort) + ", to port: " + number(r.ToPort)
	}
	return cloud.Errorf(cloud.KindExists, "security-group-rule", "InvalidPermission.Duplicate",
		`the specified rule "peer: %s, %s, ALLOW" already exists`, r.Peer(), what)
}

func badDescription() error {
	return invalidRule("Invalid rule description. Valid descriptions are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*")
}

func invalidRule(format string, args ...any) error {
	return cloud.Errorf(cloud.KindInvalid, "security-group-rule", "InvalidParameterValue", format, args...)
}

func ruleNotFound() error {
	return cloud.Errorf(cloud.KindNotFound, "security-group-rule", "InvalidPermission.NotFound",
		"The specified rule does not exist in this security group.")
}

func ruleIDNotFound(id string) error {
	return &cloud.Error{Kind: cloud.KindNotFound, Subject: "security-group-rule", ID: id, Code: "InvalidSecurityGroupRuleId.NotFound",
		Message: "The security group rule ID '" + id + "' does not exist"}
}
