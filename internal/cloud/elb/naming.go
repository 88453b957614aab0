package elb

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

const maxName = 32

// checkName applies the rules that load balancer and target group names share;
// what is "load balancer" or "target group".
func checkName(subject, what, name string) error {
	switch {
	case name == "":
		return invalid(subject, "A %s name must be specified", what)
	case len(name) > maxName:
		return invalid(subject, "The %s name '%s' cannot be longer than '%d' characters", what, name, maxName)
	case hasForeign(name):
		return invalid(subject, "The %s name '%s' can only contain characters that are alphanumeric characters and hyphens(-)", what, name)
	case strings.HasPrefix(name, "-") || strings.HasSuffix(name, "-"):
		return invalid(subject, "The %s name '%s' cannot begin or end with '-'", what, name)
	}
	return nil
}

func hasForeign(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
	})
}

func arnPrefix(s cloud.Scope) string {
	return "arn:aws:elasticloadbalancing:" + s.Region + ":" + s.Account + ":"
}

// The types of load balancers.
const (
	typeApplication = "application"
	typeNetwork     = "network"
)

// IsApplication reports whether it is an application load balancer.
func (l *LoadBalancer) IsApplication() bool { return l.Type == typeApplication }

// dnsName makes a load balancer's name. An application load balancer's has
// digits that are not those of its ARN, and says whether it is internal.
func (l *LoadBalancer) dnsName(ids cloud.IDSource) string {
	name := strings.ToLower(l.Name)
	if !l.IsApplication() {
		return name + "-" + l.Hex + ".elb." + l.Region + ".amazonaws.com"
	}
	if l.Scheme == "internal" {
		name = "internal-" + name
	}
	digits, err := strconv.ParseUint(ids.Hex(8), 16, 32)
	if err != nil {
		digits = 0 // Hex makes hexadecimal digits
	}
	return fmt.Sprintf("%s-%d.%s.elb.amazonaws.com", name, digits, l.Region)
}

// ZonalName is a network load balancer's name in one zone.
func (l *LoadBalancer) ZonalName(zone string) string { return zone + "." + l.DNSName }

// path is the part of a load balancer's ARN that interfaces and listeners
// carry: net/<name>/<hex> or app/<name>/<hex>.
func (l *LoadBalancer) path() string {
	kind := "net/"
	if l.IsApplication() {
		kind = "app/"
	}
	return kind + l.Name + "/" + l.Hex
}
