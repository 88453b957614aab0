package dns

import (
	"testing"
)

func TestHealthChecks(t *testing.T) {
	l := newLab(t)
	web := CheckConfig{Type: CheckHTTP, IPAddress: "198.18.0.5"}
	h := must(l, CreateCheck{"one", web})
	if h.Config.Port != 80 || h.Config.Interval != 30 || h.Config.FailureThreshold != 3 || h.Version != 1 || len(h.ID) != 36 {
		t.Errorf("%+v", h)
	}
	if again := must(l, CreateCheck{"one", web}); again.ID != h.ID {
		t.Error("the same reference and settings made another check")
	}
	refused(l, "HealthCheckAlreadyExists", "one", CreateCheck{"one", CheckConfig{Type: CheckTCP, IPAddress: "198.18.0.5", Port: 80}})
	for name, c := range map[string]CheckConfig{
		"either":       {Type: CheckHTTP},
		"port":         {Type: CheckTCP, IPAddress: "198.18.0.5"},
		"private":      {Type: CheckHTTP, IPAddress: "10.0.0.1"},
		"private v6":   {Type: CheckHTTP, IPAddress: "fd00::1"},
		"loopback":     {Type: CheckHTTP, IPAddress: "127.0.0.1"},
		"interval":     {Type: CheckHTTP, IPAddress: "198.18.0.5", Interval: 20},
		"no string":    {Type: CheckHTTPString, IPAddress: "198.18.0.5"},
		"string":       {Type: CheckHTTP, IPAddress: "198.18.0.5", SearchString: "x"},
		"path":         {Type: CheckTCP, Port: 80, IPAddress: "198.18.0.5", Path: "/"},
		"sni":          {Type: CheckHTTP, IPAddress: "198.18.0.5", EnableSNI: true},
		"children":     {Type: CheckHTTP, IPAddress: "198.18.0.5", Children: []string{h.ID}},
		"regions":      {Type: CheckHTTP, IPAddress: "198.18.0.5", Regions: []string{"us-east-1"}},
		"same regions": {Type: CheckHTTP, IPAddress: "198.18.0.5", Regions: []string{"us-east-1", "us-east-1", "eu-west-1"}},
		"name":         {Type: CheckHTTP, DomainName: "a..b"},
		"calculated":   {Type: CheckCalculated, Port: 80, Children: []string{h.ID}},
		"childless":    {Type: CheckCalculated},
		"lost child":   {Type: CheckCalculated, Children: []string{"x"}},
		"twins":        {Type: CheckCalculated, Children: []string{h.ID, h.ID}},
	} {
		if _, err := tryAs(l, account, CreateCheck{name, c}); err == nil {
			t.Errorf("%s is accepted", name)
		} else {
			wantError(t, err, "InvalidInput", "Invalid parameter")
		}
	}
	refused(l, "UnsupportedOperation", "CLOUDWATCH_METRIC is not served", CreateCheck{"alarm", CheckConfig{Type: "CLOUDWATCH_METRIC"}})

	refused(l, "HealthCheckVersionMismatch", "(7)", UpdateCheck{ID: h.ID, Version: new(int64(7))})
	refused(l, "InvalidInput", "IP address", UpdateCheck{ID: h.ID, IPAddress: new("")})
	refused(l, "NoSuchHealthCheck", "No health check exists with the specified ID: x", UpdateCheck{ID: "x"})
	h = must(l, UpdateCheck{ID: h.ID, Version: new(int64(1)), Path: new("/x"), Port: new(81)})
	if h.Version != 2 || h.Config.Path != "/x" || h.Config.Port != 81 {
		t.Errorf("%+v", h)
	}
	h = must(l, UpdateCheck{ID: h.ID, Reset: []string{"ResourcePath"}})
	if h.Config.Path != "" {
		t.Errorf("%+v", h)
	}
	if _, err := tryAs(l, "111111111111", DeleteCheck{h.ID}); err == nil {
		t.Error("a stranger deleted the check")
	}
	must(l, DeleteCheck{h.ID})
	refused(l, "NoSuchHealthCheck", h.ID, DeleteCheck{h.ID})
}

