package dns

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/musubi-net/musubi/internal/cloud"
)

// The limits of Route 53.
const (
	maxZones   = 500
	maxTags    = 50
	maxComment = 256
)

// FindZone returns the account's zone of that id (without /hostedzone/).
func FindZone(r cloud.Reader, account, id string) (Zone, error) {
	z, ok := Zones.Get(r, id)
	if !ok {
		return Zone{}, noZone(id)
	}
	if z.Account != account {
		return Zone{}, notYours()
	}
	return z, nil
}

// CreateZone makes a hosted zone: a private one if it names a VPC.
type CreateZone struct {
	Name, CallerReference, Comment string
	// PrivateZone is what the request's configuration says; nil if nothing.
	PrivateZone *bool
	VPC         *ZoneVPC
}

// CreatedZone is a new zone and the change that made it.
type CreatedZone struct {
	Zone   Zone
	Change ChangeInfo
}

// Apply makes the zone with its NS and SOA records.
func (c CreateZone) Apply(tx *cloud.Tx) (CreatedZone, error) {
	name, err := c.check(tx)
	if err != nil {
		return CreatedZone{}, err
	}
	z := Zone{
		ID: "Z" + tx.IDs.Upper(20), Account: tx.Caller.Account, Name: name, CallerReference: c.CallerReference,
		Comment: c.Comment, Private: c.VPC != nil, CreatedAt: tx.Now, RecordCount: 2,
	}
	if c.VPC != nil {
		if err := checkAssociation(tx, z, *c.VPC); err != nil {
			return CreatedZone{}, err
		}
		z.VPCs = []ZoneVPC{*c.VPC}
	}
	z.NameServers = nameServers(tx, z.Private)
	Zones.Put(tx, z)
	ns := RecordSet{ZoneID: z.ID, Name: name, Type: "NS", TTL: 172800}
	for _, s := range z.NameServers {
		ns.Values = append(ns.Values, s+".")
	}
	RecordSets.Put(tx, ns)
	RecordSets.Put(tx, RecordSet{ZoneID: z.ID, Name: name, Type: "SOA", TTL: 900, Values: []string{soa(z)}})
	return CreatedZone{Zone: z, Change: newChange(tx, "")}, nil
}

func (c CreateZone) check(tx *cloud.Tx) (string, error) {
	name, err := CanonicalName(c.Name)
	if err != nil || name[0] == '*' {
		return "", cloud.Errorf(cloud.KindInvalid, "hosted-zone", "InvalidDomainName", "%s is not a valid domain name", c.Name)
	}
	if c.VPC == nil && c.PrivateZone != nil && *c.PrivateZone {
		return "", badInput("When you're creating a private hosted zone (when you specify true for PrivateZone), you must also specify values for VPCId and VPCRegion.")
	}
	if utf8.RuneCountInString(c.Comment) > maxComment {
		return "", badInput("1 validation error detected: Value at 'hostedZoneConfig.comment' failed to satisfy constraint: Member must have length less than or equal to %d", maxComment)
	}
	if _, taken := Zones.First(tx, "reference", tx.Caller.Account+"/"+c.CallerReference); taken {
		return "", cloud.Errorf(cloud.KindExists, "hosted-zone", "HostedZoneAlreadyExists", "A hosted zone has already been created with the specified caller reference.")
	}
	count := 0
	for range Zones.By(tx, ByAccount, tx.Caller.Account) {
		count++
	}
	if count >= maxZones {
		return "", cloud.Errorf(cloud.KindLimit, "hosted-zone", "TooManyHostedZones", "Limits Exceeded: MAX_HOSTED_ZONES_BY_OWNER - Cannot create more hosted zones.")
	}
	return name, nil
}

// nameServers are the names that AWS shows for a private zone, or four of its
// public ones.
func nameServers(tx *cloud.Tx, private bool) []string {
	domains := []string{"com", "net", "org", "co.uk"}
	out := make([]string, len(domains))
	for i, d := range domains {
		server, domain := i*512, 0
		if !private {
			server += pick(tx, 512)
			domain = pick(tx, 64)
		}
		out[i] = fmt.Sprintf("ns-%d.awsdns-%02d.%s", server, domain, d)
	}
	return out
}

