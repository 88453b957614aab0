package cloud

import (
	"encoding/json"
	"fmt"
	"iter"

	"github.com/hashicorp/go-memdb"
)

// Table describes one kind of record. It is immutable after NewTable and holds
// no data: the data is in a Reader or a Tx. Records are stored by value; a
// record handed out must not be changed through its slices and maps (clone
// them first).
type Table[T any] struct {
	name    string
	key     func(*T) string
	indexes []Index[T]
}

// Index is a secondary look-up: every record is found under each key that Keys
// returns for it.
type Index[T any] struct {
	Name string
	Keys func(*T) []string
}

// NewTable describes a table; name is the record kind as stored on disk and
// must never change ("vpc", "subnet", …). key is the primary key.
func NewTable[T any](name string, key func(*T) string, indexes ...Index[T]) *Table[T] {
	return &Table[T]{name: name, key: key, indexes: indexes}
}

// AnyTable is a Table without its type parameter, for schemas and stores.
type AnyTable interface {
	Name() string
	// Decode parses a stored record; the result goes to Tx.restore.
	Decode(data []byte) (any, error)
	schema() *memdb.TableSchema
	keyOf(record any) string
}

// Name is the record kind.
func (t *Table[T]) Name() string { return t.name }

// Decode parses one stored JSON record.
func (t *Table[T]) Decode(data []byte) (any, error) {
	v := new(T)
	if err := json.Unmarshal(data, v); err != nil {
		return nil, fmt.Errorf("%s record: %w", t.name, err)
	}
	return v, nil
}

func (t *Table[T]) keyOf(record any) string { return t.key(record.(*T)) }

// Get returns the record with that key.
func (t *Table[T]) Get(r Reader, key string) (T, bool) {
	raw, err := r.txn().First(t.name, "id", key)
	if err != nil || raw == nil {
		var zero T
		return zero, false
	}
	return *raw.(*T), true
}

// All iterates over every record in key order.
func (t *Table[T]) All(r Reader) iter.Seq[T] { return t.seq(r, "id_prefix", "") }

// By iterates over the records found under key in the named index.
func (t *Table[T]) By(r Reader, index, key string) iter.Seq[T] { return t.seq(r, index, key) }

// Ordered iterates over the records of the named index in the order of its
// keys: with an index by time, the oldest come first.
func (t *Table[T]) Ordered(r Reader, index string) iter.Seq[T] { return t.seq(r, index+"_prefix", "") }

// First returns the first record found under key in the named index.
func (t *Table[T]) First(r Reader, index, key string) (T, bool) {
	for v := range t.By(r, index, key) {
		return v, true
	}
	var zero T
	return zero, false
}

func (t *Table[T]) seq(r Reader, index, key string) iter.Seq[T] {
	return func(yield func(T) bool) {
		it, err := r.txn().Get(t.name, index, key)
		if err != nil {
			panic(fmt.Sprintf("cloud: table %s has no index %s: %v", t.name, index, err))
		}
		for raw := it.Next(); raw != nil; raw = it.Next() {
			if !yield(*raw.(*T)) {
				return
			}
		}
	}
}

// Put inserts or replaces a record.
func (t *Table[T]) Put(tx *Tx, v T) {
	if err := tx.t.Insert(t.name, &v); err != nil {
		panic(fmt.Sprintf("cloud: put %s: %v", t.name, err))
	}
}

// Delete removes the record with that key, if it exists.
func (t *Table[T]) Delete(tx *Tx, key string) {
	raw, err := tx.t.First(t.name, "id", key)
	if err != nil || raw == nil {
		return
	}
	if err := tx.t.Delete(t.name, raw); err != nil {
		panic(fmt.Sprintf("cloud: delete %s: %v", t.name, err))
	}
}

func (t *Table[T]) schema() *memdb.TableSchema {
	s := &memdb.TableSchema{Name: t.name, Indexes: map[string]*memdb.IndexSchema{
		"id": {Name: "id", Unique: true, Indexer: keyIndexer[T]{t.key}},
	}}
	for _, ix := range t.indexes {
		s.Indexes[ix.Name] = &memdb.IndexSchema{Name: ix.Name, AllowMissing: true, Indexer: multiIndexer[T]{ix.Keys}}
	}
	return s
}

type keyIndexer[T any] struct{ key func(*T) string }

func (k keyIndexer[T]) FromObject(o any) (bool, []byte, error) {
	s := k.key(o.(*T))
	return s != "", indexKey(s), nil
}
func (k keyIndexer[T]) FromArgs(args ...any) ([]byte, error)       { return argKey(args) }
func (k keyIndexer[T]) PrefixFromArgs(args ...any) ([]byte, error) { return argPrefix(args) }

type multiIndexer[T any] struct{ keys func(*T) []string }

func (m multiIndexer[T]) FromObject(o any) (bool, [][]byte, error) {
	var out [][]byte
	for _, s := range m.keys(o.(*T)) {
		if s != "" {
			out = append(out, indexKey(s))
		}
	}
	return len(out) > 0, out, nil
}
func (m multiIndexer[T]) FromArgs(args ...any) ([]byte, error)       { return argKey(args) }
func (m multiIndexer[T]) PrefixFromArgs(args ...any) ([]byte, error) { return argPrefix(args) }

// indexKey ends a key with NUL so that no key is a prefix of another.
func indexKey(s string) []byte { return append([]byte(s), 0) }

func argKey(args []any) ([]byte, error) {
	s, err := argString(args)
	return indexKey(s), err
}

func argPrefix(args []any) ([]byte, error) {
	s, err := argString(args)
	return []byte(s), err
}

func argString(args []any) (string, error) {
	if len(args) != 1 {
		return "", fmt.Errorf("want one key, got %d", len(args))
	}
	s, ok := args[0].(string)
	if !ok {
		return "", fmt.Errorf("want a string key, got %T", args[0])
	}
	return s, nil
}
