package plan

import (
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/plan/plantest"
)

// lab is a cloud for tests.
type lab struct{ db *cloud.DB }

func newLab(t *testing.T) *lab {
	t.Helper()
	db, err := cloud.NewDB(plantest.Schema())
	if err != nil {
		t.Fatal(err)
	}
	return &lab{db}
}

// do changes the cloud and returns the changes.
func (l *lab) do(f func(tx *cloud.Tx)) []cloud.Change {
	tx := l.db.Begin(cloud.Env{Now: plantest.Began})
	f(tx)
	c := tx.Changes()
	tx.Publish()
	return c
}
