package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/acm"
	"github.com/musubi-net/musubi/internal/plan"
)

// Certificate is what a certificate authority issued, all PEM.
type Certificate struct{ Body, Chain, Key string }

// recheck is how often a certificate is looked at whose renewal is due and can
// not be done.
const recheck = 24 * time.Hour

// processCertificate issues a requested certificate once its records exist, and
// renews it in time.
func (r *Reconciler) processCertificate(ctx context.Context, arn string) error {
	s := r.o.Engine.Snapshot()
	c, ok := acm.Certificates.Get(s, arn)
	if !ok || c.Type != acm.AmazonIssued || r.o.Issue == nil {
		return nil
	}
	switch c.StatusAt(r.o.Now()) {
	case acm.PendingValidation:
		return r.validate(ctx, s, c)
	case acm.Issued:
		return r.renew(ctx, s, c)
	}
	return nil
}

// validate issues a certificate if all its names are proved; otherwise it says
// which ones are.
func (r *Reconciler) validate(ctx context.Context, s *cloud.Snapshot, c acm.Certificate) error {
	records, all := plan.Proved(s, c)
	if !all {
		if len(records) == 0 {
			return nil
		}
		return run(ctx, r.o.Engine, acm.ReportProved{ARN: c.ARN, Records: records})
	}
	return r.issue(ctx, s, c)
}

// renew puts a new certificate in the place of one that is near its end and in
// use, if its records are still there.
func (r *Reconciler) renew(ctx context.Context, s *cloud.Snapshot, c acm.Certificate) error {
	k := key{kindCertificate, c.ARN}
	if wait := c.RenewAt().Sub(r.o.Now()); wait > 0 {
		r.units.after(k, wait)
		return nil
	}
	if !plan.Presented(s, c.ARN) {
		r.units.after(k, recheck)
		return nil
	}
	if _, all := plan.Proved(s, c); !all {
		r.units.after(k, recheck)
		return run(ctx, r.o.Engine, acm.ReportRenewal{ARN: c.ARN, Status: acm.RenewalPendingValidation})
	}
	return r.issue(ctx, s, c)
}

func (r *Reconciler) issue(ctx context.Context, s *cloud.Snapshot, c acm.Certificate) error {
	if !plan.Authorized(s, c) {
		if c.Status == acm.Issued {
			r.units.after(key{kindCertificate, c.ARN}, recheck)
		}
		return run(ctx, r.o.Engine, acm.ReportFailed{ARN: c.ARN, Reason: "CAA_ERROR"})
	}
	x, err := r.o.Issue(ctx, c.AlternativeNames, c.KeyAlgorithm)
	if err != nil {
		return fmt.Errorf("issue certificate: %w", err)
	}
	if err := run(ctx, r.o.Engine, acm.ReportIssued{ARN: c.ARN, Body: x.Body, Chain: x.Chain, Key: x.Key}); err != nil {
		return err
	}
	// The next look finds when to renew it.
	r.units.add(kindCertificate, c.ARN)
	return nil
}

// requested lists the certificates that wait for their records or for their
// renewal.
func requested(s *cloud.Snapshot) []string {
	var out []string
	for c := range acm.Certificates.All(s) {
		if c.Type == acm.AmazonIssued {
			out = append(out, c.ARN)
		}
	}
	return out
}
