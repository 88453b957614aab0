package kernel_test

import (
	"testing"
)

// open is a group that lets everything through.
func open() []string { return []string{"sg-open"} }

func TestGuestsOfAVPC(t *testing.T) {
	t.Parallel()
	w, ifs := newWorld(t), &interfaces{}
	v := vpc("one", 1, "10.0.0.0/16", "2001:db8:1::/56")
	ifs.guest(v, "a", open(), "10.0.1.10/24", "2001:db8:1:1::10/64")
	ifs.guest(v, "b", open(), "10.0.2.10/24", "2001:db8:1:2::10/64")
	w.apply(v)
	w.serve("i-b", "10.0.2.10:80")
	w.serve("i-b", "[2001:db8:1:2::10]:80")
	w.reaches("i-a", "10.0.2.10:80", "i-b 10.0.1.10")
	w.reaches("i-a", "[2001:db8:1:2::10]:80", "i-b 2001:db8:1:1::10")
	w.blocked("i-a", "10.0.3.3:80")
	w.blocked("i-a", "10.0.1.1:80")
	w.blocked("i-a", "203.0.113.9:80")
	w.blocked("i-a", "[2001:db8:1:9::9]:80")
	w.blocked("i-a", "[2001:db8:9::9]:80")
}
