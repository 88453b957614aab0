package dns

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
)

// The limits of one batch and of one zone.
const (
	maxBatchRecords    = 1000
	maxBatchCharacters = 32000
	maxValues          = 400
	maxRecordSets      = 10000
)

// Action is what a change does with its record set.
type Action string

// The actions.
const (
	Create Action = "CREATE"
	Upsert Action = "UPSERT"
	Delete Action = "DELETE"
)

// Change is one change of a batch. Set's ZoneID is filled in.
type Change struct {
	Action Action
	Set    RecordSet
	// HasTTL tells a TTL of 0 from none.
	HasTTL bool
}

// ChangeRecords applies a batch of changes to a zone: all or none.
type ChangeRecords struct {
	ZoneID  string
	Comment string
	Changes []Change
}

// Apply makes the changes in their order and then looks at what became of the
// names that they touched.
func (c ChangeRecords) Apply(tx *cloud.Tx) (ChangeInfo, error) {
	z, err := FindZone(tx, tx.Caller.Account, c.ZoneID)
	if err != nil {
		return ChangeInfo{}, err
	}
	b := batch{tx: tx, zone: z, actions: map[string][]Action{}}
	if err := b.measure(c.Changes); err != nil {
		return ChangeInfo{}, err
	}
	for _, change := range c.Changes {
		change.Set.ZoneID = z.ID
		if err := checkForm(change); err != nil {
			return ChangeInfo{}, err
		}
		b.apply(change)
	}
	b.checkNames()
	if b.missing != nil {
		return ChangeInfo{}, b.missing
	}
	if len(b.messages) > 0 {
		return ChangeInfo{}, &BatchError{Messages: b.messages}
	}
	if b.zone.RecordCount > maxRecordSets {
		return ChangeInfo{}, cloud.Errorf(cloud.KindLimit, "hosted-zone", "LimitsExceeded", "Limits Exceeded: MAX_RRSETS_BY_ZONE - Cannot create more resource record sets.")
	}
	if b.zone.RecordCount != z.RecordCount {
		Zones.Put(tx, b.zone)
	}
	return newChange(tx, c.Comment), nil
}

// batch is the state while a batch is applied. Its messages say what is wrong;
// the transaction of a batch with messages is abandoned.
type batch struct {
	tx       *cloud.Tx
	zone     Zone
	messages []string
	missing  error               // a health check that does not exist
	actions  map[string][]Action // by record key
	touched  []RecordSet         // what was created or replaced
}

func (b *batch) refuse(format string, args ...any) {
	b.messages = append(b.messages, fmt.Sprintf(format, args...))
}

// measure applies the limits of a batch. An UPSERT counts twice.
func (b *batch) measure(changes []Change) error {
	if len(changes) == 0 {
		return badInput("1 validation error detected: Value '[]' at 'changeBatch.changes' failed to satisfy constraint: Member must have length greater than or equal to 1")
	}
	records, characters := 0, 0
	for _, c := range changes {
		weight := 1
		if c.Action == Upsert {
			weight = 2
		}
		records += weight * max(1, len(c.Set.Values))
		for _, v := range c.Set.Values {
			characters += weight * len(v)
		}
	}
	if records > maxBatchRecords {
		b.refuse("Number of records limit of %d exceeded.", maxBatchRecords)
	}
	if characters > maxBatchCharacters {
		b.refuse("Number of characters limit of %d exceeded.", maxBatchCharacters)
	}
	if len(b.messages) > 0 {
		return &BatchError{Messages: b.messages}
	}
	return nil
}

func (b *batch) apply(c Change) {
	s := c.Set
	name, err := CanonicalName(s.Name)
	if err != nil {
		b.refuse("%s", err)
		return
	}
	s.Name = name
	if !within(name, b.zone.Name) {
		b.refuse("RRSet with DNS name %s is not permitted in zone %s", EscapedName(name), b.zone.Name)
		return
	}
	key := RecordKey(s.ZoneID, s.Name, s.Type, s.SetIdentifier)
	b.actions[key] = append(b.actions[key], c.Action)
	if done := b.actions[key]; len(done) > 2 || len(done) == 2 && (done[0] != Delete || done[1] == Delete) {
		b.refuse("The request contains an invalid set of changes for a resource record set '%s %s'", s.Type, EscapedName(s.Name))
		return
	}
	current, exists := RecordSets.Get(b.tx, key)
	switch c.Action {
	case Delete:
		b.delete(key, s, current, exists)
	case Create:
		if exists {
			b.refuse("Tried to create resource record set %s but it already exists", describe(s))
			return
		}
		b.put(s, exists)
	case Upsert:
		b.put(s, exists)
	}
}

func (b *batch) put(s RecordSet, exists bool) {
	before := len(b.messages)
	b.checkSet(&s)
	if len(b.messages) > before {
		return
	}
	if !exists {
		b.zone.RecordCount++
	}
	RecordSets.Put(b.tx, s)
	b.touched = append(b.touched, s)
}

