package acm

import (
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// The types of certificates.
const (
	AmazonIssued = "AMAZON_ISSUED"
	Imported     = "IMPORTED"
)

// How long ACM waits.
const (
	// validationPeriod is how long a request waits for its records.
	validationPeriod = 72 * time.Hour
	// renewalPeriod is how long before its end a certificate is renewed.
	renewalPeriod = 60 * 24 * time.Hour
	tokenPeriod   = time.Hour
)

// StatusAt is the status at a time: requests run out and certificates expire
// without anybody doing anything.
func (c *Certificate) StatusAt(now time.Time) Status {
	switch {
	case c.Status == PendingValidation && now.Sub(c.CreatedAt) >= validationPeriod:
		return ValidationTimedOut
	case c.Status == Issued && now.After(c.NotAfter):
		return Expired
	}
	return c.Status
}

// RenewAt is when the managed renewal of a certificate begins; zero if it has
// none.
func (c *Certificate) RenewAt() time.Time {
	if c.Type != AmazonIssued || c.Status != Issued {
		return time.Time{}
	}
	return c.NotAfter.Add(-renewalPeriod)
}

// Waits reports whether a certificate waits for its validation records: the
// request, or the renewal.
func (c *Certificate) Waits() bool {
	return c.Status == PendingValidation || c.Renewal != nil && c.Renewal.Status == RenewalPendingValidation
}

// Find returns the certificate of that ARN in a scope.
func Find(r cloud.Reader, s cloud.Scope, arn string) (Certificate, error) {
	c, ok := Certificates.Get(r, arn)
	if !ok || c.Scope != s {
		return Certificate{}, notFound(s, arn)
	}
	return c, nil
}

// PEM returns a certificate and its chain, once it is issued.
func (c *Certificate) PEM(now time.Time) (body, chain string, err error) {
	if c.Body != "" {
		return c.Body, c.Chain, nil
	}
	e := cloud.Errorf(cloud.KindState, subject, "RequestInProgressException", "The certificate request is in process and the certificate in your account has not yet been issued: %s.", c.ARN)
	if s := c.StatusAt(now); s != PendingValidation {
		e = cloud.Errorf(cloud.KindState, subject, "ResourceNotFoundException", "The certificate %s was not issued: its status is %s.", c.ARN, s)
	}
	e.ID = c.ARN
	return "", "", e
}

// Renew refuses what RenewCertificate asks for: AWS does it for certificates of
// a private authority only, which this product does not have.
func (c *Certificate) Renew() error {
	return invalid("Certificate ARN: %s is not eligible for renewal: it is not a private certificate", c.ARN)
}

// Export refuses what ExportCertificate asks for: certificates that were
// requested here have their export disabled, and imported ones are never
// exported.
func (c *Certificate) Export() error {
	return invalid("Certificate ARN: %s is not a private certificate", c.ARN)
}
