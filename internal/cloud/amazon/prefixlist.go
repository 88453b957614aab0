package amazon

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Services with gateway endpoints answer at addresses of their own, one per
// region, below the public addresses: so that it is the route to them that
// decides. All others share one.
const (
	firstS3     = 128 // 198.18.0.128, 64 addresses
	firstDynamo = 192
)

// SharedAddress is where the services without addresses of their own answer on
// the internet.
func SharedAddress() netip.Addr { return netip.AddrFrom4([4]byte{198, 18, 0, 10}) }

// Address is where a service of a region answers on the internet.
func (s Service) Address(region string) netip.Addr {
	first := map[string]int{"s3": firstS3, "dynamodb": firstDynamo}[s.Name]
	if i := slices.Index(cloud.Regions(), region); first > 0 && i >= 0 {
		return netip.AddrFrom4([4]byte{198, 18, 0, byte(first + i)})
	}
	return SharedAddress()
}

// Address is where the place is on the internet.
func (p Place) Address() netip.Addr { return p.Service.Address(p.Region) }

// PrefixList is a list of the addresses of a service in a region, which AWS keeps.
type PrefixList struct {
	ID, Name string // pl-…, com.amazonaws.<region>.s3
	Region   string
	Service  string // s3
	Prefixes []netip.Prefix
}

// ARN is the list's ARN.
func (l PrefixList) ARN() string { return "arn:aws:ec2:" + l.Region + ":aws:prefix-list/" + l.ID }

// PrefixLists lists the prefix lists of AWS in a region, by name: those of the
// services with gateway endpoints, whether they are mapped or not.
func PrefixLists(region string) []PrefixList {
	if !slices.Contains(cloud.Regions(), region) {
		return nil
	}
	var out []PrefixList
	for _, s := range Others() {
		if s.Gateway {
			out = append(out, s.prefixList(region))
		}
	}
	slices.SortFunc(out, func(a, b PrefixList) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (s Service) prefixList(region string) PrefixList {
	name := "com.amazonaws." + region + "." + s.Name
	sum := sha256.Sum256([]byte("prefix-list " + name))
	return PrefixList{ID: "pl-" + hex.EncodeToString(sum[:4]), Name: name, Region: region, Service: s.Name,
		Prefixes: []netip.Prefix{netip.PrefixFrom(s.Address(region), 32)}}
}

// FindPrefixList finds a prefix list of AWS by its id.
func FindPrefixList(region, id string) (PrefixList, bool) {
	for _, l := range PrefixLists(region) {
		if l.ID == id {
			return l, true
		}
	}
	return PrefixList{}, false
}

// PrefixListOf is the prefix list of a service in a region.
func PrefixListOf(region, service string) (PrefixList, bool) {
	for _, l := range PrefixLists(region) {
		if l.Service == service {
			return l, true
		}
	}
	return PrefixList{}, false
}
