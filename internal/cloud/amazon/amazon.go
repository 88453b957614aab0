// Package amazon knows AWS's own services by their public names: those that
// answer inside the world, and which of them have interface endpoints.
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
	// Name is the label in its names and its signing name: ec2.
	Name string
	// Regional services have a name per region, global ones a single name; sts has
	// both.
	Regional, Global bool
	// Endpoint is set if there are interface endpoints for it.
	Endpoint bool
}

// Services lists the services that this cloud serves.
func Services() []Service {
	return []Service{
		{Name: "acm", Regional: true, Endpoint: true},
		{Name: "ec2", Regional: true, Endpoint: true},
		{Name: "ec2messages", Regional: true, Endpoint: true},
		{Name: "elasticloadbalancing", Regional: true, Endpoint: true},
		{Name: "iam", Global: true},
		{Name: "route53", Global: true},
		{Name: "sns", Regional: true, Endpoint: true},
		{Name: "ssm", Regional: true, Endpoint: true},
		{Name: "ssmmessages", Regional: true, Endpoint: true},
		{Name: "sts", Regional: true, Global: true, Endpoint: true},
	}
}

// Lookup finds a service by its name.
func Lookup(name string) (Service, bool) {
	for _, s := range Services() {
		if s.Name == name {
			return s, true
		}
	}
	return Service{}, false
}

// Place is a service in a region. Private means by the names of interface
// endpoints, below vpce.amazonaws.com.
type Place struct {
	Service
	Region  string
	Private bool
	// AtGlobal is set for the global name.
	AtGlobal bool
}

// Find returns what a host name, in lower case and without a final dot, leads to.
func Find(host string) (Place, bool) {
	rest, ok := strings.CutSuffix(host, domain)
	if !ok {
		return Place{}, false
	}
	parts := strings.Split(rest, ".")
	if len(parts) == 1 {
		s, ok := Lookup(parts[0])
		return Place{Service: s, Region: globalRegion, AtGlobal: true}, ok && s.Global
	}
	p := Place{}
	if p.Private = parts[len(parts)-1] == "vpce"; p.Private {
		// vpce-1-abc.ec2.eu-west-1, without vpce
		if parts = parts[:len(parts)-1]; len(parts) != 3 || !strings.HasPrefix(parts[0], "vpce-") {
			return Place{}, false
		}
		parts = parts[1:]
	}
	if len(parts) != 2 || !slices.Contains(cloud.Regions(), parts[1]) {
		return Place{}, false
	}
	p.Service, ok = Lookup(parts[0])
	p.Region = parts[1]
	return p, ok && p.Regional && (p.Endpoint || !p.Private)
}

// Names are the host names that a certificate of the place is for.
func (p Place) Names() []string {
	if p.AtGlobal {
		return []string{p.Name + domain}
	}
	names := []string{Host(p.Name, p.Region)}
	if p.Endpoint {
		names = append(names, "*."+p.Name+"."+p.Region+".vpce"+domain)
	}
	return names
}

// Host is the public name of a service in a region.
func Host(service, region string) string { return service + "." + region + domain }

// PublicNames lists the names that all services have in all regions.
func PublicNames() []string {
	var out []string
	for _, s := range Services() {
		if s.Global {
			out = append(out, s.Name+domain)
		}
		for _, region := range cloud.Regions() {
			if s.Regional {
				out = append(out, Host(s.Name, region))
			}
		}
	}
	return out
}
