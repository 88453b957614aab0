package cloud

import (
	"encoding/json"
	"slices"
	"sync"
	"testing"
)

type animal struct {
	Name  string
	Legs  int
	Likes []string
}

var animals = NewTable("animal", func(a *animal) string { return a.Name },
	Index[animal]{Name: "likes", Keys: func(a *animal) []string { return a.Likes }})

func zoo(t *testing.T, a ...animal) *DB {
	t.Helper()
	db, err := NewDB(NewSchema(animals))
	if err != nil {
		t.Fatal(err)
	}
	tx := db.Begin(Env{})
	for _, v := range a {
		animals.Put(tx, v)
	}
	tx.Publish()
	return db
}

func names(r Reader, like string) []string {
	var n []string
	for a := range animals.By(r, "likes", like) {
		n = append(n, a.Name)
	}
	return n
}

func TestIndexesFollowTheRecord(t *testing.T) {
	db := zoo(t,
		animal{Name: "cat", Likes: []string{"fish", "milk", ""}},
		animal{Name: "catfish", Likes: []string{"fish", "fish", "fishes"}},
		animal{Name: "dog"})
	s := db.Snapshot()
	if got := names(s, "fish"); !slices.Equal(got, []string{"cat", "catfish"}) {
		t.Errorf("fish: %v", got)
	}
	if got := names(s, ""); got != nil {
		t.Errorf("empty keys are indexed: %v", got)
	}
	tx := db.Begin(Env{})
	animals.Put(tx, animal{Name: "cat", Likes: []string{"milk"}})
	animals.Put(tx, animal{Name: "catfish", Likes: []string{"fishes", "fish"}})
	animals.Delete(tx, "dog")
	animals.Delete(tx, "unicorn")
	if got := names(tx, "fish"); !slices.Equal(got, []string{"catfish"}) {
		t.Errorf("fish, within the transaction: %v", got)
	}
	if got := names(db.Snapshot(), "fish"); len(got) != 2 {
		t.Errorf("fish, before it is published: %v", got)
	}
	tx.Publish()
	if got := names(db.Snapshot(), "fish"); !slices.Equal(got, []string{"catfish"}) {
		t.Errorf("fish, published: %v", got)
	}
	if got := names(s, "fish"); len(got) != 2 {
		t.Errorf("the old snapshot changed: %v", got)
	}
	if _, ok := animals.Get(db.Snapshot(), "dog"); ok {
		t.Error("the dog is still there")
	}
	if _, ok := animals.Get(db.Snapshot(), "ca"); ok {
		t.Error("a prefix of a key finds a record")
	}
}

func TestChangesAreNet(t *testing.T) {
	db := zoo(t, animal{Name: "cat", Legs: 4}, animal{Name: "dog", Legs: 4})
	tx := db.Begin(Env{})
	defer tx.Abort()
	animals.Put(tx, animal{Name: "cat", Legs: 3})
	animals.Put(tx, animal{Name: "eel"})
	animals.Put(tx, animal{Name: "cat", Legs: 2})
	animals.Delete(tx, "eel")
	animals.Delete(tx, "dog")
	changes := tx.Changes()
	if len(changes) != 2 {
		t.Fatalf("%d changes: %v", len(changes), changes)
	}
	cat, dog := changes[0], changes[1]
	if cat.Key != "cat" || cat.Before.(*animal).Legs != 4 || cat.After.(*animal).Legs != 2 {
		t.Errorf("cat: %+v", cat)
	}
	if dog.Key != "dog" || dog.Before == nil || dog.After != nil {
		t.Errorf("dog: %+v", dog)
	}
	if d, err := dog.Data(); d != nil || err != nil {
		t.Errorf("deleted data: %q, %v", d, err)
	}
	data, err := cat.Data()
	if err != nil {
		t.Fatal(err)
	}
	back, err := animals.Decode(data)
	if err != nil || back.(*animal).Legs != 2 {
		t.Errorf("decoded: %v, %v", back, err)
	}
}

func TestIteratingWhileChanging(t *testing.T) {
	db := zoo(t, animal{Name: "a", Likes: []string{"x"}}, animal{Name: "b", Likes: []string{"x"}}, animal{Name: "c", Likes: []string{"x"}})
	tx := db.Begin(Env{})
	defer tx.Abort()
	animals.Put(tx, animal{Name: "d", Likes: []string{"x"}})
	seen := 0
	for a := range animals.By(tx, "likes", "x") {
		seen++
		animals.Delete(tx, a.Name)
		animals.Put(tx, animal{Name: a.Name + a.Name, Likes: []string{"x"}})
	}
	if got := names(tx, "x"); seen != 4 || !slices.Equal(got, []string{"aa", "bb", "cc", "dd"}) {
		t.Errorf("saw %d, left with %v", seen, got)
	}
}

func TestNumbersAreNeverGivenTwice(t *testing.T) {
	db := zoo(t)
	tx := db.Begin(Env{})
	if a, b, c := tx.NextNumber("n"), tx.NextNumber("n"), tx.NextNumber("m"); a != 1 || b != 2 || c != 1 {
		t.Errorf("%d %d %d", a, b, c)
	}
	tx.Publish()
	tx = db.Begin(Env{})
	defer tx.Abort()
	if n := tx.NextNumber("n"); n != 3 {
		t.Errorf("%d after publishing", n)
	}
}

func TestRestore(t *testing.T) {
	db := zoo(t)
	tx := db.Begin(Env{})
	defer tx.Abort()
	for table, data := range map[string]string{"spaceship": "{}", "animal": "{}"} {
		v, err := animals.Decode([]byte(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.Restore(table, v); err == nil {
			t.Errorf("%s without a key was restored", table)
		}
	}
	if _, err := animals.Decode([]byte(`{"Legs":"four"}`)); err == nil {
		t.Error("a wrong type was decoded")
	}
}

func TestSnapshotIsReadByMany(t *testing.T) {
	db := zoo(t, animal{Name: "cat", Likes: []string{"milk"}})
	s := db.Snapshot()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				if len(names(s, "milk")) != 1 {
					t.Error("the cat is gone")
				}
			}
		})
	}
	for range 100 {
		tx := db.Begin(Env{})
		animals.Put(tx, animal{Name: "cat"})
		tx.Publish()
	}
	wg.Wait()
}

func TestTagsAreCopied(t *testing.T) {
	a := Tags{"k": "v"}
	b := a.With(Tags{"l": "w"})
	c := a.Clone()
	c["k"] = "x"
	if len(a) != 1 || a["k"] != "v" || len(b) != 2 || Tags(nil).Clone() != nil {
		t.Errorf("%v %v", a, b)
	}
	if _, err := json.Marshal(b); err != nil {
		t.Error(err)
	}
}