func (b *batch) delete(key string, s, current RecordSet, exists bool) {
	switch {
	case !exists:
		b.refuse("Tried to delete resource record set %s but it was not found", describe(s))
	case !same(s, current):
		b.refuse("Tried to delete resource record set %s but the values provided do not match the current values", describe(s))
	case s.Name == b.zone.Name && s.Type == "NS":
		b.refuse("A HostedZone must contain at least one NS record for the zone itself.")
	case s.Name == b.zone.Name && s.Type == "SOA":
		b.refuse("A HostedZone must contain exactly one SOA record.")
	default:
		RecordSets.Delete(b.tx, key)
		b.zone.RecordCount--
	}
}

// describe names a record set as AWS does: [name='x.', type='A'].
func describe(s RecordSet) string {
	text := fmt.Sprintf("[name='%s', type='%s'", EscapedName(s.Name), s.Type)
	if s.SetIdentifier != "" {
		text += fmt.Sprintf(", set-identifier='%s'", s.SetIdentifier)
	}
	return text + "]"
}

// same reports whether a deletion describes what is there. The order of values
// does not matter.
func same(a, b RecordSet) bool {
	if (a.Alias == nil) != (b.Alias == nil) || !samePolicy(a, b) {
		return false
	}
	if a.HealthCheckID != b.HealthCheckID || !reflect.DeepEqual(a.Weight, b.Weight) || !reflect.DeepEqual(a.Geo, b.Geo) ||
		a.Failover != b.Failover || a.Region != b.Region {
		return false
	}
	if a.Alias != nil {
		name, err := CanonicalName(a.Alias.Name)
		return err == nil && name == b.Alias.Name && a.Alias.ZoneID == b.Alias.ZoneID &&
			a.Alias.EvaluateTargetHealth == b.Alias.EvaluateTargetHealth
	}
	return a.TTL == b.TTL && slices.Equal(slices.Sorted(slices.Values(a.Values)), slices.Sorted(slices.Values(b.Values)))
}

// checkNames looks at the names that the batch touched: a CNAME is alone, all
// sets of a type have one routing policy and differ in it, and aliases lead
// somewhere.
func (b *batch) checkNames() {
	for _, s := range b.touched {
		if now, ok := RecordSets.Get(b.tx, RecordKey(s.ZoneID, s.Name, s.Type, s.SetIdentifier)); !ok || !same(s, now) {
			continue // changed again by the same batch
		}
		if s.HealthCheckID != "" {
			b.checked(s)
		}
		for other := range RecordSets.By(b.tx, ByName, s.ZoneID+"|"+s.Name) {
			if other.Type != s.Type && (s.Type == "CNAME" || other.Type == "CNAME") {
				b.refuse("RRSet of type %s with DNS name %s is not permitted as it conflicts with other records with the same DNS name in zone %s", s.Type, EscapedName(s.Name), b.zone.Name)
				break
			}
			if other.Type == s.Type && !samePolicy(other, s) {
				b.refuse("RRSet with DNS name %s, type %s, SetIdentifier %s cannot be created as other RRSets exist with the same name and type.", EscapedName(s.Name), s.Type, orNull(s.SetIdentifier))
				break
			}
			if other.Type == s.Type && other.SetIdentifier != s.SetIdentifier && sameChoice(other, s) {
				b.refuse("RRSet with DNS name %s, type %s, SetIdentifier %s, and %s cannot be created because another RRSet with the same name, type and %s exists.",
					EscapedName(s.Name), s.Type, orNull(s.SetIdentifier), choice(s), policy(s))
				break
			}
		}
		if s.Alias != nil {
			b.checkAlias(s)
		}
	}
}

// checked notes a record set whose health check does not exist.
func (b *batch) checked(s RecordSet) {
	if _, ok := HealthChecks.Get(b.tx, s.HealthCheckID); !ok {
		b.missing = cloud.Errorf(cloud.KindNotFound, "health-check", "NoSuchHealthCheck", "The specified health check does not exist: %s", s.HealthCheckID)
	}
}

func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return s
}

// checkForm refuses a change whose fields do not go together, in the words of
// Route 53's request validation.
func checkForm(c Change) error {
	s := c.Set
	where := fmt.Sprintf("in Change with [Action=%s, Name=%s, Type=%s, SetIdentifier=%s]", c.Action, s.Name, s.Type, orNull(s.SetIdentifier))
	const one = "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found "
	values := len(s.Values) > 0
	switch {
	case s.Alias != nil && (values || c.HasTTL):
		return badInput("%smore than one %s", one, where)
	case s.Alias == nil && !values && !c.HasTTL:
		return badInput("%snone %s", one, where)
	case s.Alias == nil && !values:
		return badInput("Invalid request: Missing field 'ResourceRecords' %s", where)
	case s.Alias == nil && !c.HasTTL:
		return badInput("Invalid request: Missing field 'TTL' %s", where)
	}
	return checkPolicy(s, where)
}
