package acm_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	mrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/awsapi/acm"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	domain "github.com/musubi-net/musubi/internal/cloud/acm"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/engine"
	"github.com/musubi-net/musubi/internal/store/bolt"
)

// lab is a front door over an engine of its own, with a clock that stands.
type lab struct {
	t    *testing.T
	e    *engine.Engine
	door http.Handler
	now  time.Time
}

func newLab(t *testing.T) *lab {
	t.Helper()
	s, err := bolt.Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	l := &lab{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)}
	now := func() time.Time { return l.now }
	l.e, err = engine.Open(t.Context(), engine.Options{
		Schema: cloud.NewSchema(append(domain.Tables(), elb.Tables()...)...), Store: s, Now: now, IDs: func() cloud.IDSource { return random{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	if l.door, err = protocol.NewHandler(protocol.Options{Services: []protocol.Service{acm.New(l.e, now).Service()}}); err != nil {
		t.Fatal(err)
	}
	return l
}

// random makes identifiers that differ.
type random struct{}

func (random) from(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[mrand.IntN(len(alphabet))]
	}
	return string(b)
}
func (r random) Hex(n int) string   { return r.from("0123456789abcdef", n) }
func (r random) Alnum(n int) string { return r.from("abcdefghij0123456789", n) }
func (r random) Upper(n int) string { return r.from("ABCDEFGHIJ0123456789", n) }

type object = map[string]any

// call sends a request and returns the status and the decoded answer.
func (l *lab) call(operation string, in any) (int, object) {
	l.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		l.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/", strings.NewReader(string(body)))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "CertificateManager."+operation)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=111111111111/20260102/eu-west-1/acm/aws4_request, SignedHeaders=host, Signature=00")
	w := httptest.NewRecorder()
	l.door.ServeHTTP(w, r)
	out := object{}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		l.t.Fatalf("%s: %v: %s", operation, err, w.Body)
	}
	if ct := w.Header().Get("Content-Type"); ct != "application/x-amz-json-1.1" {
		l.t.Errorf("%s: content type %s", operation, ct)
	}
	return w.Code, out
}

func (l *lab) ok(operation string, in any) object {
	l.t.Helper()
	status, out := l.call(operation, in)
	if status != 200 {
		l.t.Fatalf("%s: %d %v", operation, status, out)
	}
	return out
}

func (l *lab) refused(operation string, in any, code string) {
	l.t.Helper()
	if status, out := l.call(operation, in); status != 400 || out["__type"] != code || out["message"] == "" {
		l.t.Errorf("%s: %d %v, want %s", operation, status, out, code)
	}
}

func (l *lab) describe(arn any) object {
	l.t.Helper()
	return l.ok("DescribeCertificate", object{"CertificateArn": arn})["Certificate"].(object)
}

