package ssm

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/sessionwire"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

var here = cloud.Scope{Account: "111111111111", Region: "eu-west-1"}

// lab is a cloud with Systems Manager and instances in it.
type lab struct {
	t   *testing.T
	db  *cloud.DB
	now time.Time
	n   int
}

func (l *lab) next(n int) string  { l.n++; return fmt.Sprintf("%0*d", n, l.n) }
func (l *lab) Hex(n int) string   { return l.next(n) }
func (l *lab) Alnum(n int) string { return l.next(n) }
func (l *lab) Upper(n int) string { return l.next(n) }

func newLab(t *testing.T) *lab {
	t.Helper()
	db, err := cloud.NewDB(cloud.NewSchema(slices.Concat(Tables(), compute.Tables(), iam.Tables())...))
	if err != nil {
		t.Fatal(err)
	}
	return &lab{t: t, db: db, now: epoch}
}

func user(name string) cloud.Caller {
	return cloud.Caller{Scope: here, PrincipalARN: "arn:aws:iam::111111111111:user/" + name}
}

func tryAs[R any](l *lab, caller cloud.Caller, c cloud.Command[R]) (R, error) {
	tx := l.db.Begin(cloud.Env{Now: l.now, Caller: caller, IDs: l})
	defer tx.Abort()
	r, err := c.Apply(tx)
	if err == nil {
		tx.Publish()
	}
	return r, err
}

func try[R any](l *lab, c cloud.Command[R]) (R, error) { return tryAs(l, user("ann"), c) }

func must[R any](l *lab, c cloud.Command[R]) R {
	l.t.Helper()
	r, err := try(l, c)
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

func report[R any](l *lab, c cloud.Command[R]) R {
	l.t.Helper()
	r, err := tryAs(l, cloud.Caller{Internal: true}, c)
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

func codeOf(err error) string {
	if e, ok := errors.AsType[*cloud.Error](err); ok {
		return e.Code
	}
	return fmt.Sprint(err)
}

// node runs an instance with an agent.
func (l *lab) node(id string, tags cloud.Tags) {
	l.t.Helper()
	l.instance(id, compute.Running, tags)
	agent := cloud.Caller{Scope: here, PrincipalARN: "arn:aws:sts::111111111111:assumed-role/node/" + id, Instance: id}
	if _, err := tryAs(l, agent, Register{Agent: sessionwire.Agent{InstanceID: id, Version: "3.3.1.0"}}); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) instance(id string, state compute.InstanceState, tags cloud.Tags) {
	tx := l.db.Begin(cloud.Env{})
	compute.Instances.Put(tx, compute.Instance{ID: id, Scope: here, State: state, Tags: tags})
	tx.Publish()
}

func (l *lab) invocation(command, instance string) Invocation {
	l.t.Helper()
	i, err := FindInvocation(l.db.Snapshot(), here, command, instance)
	if err != nil {
		l.t.Fatal(err)
	}
	return i
}
