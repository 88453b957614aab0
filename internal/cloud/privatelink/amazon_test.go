package privatelink

import (
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func TestAmazonServices(t *testing.T) {
	seen := map[string]bool{}
	r := newWorld(t).db.Snapshot()
	for _, region := range cloud.Regions() {
		for _, s := range AmazonServices(r, region) {
			if seen[s.ID] || !strings.HasPrefix(s.Name, "com.amazonaws."+region+".") || s.PrivateDNS.Name != s.Amazon+"."+region+".amazonaws.com" {
				t.Errorf("%+v", s)
			}
			seen[s.ID] = true
			if again, err := findAmazon(r, region, s.Name); err != nil || again[0].ID != s.ID {
				t.Errorf("%s: %v", s.Name, err)
			}
		}
	}
	for name, want := range map[string]string{
		"com.amazonaws.eu-west-1.ec2":     "The Vpc Endpoint Service 'com.amazonaws.eu-west-1.ec2' does not exist",
		"com.amazonaws.us-east-1.kms":     "not served",
		"com.amazonaws.us-east-1.route53": "not served",
	} {
		if _, err := findAmazon(r, "us-east-1", name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEndpointOfAmazon(t *testing.T) {
	w := newWorld(t)
	w.change(func(tx *cloud.Tx) {
		v, _ := vpc.VPCs.Get(tx, "vpc-c")
		v.EnableDNSSupport, v.EnableDNSHostnames = true, true
		vpc.VPCs.Put(tx, v)
	})
	c := CreateEndpoint{Type: "Interface", VPCID: "vpc-c", ServiceName: "com.amazonaws.ap-northeast-1.ec2", SubnetIDs: []string{"c-a"}, DefaultDNS: true}
	e := must(w, consumer, c)
	stem := e.ID + "-" + e.Suffix
	want := []string{stem + ".ec2.ap-northeast-1.vpce.amazonaws.com", stem + "-ap-northeast-1a.ec2.ap-northeast-1.vpce.amazonaws.com", "ec2.ap-northeast-1.amazonaws.com"}
	for i, d := range e.DNSEntries {
		if i >= len(want) || d.Name != want[i] {
			t.Errorf("names %+v", e.DNSEntries)
		}
	}
	if e.State != Pending || e.Amazon != "ec2" || !e.PrivateDNS || e.Policy != DefaultPolicy {
		t.Errorf("got %+v", e)
	}
	_, err := try(w, consumer, c)
	refused(t, err, "InvalidParameter", "private-dns-enabled cannot be set because there is already a conflicting DNS domain for ec2.ap-northeast-1.amazonaws.com in the VPC vpc-c")
	for name, x := range map[string]struct {
		change     func(*CreateEndpoint)
		code, part string
	}{
		"gateway": {func(c *CreateEndpoint) { c.Type = "" }, "InvalidParameter", "Endpoint type (Gateway) does not match"},
		"region":  {func(c *CreateEndpoint) { c.ServiceRegion = "eu-west-1" }, "InvalidServiceName", "does not exist"},
		"policy":  {func(c *CreateEndpoint) { c.Policy = `{"Statement":[{"Effect":"Perhaps"}]}` }, "InvalidPolicyDocument", "Syntax errors"},
	} {
		c := c
		c.DefaultDNS = false
		x.change(&c)
		_, err := try(w, consumer, c)
		t.Log(name)
		refused(t, err, x.code, x.part)
	}
	must(w, internal(), ReportAvailable{ID: e.ID})
	must(w, consumer, ModifyEndpoint{ID: e.ID, AddSubnets: []string{"c-c"}, PrivateDNS: new(false)})
	if got := w.endpoint(e.ID); len(got.Interfaces) != 2 || got.PrivateDNS || len(got.DNSEntries) != 3 {
		t.Errorf("modified: %+v", got)
	}
	must(w, consumer, DeleteEndpoints{IDs: []string{e.ID}})
	must(w, internal(), ReportDeleted{ID: e.ID})
	if n := len(AmazonServices(w.db.Snapshot(), "ap-northeast-1")); len(Offered(w.db.Snapshot(), consumer)) < n {
		t.Error("not all services are offered")
	}
}
