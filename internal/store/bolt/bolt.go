// Package bolt is the embedded store: the cloud's records in one bbolt file
// that one process at a time may have open.
//
// It may import internal/store.
package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/musubi-net/musubi/internal/store"
)

// formatVersion grows when an older program could no longer read the file.
const formatVersion = 1

// lockTimeout is how long Open waits for another process to let go of the
// file: long enough for one that is on its way out.
const lockTimeout = 500 * time.Millisecond

// The file's layout: a bucket of its own for what the file says of itself, and
// one bucket per table below recordsBucket.
var (
	metaBucket    = []byte("musubi")
	recordsBucket = []byte("records")
	formatKey     = []byte("format")
	revisionKey   = []byte("revision")
)

// Store is a bbolt file.
type Store struct {
	db   *bbolt.DB
	path string
}

var _ store.Store = (*Store)(nil)

// Open opens the file, or makes it, readable by its owner only. It fails with
// store.ErrLocked if another process has it, store.ErrDamaged if it is no
// store, and store.ErrNewer if a newer version wrote it; the file is then as
// it was.
func Open(path string) (*Store, error) {
	if err := checkStub(path); err != nil {
		return nil, fmt.Errorf("open state %s: %w", path, err)
	}
	db, err := openFile(path)
	if err != nil {
		return nil, fmt.Errorf("open state %s: %w", path, err)
	}
	s := &Store{db: db, path: path}
	if err := s.prepare(); err != nil {
		return nil, fmt.Errorf("open state %s: %w", path, errors.Join(err, db.Close()))
	}
	return s, nil
}

// checkStub refuses a file that is too short to be a database: bbolt has no
// error of its own for it.
func checkStub(path string) error {
	i, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	const smallestPage = 4096
	if i.Size() > 0 && i.Size() < 2*smallestPage {
		return fmt.Errorf("%w: only %d bytes", store.ErrDamaged, i.Size())
	}
	return nil
}

// openFile opens the database and says in the store's terms why it could not.
func openFile(path string) (db *bbolt.DB, err error) {
	var file *os.File
	err = guard(func() (err error) {
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout: lockTimeout,
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				f, err := os.OpenFile(name, flag, mode)
				file = f
				return f, err
			},
		})
		return err
	})
	switch {
	case err == nil:
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, store.ErrLocked
	case errors.Is(err, store.ErrDamaged):
		// bbolt panicked half-way: it keeps the descriptor and with it the lock.
		return nil, errors.Join(err, file.Close())
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum),
		errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%w: %w", store.ErrDamaged, err)
	default:
		return nil, err
	}
	return db, nil
}

// prepare checks what the file says of itself, or says it in a new one: one
// without any bucket, which is also what a start that was cut short leaves.
func (s *Store) prepare() error {
	if err := guard(s.checkSize); err != nil {
		return err
	}
	buckets := 0
	err := guard(func() error {
		return s.db.View(func(tx *bbolt.Tx) error {
			return tx.ForEach(func([]byte, *bbolt.Bucket) error { buckets++; return nil })
		})
	})
	if err != nil {
		return err
	}
	if err := os.Chmod(s.path, 0o600); err != nil {
		return err
	}
	if buckets == 0 {
		return s.initialise()
	}
	return guard(func() error { return s.db.View(checkFormat) })
}

// checkSize refuses a file that was cut off: reading its missing pages would
// fault.
func (s *Store) checkSize() error {
	i, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	return s.db.View(func(tx *bbolt.Tx) error {
		if tx.Size() > i.Size() {
			return fmt.Errorf("%w: %d bytes of %d are missing", store.ErrDamaged, tx.Size()-i.Size(), tx.Size())
		}
		return nil
	})
}

func (s *Store) initialise() error {
	err := s.db.Update(func(tx *bbolt.Tx) error {
		meta, err := tx.CreateBucketIfNotExists(metaBucket)
		if err != nil {
			return err
		}
		if _, err := tx.CreateBucketIfNotExists(recordsBucket); err != nil {
			return err
		}
		return errors.Join(putNumber(meta, formatKey, formatVersion), putNumber(meta, revisionKey, 0))
	})
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(s.path))
}

// checkFormat refuses a file that this version can not read.
func checkFormat(tx *bbolt.Tx) error {
	meta := tx.Bucket(metaBucket)
	if meta == nil || tx.Bucket(recordsBucket) == nil {
		return fmt.Errorf("%w: a database of another program", store.ErrDamaged)
	}
	format, err := getNumber(meta, formatKey)
	if err != nil {
		return err
	}
	if format > formatVersion {
		return fmt.Errorf("%w: format %d, this version reads up to %d", store.ErrNewer, format, formatVersion)
	}
	_, err = getNumber(meta, revisionKey)
	return err
}

// Load calls f with every record, table by table, and returns the revision.
func (s *Store) Load(ctx context.Context, f func(store.Record) error) (revision uint64, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		err := guard(func() (err error) {
			revision, err = getNumber(tx.Bucket(metaBucket), revisionKey)
			return err
		})
		if err != nil {
			return err
		}
		return eachRecord(tx, func(r store.Record) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return f(r)
		})
	})
	if err != nil {
		return 0, fmt.Errorf("read state %s: %w", s.path, err)
	}
	return revision, nil
}

// Commit writes all records or none, and returns when they are on the disk.
func (s *Store) Commit(ctx context.Context, base uint64, records []store.Record) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	next := base + 1
	err := s.db.Update(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(metaBucket)
		at, err := getNumber(meta, revisionKey)
		if err != nil {
			return err
		}
		if at != base {
			return fmt.Errorf("%w: at %d, not %d", store.ErrConflict, at, base)
		}
		for _, r := range records {
			if err := write(tx.Bucket(recordsBucket), r); err != nil {
				return fmt.Errorf("%s %s: %w", r.Table, r.Key, err)
			}
		}
		return putNumber(meta, revisionKey, next)
	})
	if err != nil {
		return 0, fmt.Errorf("write state %s: %w", s.path, err)
	}
	return next, nil
}

// Close lets go of the file.
func (s *Store) Close() error { return s.db.Close() }

func write(root *bbolt.Bucket, r store.Record) error {
	if r.Data == nil {
		table := root.Bucket([]byte(r.Table))
		if table == nil {
			return nil
		}
		return table.Delete([]byte(r.Key))
	}
	table, err := root.CreateBucketIfNotExists([]byte(r.Table))
	if err != nil {
		return err
	}
	return table.Put([]byte(r.Key), r.Data)
}

func putNumber(b *bbolt.Bucket, key []byte, n uint64) error {
	return b.Put(key, binary.BigEndian.AppendUint64(nil, n))
}

func getNumber(b *bbolt.Bucket, key []byte) (uint64, error) {
	v := b.Get(key)
	if len(v) != 8 {
		return 0, fmt.Errorf("%w: no %s number", store.ErrDamaged, key)
	}
	return binary.BigEndian.Uint64(v), nil
}

// syncDir makes a new file's name durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
