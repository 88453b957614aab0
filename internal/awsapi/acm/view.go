package acm

import (
	"time"

	model "github.com/musubi-net/musubi/internal/awsapi/model/acm"
	"github.com/musubi-net/musubi/internal/cloud/acm"
	"github.com/musubi-net/musubi/internal/cloud/certpem"
)

// detail is a certificate as DescribeCertificate shows it.
func detail(c acm.Certificate, users []string, now time.Time) *model.CertificateDetail {
	v := &model.CertificateDetail{
		CertificateArn: new(c.ARN), DomainName: filled(c.DomainName), SubjectAlternativeNames: c.AlternativeNames,
		DomainValidationOptions: validations(c, now), Serial: filled(c.Serial), Subject: filled(c.Subject), Issuer: filled(c.Issuer),
		Status: new(string(c.StatusAt(now))), KeyAlgorithm: spelled(c.KeyAlgorithm), SignatureAlgorithm: filled(c.SignatureAlgorithm),
		InUseBy: append([]string{}, users...), Type: new(c.Type), RenewalEligibility: new(eligibility(c, users)),
		NotBefore: instant(c.NotBefore), NotAfter: instant(c.NotAfter), FailureReason: filled(c.FailureReason),
		Options: &model.CertificateOptions{CertificateTransparencyLoggingPreference: filled(c.Logging)},
	}
	if c.Type == acm.Imported {
		v.ImportedAt = instant(c.ImportedAt)
	} else {
		v.IssuedAt, v.Options.Export = instant(c.IssuedAt), new("DISABLED")
	}
	v.CreatedAt = instant(c.CreatedAt)
	if v.Subject == nil {
		v.Subject = new("CN=" + c.DomainName)
	}
	if v.Issuer == nil && c.Type == acm.AmazonIssued {
		v.Issuer = new("Musubi")
	}
	if v.SignatureAlgorithm == nil {
		v.SignatureAlgorithm = new("SHA256WITHECDSA")
	}
	for _, u := range c.KeyUsages {
		v.KeyUsages = append(v.KeyUsages, model.KeyUsage{Name: new(u)})
	}
	for _, u := range c.ExtendedKeyUsages {
		v.ExtendedKeyUsages = append(v.ExtendedKeyUsages, model.ExtendedKeyUsage{Name: new(u), OID: filled(certpem.ExtendedOID(u))})
	}
	if c.Renewal != nil {
		v.RenewalSummary = &model.RenewalSummary{
			RenewalStatus: new(string(c.Renewal.Status)), RenewalStatusReason: filled(c.Renewal.Reason),
			UpdatedAt: instant(c.Renewal.UpdatedAt), DomainValidationOptions: renewals(c),
		}
	}
	return v
}

// eligibility says whether AWS renews a certificate by itself: one that it
// issued, and that something uses.
func eligibility(c acm.Certificate, users []string) string {
	if c.Type == acm.AmazonIssued && c.Status == acm.Issued && len(users) > 0 {
		return "ELIGIBLE"
	}
	return "INELIGIBLE"
}

// validations are the proofs that the request asks for.
func validations(c acm.Certificate, now time.Time) []model.DomainValidation {
	var list []model.DomainValidation
	for _, x := range c.Validations {
		status := x.Status
		if s := c.StatusAt(now); status == string(acm.PendingValidation) && (s == acm.ValidationTimedOut || s == acm.Failed) {
			status = "FAILED"
		}
		list = append(list, validation(c, x, status))
	}
	return list
}

// renewals are the proofs that a renewal asks for.
func renewals(c acm.Certificate) []model.DomainValidation {
	status := "SUCCESS"
	switch c.Renewal.Status {
	case acm.RenewalPendingValidation:
		status = "PENDING_VALIDATION"
	case acm.RenewalFailed:
		status = "FAILED"
	}
	list := []model.DomainValidation{}
	for _, x := range c.Validations {
		list = append(list, validation(c, x, status))
	}
	return list
}

func validation(c acm.Certificate, x acm.Validation, status string) model.DomainValidation {
	return model.DomainValidation{
		DomainName: new(x.Domain), ValidationDomain: new(x.Domain), ValidationMethod: new(c.ValidationMethod), ValidationStatus: new(status),
		ResourceRecord: &model.ResourceRecord{Name: new(x.RecordName), Type: new("CNAME"), Value: new(x.RecordValue)},
	}
}

// summary is a certificate as ListCertificates shows it.
func summary(c acm.Certificate, users []string, now time.Time) model.CertificateSummary {
	const shown = 100
	more := len(c.AlternativeNames) > shown
	v := model.CertificateSummary{
		CertificateArn: new(c.ARN), DomainName: filled(c.DomainName), SubjectAlternativeNameSummaries: c.AlternativeNames[:min(shown, len(c.AlternativeNames))],
		HasAdditionalSubjectAlternativeNames: &more, Status: new(string(c.StatusAt(now))), Type: new(c.Type), KeyAlgorithm: spelled(c.KeyAlgorithm),
		KeyUsages: append([]string{}, c.KeyUsages...), ExtendedKeyUsages: append([]string{}, c.ExtendedKeyUsages...),
		InUse: new(len(users) > 0), RenewalEligibility: new(eligibility(c, users)),
		NotBefore: instant(c.NotBefore), NotAfter: instant(c.NotAfter), CreatedAt: instant(c.CreatedAt),
	}
	if c.Type == acm.Imported {
		v.ImportedAt = instant(c.ImportedAt)
		return v
	}
	v.IssuedAt, v.Exported, v.ExportOption = instant(c.IssuedAt), new(false), new("DISABLED")
	return v
}

// instant is a time to the second, as ACM keeps it; nil for none.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC().Truncate(time.Second))
}
