package compute_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// lab is a cloud in memory with a VPC that has a public and a private subnet.
type lab struct {
	*testing.T
	db      *cloud.DB
	caller  cloud.Caller
	n       int
	vpc     vpc.VPC
	public  vpc.Subnet
	private vpc.Subnet
}

func (l *lab) Hex(n int) string   { l.n++; return fmt.Sprintf("%0*x", n, l.n) }
func (l *lab) Alnum(n int) string { return l.Hex(n) }
func (l *lab) Upper(n int) string { return strings.ToUpper(l.Hex(n)) }

func newLab(t *testing.T) *lab {
	t.Helper()
	db, err := cloud.NewDB(cloud.NewSchema(slices.Concat(vpc.Tables(), compute.Tables(), iam.Tables())...))
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{T: t, db: db, caller: cloud.Caller{Scope: cloud.Scope{Account: "111122223333", Region: "ap-northeast-1"}}}
	l.vpc = must(l, vpc.CreateVPC{CIDR: netip.MustParsePrefix("10.0.0.0/16")})
	l.private = must(l, vpc.CreateSubnet{VPCID: l.vpc.ID, CIDR: netip.MustParsePrefix("10.0.1.0/24"), Zone: "ap-northeast-1a"})
	l.public = must(l, vpc.CreateSubnet{VPCID: l.vpc.ID, CIDR: netip.MustParsePrefix("10.0.2.0/24"), Zone: "ap-northeast-1c"})
	l.edit(func(tx *cloud.Tx) {
		l.public.MapPublicIPOnLaunch = true
		vpc.Subnets.Put(tx, l.public)
		iam.InstanceProfiles.Put(tx, iam.InstanceProfile{ID: "AIPA1", Account: l.caller.Account, Name: "web", Path: "/"})
	})
	return l
}

func (l *lab) edit(f func(*cloud.Tx)) {
	tx := l.db.Begin(cloud.Env{Now: time.Unix(1_700_000_000, 0), Caller: l.caller, IDs: l})
	f(tx)
	tx.Publish()
}

func try[R any](l *lab, c cloud.Command[R]) (R, error) {
	tx := l.db.Begin(cloud.Env{Now: time.Unix(1_700_000_000, 0), Caller: l.caller, IDs: l})
	defer tx.Abort()
	r, err := c.Apply(tx)
	if err == nil {
		tx.Publish()
	}
	return r, err
}

func must[R any](l *lab, c cloud.Command[R]) R {
	l.Helper()
	r, err := try(l, c)
	if err != nil {
		l.Fatalf("%#v: %v", c, err)
	}
	return r
}

func refused[R any](l *lab, code string, c cloud.Command[R]) string {
	l.Helper()
	_, err := try(l, c)
	var e *cloud.Error
	if !errors.As(err, &e) || e.Code != code {
		l.Fatalf("%#v: got %v, want code %s", c, err, code)
	}
	return e.Message
}

// image returns the newest image whose name begins with prefix.
func image(region, prefix, arch string) string {
	var found compute.Image
	for _, i := range compute.Images(region) {
		if strings.HasPrefix(i.Name, prefix) && i.Architecture == arch && i.CreatedAt.After(found.CreatedAt) {
			found = i
		}
	}
	return found.ID
}

func (l *lab) launch(change func(*compute.RunInstances)) compute.RunInstances {
	c := compute.RunInstances{ImageID: image(l.caller.Region, "al2023-ami-2023", "x86_64"), InstanceType: "t3.micro", MinCount: 1, MaxCount: 1,
		HostArchitecture: "x86_64", Interfaces: []compute.LaunchInterface{{SubnetID: l.private.ID}}}
	if change != nil {
		change(&c)
	}
	return c
}

func (l *lab) report(i compute.Instance, boot uint32, state compute.InstanceState) compute.Instance {
	l.Helper()
	l.caller.Internal = true
	must(l, compute.ReportInstance{ID: i.ID, Boot: boot, State: state})
	l.caller.Internal = false
	return l.get(i.ID)
}

func (l *lab) get(id string) compute.Instance {
	i, _ := compute.Instances.Get(l.db.Snapshot(), id)
	return i
}

func (l *lab) lent(id string) int {
	n := 0
	for _, e := range compute.Interfaces(l.db.Snapshot(), id) {
		for range vpc.Addresses.By(l.db.Snapshot(), "interface", e.ID) {
			n++
		}
	}
	return n
}
