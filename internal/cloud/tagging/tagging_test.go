package tagging_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/tagging"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

var here = cloud.Scope{Account: "000000000000", Region: "us-east-1"}

func newDB(t *testing.T) *cloud.DB {
	t.Helper()
	db, err := cloud.NewDB(cloud.NewSchema(append(append(vpc.Tables(), compute.Tables()...), privatelink.Tables()...)...))
	if err != nil {
		t.Fatal(err)
	}
	tx := db.Begin(cloud.Env{})
	vpc.VPCs.Put(tx, vpc.VPC{ID: "vpc-1", Scope: here, Tags: cloud.Tags{"Name": "a"}})
	vpc.SecurityGroupRules.Put(tx, vpc.SecurityGroupRule{ID: "sgr-1", Scope: here})
	vpc.Addresses.Put(tx, vpc.Address{AllocationID: "eipalloc-1", Scope: here})
	compute.KeyPairs.Put(tx, compute.KeyPair{ID: "key-1", Name: "k", Scope: here})
	compute.Instances.Put(tx, compute.Instance{ID: "i-1", Scope: here})
	privatelink.Endpoints.Put(tx, privatelink.Endpoint{ID: "vpce-1", Scope: here})
	privatelink.Services.Put(tx, privatelink.Service{ID: "vpce-svc-1", Scope: here})
	tx.Publish()
	return db
}

func run[R any](db *cloud.DB, s cloud.Scope, c cloud.Command[R]) error {
	tx := db.Begin(cloud.Env{Caller: cloud.Caller{Scope: s}})
	defer tx.Abort()
	_, err := c.Apply(tx)
	if err == nil {
		tx.Publish()
	}
	return err
}

func code(err error) string {
	var e *cloud.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return fmt.Sprint(err)
}

func TestTagsOfAllFamilies(t *testing.T) {
	db := newDB(t)
	ids := []string{"vpc-1", "sgr-1", "eipalloc-1", "key-1", "i-1", "vpce-1", "vpce-svc-1"}
	if err := run(db, here, tagging.CreateTags{ResourceIDs: ids, Tags: cloud.Tags{"team": "net"}}); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, tag := range tagging.All(db.Snapshot(), here, nil) {
		if tag.Key == "team" {
			got[tag.ResourceID] = tag.ResourceType
		}
	}
	want := map[string]string{"vpc-1": "vpc", "sgr-1": "security-group-rule", "eipalloc-1": "elastic-ip", "key-1": "key-pair",
		"i-1": "instance", "vpce-1": "vpc-endpoint", "vpce-svc-1": "vpc-endpoint-service"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	one := tagging.Of(db.Snapshot(), here, []string{"vpce-svc-1", "nothing"})
	if len(one) != 1 || one[0].ResourceType != "vpc-endpoint-service" {
		t.Errorf("got %v", one)
	}
}

func TestRefusals(t *testing.T) {
	db := newDB(t)
	many := cloud.Tags{}
	for i := range 50 {
		many[fmt.Sprint(i)] = ""
	}
	for _, tt := range []struct {
		id   string
		tags cloud.Tags
		code string
	}{
		{"vpc-2", cloud.Tags{"a": ""}, "InvalidVpcID.NotFound"},
		{"x-1", cloud.Tags{"a": ""}, "InvalidID"},
		{"ami-1", cloud.Tags{"a": ""}, "InvalidAMIID.NotFound"},
		{"vpc-1", cloud.Tags{"aws:a": ""}, "InvalidParameterValue"},
		{"vpc-1", cloud.Tags{"": "a"}, "InvalidParameterValue"},
		{"vpc-1", cloud.Tags{strings.Repeat("k", 129): ""}, "InvalidParameterValue"},
		{"vpc-1", cloud.Tags{"k": strings.Repeat("v", 257)}, "InvalidParameterValue"},
		{"vpc-1", many, "TagLimitExceeded"},
		{"vpc-1", nil, "MissingParameter"},
	} {
		err := run(db, here, tagging.CreateTags{ResourceIDs: []string{tt.id}, Tags: tt.tags})
		if code(err) != tt.code {
			t.Errorf("%s %v: %v, want %s", tt.id, tt.tags, err, tt.code)
		}
	}
	elsewhere := cloud.Scope{Account: here.Account, Region: "eu-west-1"}
	if err := run(db, elsewhere, tagging.CreateTags{ResourceIDs: []string{"vpc-1"}, Tags: cloud.Tags{"a": ""}}); code(err) != "InvalidVpcID.NotFound" {
		t.Errorf("another region: %v", err)
	}
}

func TestDeleteTags(t *testing.T) {
	for _, tt := range []struct {
		name    string
		removal []tagging.Removal
		left    cloud.Tags
	}{
		{"by key", []tagging.Removal{{Key: "a"}}, cloud.Tags{"b": "2"}},
		{"by key and value", []tagging.Removal{{Key: "a", Value: new("1")}}, cloud.Tags{"b": "2"}},
		{"another value", []tagging.Removal{{Key: "a", Value: new("")}}, cloud.Tags{"a": "1", "b": "2"}},
		{"not there", []tagging.Removal{{Key: "c"}}, cloud.Tags{"a": "1", "b": "2"}},
		{"all", nil, nil},
	} {
		db := newDB(t)
		tx := db.Begin(cloud.Env{})
		vpc.VPCs.Put(tx, vpc.VPC{ID: "vpc-1", Scope: here, Tags: cloud.Tags{"a": "1", "b": "2"}})
		tx.Publish()
		if err := run(db, here, tagging.DeleteTags{ResourceIDs: []string{"vpc-1"}, Tags: tt.removal}); err != nil {
			t.Fatal(err)
		}
		if v, _ := vpc.VPCs.Get(db.Snapshot(), "vpc-1"); !maps.Equal(v.Tags, tt.left) {
			t.Errorf("%s: left %v, want %v", tt.name, v.Tags, tt.left)
		}
	}
}