func TestHealth(t *testing.T) {
	l := newLab(t)
	check := func(ref string, c CheckConfig) string { return must(l, CreateCheck{ref, c}).ID }
	a := check("a", CheckConfig{Type: CheckHTTP, IPAddress: "198.18.0.5"})
	b := check("b", CheckConfig{Type: CheckHTTP, IPAddress: "198.18.0.6", Inverted: true})
	all := check("all", CheckConfig{Type: CheckCalculated, Children: []string{a, b}, HealthThreshold: 2})
	one := check("any", CheckConfig{Type: CheckCalculated, Children: []string{a, b}, HealthThreshold: 1})
	refused(l, "InvalidInput", "is a calculated health check", CreateCheck{"deep", CheckConfig{Type: CheckCalculated, Children: []string{one}, HealthThreshold: 1}})
	report := func(id string, version int64, healthy bool) {
		must(l, ReportCheck{Version: version, Result: CheckResult{ID: id, Healthy: healthy}})
	}
	expect := func(when string, want map[string]bool) {
		t.Helper()
		for id, healthy := range want {
			if CheckHealthy(l.db.Snapshot(), id) != healthy {
				t.Errorf("%s: %s is not %v", when, id, healthy)
			}
		}
	}
	expect("new", map[string]bool{a: true, b: false, all: false, one: true, "gone": true})
	report(b, 1, false)
	expect("b fails", map[string]bool{a: true, b: true, all: true, one: true})
	report(a, 1, false)
	expect("both fail", map[string]bool{a: false, b: true, all: false, one: true})
	must(l, UpdateCheck{ID: a, Disabled: new(true)})
	expect("a is disabled", map[string]bool{a: true})
	must(l, UpdateCheck{ID: a, Inverted: new(true)})
	expect("a is disabled and inverted", map[string]bool{a: false})
	must(l, UpdateCheck{ID: a, Inverted: new(false), Disabled: new(false)})
	report(a, 1, true) // of an older version
	expect("late report", map[string]bool{a: false})
	report(a, 4, true)
	expect("report", map[string]bool{a: true})
}

func TestAuthorizations(t *testing.T) {
	l := newLab(t)
	z, public := l.zone("a.test", vpcA), l.zone("a.test")
	const other = "111111111111"
	theirs := ZoneVPC{"vpc-x", region}
	refused(l, "InvalidVPCId", "vpc-0", AuthorizeVPC{z.ID, ZoneVPC{"vpc-0", region}})
	refused(l, "InvalidInput", "public", AuthorizeVPC{public.ID, theirs})
	refused(l, "VPCAssociationAuthorizationNotFound", "vpc-x", UnauthorizeVPC{z.ID, theirs})
	_, err := tryAs(l, other, AuthorizeVPC{z.ID, theirs})
	wantError(t, err, "AccessDenied", "not owned by you")
	must(l, AuthorizeVPC{z.ID, theirs})
	must(l, AuthorizeVPC{z.ID, theirs})
	refused(l, "NotAuthorizedException", "vpc-x", AssociateVPC{ZoneID: z.ID, VPC: theirs}) // its owner has to
	_, err = tryAs(l, other, AssociateVPC{ZoneID: z.ID, VPC: ZoneVPC{"vpc-x", "us-east-1"}})
	wantError(t, err, "NotAuthorizedException", "")
	if _, err := tryAs(l, other, AssociateVPC{ZoneID: z.ID, VPC: theirs}); err != nil {
		t.Fatal(err)
	}
	must(l, UnauthorizeVPC{z.ID, theirs})
	if got, _ := FindZone(l.db.Snapshot(), account, z.ID); len(got.VPCs) != 2 {
		t.Errorf("VPCs: %v", got.VPCs)
	}
	_, err = tryAs(l, "222222222222", DisassociateVPC{ZoneID: z.ID, VPC: theirs})
	wantError(t, err, "AccessDenied", "not owned by you")
	if _, err := tryAs(l, other, DisassociateVPC{ZoneID: z.ID, VPC: theirs}); err != nil {
		t.Fatal(err)
	}
	must(l, AuthorizeVPC{z.ID, theirs})
	must(l, DeleteZone{z.ID})
	for a := range Authorizations.All(l.db.Snapshot()) {
		t.Errorf("left: %v", a)
	}
}

