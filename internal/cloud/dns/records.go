// Package dns is the domain of Route 53: hosted zones and record sets.
//
// It may import internal/cloud, cloud/vpc, cloud/elb, cloud/privatelink.
package dns

import (
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Index names.
const (
	ByAccount = "account"
	ByVPC     = "vpc"
	ByName    = "name"
	ByZone    = "zone"
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
	Failover      string
	Region        string
	MultiValue    bool
	HealthCheckID string
}

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
	cloud.Index[RecordSet]{Name: ByName, Keys: func(r *RecordSet) []string { return []string{r.ZoneID + "|" + r.Name} }})

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
func Tables() []cloud.AnyTable { return []cloud.AnyTable{Zones, RecordSets, ChangeInfos} }
