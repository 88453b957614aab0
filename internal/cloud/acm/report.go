package acm

import (
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/certpem"
)

// ReportIssued hands over what the certificate authority issued: for a request
// whose names are proved, and for the renewal of a certificate.
type ReportIssued struct{ ARN, Body, Chain, Key string }

// Apply keeps the certificate. One that was deleted meanwhile, or no longer
// waits, is left alone.
func (c ReportIssued) Apply(tx *cloud.Tx) (cloud.None, error) {
	x, err := reported(tx, c.ARN)
	if err != nil || x == nil {
		return cloud.None{}, err
	}
	all, err := certpem.Certificates(c.Body)
	if err != nil {
		return cloud.None{}, invalid("The issued certificate can not be read: %v", err)
	}
	if x.Status == Issued {
		x.RenewedAt, x.Renewal = tx.Now, &Renewal{Status: RenewalSuccess, UpdatedAt: tx.Now}
	} else {
		x.Status, x.IssuedAt = Issued, tx.Now
	}
	x.prove(func(Validation) bool { return true })
	x.fill(all[0], c.Body, c.Chain, c.Key)
	Certificates.Put(tx, *x)
	return cloud.None{}, nil
}

// reported is the requested certificate that a report is about; nil if the
// report comes too late.
func reported(tx *cloud.Tx, arn string) (*Certificate, error) {
	if err := internalOnly(tx); err != nil {
		return nil, err
	}
	x, ok := Certificates.Get(tx, arn)
	if s := x.StatusAt(tx.Now); !ok || x.Type != AmazonIssued || s != PendingValidation && s != Issued {
		return nil, nil
	}
	return &x, nil
}

// prove marks the names whose proof was found, and reports whether that changes
// anything.
func (c *Certificate) prove(found func(Validation) bool) (changed bool) {
	c.Validations = slices.Clone(c.Validations)
	for i, v := range c.Validations {
		if v.Status == string(PendingValidation) && found(v) {
			c.Validations[i].Status, changed = "SUCCESS", true
		}
	}
	return changed
}

// ReportProved marks names whose record was found, while others are missing.
type ReportProved struct {
	ARN     string
	Records []string // names of the records that were found
}

// Apply marks them.
func (c ReportProved) Apply(tx *cloud.Tx) (cloud.None, error) {
	x, err := reported(tx, c.ARN)
	if err != nil || x == nil {
		return cloud.None{}, err
	}
	if x.prove(func(v Validation) bool { return slices.Contains(c.Records, v.RecordName) }) {
		Certificates.Put(tx, *x)
	}
	return cloud.None{}, nil
}

// ReportFailed ends a request, or a renewal, that can not succeed.
type ReportFailed struct{ ARN, Reason string }

// Apply marks it.
func (c ReportFailed) Apply(tx *cloud.Tx) (cloud.None, error) {
	x, err := reported(tx, c.ARN)
	if err != nil || x == nil {
		return cloud.None{}, err
	}
	if x.Status == Issued {
		return ReportRenewal{ARN: c.ARN, Status: RenewalFailed, Reason: c.Reason}.Apply(tx)
	}
	x.Status, x.FailureReason = Failed, c.Reason
	Certificates.Put(tx, *x)
	return cloud.None{}, nil
}

// ReportRenewal says how a renewal stands that has not succeeded yet.
type ReportRenewal struct {
	ARN    string
	Status RenewalStatus
	Reason string
}

// Apply keeps it, if it is news.
func (c ReportRenewal) Apply(tx *cloud.Tx) (cloud.None, error) {
	x, err := reported(tx, c.ARN)
	if err != nil || x == nil || x.Status != Issued {
		return cloud.None{}, err
	}
	if x.Renewal != nil && x.Renewal.Status == c.Status && x.Renewal.Reason == c.Reason {
		return cloud.None{}, nil
	}
	x.Renewal = &Renewal{Status: c.Status, Reason: c.Reason, UpdatedAt: tx.Now}
	Certificates.Put(tx, *x)
	return cloud.None{}, nil
}
