package acm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

var here = cloud.Scope{Account: "111111111111", Region: "eu-west-1"}

// lab is a cloud with only certificates in it.
type lab struct {
	t   *testing.T
	db  *cloud.DB
	now time.Time
	n   int
}

func (l *lab) next(n int) string  { l.n++; return fmt.Sprintf("%0*d", n, l.n) }
func (l *lab) Hex(n int) string   { return l.next(n) }
func (l *lab) Alnum(n int) string { return l.next(n) }
func (l *lab) Upper(n int) string { return l.next(n) }
func (l *lab) get(a string) (c Certificate) {
	c, _ = Certificates.Get(l.db.Snapshot(), a)
	return c
}

func newLab(t *testing.T) *lab {
	t.Helper()
	db, err := cloud.NewDB(cloud.NewSchema(Tables()...))
	if err != nil {
		t.Fatal(err)
	}
	return &lab{t: t, db: db, now: epoch}
}

func tryAs[R any](l *lab, caller cloud.Caller, c cloud.Command[R]) (R, error) {
	tx := l.db.Begin(cloud.Env{Now: l.now, Caller: caller, IDs: l})
	defer tx.Abort()
	r, err := c.Apply(tx)
	if err == nil {
		tx.Publish()
	}
	return r, err
}

func try[R any](l *lab, c cloud.Command[R]) (R, error) { return tryAs(l, cloud.Caller{Scope: here}, c) }

func must[R any](l *lab, c cloud.Command[R]) R {
	l.t.Helper()
	r, err := try(l, c)
	if err != nil {
		l.t.Fatal(err)
	}
	return r
}

func report[R any](l *lab, c cloud.Command[R]) {
	l.t.Helper()
	if _, err := tryAs(l, cloud.Caller{Internal: true}, c); err != nil {
		l.t.Fatal(err)
	}
}

func codeOf(err error) string {
	if e, ok := errors.AsType[*cloud.Error](err); ok {
		return e.Code
	}
	return fmt.Sprint(err)
}

// pair is a certificate with its key.
type pair struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func (p pair) body() string { return encode("CERTIFICATE", p.cert.Raw) }

func (p pair) secret() string {
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		panic(err)
	}
	return encode("PRIVATE KEY", der)
}