// selfSigned makes a certificate and its key.
func selfSigned(t *testing.T, now time.Time) (body, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(77), Subject: pkix.Name{CommonName: "imported.example.com"}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.AddDate(0, 1, 0), KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

func TestRequestedOnTheWire(t *testing.T) {
	l := newLab(t)
	arn := l.ok("RequestCertificate", object{"DomainName": "example.com", "ValidationMethod": "DNS", "IdempotencyToken": "t1",
		"Options": object{"CertificateTransparencyLoggingPreference": "ENABLED", "Export": "DISABLED"},
		"Tags":    []object{{"Key": "a", "Value": "1"}}})["CertificateArn"].(string)
	if !strings.HasPrefix(arn, "arn:aws:acm:eu-west-1:111111111111:certificate/") || len(arn) != 83 {
		t.Errorf("%s", arn)
	}
	c := l.describe(arn)
	for k, want := range (object{"Status": "PENDING_VALIDATION", "Type": "AMAZON_ISSUED", "KeyAlgorithm": "RSA-2048", "RenewalEligibility": "INELIGIBLE",
		"CreatedAt": float64(l.now.Unix()), "Subject": "CN=example.com"}) {
		if c[k] != want {
			t.Errorf("%s: %v, want %v", k, c[k], want)
		}
	}
	v := c["DomainValidationOptions"].([]any)[0].(object)
	record := v["ResourceRecord"].(object)
	if v["ValidationStatus"] != "PENDING_VALIDATION" || v["ValidationMethod"] != "DNS" || record["Type"] != "CNAME" || !strings.HasSuffix(record["Name"].(string), ".example.com.") {
		t.Errorf("%v", v)
	}
	for _, absent := range []string{"NotBefore", "NotAfter", "IssuedAt", "ImportedAt", "Serial", "RenewalSummary", "FailureReason"} {
		if _, there := c[absent]; there {
			t.Errorf("%s is there", absent)
		}
	}
	if used, ok := c["InUseBy"].([]any); !ok || len(used) != 0 {
		t.Errorf("InUseBy: %v", c["InUseBy"])
	}
	l.refused("GetCertificate", object{"CertificateArn": arn}, "RequestInProgressException")
	l.refused("RenewCertificate", object{"CertificateArn": arn}, "ValidationException")
	l.refused("ExportCertificate", object{"CertificateArn": arn, "Passphrase": []byte("secret")}, "ValidationException")
	l.now = l.now.Add(72 * time.Hour)
	c = l.describe(arn)
	if v := c["DomainValidationOptions"].([]any)[0].(object); c["Status"] != "VALIDATION_TIMED_OUT" || v["ValidationStatus"] != "FAILED" {
		t.Errorf("%v %v", c["Status"], v)
	}
}

func TestImportedOnTheWire(t *testing.T) {
	l := newLab(t)
	body, key := selfSigned(t, l.now)
	arn := l.ok("ImportCertificate", object{"Certificate": body, "PrivateKey": key})["CertificateArn"].(string)
	c := l.describe(arn)
	for k, want := range (object{"Status": "ISSUED", "Type": "IMPORTED", "Serial": "4d", "KeyAlgorithm": "EC-prime256v1", "DomainName": "imported.example.com",
		"ImportedAt": float64(l.now.Unix()), "NotAfter": float64(l.now.AddDate(0, 1, 0).Unix())}) {
		if c[k] != want {
			t.Errorf("%s: %v, want %v", k, c[k], want)
		}
	}
	if got := l.ok("GetCertificate", object{"CertificateArn": arn}); got["Certificate"] != string(body) || got["CertificateChain"] != nil {
		t.Errorf("%v", got)
	}
	again, other := selfSigned(t, l.now)
	l.refused("ImportCertificate", object{"CertificateArn": arn, "Certificate": again, "PrivateKey": key}, "ValidationException")
	if got := l.ok("ImportCertificate", object{"CertificateArn": arn, "Certificate": again, "PrivateKey": other})["CertificateArn"]; got != arn {
		t.Errorf("%v", got)
	}
	l.refused("UpdateCertificateOptions", object{"CertificateArn": arn, "Options": object{"CertificateTransparencyLoggingPreference": "ENABLED"}}, "InvalidStateException")
	l.now = l.now.AddDate(0, 2, 0)
	if s := l.describe(arn)["Status"]; s != "EXPIRED" {
		t.Errorf("%v", s)
	}
}

func TestTagsOnTheWire(t *testing.T) {
	l := newLab(t)
	arn := l.ok("RequestCertificate", object{"DomainName": "example.com", "ValidationMethod": "DNS"})["CertificateArn"]
	l.ok("AddTagsToCertificate", object{"CertificateArn": arn, "Tags": []object{{"Key": "a", "Value": "1"}, {"Key": "b"}}})
	l.ok("RemoveTagsFromCertificate", object{"CertificateArn": arn, "Tags": []object{{"Key": "a", "Value": "2"}, {"Key": "b"}}})
	got := l.ok("ListTagsForCertificate", object{"CertificateArn": arn})["Tags"].([]any)
	if len(got) != 1 || !maps.Equal(got[0].(object), object{"Key": "a", "Value": "1"}) {
		t.Errorf("%v", got)
	}
	l.refused("AddTagsToCertificate", object{"CertificateArn": arn, "Tags": []object{{"Key": "aws:x", "Value": "1"}}}, "InvalidTagException")
}

func TestInUse(t *testing.T) {
	l := newLab(t)
	body, key := selfSigned(t, l.now)
	arn := l.ok("ImportCertificate", object{"Certificate": body, "PrivateKey": key})["CertificateArn"].(string)
	use := func(certificates ...string) {
		err := l.e.Run(t.Context(), cloud.Caller{}, func(tx *cloud.Tx) error {
			elb.Listeners.Put(tx, elb.Listener{ARN: "arn:listener", LoadBalancerARN: "arn:lb", Certificates: certificates})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	use(arn)
	if got := l.describe(arn)["InUseBy"].([]any); len(got) != 1 || got[0] != "arn:lb" {
		t.Errorf("%v", got)
	}
	l.refused("DeleteCertificate", object{"CertificateArn": arn}, "ResourceInUseException")
	use()
	l.ok("DeleteCertificate", object{"CertificateArn": arn})
	l.refused("DescribeCertificate", object{"CertificateArn": arn}, "ResourceNotFoundException")
}

func TestList(t *testing.T) {
	l := newLab(t)
	body, key := selfSigned(t, l.now)
	l.ok("ImportCertificate", object{"Certificate": body, "PrivateKey": key})
	for i := range 3 {
		l.now = l.now.Add(time.Minute)
		l.ok("RequestCertificate", object{"DomainName": fmt.Sprintf("n%d.example.com", i), "ValidationMethod": "DNS"})
	}
	names := func(in object) (list []string, token any) {
		out := l.ok("ListCertificates", in)
		for _, c := range out["CertificateSummaryList"].([]any) {
			list = append(list, strings.Split(c.(object)["DomainName"].(string), ".")[0])
		}
		return list, out["NextToken"]
	}
	newest := object{"SortBy": "CREATED_AT", "SortOrder": "DESCENDING"}
	with := func(o object, k string, v any) object {
		o = maps.Clone(o)
		o[k] = v
		return o
	}
	for _, tt := range []struct {
		in   object
		want []string
	}{
		{newest, []string{"n2", "n1", "n0"}},
		{with(newest, "Includes", object{"keyTypes": []string{"EC_prime256v1", "RSA_2048"}}), []string{"n2", "n1", "n0", "imported"}},
		{object{"Includes": object{"keyTypes": []string{"EC_prime256v1"}, "keyUsage": []string{"DIGITAL_SIGNATURE"}}}, []string{"imported"}},
		{object{"Includes": object{"keyTypes": []string{"EC_prime256v1"}, "extendedKeyUsage": []string{"CODE_SIGNING"}}}, nil},
		{object{"Includes": object{"keyTypes": []string{"EC_prime256v1"}, "exportOption": "DISABLED"}}, nil},
		{object{"CertificateStatuses": []string{"ISSUED"}, "Includes": object{"keyTypes": []string{"EC_prime256v1"}}}, []string{"imported"}},
		{object{"CertificateStatuses": []string{"ISSUED"}}, nil},
	} {
		if got, _ := names(tt.in); !slices.Equal(got, tt.want) {
			t.Errorf("%v: %v, want %v", tt.in, got, tt.want)
		}
	}
	first, token := names(with(newest, "MaxItems", 2))
	rest, end := names(with(with(newest, "MaxItems", 2), "NextToken", token))
	if !slices.Equal(first, []string{"n2", "n1"}) || !slices.Equal(rest, []string{"n0"}) || end != nil {
		t.Errorf("%v %v %v", first, rest, end)
	}
	l.refused("ListCertificates", object{"NextToken": "x"}, "ValidationException")
	l.refused("ListCertificates", object{"SortBy": "CREATED_AT"}, "InvalidArgsException")
	l.refused("ListCertificates", object{"Includes": object{"managedBy": "CLOUDFRONT"}}, "UnsupportedOperation")
}

// A secret that is refused does not come back in the message.
func TestSecretsAreNotShown(t *testing.T) {
	l := newLab(t)
	const arn = "arn:aws:acm:eu-west-1:111111111111:certificate/x"
	_, out := l.call("ExportCertificate", object{"CertificateArn": arn, "Passphrase": []byte("abc")})
	if want := "1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=3 cap=3]' at 'passphrase' failed to satisfy constraint: Member must have length greater than or equal to 4"; out["message"] != want {
		t.Errorf("%v", out)
	}
}

func TestRefusedByName(t *testing.T) {
	l := newLab(t)
	for _, tt := range []struct {
		operation string
		in        any
		code      string
	}{
		{"RequestCertificate", object{"DomainName": "example.com", "CertificateAuthorityArn": "arn:aws:acm-pca:eu-west-1:111111111111:certificate-authority/x"}, "UnsupportedOperation"},
		{"RequestCertificate", object{"DomainName": "example.com", "Options": object{"Export": "ENABLED"}, "ValidationMethod": "DNS"}, "UnsupportedOperation"},
		{"RequestCertificate", object{"DomainName": "example.com"}, "UnsupportedOperation"},
		{"RequestCertificate", object{"DomainName": 1}, "SerializationException"},
		{"RequestCertificate", object{"DomainName": "example.com", "Colour": "red"}, "ValidationException"},
		{"RequestCertificate", object{}, "ValidationException"},
		{"DescribeCertificate", object{"CertificateArn": "arn:aws:iam::111111111111:role/x"}, "ValidationException"},
		{"DescribeCertificate", object{"CertificateArn": "arn:aws:acm:eu-west-1:111111111111:certificate/x"}, "ResourceNotFoundException"},
		{"ImportCertificate", object{"Certificate": "not base64!", "PrivateKey": ""}, "SerializationException"},
		{"ResendValidationEmail", object{}, "UnsupportedOperation"},
		{"MakeCoffee", object{}, "UnknownOperationException"},
	} {
		l.refused(tt.operation, tt.in, tt.code)
	}
}
