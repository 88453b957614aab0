package bolt

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/musubi-net/musubi/internal/store"
	"github.com/musubi-net/musubi/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	dir := t.TempDir()
	storetest.Run(t, func(t *testing.T) store.Store {
		return open(t, filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "_")))
	})
}

func TestFileIsItsOwnersOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	closed(t, open(t, path))
	mode(t, path)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	closed(t, open(t, path))
	mode(t, path)
}

func TestSecondOpenIsLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s := open(t, path)
	if _, err := Open(path); !errors.Is(err, store.ErrLocked) {
		t.Errorf("second Open: %v, want ErrLocked", err)
	}
	closed(t, s)
	closed(t, open(t, path))
}

func TestNewerFormat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s := open(t, path)
	err := s.db.Update(func(tx *bbolt.Tx) error {
		return putNumber(tx.Bucket(metaBucket), formatKey, formatVersion+1)
	})
	if err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	if _, err := Open(path); !errors.Is(err, store.ErrNewer) {
		t.Errorf("Open: %v, want ErrNewer", err)
	}
}

func TestDamaged(t *testing.T) {
	whole := make([]store.Record, 2000)
	for i := range whole {
		whole[i] = store.Record{Table: "vpc", Key: strings.Repeat("k", i%50+1) + string(rune('a'+i%26)), Data: make([]byte, 300)}
	}
	page := os.Getpagesize()
	for name, harm := range map[string]func(b []byte) []byte{
		"text":           func([]byte) []byte { return []byte("this is not a database\n") },
		"zeros":          func(b []byte) []byte { return make([]byte, len(b)) },
		"cut to a page":  func(b []byte) []byte { return b[:page] },
		"cut in half":    func(b []byte) []byte { return b[:len(b)/2/page*page] },
		"scribbled over": func(b []byte) []byte { return scribble(b, 2*page) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state")
			s := open(t, path)
			if _, err := s.Commit(t.Context(), 0, whole); err != nil {
				t.Fatal(err)
			}
			closed(t, s)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b = harm(b)
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := openAndLoad(t, path); !errors.Is(err, store.ErrDamaged) {
				t.Errorf("Open and Load: %v, want ErrDamaged", err)
			}
			if after, err := os.ReadFile(path); err != nil || len(after) != len(b) {
				t.Errorf("the file changed from %d to %d bytes (%v)", len(b), len(after), err)
			}
		})
	}
}

func TestForeignDatabaseIsNotTouched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("theirs")); return err }); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("Open: %v, want ErrDamaged", err)
	}
}

func openAndLoad(t *testing.T, path string) error {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		return err
	}
	_, err = s.Load(t.Context(), func(store.Record) error { return nil })
	return errors.Join(err, s.Close())
}

func scribble(b []byte, from int) []byte {
	for i := from; i < len(b); i++ {
		b[i] = byte(i * 7)
	}
	return b
}

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closed(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func mode(t *testing.T, path string) {
	t.Helper()
	i, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if i.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", i.Mode().Perm())
	}
}
