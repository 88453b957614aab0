package protocol

import (
	"maps"
	"sync"
)

// The bounds of what is counted: the names come from clients.
const (
	maxUnserved     = 1000
	maxUnservedName = 200
)

// unserved counts the requests for operations that are not served.
type unserved struct {
	mu     sync.Mutex
	counts map[string]int
}

func (u *unserved) add(service, operation string) {
	key := service + ":" + operation
	if operation == "" || len(key) > maxUnservedName {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.counts == nil {
		u.counts = map[string]int{}
	}
	if _, known := u.counts[key]; known || len(u.counts) < maxUnserved {
		u.counts[key]++
	}
}

func (u *unserved) all() map[string]int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.counts)
}
