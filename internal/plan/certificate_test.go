package plan

import (
	"slices"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/acm"
	"github.com/musubi-net/musubi/internal/cloud/dns"
)

func putRecord(tx *cloud.Tx, zone, name, typ string, values ...string) {
	dns.RecordSets.Put(tx, dns.RecordSet{ZoneID: zone, Name: name, Type: typ, TTL: 60, Values: values})
}

func putZone(tx *cloud.Tx, id, name string, private bool) {
	dns.Zones.Put(tx, dns.Zone{ID: id, Name: name, Private: private})
}

func TestProved(t *testing.T) {
	const name, value = "_abc.api.example.com.", "_def.xyz.acm-validations.aws."
	tests := []struct {
		name string
		do   func(tx *cloud.Tx)
		want bool
	}{
		{"no zone", func(*cloud.Tx) {}, false},
		{"a public zone", func(tx *cloud.Tx) {
			putZone(tx, "Z", "example.com.", false)
			putRecord(tx, "Z", name, "CNAME", value)
		}, true},
		{"no final dot, other case", func(tx *cloud.Tx) {
			putZone(tx, "Z", "example.com.", false)
			putRecord(tx, "Z", name, "CNAME", "_DEF.xyz.acm-validations.aws")
		}, true},
		{"a private zone", func(tx *cloud.Tx) {
			putZone(tx, "Z", "example.com.", true)
			putRecord(tx, "Z", name, "CNAME", value)
		}, false},
		{"another value", func(tx *cloud.Tx) {
			putZone(tx, "Z", "example.com.", false)
			putRecord(tx, "Z", name, "CNAME", "_x"+value)
		}, false},
		{"another type", func(tx *cloud.Tx) {
			putZone(tx, "Z", "example.com.", false)
			putRecord(tx, "Z", name, "TXT", value)
		}, false},
		{"a nearer zone answers", func(tx *cloud.Tx) {
			putZone(tx, "Z", "example.com.", false)
			putZone(tx, "Y", "api.example.com.", false)
			putRecord(tx, "Z", name, "CNAME", value)
		}, false},
		{"one of two zones of the name", func(tx *cloud.Tx) {
			putZone(tx, "Y", "example.com.", false)
			putZone(tx, "Z", "example.com.", false)
			putRecord(tx, "Z", name, "CNAME", value)
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			l.do(tt.do)
			c := acm.Certificate{Validations: []acm.Validation{{RecordName: name, RecordValue: value}}}
			records, all := Proved(l.db.Snapshot(), c)
			if all != tt.want || slices.Contains(records, name) != tt.want {
				t.Errorf("%v %v", records, all)
			}
			c.Validations = append(c.Validations, acm.Validation{RecordName: "_none.example.com.", RecordValue: value})
			if _, all := Proved(l.db.Snapshot(), c); all {
				t.Error("proved without one of its records")
			}
		})
	}
}

func TestAuthorized(t *testing.T) {
	tests := []struct {
		name   string
		at     string
		values []string
		names  []string
		want   bool
	}{
		{"none", "b.example.com.", []string{`0 issue ";"`}, []string{"a.example.com"}, true},
		{"nobody", "example.com.", []string{`0 issue ";"`}, []string{"a.example.com"}, false},
		{"amazon", "example.com.", []string{`0 issue "letsencrypt.org"`, `0 issue "amazon.com"`}, []string{"a.example.com"}, true},
		{"another", "example.com.", []string{`0 issue "letsencrypt.org"`}, []string{"a.example.com"}, false},
		{"one of two names", "b.example.com.", []string{`0 issue "letsencrypt.org"`}, []string{"a.example.com", "b.example.com"}, false},
		{"with options", "example.com.", []string{`0 issue "amazonaws.com; policy=ev"`}, []string{"a.example.com"}, true},
		{"wildcard", "example.com.", []string{`0 issue "amazon.com"`, `0 issuewild ";"`}, []string{"*.example.com"}, false},
		{"wildcard elsewhere", "example.com.", []string{`0 issue ";"`, `0 issuewild "awstrust.com"`}, []string{"*.example.com"}, true},
		{"only reports", "example.com.", []string{`0 iodef "mailto:a@example.com"`}, []string{"example.com"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t)
			l.do(func(tx *cloud.Tx) {
				putZone(tx, "Z", "example.com.", false)
				putRecord(tx, "Z", tt.at, "CAA", tt.values...)
			})
			if got := Authorized(l.db.Snapshot(), acm.Certificate{AlternativeNames: tt.names}); got != tt.want {
				t.Errorf("%v", got)
			}
		})
	}
}