func TestPolicies(t *testing.T) {
	l := newLab(t)
	z := l.zone("a.test")
	h := must(l, CreateCheck{"h", CheckConfig{Type: CheckTCP, IPAddress: "198.18.0.5", Port: 80}}).ID
	with := func(id string, f func(s *RecordSet)) Change {
		c := set("n.a.test", "A", "192.0.2.1")
		c.Set.SetIdentifier = id
		f(&c.Set)
		return c
	}
	region := func(id, name string) Change { return with(id, func(s *RecordSet) { s.Region = name }) }
	failover := func(id, f string) Change {
		return with(id, func(s *RecordSet) { s.Failover, s.HealthCheckID = f, h })
	}
	geo := func(id, continent, country, part string) Change {
		return with(id, func(s *RecordSet) { s.Geo = &Location{continent, country, part} })
	}
	const taken, others = "another RRSet with the same name, type and ", "cannot be created as other RRSets exist with the same name and type"
	for _, c := range []struct {
		code, text string
		changes    []Change
	}{
		{"", "", []Change{region("a", "us-east-1"), region("b", "us-west-2")}},
		{"InvalidChangeBatch", taken + "region", []Change{region("a", "us-east-1"), region("b", "us-east-1")}},
		{"", "", []Change{failover("a", Primary), failover("b", Secondary)}},
		{"InvalidChangeBatch", "failover=PRIMARY cannot be created because " + taken + "failover", []Change{failover("a", Primary), failover("b", Primary)}},
		{"InvalidChangeBatch", others, []Change{failover("a", Primary), region("b", "us-east-1")}},
		{"InvalidChangeBatch", others, []Change{region("a", "us-east-1"), set("n.a.test", "A", "192.0.2.1")}},
		{"", "", []Change{geo("a", "", "*", ""), geo("b", "AS", "", ""), geo("c", "", "JP", ""), geo("d", "", "US", "VA")}},
		{"InvalidChangeBatch", taken + "geolocation", []Change{geo("a", "", "JP", ""), geo("b", "", "JP", "")}},
		{"InvalidInput", "more than one", []Change{geo("a", "AS", "JP", "")}},
		{"InvalidInput", "found none", []Change{geo("a", "", "", "VA")}},
		{"InvalidInput", "continent code XX", []Change{geo("a", "XX", "", "")}},
		{"InvalidInput", "country code jp", []Change{geo("a", "", "jp", "")}},
		{"InvalidInput", "subdivision code 13", []Change{geo("a", "", "JP", "13")}},
		{"InvalidInput", "Missing field 'SetIdentifier'", []Change{region("", "us-east-1")}},
		{"InvalidInput", "found none", []Change{with("a", func(*RecordSet) {})}},
		{"NoSuchHealthCheck", "hc", []Change{with("a", func(s *RecordSet) { s.Weight, s.HealthCheckID = new(int64(1)), "hc" })}},
	} {
		_, err := tryAs(l, account, ChangeRecords{ZoneID: z.ID, Changes: c.changes})
		if c.code != "" {
			wantError(t, err, c.code, c.text)
			continue
		}
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		for _, change := range c.changes {
			if _, err := tryAs(l, account, ChangeRecords{ZoneID: z.ID, Changes: []Change{change.as(Delete)}}); err != nil {
				t.Errorf("deleted as it was given: %v", err)
			}
		}
	}
}
