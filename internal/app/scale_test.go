package app

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/engine"
	"github.com/musubi-net/musubi/internal/plan"
	"github.com/musubi-net/musubi/internal/store"
	"github.com/musubi-net/musubi/internal/store/bolt"
)

// inMemory is a fake store for measuring: it keeps nothing, so that the disk's
// share does not hide the rest.
type inMemory struct{ revision uint64 }

func (s *inMemory) Load(context.Context, func(store.Record) error) (uint64, error) {
	return s.revision, nil
}
func (s *inMemory) Commit(context.Context, uint64, []store.Record) (uint64, error) {
	s.revision++
	return s.revision, nil
}
func (s *inMemory) Close() error { return nil }

var benchCaller = cloud.Caller{Scope: cloud.Scope{Account: "000000000000", Region: "ap-northeast-1"}}

// populated is an engine with n VPCs of a subnet, a security group and an
// interface each.
func populated(b *testing.B, s store.Store, n int) (*engine.Engine, vpc.VPC) {
	b.Helper()
	e, err := engine.Open(b.Context(), engine.Options{Schema: cloud.NewSchema(tables()...), Store: s, Now: time.Now, IDs: newIDs})
	if err != nil {
		b.Fatal(err)
	}
	var v vpc.VPC
	err = e.Run(b.Context(), benchCaller, func(tx *cloud.Tx) error {
		for range n {
			if v, err = (vpc.CreateVPC{CIDR: netip.MustParsePrefix("10.0.0.0/16")}).Apply(tx); err != nil {
				return err
			}
			sub, err := (vpc.CreateSubnet{VPCID: v.ID, CIDR: netip.MustParsePrefix("10.0.0.0/20")}).Apply(tx)
			if err != nil {
				return err
			}
			if _, err = vpc.NewInterface(tx, vpc.InterfaceParams{SubnetID: sub.ID, Type: vpc.TypeInterface}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return e, v
}

// change is one round of what a request costs the control plane: a command, its
// commit, the units that it touches, and their compilation.
func change(b *testing.B, e *engine.Engine, v vpc.VPC, i int) {
	b.Helper()
	w, _ := e.Watch()
	defer w.Close()
	g, err := engine.Do(b.Context(), e, benchCaller, vpc.CreateSecurityGroup{Name: fmt.Sprint("g", i), Description: "d", VPCID: v.ID})
	if err != nil {
		b.Fatal(err)
	}
	s := e.Snapshot()
	for _, id := range plan.Affected(s, w.Take()).VPCs {
		if plan.CompileVPC(s, id) == nil {
			b.Fatal("no VPC")
		}
	}
	if _, err := engine.Do(b.Context(), e, benchCaller, vpc.DeleteSecurityGroup{ID: g.ID}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkChange measures the same change in a cloud of 10 VPCs and in one of
// 2,000, and reports the second as a multiple of the first: 1 is flat.
func BenchmarkChange(b *testing.B) {
	small, vs := populated(b, &inMemory{}, 10)
	large, vl := populated(b, &inMemory{}, 2000)
	var inSmall, inLarge time.Duration
	for i := range b.N {
		begin := time.Now()
		change(b, small, vs, i)
		middle := time.Now()
		change(b, large, vl, i)
		inSmall += middle.Sub(begin)
		inLarge += time.Since(middle)
	}
	b.ReportMetric(float64(inLarge)/float64(inSmall), "x-of-small")
}

// BenchmarkAcknowledge measures a change with the real store beside one that
// keeps nothing: what durability costs.
func BenchmarkAcknowledge(b *testing.B) {
	s, err := bolt.Open(filepath.Join(b.TempDir(), stateFile))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	durable, vd := populated(b, s, 10)
	memory, vm := populated(b, &inMemory{}, 10)
	var inDurable, inMemory time.Duration
	for i := range b.N {
		begin := time.Now()
		change(b, durable, vd, i)
		middle := time.Now()
		change(b, memory, vm, i)
		inDurable += middle.Sub(begin)
		inMemory += time.Since(middle)
	}
	b.ReportMetric(float64(inDurable)/float64(inMemory), "x-of-memory")
}
