package privatelink

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// DefaultPolicy is the policy of an endpoint that was given none: full access.
const DefaultPolicy = `{
  "Statement": [
    {
      "Action": "*",
      "Effect": "Allow",
      "Principal": "*",
      "Resource": "*"
    }
  ]
}`

const maxPolicy = 20480

// checkPolicy checks a policy document; where it will be enforced, all of it.
func (e *Endpoint) checkPolicy(p string) error {
	var v struct{ Statement any }
	badPolicy := func(why string) error {
		return cloud.Errorf(cloud.KindInvalid, subjectEndpoint, "InvalidPolicyDocument", "%s", why)
	}
	switch {
	case len(p) > maxPolicy:
		return badPolicy("The policy document exceeds the maximum length of 20480 characters")
	case json.Unmarshal([]byte(p), &v) != nil:
		return badPolicy("This policy contains invalid Json")
	case v.Statement == nil:
		return badPolicy("The policy document has no Statement")
	}
	if e.Amazon == "" {
		return nil
	}
	if err := iam.CheckAccessPolicy(p); err != nil {
		return badPolicy(err.Error())
	}
	return nil
}

// setIPType sets the endpoint's address type; the service must support it.
func (e *Endpoint) setIPType(s Service, t string) error {
	need := map[string][]string{"ipv4": {"ipv4"}, "ipv6": {"ipv6"}, "dualstack": {"ipv4", "ipv6"}}[t]
	if need == nil {
		return invalid(subjectEndpoint, "The IP address type '%s' is not valid: it must be ipv4, ipv6 or dualstack.", t)
	}
	for _, n := range need {
		if !slices.Contains(s.SupportedIPTypes, n) {
			return invalid(subjectEndpoint, "The IP address type '%s' is not supported by the VPC endpoint service %s.", t, s.Name)
		}
	}
	e.IPAddressType = t
	return nil
}

// setRecordType sets which addresses the endpoint's names have; empty follows
// the address type.
func (e *Endpoint) setRecordType(t string) error {
	if t == "" {
		t = e.IPAddressType
	}
	switch {
	case t == e.IPAddressType, e.IPAddressType == "dualstack" && (t == "ipv4" || t == "ipv6" || t == "service-defined"):
		e.DNSRecordType = t
		return nil
	}
	return invalid(subjectEndpoint, "The DNS record IP type '%s' is not supported for the IP address type '%s'.", t, e.IPAddressType)
}

// NameConflict says whether something outside this package (a private hosted
// zone) answers a domain in a VPC.
type NameConflict func(r cloud.Reader, vpcID, domain string) bool

// enablePrivateDNS gives the endpoint the service's private name, or AWS's
// reason why not.
func (e *Endpoint) enablePrivateDNS(tx *cloud.Tx, v vpc.VPC, s Service, conflicts NameConflict) error {
	name := s.PrivateDNS.Name
	switch {
	case !v.EnableDNSSupport || !v.EnableDNSHostnames:
		return invalid(subjectEndpoint, "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes "+
			"set to true for %s", v.ID)
	case name == "":
		return invalid(subjectEndpoint, "Private DNS can't be enabled because the service %s does not provide a private DNS name.", s.Name)
	case e.State == PendingAcceptance:
		return invalid(subjectEndpoint, "Private DNS can only be enabled after the endpoint connection is accepted by the owner of %s", s.Name)
	case s.PrivateDNS.State != Verified:
		return unverified(s)
	}
	for other := range Endpoints.By(tx, ByVPC, v.ID) {
		if other.ID != e.ID && other.PrivateDNS && other.hiddenZone() == s.PrivateDNS.Domain() {
			return conflicting(s.PrivateDNS.Domain(), v.ID)
		}
	}
	if conflicts != nil && conflicts(tx, v.ID, s.PrivateDNS.Domain()) {
		return conflicting(s.PrivateDNS.Domain(), v.ID)
	}
	e.PrivateDNS, e.PrivateName, e.PrivateZoneID = true, name, "Z"+tx.IDs.Upper(20)
	return nil
}

// hiddenZone is the name of the zone that answers the endpoint's private name in
// its VPC.
func (e *Endpoint) hiddenZone() string { return strings.TrimPrefix(e.PrivateName, "*.") }

func unverified(s Service) error {
	return invalid(subjectEndpoint, "Private DNS can't be enabled because the service %s has not verified the private DNS name.", s.Name)
}

func conflicting(domain, vpcID string) error {
	return invalid(subjectEndpoint, "private-dns-enabled cannot be set because there is already a conflicting DNS domain for %s in the VPC %s",
		domain, vpcID)
}
