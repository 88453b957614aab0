// Package amazon knows AWS's own services by their public names: those that
// answer inside the world, those that a user may map to a program on the host,
// and which of them have interface or gateway endpoints.
//
// It may import internal/cloud.
package amazon

import (
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

const domain = ".amazonaws.com"

// globalRegion is the region that global services are signed for.
const globalRegion = "us-east-1"

// Service is one of AWS's services.
type Service struct {
	// Name is the last part of the name of its endpoint service: ec2, ecr.api.
	Name string
	// Label is what stands before the region in its names, if that is not Name:
	// api.ecr.
	Label string
	// Sign is the name that its requests are signed for, if it is not Name.
	Sign string
	// Regional services have a name per region, global ones a single name; sts has
	// both.
	Regional, Global bool
	// Below is set if the names below its name are its own too (buckets), OnlyBelow
	// if its name itself is none.
	Below, OnlyBelow bool
	// Endpoint is set if there are interface endpoints for it, Gateway for gateway
	// endpoints. NoPrivateDNS says that the former have no private name.
	Endpoint, Gateway, NoPrivateDNS bool
	// Open is set if requests need not be signed.
	Open bool
	// Served is set if this cloud serves it itself; others may be mapped.
	Served bool
}

// Services lists the services that this cloud serves.
func Services() []Service {
	return []Service{
		{Name: "acm", Regional: true, Endpoint: true, Served: true},
		{Name: "ec2", Regional: true, Endpoint: true, Served: true},
		{Name: "ec2messages", Regional: true, Endpoint: true, Served: true},
		{Name: "elasticloadbalancing", Regional: true, Endpoint: true, Served: true},
		{Name: "iam", Global: true, Served: true},
		{Name: "route53", Global: true, Served: true},
		{Name: "sns", Regional: true, Endpoint: true, Served: true},
		{Name: "ssm", Regional: true, Endpoint: true, Served: true},
		{Name: "ssmmessages", Regional: true, Endpoint: true, Served: true},
		{Name: "sts", Regional: true, Global: true, Endpoint: true, Served: true},
	}
}

// Lookup finds a service by its name.
func Lookup(name string) (Service, bool) {
	for _, list := range [][]Service{Services(), Others()} {
		for _, s := range list {
			if s.Name == name {
				return s, true
			}
		}
	}
	return Service{}, false
}

// label is what stands before the region in its names.
func (s Service) label() string {
	if s.Label != "" {
		return s.Label
	}
	return s.Name
}

// SigningName is the name that its requests are signed for.
func (s Service) SigningName() string {
	if s.Sign != "" {
		return s.Sign
	}
	return s.Name
}

// PrivateNames are the names in a region that private DNS leads to an interface
// endpoint, those of the service and those below it.
func (s Service) PrivateNames(region string) []string {
	var out []string
	if !s.OnlyBelow {
		out = append(out, s.label()+"."+region+domain)
	}
	if s.Below || s.OnlyBelow {
		out = append(out, "*."+s.label()+"."+region+domain)
	}
	return out
}

// EndpointDomain is the domain of the names of interface endpoints.
func (s Service) EndpointDomain(region string) string {
	return s.label() + "." + region + ".vpce" + domain
}

// Place is a service in a region. Private means by the names of interface
// endpoints, below vpce.amazonaws.com.
type Place struct {
	Service
	Region  string
	Private bool
	// EndpointLabel is the label of the endpoint in a private name: vpce-1-abcdefgh.
	EndpointLabel string
	// AtGlobal is set for the global name.
	AtGlobal bool
	// Under is what stands before the service's name: a bucket.
	Under string
}

// Find returns what a host name, in lower case and without a final dot, leads to.
func Find(host string) (Place, bool) {
	rest, ok := strings.CutSuffix(host, domain)
	if !ok {
		return Place{}, false
	}
	stem, private := strings.CutSuffix(rest, ".vpce")
	i := strings.LastIndexByte(stem, '.')
	if region := stem[i+1:]; i > 0 && slices.Contains(cloud.Regions(), region) {
		return find(stem[:i], Place{Region: region, Private: private})
	}
	if private {
		return Place{}, false
	}
	return find(stem, Place{Region: globalRegion, AtGlobal: true})
}

// find looks for the service whose name a stem ends with; the longest counts.
func find(stem string, p Place) (Place, bool) {
	best := ""
	for _, list := range [][]Service{Services(), Others()} {
		for _, s := range list {
			under, ok := strings.CutSuffix("."+stem, "."+s.label())
			if !ok || len(s.label()) <= len(best) || !p.fits(s, strings.TrimPrefix(under, ".")) {
				continue
			}
			best, p.Service, p.Under = s.label(), s, strings.TrimPrefix(under, ".")
		}
	}
	if p.Private && best != "" {
		p.EndpointLabel = p.Under[strings.LastIndexByte(p.Under, '.')+1:]
		p.Under = strings.TrimSuffix(strings.TrimSuffix(p.Under, p.EndpointLabel), ".")
	}
	return p, best != ""
}

// fits reports whether a service has names of a place's kind with that before its
// own.
func (p Place) fits(s Service, under string) bool {
	below := s.Below || s.OnlyBelow
	switch {
	case p.Private:
		label := under[strings.LastIndexByte(under, '.')+1:]
		return s.Endpoint && strings.HasPrefix(label, "vpce-") && (below || label == under)
	case p.AtGlobal && !s.Global, !p.AtGlobal && !s.Regional:
		return false
	case under == "":
		return !s.OnlyBelow
	}
	return below
}

// Names are the host names that a certificate of the place is for.
func (p Place) Names() []string {
	below := p.Below || p.OnlyBelow
	switch {
	case p.AtGlobal && below:
		return []string{p.label() + domain, "*." + p.label() + domain}
	case p.AtGlobal:
		return []string{p.label() + domain}
	case p.Private && below:
		own := p.EndpointLabel + "." + p.EndpointDomain(p.Region)
		return []string{"*." + own, own, "*.bucket." + own}
	}
	names := p.PrivateNames(p.Region)
	if p.Endpoint {
		names = append(names, "*."+p.EndpointDomain(p.Region))
	}
	return names
}

// Host is the public name of a service in a region.
func Host(service, region string) string {
	if s, ok := Lookup(service); ok {
		return s.label() + "." + region + domain
	}
	return service + "." + region + domain
}

// PublicNames lists the names that the services that this cloud serves have in all
// regions.
func PublicNames() []string {
	var out []string
	for _, s := range Services() {
		out = append(out, s.PublicNames("")...)
	}
	return out
}

// PublicNames lists the service's names in a region, or in all regions. A leading
// "*" stands for all names below.
func (s Service) PublicNames(region string) []string {
	var out []string
	if s.Global && (region == "" || region == globalRegion) {
		out = append(out, s.label()+domain)
		if s.Below {
			out = append(out, "*."+s.label()+domain)
		}
	}
	for _, r := range cloud.Regions() {
		if s.Regional && (region == "" || region == r) {
			out = append(out, s.PrivateNames(r)...)
		}
	}
	return out
}
