package cloud

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hashicorp/go-memdb"
)

// Reader is a consistent view of the cloud: a *Snapshot or a *Tx.
type Reader interface{ txn() *memdb.Txn }

// Schema is the set of tables that a cloud has.
type Schema struct{ tables map[string]AnyTable }

// NewSchema joins the tables of all families.
func NewSchema(tables ...AnyTable) *Schema {
	s := &Schema{tables: map[string]AnyTable{}}
	for _, t := range slices.Concat(tables, []AnyTable{Counters, Settings}) {
		if s.tables[t.Name()] != nil {
			panic("cloud: table " + t.Name() + " described twice")
		}
		s.tables[t.Name()] = t
	}
	return s
}

// Table returns the table of that record kind, or nil.
func (s *Schema) Table(name string) AnyTable { return s.tables[name] }

// DB is the cloud in memory: a sequence of immutable snapshots.
type DB struct {
	schema *Schema
	db     *memdb.MemDB
}

// NewDB makes an empty cloud.
func NewDB(s *Schema) (*DB, error) {
	m := &memdb.DBSchema{Tables: map[string]*memdb.TableSchema{}}
	for name, t := range s.tables {
		m.Tables[name] = t.schema()
	}
	db, err := memdb.NewMemDB(m)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	return &DB{schema: s, db: db}, nil
}

// Snapshot is an immutable view; it never blocks a writer.
type Snapshot struct{ t *memdb.Txn }

func (s *Snapshot) txn() *memdb.Txn { return s.t }

// Snapshot returns the newest published state.
func (d *DB) Snapshot() *Snapshot { return &Snapshot{t: d.db.Txn(false)} }

// Tx is one command's transaction. Only the engine begins and ends it.
type Tx struct {
	Env
	t      *memdb.Txn
	schema *Schema
}

func (x *Tx) txn() *memdb.Txn { return x.t }

// Begin opens the write transaction; there is one at a time.
func (d *DB) Begin(env Env) *Tx {
	t := d.db.Txn(true)
	t.TrackChanges()
	return &Tx{Env: env, t: t, schema: d.schema}
}

// Abort drops the transaction.
func (x *Tx) Abort() { x.t.Abort() }

// Publish makes the transaction the newest snapshot.
func (x *Tx) Publish() { x.t.Commit() }

// Restore puts a decoded record back, when a store is loaded.
func (x *Tx) Restore(table string, record any) error {
	if x.schema.tables[table] == nil {
		return fmt.Errorf("no table %q in this version", table)
	}
	return x.t.Insert(table, record)
}

// Change is what a command did to one record: Before nil means created, After
// nil means deleted. Before and After are pointers to the table's record type.
type Change struct {
	Table  string
	Key    string
	Before any
	After  any
}

// Data is After as stored, or nil for a deletion.
func (c Change) Data() ([]byte, error) {
	if c.After == nil {
		return nil, nil
	}
	return json.Marshal(c.After)
}

// Changes lists what the transaction did so far, net of records that were
// created and deleted again.
func (x *Tx) Changes() []Change {
	var out []Change
	for _, c := range x.t.Changes() {
		if c.Before == nil && c.After == nil {
			continue
		}
		record := c.After
		if record == nil {
			record = c.Before
		}
		out = append(out, Change{Table: c.Table, Key: x.schema.tables[c.Table].keyOf(record), Before: c.Before, After: c.After})
	}
	return out
}

// Command is what an API call asks for. Apply checks it against the state and
// makes the changes, or returns a typed *Error and leaves the transaction to be
// aborted. It is pure but for tx.
type Command[R any] interface {
	Apply(tx *Tx) (R, error)
}

// None is the result of commands that have none.
type None struct{}

// Counter is a named number that only grows; numbers are never given twice.
type Counter struct {
	Name string
	Next uint32
}

// Counters is the table of counters.
var Counters = NewTable("counter", func(c *Counter) string { return c.Name })

// NextNumber takes the next number of a counter, from 1.
func (x *Tx) NextNumber(name string) uint32 {
	c, _ := Counters.Get(x, name)
	c.Name = name
	c.Next++
	Counters.Put(x, c)
	return c.Next
}
