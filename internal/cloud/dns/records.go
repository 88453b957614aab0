// Package dns is the domain of Route 53: hosted zones, record sets and health
// checks.
//
// It may import internal/cloud, cloud/vpc, cloud/elb, cloud/privatelink.
package dns

import (
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Index names.
const (
	ByAccount     = "account"
	ByVPC         = "vpc"
	ByName        = "name"
	ByZone        = "zone"
	ByHealthCheck = "health-check"
	ByTarget      = "target"
	ByChild       = "child"
)

// Zone is a hosted zone.
type Zone struct {
	ID              string // Z…
	Account         string
	Name            string // lower case, final dot
	CallerReference string
	Comment         string
	Private         bool
	VPCs            []ZoneVPC
	NameServers     []string
	RecordCount     int
	CreatedAt       time.Time
	Tags            cloud.Tags
}

// ZoneVPC is a VPC in which a private zone answers.
type ZoneVPC struct{ VPCID, Region string }

// Zones is the table of hosted zones.
var Zones = cloud.NewTable("zone", func(z *Zone) string { return z.ID },
	cloud.Index[Zone]{Name: ByAccount, Keys: func(z *Zone) []string { return []string{z.Account} }},
	cloud.Index[Zone]{Name: ByName, Keys: func(z *Zone) []string { return []string{z.Name} }},
	cloud.Index[Zone]{Name: "reference", Keys: func(z *Zone) []string { return []string{z.Account + "/" + z.CallerReference} }},
	cloud.Index[Zone]{Name: ByVPC, Keys: func(z *Zone) []string {
		var k []string
		for _, v := range z.VPCs {
			k = append(k, v.VPCID)
		}
		return k
	}})

// RecordSet is a resource record set. Name has a final dot and is lower case;
// "*" is stored plain.
type RecordSet struct {
	ZoneID string
	Name   string
	Type   string
	TTL    int64
	Values []string // as given, e.g. quoted TXT strings
	Alias  *Alias

	SetIdentifier string
	Weight        *int64
	Failover      string // PRIMARY, SECONDARY
	Region        string
	Geo           *Location
	MultiValue    bool
	HealthCheckID string
}

// Location is where the askers of a record set by geolocation are. The country
// "*" is the default.
type Location struct{ Continent, Country, Subdivision string }

// Alias points at an AWS resource or another record.
type Alias struct {
	ZoneID               string
	Name                 string // lower case, final dot
	EvaluateTargetHealth bool
}

// RecordKey is the key of a record set; the name's labels are reversed so that
// key order is Route 53's list order. A space sorts before all that a name may
// have, so that a name comes before those below it.
func RecordKey(zone, name, typ, set string) string {
	return zone + "|" + ReverseLabels(name) + " " + typ + " " + set
}

// RecordSets is the table of record sets.
var RecordSets = cloud.NewTable("record-set", func(r *RecordSet) string { return RecordKey(r.ZoneID, r.Name, r.Type, r.SetIdentifier) },
	cloud.Index[RecordSet]{Name: ByZone, Keys: func(r *RecordSet) []string { return []string{r.ZoneID} }},
	// "name" finds all types at a name of a zone.
	cloud.Index[RecordSet]{Name: ByName, Keys: func(r *RecordSet) []string { return []string{r.ZoneID + "|" + r.Name} }},
	cloud.Index[RecordSet]{Name: ByHealthCheck, Keys: func(r *RecordSet) []string { return []string{r.HealthCheckID} }},
	// "target" finds the aliases whose health is that of a load balancer or an
	// endpoint: by the former's DNS name without a final dot, by the latter's id.
	cloud.Index[RecordSet]{Name: ByTarget, Keys: func(r *RecordSet) []string {
		if r.Alias == nil || !r.Alias.EvaluateTargetHealth {
			return nil
		}
		return AliasTargets(r.Alias.Name)
	}})

// AliasTargets are what the name of an AWS resource may be of: an endpoint (its
// id), or a load balancer (its DNS name without a final dot) or a zone of one.
func AliasTargets(name string) []string {
	name = strings.TrimPrefix(strings.TrimSuffix(strings.ToLower(name), "."), "dualstack.")
	if parts := strings.SplitN(strings.TrimPrefix(name, "*."), "-", 3); len(parts) == 3 && parts[0] == "vpce" {
		return []string{parts[0] + "-" + parts[1]}
	}
	_, whole, _ := strings.Cut(name, ".")
	return []string{name, whole}
}

// Authorization allows a VPC of another account to be associated with a zone.
type Authorization struct {
	ZoneID string
	VPC    ZoneVPC
}

// AuthorizationKey is the key of an authorization.
func AuthorizationKey(zone string, v ZoneVPC) string { return zone + "|" + v.VPCID + "|" + v.Region }

// Authorizations is the table of authorizations.
var Authorizations = cloud.NewTable("vpc-association-authorization", func(a *Authorization) string { return AuthorizationKey(a.ZoneID, a.VPC) },
	cloud.Index[Authorization]{Name: ByZone, Keys: func(a *Authorization) []string { return []string{a.ZoneID} }})

// ChangeInfo is an accepted change: Route 53's C… ids.
type ChangeInfo struct {
	ID          string
	Account     string
	Status      string // PENDING, INSYNC
	SubmittedAt time.Time
	Comment     string
}

// ChangeInfos is the table of changes.
var ChangeInfos = cloud.NewTable("change-info", func(c *ChangeInfo) string { return c.ID },
	cloud.Index[ChangeInfo]{Name: byTime, Keys: func(c *ChangeInfo) []string { return []string{cloud.TimeKey(c.SubmittedAt)} }})

// byTime is an index of ChangeInfos, oldest first.
const byTime = "time"

// Tables lists the tables of this package.
func Tables() []cloud.AnyTable {
	return []cloud.AnyTable{Zones, RecordSets, ChangeInfos, Authorizations, HealthChecks, CheckResults}
}
