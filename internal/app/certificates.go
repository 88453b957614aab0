package app

import (
	"context"
	"time"

	"github.com/musubi-net/musubi/internal/ca"
	"github.com/musubi-net/musubi/internal/reconcile"
)

// issue makes a certificate, as Amazon's authority would.
func (d *daemon) issue(_ context.Context, names []string, keyAlgorithm string) (reconcile.Certificate, error) {
	x, err := d.authority.Issue(ca.Request{Names: names, KeyAlgorithm: keyAlgorithm, Now: time.Now()})
	if err != nil {
		return reconcile.Certificate{}, err
	}
	return reconcile.Certificate{Body: x.Certificate, Chain: x.Chain, Key: x.Key}, nil
}
