package privatelink

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/amazon"
)

// Amazon is the owner of AWS's own endpoint services.
const Amazon = "amazon"

// The types of endpoints, and of services.
const (
	TypeInterface = "Interface"
	TypeGateway   = "Gateway"
)

// AmazonServices are the endpoint services of AWS's own services in a region, as
// if somebody had made them: of those that this cloud serves, and of those that
// are mapped. They are in no table. A service with both types of endpoints is
// there twice, as on AWS.
func AmazonServices(r cloud.Reader, region string) []Service {
	var out []Service
	for _, s := range amazon.All(r) {
		if s.Gateway {
			out = append(out, amazonService(region, s, TypeGateway))
		}
		if s.Endpoint {
			out = append(out, amazonService(region, s, TypeInterface))
		}
	}
	return out
}

func amazonService(region string, of amazon.Service, kind string) Service {
	full := "com.amazonaws." + region + "." + of.Name
	text := full
	if kind == TypeGateway {
		text += " " + kind
	}
	sum := sha256.Sum256([]byte(text))
	s := Service{ID: "vpce-svc-" + hex.EncodeToString(sum[:])[:17], Scope: cloud.Scope{Account: Amazon, Region: region}, Name: full, Amazon: of.Name,
		Type: kind, State: "Available"}
	if kind == TypeInterface {
		s.SupportedIPTypes = []string{"ipv4", "ipv6"}
	}
	if kind == TypeInterface && !of.NoPrivateDNS {
		s.PrivateDNS = PrivateDNS{Name: of.PrivateNames(region)[0], State: Verified}
	}
	for _, z := range cloud.Zones(region) {
		s.ZoneIDs = append(s.ZoneIDs, z.ID)
	}
	return s
}

// findAmazon finds the services of a name, of one type or of both, for an endpoint
// in a region.
func findAmazon(r cloud.Reader, region, name string) ([]Service, error) {
	var out []Service
	for _, s := range AmazonServices(r, region) {
		if s.Name == name {
			out = append(out, s)
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	label := name
	for _, known := range cloud.Regions() {
		rest, ok := strings.CutPrefix(name, "com.amazonaws."+known+".")
		if !ok {
			continue
		}
		s, known := amazon.Lookup(rest)
		switch {
		case known && s.Endpoint && amazon.Available(r, s):
			return nil, noServiceName(name) // of another region
		case known && !s.Served:
			return nil, notMapped(name, s.Name)
		}
		label = rest
	}
	return nil, cloud.Errorf(cloud.KindUnsupported, subjectService, "InvalidServiceName",
		"The Vpc Endpoint Service '%s' does not exist: endpoints to %s are not served by Musubi", name, label)
}

// notMapped refuses an endpoint to a service that nothing answers for.
func notMapped(name, label string) error {
	return cloud.Errorf(cloud.KindUnsupported, subjectService, "InvalidServiceName",
		"The Vpc Endpoint Service '%s' does not exist: endpoints to it are not served by Musubi until its service is mapped (musubi services map %s URL)", name, label)
}

// service is the service that an endpoint is connected to.
func (e *Endpoint) service(r cloud.Reader) (Service, bool) {
	if s, ok := amazon.Lookup(e.Amazon); ok && e.Amazon != "" {
		return amazonService(e.ServiceRegion, s, e.Type), true
	}
	return Services.Get(r, e.ServiceID)
}

// PrivateNames are the names that private DNS leads to the service's endpoints.
func (s *Service) PrivateNames() []string {
	if s.PrivateDNS.Name == "" {
		return nil
	}
	if of, ok := amazon.Lookup(s.Amazon); ok {
		return of.PrivateNames(s.Region)
	}
	return []string{s.PrivateDNS.Name}
}

// PrivateNames are the names that private DNS leads to the endpoint; none without
// it. A leading "*" stands for all names below.
func (e *Endpoint) PrivateNames() []string {
	if !e.PrivateDNS || e.PrivateName == "" {
		return nil
	}
	if s, ok := amazon.Lookup(e.Amazon); ok && e.Amazon != "" {
		return s.PrivateNames(e.ServiceRegion)
	}
	return []string{e.PrivateName}
}
