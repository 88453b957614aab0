package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/acm"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/dns"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/sns"
	"github.com/musubi-net/musubi/internal/cloud/ssm"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/engine"
	"github.com/musubi-net/musubi/internal/store"
	"github.com/musubi-net/musubi/internal/store/bolt"
)

// stateFile is the cloud's records, in the state directory.
const stateFile = "state.db"

// tables lists the tables of all families.
func tables() []cloud.AnyTable {
	var all []cloud.AnyTable
	for _, t := range [][]cloud.AnyTable{vpc.Tables(), compute.Tables(), iam.Tables(), elb.Tables(), privatelink.Tables(), sns.Tables(), dns.Tables(), acm.Tables(), ssm.Tables()} {
		all = append(all, t...)
	}
	return all
}

// openEngine opens the state directory's store and loads it.
func openEngine(ctx context.Context, dir string) (*engine.Engine, store.Store, error) {
	s, err := bolt.Open(filepath.Join(dir, stateFile))
	if err != nil {
		return nil, nil, err
	}
	e, err := engine.Open(ctx, engine.Options{Schema: cloud.NewSchema(tables()...), Store: s, Now: time.Now, IDs: newIDs})
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	return e, s, nil
}

// checkState reads the state directory's records and lets go of them again, so
// that what is wrong with them is said by `musubi up` in one line.
func checkState(ctx context.Context, dir string) error {
	path := filepath.Join(dir, stateFile)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	_, s, err := openEngine(ctx, dir)
	switch {
	case err == nil:
		return s.Close()
	case errors.Is(err, store.ErrNewer):
		return fmt.Errorf("%s was written by a newer Musubi; use that one, or another --dir (nothing was changed)", path)
	case errors.Is(err, store.ErrDamaged):
		return fmt.Errorf("%s is damaged: %w; move it away to begin anew (nothing was changed)", path, err)
	case errors.Is(err, store.ErrLocked):
		return fmt.Errorf("another Musubi uses %s", dir)
	}
	return err
}

// shuffleZones makes the names of zones mean other places in each account of the
// cloud in a state directory.
func shuffleZones(ctx context.Context, dir string) error {
	e, s, err := openEngine(ctx, dir)
	if err != nil {
		return err
	}
	_, err = engine.Do(ctx, e, cloud.Caller{Internal: true}, vpc.ShuffleZones{})
	if err != nil {
		err = fmt.Errorf("--shuffle-zones: %w", err)
	}
	return errors.Join(err, s.Close())
}
