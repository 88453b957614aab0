package app

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/plan/plantest"
)

func TestPortErrors(t *testing.T) {
	db, err := cloud.NewDB(cloud.NewSchema(vpc.Tables()...))
	if err != nil {
		t.Fatal(err)
	}
	tx := db.Begin(cloud.Env{Now: time.Unix(0, 0)})
	for i, id := range []string{"vpc-crowded", "vpc-quiet", "vpc-unbuilt"} {
		vpc.VPCs.Put(tx, vpc.VPC{ID: id, Scope: plantest.Scope, Number: uint32(i + 1)})
	}
	got := portErrors(t.Context(), tx, func(_ context.Context, id string) (uint64, error) {
		if id == "vpc-unbuilt" {
			return 7, errors.New("no network")
		}
		return map[string]uint64{"vpc-crowded": 3}[id], nil
	})
	if !maps.Equal(got, map[string]uint64{"vpc-crowded": 3}) {
		t.Errorf("port errors: %v", got)
	}
}