func encode(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// certify makes a certificate; without a signer it signs itself.
func certify(t *testing.T, key crypto.Signer, signer *pair, change func(*x509.Certificate)) pair {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(0x1234), Subject: pkix.Name{CommonName: "example.com", Organization: []string{"ACME"}},
		DNSNames: []string{"www.example.com", "example.com"}, NotBefore: epoch.Add(-time.Hour), NotAfter: epoch.Add(90 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if change != nil {
		change(template)
	}
	parent, by := template, key
	if signer != nil {
		parent, by = signer.cert, signer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return pair{cert, key}
}

func ecKey(t *testing.T) crypto.Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func authority(t *testing.T, name string, signer *pair) pair {
	return certify(t, ecKey(t), signer, func(c *x509.Certificate) {
		c.IsCA, c.KeyUsage, c.DNSNames, c.ExtKeyUsage = true, x509.KeyUsageCertSign, nil, nil
		c.Subject = pkix.Name{CommonName: name}
	})
}

func TestRequest(t *testing.T) {
	l := newLab(t)
	c := must(l, RequestCertificate{DomainName: "API.example.com", AlternativeNames: []string{"*.api.example.com", "api.example.com", "b.example.com"}, ValidationMethod: "DNS", Token: "t"})
	if !slices.Equal(c.AlternativeNames, []string{"api.example.com", "*.api.example.com", "b.example.com"}) || c.Status != PendingValidation || c.KeyAlgorithm != "RSA_2048" || c.Logging != "ENABLED" {
		t.Errorf("%+v", c)
	}
	v := c.Validations
	if len(v) != 3 || v[0].RecordName != v[1].RecordName || v[0].RecordValue != v[1].RecordValue || v[0].RecordName == v[2].RecordName {
		t.Errorf("%+v", v)
	}
	if name, _, _ := strings.Cut(v[0].RecordName, "."); len(name) != 33 || !strings.HasSuffix(v[0].RecordName, ".api.example.com.") {
		t.Errorf("record name %s", v[0].RecordName)
	}
	if f := strings.Split(v[0].RecordValue, "."); len(f) != 5 || len(f[0]) != 33 || len(f[1]) != 10 || f[2] != "acm-validations" {
		t.Errorf("record value %s", v[0].RecordValue)
	}
	again := RequestCertificate{DomainName: "api.example.com", AlternativeNames: c.AlternativeNames, ValidationMethod: "DNS", Token: "t"}
	if must(l, again).ARN != c.ARN {
		t.Error("the same request made another certificate")
	}
	l.now = l.now.Add(time.Hour)
	if x := must(l, again); x.ARN == c.ARN || x.Validations[0].RecordName != v[0].RecordName {
		t.Error("after an hour: the same certificate, or another record")
	}
	other, err := tryAs(l, cloud.Caller{Scope: cloud.Scope{Account: "222222222222", Region: "eu-west-1"}}, again)
	if err != nil || other.Validations[0].RecordName == v[0].RecordName {
		t.Errorf("another account: %v", err)
	}
}

func TestRequestRefusals(t *testing.T) {
	many := []string{}
	for i := range 10 {
		many = append(many, fmt.Sprintf("n%d.example.com", i))
	}
	good := RequestCertificate{DomainName: "example.com", ValidationMethod: "DNS"}
	for _, tt := range []struct {
		name   string
		change func(*RequestCertificate)
		code   string
	}{
		{"one label", func(c *RequestCertificate) { c.DomainName = "localhost" }, "ValidationException"},
		{"final dot", func(c *RequestCertificate) { c.DomainName = "example.com." }, "ValidationException"},
		{"wildcard inside", func(c *RequestCertificate) { c.DomainName = "a.*.example.com" }, "ValidationException"},
		{"hyphen first", func(c *RequestCertificate) { c.AlternativeNames = []string{"-a.example.com"} }, "ValidationException"},
		{"underscore", func(c *RequestCertificate) { c.AlternativeNames = []string{"a_b.example.com"} }, "ValidationException"},
		{"too long", func(c *RequestCertificate) { c.AlternativeNames = []string{strings.Repeat("a.", 125) + "example.com"} }, "ValidationException"},
		{"too many", func(c *RequestCertificate) { c.AlternativeNames = many }, "LimitExceededException"},
		{"no method", func(c *RequestCertificate) { c.ValidationMethod = "" }, "UnsupportedOperation"},
		{"email", func(c *RequestCertificate) { c.ValidationMethod = "EMAIL" }, "UnsupportedOperation"},
		{"http", func(c *RequestCertificate) { c.ValidationMethod = "HTTP" }, "UnsupportedOperation"},
		{"key", func(c *RequestCertificate) { c.KeyAlgorithm = "RSA_4096" }, "InvalidParameterException"},
		{"export", func(c *RequestCertificate) { c.Export = "ENABLED" }, "UnsupportedOperation"},
		{"tag", func(c *RequestCertificate) { c.Tags = cloud.Tags{"aws:a": "b"} }, "InvalidTagException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := good
			tt.change(&c)
			if _, err := try(newLab(t), c); codeOf(err) != tt.code {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestLife(t *testing.T) {
	l := newLab(t)
	c := must(l, RequestCertificate{DomainName: "example.com", AlternativeNames: []string{"b.example.com"}, ValidationMethod: "DNS"})
	if _, _, err := c.PEM(l.now); codeOf(err) != "RequestInProgressException" {
		t.Error(err)
	}
	report(l, ReportProved{ARN: c.ARN, Records: []string{c.Validations[1].RecordName}})
	if v := l.get(c.ARN).Validations; v[0].Status != "PENDING_VALIDATION" || v[1].Status != "SUCCESS" {
		t.Errorf("%+v", v)
	}
	if _, err := try(l, ReportIssued{ARN: c.ARN}); codeOf(err) != "AccessDeniedException" {
		t.Error(err)
	}
	first := certify(t, ecKey(t), nil, nil)
	report(l, ReportIssued{ARN: c.ARN, Body: first.body(), Chain: "chain", Key: first.secret()})
	c = l.get(c.ARN)
	if c.Status != Issued || c.Serial != "12:34" || c.KeyAlgorithm != "EC_prime256v1" || c.SignatureAlgorithm != "SHA256WITHECDSA" ||
		c.Issuer != "ACME" || !slices.Equal(c.KeyUsages, []string{"DIGITAL_SIGNATURE"}) || c.Validations[0].Status != "SUCCESS" {
		t.Errorf("%+v", c)
	}
	if want := first.cert.NotAfter.AddDate(0, 0, -60); !c.RenewAt().Equal(want) {
		t.Errorf("renewed at %v, want %v", c.RenewAt(), want)
	}
	report(l, ReportRenewal{ARN: c.ARN, Status: RenewalPendingValidation})
	if c = l.get(c.ARN); !c.Waits() {
		t.Error("does not wait for its renewal's records")
	}
	l.now = c.RenewAt()
	second := certify(t, ecKey(t), nil, func(x *x509.Certificate) { x.SerialNumber, x.NotAfter = big.NewInt(9), l.now.AddDate(1, 0, 0) })
	report(l, ReportIssued{ARN: c.ARN, Body: second.body(), Key: second.secret()})
	if c = l.get(c.ARN); c.Serial != "09" || c.Renewal.Status != RenewalSuccess || !c.RenewedAt.Equal(l.now) || c.IssuedAt.Equal(l.now) || c.Waits() {
		t.Errorf("%+v", c)
	}
	if c.StatusAt(l.now) != Issued || c.StatusAt(second.cert.NotAfter.Add(time.Second)) != Expired {
		t.Error("does not expire")
	}
}

func TestRequestEnds(t *testing.T) {
	l := newLab(t)
	late := must(l, RequestCertificate{DomainName: "example.com", ValidationMethod: "DNS"})
	failed := must(l, RequestCertificate{DomainName: "example.org", ValidationMethod: "DNS"})
	report(l, ReportFailed{ARN: failed.ARN, Reason: "CAA_ERROR"})
	if c := l.get(failed.ARN); c.Status != Failed || c.FailureReason != "CAA_ERROR" {
		t.Errorf("%+v", c)
	}
	l.now = l.now.Add(72 * time.Hour)
	x := certify(t, ecKey(t), nil, nil)
	for _, arn := range []string{late.ARN, failed.ARN, "arn:gone"} {
		report(l, ReportIssued{ARN: arn, Body: x.body(), Key: x.secret()})
	}
	if c := l.get(late.ARN); c.StatusAt(l.now) != ValidationTimedOut || c.Body != "" {
		t.Errorf("%+v", c)
	}
	if c := l.get(failed.ARN); c.Status != Failed {
		t.Errorf("%+v", c)
	}
}

func TestImport(t *testing.T) {
	l := newLab(t)
	root := authority(t, "root", nil)
	between := authority(t, "between", &root)
	leaf := certify(t, ecKey(t), &between, nil)
	c := must(l, ImportCertificate{Body: leaf.body(), Key: leaf.secret(), Chain: between.body() + root.body(), Tags: cloud.Tags{"a": "b"}})
	if c.Status != Issued || c.Type != Imported || c.DomainName != "example.com" || !slices.Equal(c.AlternativeNames, []string{"example.com", "www.example.com"}) ||
		!c.RenewAt().IsZero() || c.Issuer != "between" {
		t.Errorf("%+v", c)
	}
	l.now = l.now.Add(time.Minute)
	next := certify(t, ecKey(t), nil, func(x *x509.Certificate) { x.SerialNumber = big.NewInt(77) })
	again := must(l, ImportCertificate{ARN: c.ARN, Body: next.body(), Key: next.secret()})
	if again.ARN != c.ARN || again.Serial != "4d" || again.Chain != "" || again.Tags["a"] != "b" || !again.CreatedAt.Equal(c.CreatedAt) || !again.ImportedAt.Equal(l.now) {
		t.Errorf("%+v", again)
	}
}

func TestImportRefusals(t *testing.T) {
	l := newLab(t)
	root, stranger := authority(t, "root", nil), authority(t, "root", nil)
	self, signed := certify(t, ecKey(t), nil, nil), certify(t, ecKey(t), &root, nil)
	small, err := rsa.GenerateKey(rand.Reader, 1536)
	if err != nil {
		t.Fatal(err)
	}
	odd := certify(t, small, nil, nil)
	old := certify(t, ecKey(t), nil, func(c *x509.Certificate) { c.NotAfter = epoch.Add(-time.Minute) })
	early := certify(t, ecKey(t), nil, func(c *x509.Certificate) { c.NotBefore = epoch.Add(time.Minute) })
	requested := must(l, RequestCertificate{DomainName: "example.com", ValidationMethod: "DNS"})
	imported := must(l, ImportCertificate{Body: self.body(), Key: self.secret()})
	big2048, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rsaPair := certify(t, big2048, nil, nil)
	locked := "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
	for _, tt := range []struct {
		name    string
		c       ImportCertificate
		message string
	}{
		{"no PEM", ImportCertificate{Body: "x", Key: self.secret()}, "The certificate is not PEM-encoded"},
		{"text before", ImportCertificate{Body: "Certificate:\n" + self.body(), Key: self.secret()}, "The certificate is not PEM-encoded"},
		{"two", ImportCertificate{Body: self.body() + root.body(), Key: self.secret()}, "The certificate field contains more than one certificate."},
		{"key", ImportCertificate{Body: self.body(), Key: "x"}, "The private key is not PEM-encoded"},
		{"locked key", ImportCertificate{Body: self.body(), Key: locked}, "Your private key should not be encrypted."},
		{"odd key", ImportCertificate{Body: odd.body(), Key: odd.secret()}, "The private key is not supported."},
		{"another key", ImportCertificate{Body: self.body(), Key: signed.secret()}, "The private key does not match"},
		{"expired", ImportCertificate{Body: old.body(), Key: old.secret()}, "The certificate has expired"},
		{"not yet", ImportCertificate{Body: early.body(), Key: early.secret()}, "The certificate is not in effect yet"},
		{"no chain", ImportCertificate{Body: signed.body(), Key: signed.secret()}, "Provided certificate is not a valid self signed."},
		{"another chain", ImportCertificate{Body: signed.body(), Key: signed.secret(), Chain: stranger.body()}, "Could not validate the certificate"},
		{"chain of nothing", ImportCertificate{Body: signed.body(), Key: signed.secret(), Chain: "x"}, "The certificate chain is not PEM-encoded"},
		{"tags again", ImportCertificate{ARN: imported.ARN, Body: self.body(), Key: self.secret(), Tags: cloud.Tags{"a": "b"}}, "Tagging is not permitted on re-import."},
		{"requested", ImportCertificate{ARN: requested.ARN, Body: self.body(), Key: self.secret()}, "The certificate " + requested.ARN + " was not imported"},
		{"another algorithm", ImportCertificate{ARN: imported.ARN, Body: rsaPair.body(), Key: rsaPair.secret()}, "The key algorithm and size"},
		{"unknown", ImportCertificate{ARN: "arn:x", Body: self.body(), Key: self.secret()}, "Could not find certificate arn:x in account 111111111111."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := try(l, tt.c); err == nil || !strings.HasPrefix(err.Error(), tt.message) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestChanges(t *testing.T) {
	l := newLab(t)
	c := must(l, RequestCertificate{DomainName: "example.com", ValidationMethod: "DNS", Tags: cloud.Tags{"a": "1", "b": "2"}})
	must(l, Tag{ARN: c.ARN, Set: cloud.Tags{"a": "3", "c": "4"}})
	must(l, Tag{ARN: c.ARN, Drop: []Removal{{Key: "b", Value: new("x")}, {Key: "c"}}})
	if got := l.get(c.ARN).Tags; len(got) != 2 || got["a"] != "3" || got["b"] != "2" {
		t.Errorf("%v", got)
	}
	must(l, UpdateOptions{ARN: c.ARN, Logging: "DISABLED"})
	if l.get(c.ARN).Logging != "DISABLED" {
		t.Error("option not changed")
	}
	many := cloud.Tags{}
	for i := range 49 {
		many[fmt.Sprint(i)] = ""
	}
	if _, err := try(l, Tag{ARN: c.ARN, Set: many}); codeOf(err) != "TooManyTagsException" {
		t.Error(err)
	}
	used := func(cloud.Reader, string) []string { return []string{"arn:lb"} }
	if _, err := try(l, DeleteCertificate{ARN: c.ARN, UsedBy: used}); codeOf(err) != "ResourceInUseException" {
		t.Error(err)
	}
	elsewhere := cloud.Caller{Scope: cloud.Scope{Account: here.Account, Region: "us-east-1"}}
	free := DeleteCertificate{ARN: c.ARN, UsedBy: func(cloud.Reader, string) []string { return nil }}
	if _, err := tryAs(l, elsewhere, free); codeOf(err) != "ResourceNotFoundException" {
		t.Error(err)
	}
	must(l, free)
	if _, err := try(l, free); codeOf(err) != "ResourceNotFoundException" {
		t.Error(err)
	}
}
