package e2e

import (
	"encoding/json"
	"net/url"
	"testing"
)

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// fieldOf is a text of an answer in JSON.
func fieldOf(t *testing.T, a reply, name string) string {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil || v[name] == nil {
		t.Fatalf("no %s: %d %s", name, a.status, a.body)
	}
	return v[name].(string)
}

// acmRefusals are operations, each with its parameters in JSON. {certificate},
// {key}, {other-key}, {chain}: in base64, as JSON has them.
func acmRefusals(t *testing.T, w *wire, n names) {
	ca := newIssuer(t)
	certificate, key := ca.issue(t, 5, "www.example.com")
	_, other := ca.issue(t, 6, "www.example.com")
	stranger := newIssuer(t)
	importOf := func(certificate, key, chain []byte, arn string) string {
		v := map[string]any{"Certificate": certificate, "PrivateKey": key}
		if chain != nil {
			v["CertificateChain"] = chain
		}
		if arn != "" {
			v["CertificateArn"] = n.expand(arn)
		}
		return jsonOf(t, v)
	}
	const absent = "arn:aws:acm:ap-northeast-1:000000000000:certificate/00000000-0000-0000-0000-000000000000"
	arn := func(name string) string { return `{"CertificateArn":"` + name + `"}` }
	for _, r := range []struct {
		apiRefusal
		parameters string
	}{
		{apiRefusal{"DescribeCertificate", 0, "ResourceNotFoundException", "Could not find certificate " + absent + " in account 000000000000."}, arn(absent)},
		{apiRefusal{"DescribeCertificate", 0, "ValidationException", "1 validation error detected: Value 'arn:aws:iam::000000000000:server-certificate/free' at 'certificateArn' failed to satisfy constraint: …"}, arn("arn:aws:iam::000000000000:server-certificate/free")},
		{apiRefusal{"DeleteCertificate", 0, "ResourceNotFoundException", "…"}, arn(absent)},
		{apiRefusal{"DeleteCertificate", 0, "ResourceInUseException", "Certificate {acm} in account 000000000000 is in use."}, arn("{acm}")},
		{apiRefusal{"GetCertificate", 0, "RequestInProgressException", "The certificate request is in process and the certificate in your account has not yet been issued: {pending}."}, arn("{pending}")},
		{apiRefusal{"RenewCertificate", 0, "ValidationException", "…"}, arn("{acm}")},
		{apiRefusal{"ExportCertificate", 0, "ValidationException", "…"}, `{"CertificateArn":"{acm}","Passphrase":"c2VjcmV0"}`},
		{apiRefusal{"UpdateCertificateOptions", 0, "InvalidStateException", "…"}, `{"CertificateArn":"{acm}","Options":{"CertificateTransparencyLoggingPreference":"DISABLED"}}`},
		{apiRefusal{"RequestCertificate", 0, "ValidationException", "1 validation error detected: Value 'no name' at 'domainName' failed to satisfy constraint: Member must satisfy regular expression pattern: …"}, `{"DomainName":"no name","ValidationMethod":"DNS"}`},
		{apiRefusal{"RequestCertificate", 0, "UnsupportedOperation", "…"}, `{"DomainName":"mail.example.com","ValidationMethod":"EMAIL"}`},
		{apiRefusal{"RequestCertificate", 0, "UnsupportedOperation", "The parameter CertificateAuthorityArn of RequestCertificate is not served by Musubi."}, `{"DomainName":"mail.example.com","CertificateAuthorityArn":"arn:aws:acm-pca:ap-northeast-1:000000000000:certificate-authority/x"}`},
		{apiRefusal{"ImportCertificate", 0, "ValidationException", "The certificate is not PEM-encoded or is not valid."}, importOf([]byte("text"), key, nil, "")},
		{apiRefusal{"ImportCertificate", 0, "ValidationException", "The private key is not PEM-encoded or is not valid."}, importOf(certificate, []byte("text"), ca.pem, "")},
		{apiRefusal{"ImportCertificate", 0, "ValidationException", "The private key does not match the certificate."}, importOf(certificate, other, ca.pem, "")},
		{apiRefusal{"ImportCertificate", 0, "ValidationException", "Provided certificate is not a valid self signed. Please provide either a valid self-signed certificate or certificate chain."}, importOf(certificate, key, nil, "")},
		{apiRefusal{"ImportCertificate", 0, "ValidationException", "Could not validate the certificate with the certificate chain."}, importOf(certificate, key, stranger.pem, "")},
		{apiRefusal{"ImportCertificate", 0, "ValidationException", "…"}, importOf(certificate, key, ca.pem, "{pending}")},
		{apiRefusal{"ImportCertificate", 0, "ResourceNotFoundException", "…"}, importOf(certificate, key, ca.pem, absent)},
		{apiRefusal{"AddTagsToCertificate", 0, "InvalidTagException", "aws: prefixed tag key names are not allowed for external use."}, `{"CertificateArn":"{acm}","Tags":[{"Key":"aws:x","Value":"y"}]}`},
		{apiRefusal{"ResendValidationEmail", 0, "UnsupportedOperation", "The operation ResendValidationEmail of acm is not served by Musubi."}, `{"CertificateArn":"{acm}","Domain":"a","ValidationDomain":"a"}`},
	} {
		n.check(t, r.apiRefusal, w.acm(r.request, n.expand(r.parameters)))
	}
	n.check(t, apiRefusal{"DescribeCertificate as another account", 0, "ResourceNotFoundException", "…"}, w.as("111111111111").acm("DescribeCertificate", n.expand(arn("{acm}"))))
}

