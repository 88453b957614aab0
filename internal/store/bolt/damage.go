package bolt

import (
	"bytes"
	"fmt"
	"runtime/debug"

	"go.etcd.io/bbolt"

	"github.com/musubi-net/musubi/internal/store"
)

// guard runs f, in which bbolt reads a memory map that may hold anything: what
// it panics with, and a fault on a page that is not there, become ErrDamaged.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", store.ErrDamaged, p)
		}
	}()
	return f()
}

// eachRecord reads all records. Only the reading is guarded: a panic of f is
// f's.
func eachRecord(tx *bbolt.Tx, f func(store.Record) error) error {
	tables, err := tableNames(tx)
	if err != nil {
		return err
	}
	for _, table := range tables {
		var records []store.Record
		err := guard(func() error {
			return tx.Bucket(recordsBucket).Bucket([]byte(table)).ForEach(func(k, v []byte) error {
				records = append(records, store.Record{Table: table, Key: string(k), Data: bytes.Clone(v)})
				return nil
			})
		})
		if err != nil {
			return err
		}
		for _, r := range records {
			if err := f(r); err != nil {
				return err
			}
		}
	}
	return nil
}

func tableNames(tx *bbolt.Tx) (names []string, err error) {
	err = guard(func() error {
		return tx.Bucket(recordsBucket).ForEachBucket(func(k []byte) error {
			names = append(names, string(k))
			return nil
		})
	})
	return names, err
}
