// Package acm is the domain of AWS Certificate Manager: certificates that are
// requested and validated, or imported.
//
// It may import internal/cloud and cloud/certpem only. Keys and signatures are made outside (they
// need randomness) and arrive as arguments.
package acm

import (
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// ByScope is the index by account and region.
const ByScope = "scope"

// Status is a certificate's status, as AWS spells it.
type Status string

// The statuses.
const (
	PendingValidation  Status = "PENDING_VALIDATION"
	Issued             Status = "ISSUED"
	Inactive           Status = "INACTIVE"
	Expired            Status = "EXPIRED"
	ValidationTimedOut Status = "VALIDATION_TIMED_OUT"
	Revoked            Status = "REVOKED"
	Failed             Status = "FAILED"
)

// Certificate is a certificate with its key.
type Certificate struct {
	ARN string
	cloud.Scope
	DomainName       string
	AlternativeNames []string // with the domain name first
	Type             string   // AMAZON_ISSUED, IMPORTED
	Status           Status
	ValidationMethod string // DNS, EMAIL; empty if imported
	Validations      []Validation
	KeyAlgorithm     string // RSA_2048, EC_prime256v1, …
	SignatureAlgorithm,
	Issuer, Subject, Serial string
	NotBefore, NotAfter time.Time
	// Body, Chain and PrivateKey are PEM; empty until issued.
	Body, Chain, PrivateKey string
	// Logging is the transparency logging preference: ENABLED, DISABLED.
	Logging string
	// Token makes RequestCertificate idempotent for an hour.
	Token string
	// FailureReason says why a certificate is FAILED.
	FailureReason string
	// KeyUsages and ExtendedKeyUsages are what the certificate says it is for.
	KeyUsages, ExtendedKeyUsages []string
	// Renewal is how the managed renewal stands; nil before the first.
	Renewal *Renewal

	CreatedAt, IssuedAt, ImportedAt time.Time
	RenewedAt                       time.Time
	Tags                            cloud.Tags
}

// Validation is the proof that one name is the requester's: a CNAME record that
// must exist in a public hosted zone.
type Validation struct {
	Domain      string
	RecordName  string // _<32 hex>.example.com.
	RecordValue string // _<32 hex>.<10 letters>.acm-validations.aws.
	Status      string // PENDING_VALIDATION, SUCCESS, FAILED
}

// RenewalStatus is how a managed renewal stands, as AWS spells it.
type RenewalStatus string

// The statuses of a renewal.
const (
	RenewalPendingAuto       RenewalStatus = "PENDING_AUTO_RENEWAL"
	RenewalPendingValidation RenewalStatus = "PENDING_VALIDATION"
	RenewalSuccess           RenewalStatus = "SUCCESS"
	RenewalFailed            RenewalStatus = "FAILED"
)

// Renewal is a managed renewal.
type Renewal struct {
	Status    RenewalStatus
	Reason    string // if FAILED
	UpdatedAt time.Time
}

// Certificates is the table of certificates.
var Certificates = cloud.NewTable("certificate", func(c *Certificate) string { return c.ARN },
	cloud.Index[Certificate]{Name: ByScope, Keys: func(c *Certificate) []string { return []string{c.Key()} }},
	cloud.Index[Certificate]{Name: byToken, Keys: func(c *Certificate) []string {
		if c.Token == "" {
			return nil
		}
		return []string{tokenKey(c.Scope, c.Token)}
	}},
	// "record" finds the certificates that wait for a validation record.
	cloud.Index[Certificate]{Name: ByRecord, Keys: func(c *Certificate) []string {
		var k []string
		for _, v := range c.Validations {
			k = append(k, v.RecordName)
		}
		return k
	}})

// ByRecord is the index by the names of validation records (lower case, final
// dot).
const ByRecord = "record"

// byToken is the index by scope and idempotency token.
const byToken = "token"

func tokenKey(s cloud.Scope, token string) string { return s.Key() + "/" + token }

// Tables lists the tables of this package.
func Tables() []cloud.AnyTable { return []cloud.AnyTable{Certificates} }