var iamCertificateRefusals = []apiRefusal{
	{"GetServerCertificate ServerCertificateName=nobody", 404, "NoSuchEntity", "The Server Certificate with name nobody cannot be found."},
	{"DeleteServerCertificate ServerCertificateName=nobody", 404, "NoSuchEntity", "The Server Certificate with name nobody cannot be found."},
	{"DeleteServerCertificate ServerCertificateName=iam", 409, "DeleteConflict", "Certificate: …"},
	{"UpdateServerCertificate ServerCertificateName=free NewServerCertificateName=IAM", 409, "EntityAlreadyExists", "The Server Certificate with name IAM already exists."},
	{"UpdateServerCertificate ServerCertificateName=free NewPath=nowhere", 0, "ValidationError", "…"},
	{"TagServerCertificate ServerCertificateName=nobody Tags.member.1.Key=a Tags.member.1.Value=b", 404, "NoSuchEntity", "…"},
}

func serverCertificateRefusals(t *testing.T, w *wire) {
	ca := newIssuer(t)
	certificate, key := ca.issue(t, 5, "www.example.com")
	_, other := ca.issue(t, 6, "www.example.com")
	for _, r := range []struct {
		apiRefusal
		name                    string
		certificate, key, chain []byte
	}{
		{apiRefusal{"a name that is there", 409, "EntityAlreadyExists", "The Server Certificate with name Free already exists."}, "Free", certificate, key, ca.pem},
		{apiRefusal{"no certificate", 0, "MalformedCertificate", "Unable to parse certificate. Please ensure the certificate is in PEM format."}, "x", []byte("text"), key, nil},
		{apiRefusal{"no key", 0, "MalformedCertificate", "Invalid Private Key. Please ensure the private key is in PEM format."}, "x", certificate, []byte("text"), nil},
		{apiRefusal{"another's key", 0, "KeyPairMismatch", "Certificate and private key do not match."}, "x", certificate, other, nil},
		{apiRefusal{"another's chain", 0, "MalformedCertificate", "Unable to validate certificate chain. The certificate chain must start with the immediate signing certificate, followed by any intermediaries in order. The index within the chain of the invalid certificate is: …"}, "x", certificate, key, newIssuer(t).pem},
		{apiRefusal{"a name with a slash", 0, "ValidationError", "…"}, "a/b", certificate, key, ca.pem},
	} {
		form := url.Values{"Action": {"UploadServerCertificate"}, "ServerCertificateName": {r.name}, "CertificateBody": {string(r.certificate)}, "PrivateKey": {string(r.key)}}
		if r.chain != nil {
			form.Set("CertificateChain", string(r.chain))
		}
		names{}.check(t, r.apiRefusal, w.form("iam", form))
	}
}
