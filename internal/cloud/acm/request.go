package acm

import (
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
)

// maxCertificates is how many certificates an account may have in a region.
const maxCertificates = 2500

// RequestCertificate asks for a certificate that is issued once its names are
// proved by records.
type RequestCertificate struct {
	DomainName       string
	AlternativeNames []string
	ValidationMethod string // DNS
	KeyAlgorithm     string // empty is RSA_2048
	Logging          string // empty is ENABLED
	Export           string // DISABLED or empty
	Token            string
	Tags             cloud.Tags
}

// Apply makes the request, or returns the one that was made with the same token
// within an hour.
func (c RequestCertificate) Apply(tx *cloud.Tx) (Certificate, error) {
	list, err := names(c.DomainName, c.AlternativeNames)
	if err != nil {
		return Certificate{}, err
	}
	if err := c.check(); err != nil {
		return Certificate{}, err
	}
	tags, err := setTags(nil, c.Tags)
	if err != nil {
		return Certificate{}, err
	}
	x := Certificate{
		Scope: tx.Caller.Scope, DomainName: list[0], AlternativeNames: list, Type: AmazonIssued, Status: PendingValidation,
		ValidationMethod: "DNS", Validations: validations(tx.Caller.Scope, list), KeyAlgorithm: or(c.KeyAlgorithm, "RSA_2048"),
		Logging: or(c.Logging, "ENABLED"), Token: c.Token, CreatedAt: tx.Now, Tags: tags,
	}
	if old, ok := x.earlier(tx); ok {
		return old, nil
	}
	if err := room(tx); err != nil {
		return Certificate{}, err
	}
	x.ARN = newARN(tx)
	Certificates.Put(tx, x)
	return x, nil
}

func (c RequestCertificate) check() error {
	switch c.ValidationMethod {
	case "DNS":
	case "", "EMAIL":
		return unsupported("The validation method EMAIL (the default) is not served by Musubi: there is nobody to answer. Request the certificate with the validation method DNS.")
	default:
		return unsupported("The validation method %s is not served by Musubi. Request the certificate with the validation method DNS.", c.ValidationMethod)
	}
	if !slices.Contains([]string{"", "RSA_2048", "EC_prime256v1", "EC_secp384r1"}, c.KeyAlgorithm) {
		return invalidParameter("The key algorithm %s is not supported for public certificates. Use RSA_2048, EC_prime256v1 or EC_secp384r1.", c.KeyAlgorithm)
	}
	return checkExport(c.Export)
}

func checkExport(export string) error {
	if export == "ENABLED" {
		return unsupported("The option Export with the value ENABLED is not served by Musubi.")
	}
	return nil
}

// earlier finds the same request with the same token.
func (c *Certificate) earlier(tx *cloud.Tx) (Certificate, bool) {
	if c.Token == "" {
		return Certificate{}, false
	}
	for old := range Certificates.By(tx, byToken, tokenKey(c.Scope, c.Token)) {
		if tx.Now.Sub(old.CreatedAt) < tokenPeriod && slices.Equal(old.AlternativeNames, c.AlternativeNames) &&
			old.ValidationMethod == c.ValidationMethod && old.KeyAlgorithm == c.KeyAlgorithm {
			return old, true
		}
	}
	return Certificate{}, false
}

// room refuses a certificate too many.
func room(tx *cloud.Tx) error {
	n := 0
	for range Certificates.By(tx, ByScope, tx.Caller.Key()) {
		n++
	}
	if n >= maxCertificates {
		return limit("Error: you have reached your limit of %d certificates.", maxCertificates)
	}
	return nil
}

func newARN(tx *cloud.Tx) string {
	h := tx.IDs.Hex(32)
	return "arn:aws:acm:" + tx.Caller.Region + ":" + tx.Caller.Account + ":certificate/" +
		h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
