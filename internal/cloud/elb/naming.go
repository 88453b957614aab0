package elb

import (
	"fmt"
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

func dnsName(name, hex, region string) string {
	return strings.ToLower(name) + "-" + hex + ".elb." + region + ".amazonaws.com"
}

// ZonalName is the load balancer's name in one zone.
func (l *LoadBalancer) ZonalName(zone string) string { return zone + "." + l.DNSName }

// path is the part of a load balancer's ARN that interfaces and listeners
// carry: net/<name>/<hex>.
func (l *LoadBalancer) path() string { return "net/" + l.Name + "/" + l.Hex }

// canonicalZone is the hosted zone of network load balancers' names in a
// region, for alias records.
func canonicalZone(region string) string {
	known := map[string]string{
		"af-south-1": "Z203XCE67M25HM", "ap-east-1": "Z12Y7K3UBGUAD1",
		"ap-northeast-1": "Z31USIVHYNEOWT", "ap-northeast-2": "ZIBE1TIR4HY56", "ap-northeast-3": "Z1GWIQ4HH19I5X",
		"ap-south-1": "ZVDDRBQ08TROA", "ap-southeast-1": "ZKVM4W9LS7TM", "ap-southeast-2": "ZCT6FZBF4DROD",
		"ca-central-1": "Z2EPGBW3API2WT", "eu-central-1": "Z3F0SRJ5LGBH90", "eu-north-1": "Z1UDT6IFJ4EJM",
		"eu-south-1": "Z23146JA1KNAFP", "eu-west-1": "Z2IFOLAFXWLO4F", "eu-west-2": "ZD4D7Y8KGAS4G",
		"eu-west-3": "Z1CMS0P5QUZ6D5", "me-south-1": "Z3QSRYVP46NYYV", "sa-east-1": "ZTK26PT1VY4CU",
		"us-east-1": "Z26RNL4JYFTOTI", "us-east-2": "ZLMOA37VPKANP", "us-west-1": "Z24FKFUX50B4VW",
		"us-west-2": "Z18D5FSROUN65G",
	}
	if id := known[region]; id != "" {
		return id
	}
	// A stand-in of the same form, stable per region.
	return fmt.Sprintf("Z0NLB%s", strings.ToUpper(strings.ReplaceAll(region, "-", "")))
}
