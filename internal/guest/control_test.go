package guest

import "testing"

// Events that nobody fetches are not lost: one that names none stands for them.
func TestDeliver(t *testing.T) {
	c := make(chan Event, 3)
	for _, id := range []string{"i-1", "i-2", "i-3", "i-4"} {
		Deliver(c, Event{InstanceID: id})
	}
	for _, want := range []string{"i-1", "i-2", ""} {
		if e := <-c; e.InstanceID != want {
			t.Errorf("got %q, want %q", e.InstanceID, want)
		}
	}
	Deliver(c, Event{InstanceID: "i-5"})
	if e := <-c; e.InstanceID != "i-5" || len(c) > 0 {
		t.Error(e, len(c))
	}
}