func pick(tx *cloud.Tx, below uint64) int {
	n, err := strconv.ParseUint(tx.IDs.Hex(8), 16, 64)
	if err != nil {
		return 0
	}
	return int(n % below)
}

func soa(z Zone) string {
	first := z.NameServers[0]
	if z.Private {
		first = z.NameServers[3]
	}
	return first + ". awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
}

// DeleteZone deletes a zone that has no records but its own.
type DeleteZone struct{ ID string }

// Apply deletes the zone.
func (c DeleteZone) Apply(tx *cloud.Tx) (ChangeInfo, error) {
	z, err := FindZone(tx, tx.Caller.Account, c.ID)
	if err != nil {
		return ChangeInfo{}, err
	}
	for s := range RecordSets.By(tx, ByZone, z.ID) {
		if s.Name != z.Name || s.Type != "NS" && s.Type != "SOA" {
			return ChangeInfo{}, cloud.Errorf(cloud.KindInUse, "hosted-zone", "HostedZoneNotEmpty", "The hosted zone contains resource records that are not SOA or NS records.")
		}
		RecordSets.Delete(tx, RecordKey(s.ZoneID, s.Name, s.Type, s.SetIdentifier))
	}
	for a := range Authorizations.By(tx, ByZone, z.ID) {
		Authorizations.Delete(tx, AuthorizationKey(a.ZoneID, a.VPC))
	}
	Zones.Delete(tx, z.ID)
	return newChange(tx, ""), nil
}

// UpdateComment replaces a zone's comment.
type UpdateComment struct{ ID, Comment string }

// Apply sets the comment and returns the zone.
func (c UpdateComment) Apply(tx *cloud.Tx) (Zone, error) {
	z, err := FindZone(tx, tx.Caller.Account, c.ID)
	if err != nil {
		return Zone{}, err
	}
	z.Comment = c.Comment
	Zones.Put(tx, z)
	return z, nil
}

// TagZone sets and removes tags of a zone.
type TagZone struct {
	ID   string
	Set  cloud.Tags
	Drop []string
}

// Apply changes the tags.
func (c TagZone) Apply(tx *cloud.Tx) (cloud.None, error) {
	z, err := FindZone(tx, tx.Caller.Account, c.ID)
	if err != nil {
		return cloud.None{}, err
	}
	if z.Tags, err = changeTags(z.Tags, c.Set, c.Drop); err != nil {
		return cloud.None{}, err
	}
	Zones.Put(tx, z)
	return cloud.None{}, nil
}

// changeTags are tags with some of them dropped and others set.
func changeTags(tags, set cloud.Tags, drop []string) (cloud.Tags, error) {
	if len(set) == 0 && len(drop) == 0 {
		return nil, badInput("Either AddTags or RemoveTagKeys must be specified.")
	}
	tags = tags.With(nil)
	for _, k := range drop {
		delete(tags, k)
	}
	tags = tags.With(set)
	if len(tags) > maxTags {
		return nil, badInput("A resource can have at most %d tags.", maxTags)
	}
	return tags, nil
}

// changeLife is how long an accepted change can be asked for.
const changeLife = 24 * time.Hour

// newChange records an accepted change. It is in sync as soon as it is
// committed: the resolvers answer from the same state.
func newChange(tx *cloud.Tx, comment string) ChangeInfo {
	c := ChangeInfo{ID: "C" + tx.IDs.Upper(20), Account: tx.Caller.Account, Status: "INSYNC", SubmittedAt: tx.Now, Comment: comment}
	ChangeInfos.Put(tx, c)
	for old := range ChangeInfos.Ordered(tx, byTime) {
		if tx.Now.Sub(old.SubmittedAt) <= changeLife {
			break
		}
		ChangeInfos.Delete(tx, old.ID)
	}
	return c
}

// FindChange returns the account's change of that id (without /change/).
func FindChange(r cloud.Reader, account, id string) (ChangeInfo, error) {
	c, ok := ChangeInfos.Get(r, id)
	if !ok || c.Account != account {
		return ChangeInfo{}, cloud.Errorf(cloud.KindNotFound, "change", "NoSuchChange", "Could not find resource with ID: %s", id)
	}
	return c, nil
}
