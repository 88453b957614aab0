package dns

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// maxChildren is how many health checks a calculated one may look at.
const maxChildren = 256

// CheckerRegions are the regions from which Route 53 checks.
func CheckerRegions() []string {
	return []string{"us-east-1", "us-west-1", "us-west-2", "eu-west-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "sa-east-1"}
}

// CheckerRange is where these checkers are in the internet.
func CheckerRange() netip.Prefix { return netip.MustParsePrefix("198.18.0.64/28") }

// Request reports whether the check makes HTTP requests.
func (c CheckConfig) Request() bool { return c.Type != CheckTCP && c.Type != CheckCalculated }

// Secure reports whether the check speaks TLS.
func (c CheckConfig) Secure() bool { return c.Type == CheckHTTPS || c.Type == CheckHTTPSString }

// Search reports whether the check looks for a string.
func (c CheckConfig) Search() bool { return c.Type == CheckHTTPString || c.Type == CheckHTTPSString }

// complete checks a configuration and fills in what AWS does.
func (c CheckConfig) complete(r cloud.Reader) (CheckConfig, error) {
	switch c.Type {
	case CheckCalculated:
		return c, c.checkCalculated(r)
	case CheckHTTP, CheckHTTPS, CheckHTTPString, CheckHTTPSString, CheckTCP:
	default:
		return c, unserved("A health check of type " + c.Type)
	}
	if c.Port == 0 {
		switch {
		case c.Type == CheckTCP:
			return c, badInput("Invalid parameter : Port is required for health checks of type TCP.")
		case c.Secure():
			c.Port = 443
		default:
			c.Port = 80
		}
	}
	if c.Interval == 0 {
		c.Interval = 30
	}
	if c.FailureThreshold == 0 {
		c.FailureThreshold = 3
	}
	return c, c.checkEndpoint()
}

func (c CheckConfig) checkEndpoint() error {
	switch {
	case c.IPAddress == "" && c.DomainName == "":
		return badInput("Invalid parameter : Either IPAddress or FullyQualifiedDomainName must be specified.")
	case c.Type == CheckTCP && c.IPAddress != "" && c.DomainName != "":
		return badInput("Invalid parameter : FullyQualifiedDomainName can not be specified with IPAddress for health checks of type TCP.")
	case c.IPAddress != "" && !reachable(c.IPAddress):
		return badInput("Invalid parameter : The IP address %s can not be checked: it is in a range that is local, private, nonroutable, or multicast.", c.IPAddress)
	case c.Interval != 10 && c.Interval != 30:
		return badInput("Invalid parameter : RequestInterval must be 10 or 30.")
	case c.Search() && c.SearchString == "":
		return badInput("Invalid parameter : SearchString is required for health checks of type %s.", c.Type)
	case !c.Search() && c.SearchString != "":
		return badInput("Invalid parameter : SearchString can not be specified for health checks of type %s.", c.Type)
	case !c.Request() && c.Path != "":
		return badInput("Invalid parameter : ResourcePath can not be specified for health checks of type TCP.")
	case c.EnableSNI && !c.Secure():
		return badInput("Invalid parameter : EnableSNI can only be specified for health checks of type HTTPS and HTTPS_STR_MATCH.")
	case len(c.Children) > 0 || c.HealthThreshold != 0:
		return badInput("Invalid parameter : ChildHealthChecks and HealthThreshold can only be specified for health checks of type CALCULATED.")
	case len(c.Regions) > 0 && len(c.Regions) < 3:
		return badInput("Invalid parameter : At least three regions must be specified.")
	}
	for i, r := range c.Regions {
		if slices.Contains(c.Regions[:i], r) {
			return badInput("Invalid parameter : The region %s is specified twice.", r)
		}
	}
	if c.DomainName != "" {
		if _, err := CanonicalName(c.DomainName); err != nil {
			return badInput("Invalid parameter : %s is not a valid fully qualified domain name.", c.DomainName)
		}
	}
	return nil
}

func (c CheckConfig) checkCalculated(r cloud.Reader) error {
	if c.IPAddress != "" || c.Port != 0 || c.DomainName != "" || c.Path != "" || c.SearchString != "" || c.Interval != 0 || c.FailureThreshold != 0 || len(c.Regions) > 0 || c.EnableSNI {
		return badInput("Invalid parameter : A health check of type CALCULATED has no endpoint, interval or failure threshold.")
	}
	if len(c.Children) == 0 {
		return badInput("Invalid parameter : ChildHealthChecks is required for health checks of type CALCULATED.")
	}
	if len(c.Children) > maxChildren {
		return badInput("Invalid parameter : A health check can have at most %d child health checks.", maxChildren)
	}
	for i, id := range c.Children {
		h, ok := HealthChecks.Get(r, id)
		switch {
		case !ok:
			return badInput("Invalid parameter : The child health check %s does not exist.", id)
		case h.Config.Type == CheckCalculated:
			return badInput("Invalid parameter : The child health check %s is a calculated health check.", id)
		case slices.Contains(c.Children[:i], id):
			return badInput("Invalid parameter : The child health check %s is specified twice.", id)
		}
	}
	return nil
}

// reachable reports whether AWS would check an address. 198.18.0.0/15 is reserved
// outside; here it is where public addresses are from.
func reachable(text string) bool {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	for _, p := range strings.Fields("0.0.0.0/8 100.64.0.0/10 192.0.0.0/24 192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 2001:db8::/32") {
		if netip.MustParsePrefix(p).Contains(a) {
			return false
		}
	}
	return a.IsGlobalUnicast() && !a.IsPrivate()
}
