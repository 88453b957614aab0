package vpc

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// NoDHCPOptions is the id that stands for "no DHCP options".
const NoDHCPOptions = "default"

// defaultDHCPOptions makes the scope's default set, unless it is there, and
// returns its id. The id is derived from the scope, so that it can be found
// without a search.
func defaultDHCPOptions(tx *cloud.Tx) string {
	s := tx.Caller.Scope
	sum := sha256.Sum256([]byte("default dhcp options " + s.Key()))
	id := "dopt-" + hex.EncodeToString(sum[:])[:17]
	if _, ok := DHCPOptionSets.Get(tx, id); !ok {
		DHCPOptionSets.Put(tx, DHCPOptions{ID: id, Scope: s, Options: map[string][]string{
			"domain-name":         {DefaultDomain(s.Region)},
			"domain-name-servers": {"AmazonProvidedDNS"},
		}})
	}
	return id
}

// DefaultDomain is the domain of a region's private names.
func DefaultDomain(region string) string {
	if region == "us-east-1" {
		return "ec2.internal"
	}
	return region + ".compute.internal"
}

// CreateDHCPOptions makes a DHCP option set.
type CreateDHCPOptions struct {
	Options map[string][]string
	Tags    cloud.Tags
}

// Apply checks the options and makes the set.
func (c CreateDHCPOptions) Apply(tx *cloud.Tx) (DHCPOptions, error) {
	if len(c.Options) == 0 {
		return DHCPOptions{}, cloud.Errorf(cloud.KindMissing, "dhcp-options", "MissingParameter",
			"The request must contain the parameter dhcpConfiguration")
	}
	for _, key := range slices.Sorted(maps.Keys(c.Options)) {
		if err := checkDHCPOption(key, c.Options[key]); err != nil {
			return DHCPOptions{}, err
		}
	}
	d := DHCPOptions{ID: "dopt-" + tx.IDs.Hex(17), Scope: tx.Caller.Scope, Options: map[string][]string{}, Tags: c.Tags.Clone()}
	for k, v := range c.Options {
		d.Options[k] = slices.Clone(v)
	}
	DHCPOptionSets.Put(tx, d)
	return d, nil
}

func checkDHCPOption(key string, values []string) error {
	bad := func(v string) error {
		return cloud.Errorf(cloud.KindInvalid, "dhcp-options", "InvalidParameterValue",
			"Value (%s) for parameter %s is invalid.", v, key)
	}
	if len(values) == 0 {
		return bad("")
	}
	switch key {
	case "domain-name-servers", "ntp-servers", "netbios-name-servers":
		if len(values) > 4 {
			return bad(strings.Join(values, ", "))
		}
		for _, v := range values {
			if _, err := netip.ParseAddr(v); err != nil && (key != "domain-name-servers" || v != "AmazonProvidedDNS") {
				return bad(v)
			}
		}
	case "netbios-node-type":
		if len(values) != 1 || !slices.Contains([]string{"1", "2", "4", "8"}, values[0]) {
			return bad(strings.Join(values, ", "))
		}
	case "domain-name", "ipv6-address-preferred-lease-time":
		if len(values) != 1 || values[0] == "" {
			return bad(strings.Join(values, ", "))
		}
	default:
		return cloud.Errorf(cloud.KindInvalid, "dhcp-options", "InvalidParameterValue", "The option '%s' is not a valid DHCP option.", key)
	}
	return nil
}

// DeleteDHCPOptions removes a set that no VPC uses.
type DeleteDHCPOptions struct{ ID string }

// Apply removes the set.
func (c DeleteDHCPOptions) Apply(tx *cloud.Tx) (cloud.None, error) {
	d, err := FindDHCPOptions(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return cloud.None{}, err
	}
	if _, used := VPCs.First(tx, "dhcp", d.ID); used {
		return cloud.None{}, dependency("dhcp-options", "dhcpOptions", d.ID)
	}
	DHCPOptionSets.Delete(tx, d.ID)
	return cloud.None{}, nil
}

// AssociateDHCPOptions sets a VPC's option set; NoDHCPOptions is none.
type AssociateDHCPOptions struct{ VPCID, OptionsID string }

// Apply sets it.
func (c AssociateDHCPOptions) Apply(tx *cloud.Tx) (cloud.None, error) {
	v, err := FindVPC(tx, tx.Caller.Scope, c.VPCID)
	if err != nil {
		return cloud.None{}, err
	}
	if c.OptionsID != NoDHCPOptions {
		if _, err := FindDHCPOptions(tx, tx.Caller.Scope, c.OptionsID); err != nil {
			return cloud.None{}, err
		}
	}
	v.DHCPOptionsID = c.OptionsID
	VPCs.Put(tx, v)
	return cloud.None{}, nil
}
