package amazon

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
)

func TestFind(t *testing.T) {
	for host, want := range map[string]string{
		"ec2.eu-west-1.amazonaws.com":                                 "ec2 eu-west-1 ec2.eu-west-1.amazonaws.com",
		"sts.amazonaws.com":                                           "sts us-east-1 sts.amazonaws.com",
		"sts.us-west-2.amazonaws.com":                                 "sts us-west-2 sts.us-west-2.amazonaws.com",
		"iam.amazonaws.com":                                           "iam us-east-1 iam.amazonaws.com",
		"vpce-1-abcdefgh.ec2.eu-west-1.vpce.amazonaws.com":            "ec2 eu-west-1 ec2.eu-west-1.amazonaws.com",
		"vpce-1-abcdefgh-eu-west-1a.sns.eu-west-1.vpce.amazonaws.com": "sns eu-west-1 sns.eu-west-1.amazonaws.com",
		"iam.eu-west-1.amazonaws.com":                                 "",
		"ec2.amazonaws.com":                                           "",
		"ec2.mars-1.amazonaws.com":                                    "",
		"x.ec2.eu-west-1.amazonaws.com":                               "",
		"ec2.eu-west-1.vpce.amazonaws.com":                            "",
		"s3.eu-west-1.amazonaws.com":                                  "s3 eu-west-1 s3.eu-west-1.amazonaws.com",
		"a.bucket.s3.eu-west-1.amazonaws.com":                         "s3 eu-west-1 s3.eu-west-1.amazonaws.com",
		"bucket.s3.amazonaws.com":                                     "s3 us-east-1 s3.amazonaws.com",
		"bucket.vpce-1-abcdefgh.s3.eu-west-1.vpce.amazonaws.com":      "s3 eu-west-1 *.vpce-1-abcdefgh.s3.eu-west-1.vpce.amazonaws.com",
		"b.bucket.vpce-1-ab.s3.eu-west-1.vpce.amazonaws.com":          "s3 eu-west-1 *.vpce-1-ab.s3.eu-west-1.vpce.amazonaws.com",
		"api.ecr.eu-west-1.amazonaws.com":                             "ecr.api eu-west-1 api.ecr.eu-west-1.amazonaws.com",
		"1.dkr.ecr.eu-west-1.amazonaws.com":                           "ecr.dkr eu-west-1 *.dkr.ecr.eu-west-1.amazonaws.com",
		"dkr.ecr.eu-west-1.amazonaws.com":                             "",
		"kinesis.eu-west-1.amazonaws.com":                             "kinesis-streams eu-west-1 kinesis.eu-west-1.amazonaws.com",
		"vpce-1-ab.dynamodb.eu-west-1.vpce.amazonaws.com":             "dynamodb eu-west-1 dynamodb.eu-west-1.amazonaws.com",
		"x.logs.eu-west-1.amazonaws.com":                              "",
		"x.vpce-1-ab.logs.eu-west-1.vpce.amazonaws.com":               "",
		"ec2.eu-west-1.amazonaws.com.evil.example":                    "",
		"amazonaws.com":                                               "",
		".amazonaws.com":                                              "",
		"":                                                            "",
	} {
		got := ""
		if p, ok := Find(host); ok {
			got = p.Name + " " + p.Region + " " + p.Names()[0]
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", host, got, want)
		}
	}
}

func TestPublicNamesAreFound(t *testing.T) {
	names := PublicNames()
	for _, n := range names {
		if p, ok := Find(n); !ok || !slices.Contains(p.Names(), n) {
			t.Errorf("%s is not found", n)
		}
	}
	if len(names) < 100 {
		t.Errorf("only %d names", len(names))
	}
}

func TestOthers(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range slices.Concat(Services(), Others()) {
		if seen[s.Name] {
			t.Errorf("%s is there twice", s.Name)
		}
		seen[s.Name] = true
		for _, n := range s.PublicNames("eu-west-1") {
			host := strings.Replace(n, "*.", "x.", 1)
			if p, ok := Find(host); !ok || p.Name != s.Name {
				t.Errorf("%s leads to %q, not %s", host, p.Name, s.Name)
			}
		}
	}
	p, _ := Find("a.b.s3.eu-west-1.amazonaws.com")
	if p.Under != "a.b" {
		t.Errorf("bucket %q", p.Under)
	}
	p, _ = Find("a.b.bucket.vpce-1-ab.s3.eu-west-1.vpce.amazonaws.com")
	if p.Under != "a.b.bucket" || p.EndpointLabel != "vpce-1-ab" {
		t.Errorf("got %+v", p)
	}
}

func TestPrefixLists(t *testing.T) {
	ids, addresses := map[string]bool{}, map[netip.Prefix]bool{}
	for _, region := range cloud.Regions() {
		lists := PrefixLists(region)
		if len(lists) != 2 {
			t.Fatalf("%s: %+v", region, lists)
		}
		for _, l := range lists {
			if found, ok := FindPrefixList(region, l.ID); !ok || found.Name != l.Name || ids[l.ID] || addresses[l.Prefixes[0]] {
				t.Errorf("%+v", l)
			}
			ids[l.ID], addresses[l.Prefixes[0]] = true, true
			if a := l.Prefixes[0].Addr(); a == SharedAddress() || !netip.MustParsePrefix("198.18.0.128/25").Contains(a) {
				t.Errorf("%s is at %s", l.Name, a)
			}
		}
	}
}

func TestMap(t *testing.T) {
	db, err := cloud.NewDB(cloud.NewSchema(Tables()...))
	if err != nil {
		t.Fatal(err)
	}
	try := func(name string, f func(tx *cloud.Tx) error) error {
		tx := db.Begin(cloud.Env{Caller: cloud.Caller{Internal: name != "user"}})
		if err := f(tx); err != nil {
			tx.Abort()
			return err
		}
		tx.Publish()
		return nil
	}
	for name, x := range map[string]struct{ service, url, want string }{
		"user":    {"s3", "http://127.0.0.1:9000", "Only who runs"},
		"served":  {"ec2", "http://127.0.0.1:9000", "Musubi serves ec2 itself"},
		"unknown": {"s4", "http://127.0.0.1:9000", `"s4" is none of AWS's services`},
		"scheme":  {"s3", "ftp://127.0.0.1:9000", "is no URL"},
		"path":    {"s3", "http://127.0.0.1:9000/x", "more than a scheme"},
		"port":    {"s3", "http://127.0.0.1:99999", "no port"},
		"good":    {"s3", "http://127.0.0.1:9000/", ""},
		"default": {"logs", "https://logs.example.com", ""},
	} {
		err := try(name, func(tx *cloud.Tx) error { _, err := Map{x.service, x.url}.Apply(tx); return err })
		if x.want == "" && err != nil || x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s3, _ := Lookup("s3")
	m, _ := Mappings.Get(db.Snapshot(), "logs")
	if !Available(db.Snapshot(), s3) || m.URL != "https://logs.example.com:443" || len(All(db.Snapshot())) != len(Services())+2 {
		t.Errorf("mappings: %+v", m)
	}
	unmap := func(tx *cloud.Tx) error { _, err := Unmap{"s3"}.Apply(tx); return err }
	if err := try("", unmap); err != nil || Available(db.Snapshot(), s3) {
		t.Error(err)
	}
	if err := try("", unmap); err == nil {
		t.Error("unmapped twice")
	}
}
