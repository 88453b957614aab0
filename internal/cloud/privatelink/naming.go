package privatelink

import (
	"strings"

	"github.com/musubi-net/musubi/internal/cloud/amazon"
)

// ServiceName is the name of an endpoint service in a region.
func ServiceName(region, id string) string { return "com.amazonaws.vpce." + region + "." + id }

// BaseDNSName is the name under which a service's endpoints have theirs.
func (s *Service) BaseDNSName() string {
	if of, ok := amazon.Lookup(s.Amazon); ok && s.Type == TypeGateway {
		return strings.TrimPrefix(of.PrivateNames(s.Region)[0], "*.")
	} else if ok {
		return of.EndpointDomain(s.Region)
	}
	return s.ID + "." + s.Region + ".vpce.amazonaws.com"
}

// isAWSService reports whether a name is one of AWS's own services.
func isAWSService(name string) bool {
	return !strings.HasPrefix(name, "com.amazonaws.vpce.") &&
		(strings.HasPrefix(name, "com.amazonaws.") || strings.HasPrefix(name, "aws."))
}

// entries lists an endpoint's DNS names: the regional one, one per zone, and last
// the private one.
func (e *Endpoint) entries() []DNSEntry {
	if e.Type == TypeGateway {
		return nil
	}
	base, below := e.ServiceID+"."+e.ServiceRegion+".vpce.amazonaws.com", ""
	if s, ok := amazon.Lookup(e.Amazon); ok {
		if base = s.EndpointDomain(e.ServiceRegion); s.Below {
			below = "*." // buckets are names below
		}
	}
	zone := hostedZone(e.ServiceRegion)
	out := []DNSEntry{{Name: below + e.ID + "-" + e.Suffix + "." + base, HostedZoneID: zone}}
	for _, i := range e.Interfaces {
		out = append(out, DNSEntry{Name: below + e.ID + "-" + e.Suffix + "-" + i.Zone + "." + base, HostedZoneID: zone})
	}
	for _, name := range e.PrivateNames() {
		out = append(out, DNSEntry{Name: name, HostedZoneID: e.PrivateZoneID})
	}
	return out
}

// hostedZone is the hosted zone of endpoint names in a region, for alias
// records.
func hostedZone(region string) string {
	known := map[string]string{
		"ap-northeast-1": "Z2E726K9Y6RL4W", "ap-northeast-3": "Z376B5OMM2JZL2", "ap-southeast-1": "Z18LLCSTV4NVNL",
		"us-east-1": "Z7HUB22UULQXV", "us-east-2": "ZC8PG0KIFKBRI", "us-west-1": "Z12I86A8N7VCZO", "us-west-2": "Z1YSA3EXCYUU9Z",
		"eu-west-1": "Z38GZ743OKFT7T", "eu-central-1": "Z273ZU8SZ5RJPC", "sa-east-1": "Z2LXUWEVLCVZIB",
	}
	if id := known[region]; id != "" {
		return id
	}
	// A stand-in of the same form, stable per region.
	return "Z0VPCE" + strings.ToUpper(strings.ReplaceAll(region, "-", ""))
}
