package app

import (
	"context"

	"github.com/musubi-net/musubi/internal/guest"
)

// runningGuests tells EC2's status checks which guests run, and at which boot.
func runningGuests(m *guest.Manager) func(ctx context.Context) (map[string]uint32, error) {
	return func(ctx context.Context) (map[string]uint32, error) {
		all, err := m.List(ctx)
		if err != nil {
			return nil, err
		}
		out := map[string]uint32{}
		for _, s := range all {
			if s.Running {
				out[s.InstanceID] = s.Boot
			}
		}
		return out, nil
	}
}
