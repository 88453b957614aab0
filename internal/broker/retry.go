package broker

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// How long processes may take to be gone, and how often to look.
const (
	gone = 10 * time.Second
	look = 20 * time.Millisecond
)

// retry tries again while something is in use.
func retry(f func() error) error {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for end := time.Now().Add(gone); ; <-tick.C {
		if err := f(); err == nil || !errors.Is(err, unix.EBUSY) || time.Now().After(end) {
			return err
		}
	}
}
