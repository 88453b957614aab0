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

// AmazonServices are the endpoint services of AWS's own services in a region, as
// if somebody had made them. They are in no table.
func AmazonServices(region string) []Service {
	var out []Service
	for _, s := range amazon.Services() {
		if s.Endpoint {
			out = append(out, amazonService(region, s.Name))
		}
	}
	return out
}

func amazonService(region, name string) Service {
	full := "com.amazonaws." + region + "." + name
	sum := sha256.Sum256([]byte(full))
	s := Service{ID: "vpce-svc-" + hex.EncodeToString(sum[:])[:17], Scope: cloud.Scope{Account: Amazon, Region: region}, Name: full, Amazon: name,
		State: "Available", SupportedIPTypes: []string{"ipv4", "ipv6"}, PrivateDNS: PrivateDNS{Name: amazon.Host(name, region), State: Verified}}
	for _, z := range cloud.Zones(region) {
		s.ZoneIDs = append(s.ZoneIDs, z.ID)
	}
	return s
}

// findAmazon finds a service by its name, for an endpoint in a region.
func findAmazon(region, name string) (Service, error) {
	for _, s := range AmazonServices(region) {
		if s.Name == name {
			return s, nil
		}
	}
	for _, known := range cloud.Regions() {
		rest, ok := strings.CutPrefix(name, "com.amazonaws."+known+".")
		if s, served := amazon.Lookup(rest); ok && served && s.Endpoint {
			return Service{}, noServiceName(name) // of another region
		}
	}
	return Service{}, cloud.Errorf(cloud.KindUnsupported, subjectService, "InvalidServiceName",
		"The Vpc Endpoint Service '%s' does not exist: endpoints to it are not served by Musubi", name)
}

// service is the service that an endpoint is connected to.
func (e *Endpoint) service(r cloud.Reader) (Service, bool) {
	if e.Amazon != "" {
		return amazonService(e.ServiceRegion, e.Amazon), true
	}
	return Services.Get(r, e.ServiceID)
}
