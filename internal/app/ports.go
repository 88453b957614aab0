package app

import (
	"context"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// portErrors counts by VPC what was dropped because whoever translates had no port
// left; those without are left out, and those whose network is not there (yet).
func portErrors(ctx context.Context, r cloud.Reader, of func(ctx context.Context, vpcID string) (uint64, error)) map[string]uint64 {
	out := map[string]uint64{}
	for v := range vpc.VPCs.All(r) {
		if n, err := of(ctx, v.ID); err == nil && n > 0 {
			out[v.ID] = n
		}
	}
	return out
}
