package privatelink

import (
	"encoding/json"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
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

func checkPolicy(p string) error {
	var v map[string]any
	if len(p) > maxPolicy || json.Unmarshal([]byte(p), &v) != nil {
		return cloud.Errorf(cloud.KindInvalid, subjectEndpoint, "InvalidPolicyDocument", "This policy contains invalid Json")
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
	case t == "service-defined" && e.IPAddressType == "dualstack":
		return notServed(subjectEndpoint, "The DNS record IP type '%s'", t)
	case t == e.IPAddressType, e.IPAddressType == "dualstack" && (t == "ipv4" || t == "ipv6"):
		e.DNSRecordType = t
		return nil
	}
	return invalid(subjectEndpoint, "The DNS record IP type '%s' is not supported for the IP address type '%s'.", t, e.IPAddressType)
}

// checkPrivateDNS gives AWS's reason why private DNS can not be enabled. No
// service here has a private DNS name yet, so there always is one.
func checkPrivateDNS(v vpc.VPC, s Service) error {
	if !v.EnableDNSSupport || !v.EnableDNSHostnames {
		return invalid(subjectEndpoint, "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes "+
			"set to true for %s", v.ID)
	}
	return invalid(subjectEndpoint, "Private DNS can't be enabled because the service %s does not provide a private DNS name.", s.Name)
}
