package iam_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/elb"
)

// certified makes a certificate that signs itself, and its key.
func certified(t *testing.T) (body, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "example.com"},
		NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}))
}

func TestServerCertificates(t *testing.T) {
	l := newLab(t)
	body, key := certified(t)
	upload := func(name string, more ...string) []string {
		return append([]string{"ServerCertificateName", name, "CertificateBody", body, "PrivateKey", key}, more...)
	}
	got := l.ok("UploadServerCertificate", upload("web", "Path", "/tls/", "Tags.member.1.Key", "a", "Tags.member.1.Value", "1")...)
	contains(t, got, "<Arn>arn:aws:iam::000000000000:server-certificate/tls/web</Arn>", "<Expiration>2027-01-01T00:00:00Z</Expiration>",
		"<UploadDate>2026-01-02T03:04:05Z</UploadDate>", "<ServerCertificateId>ASCA", "<Key>a</Key>")
	got = l.ok("GetServerCertificate", "ServerCertificateName", "web")
	contains(t, got, "BEGIN CERTIFICATE")
	if strings.Contains(got, "PRIVATE") || strings.Contains(got, "CertificateChain") {
		t.Errorf("%s", got)
	}
	l.ok("UploadServerCertificate", upload("other", "CertificateChain", body)...)
	contains(t, l.ok("ListServerCertificates", "MaxItems", "1"), "<IsTruncated>true</IsTruncated>", "<ServerCertificateName>other<")
	if got = l.ok("ListServerCertificates", "PathPrefix", "/tls/"); strings.Contains(got, "other") {
		t.Errorf("%s", got)
	}
	l.ok("TagServerCertificate", "ServerCertificateName", "web", "Tags.member.1.Key", "b", "Tags.member.1.Value", "2")
	l.ok("UntagServerCertificate", "ServerCertificateName", "web", "TagKeys.member.1", "a")
	if got = l.ok("ListServerCertificateTags", "ServerCertificateName", "web"); !strings.Contains(got, "<Key>b</Key>") || strings.Contains(got, "<Key>a</Key>") {
		t.Errorf("%s", got)
	}
	l.ok("UpdateServerCertificate", "ServerCertificateName", "web", "NewServerCertificateName", "www", "NewPath", "/")
	contains(t, l.ok("GetServerCertificate", "ServerCertificateName", "www"), ":server-certificate/www<")
	l.ok("DeleteServerCertificate", "ServerCertificateName", "www")
	l.refused(404, "NoSuchEntity", "The Server Certificate with name www cannot be found.", "GetServerCertificate", "ServerCertificateName", "www")
}

func TestServerCertificateRefusals(t *testing.T) {
	l := newLab(t)
	body, key := certified(t)
	other, foreign := certified(t)
	l.ok("UploadServerCertificate", "ServerCertificateName", "web", "CertificateBody", body, "PrivateKey", key)
	upload := func(status int, code, text, name, body, key, chain string) {
		t.Helper()
		pairs := []string{"ServerCertificateName", name, "CertificateBody", body, "PrivateKey", key}
		if chain != "" {
			pairs = append(pairs, "CertificateChain", chain)
		}
		l.refused(status, code, text, "UploadServerCertificate", pairs...)
	}
	upload(409, "EntityAlreadyExists", "The Server Certificate with name WEB already exists.", "WEB", body, key, "")
	upload(400, "MalformedCertificate", "Unable to parse certificate.", "new", "x", key, "")
	upload(400, "MalformedCertificate", "Unable to parse certificate.", "new", body+other, key, "")
	upload(400, "MalformedCertificate", "Invalid Private Key.", "new", body, "x", "")
	upload(400, "KeyPairMismatch", "do not match", "new", body, foreign, "")
	upload(400, "MalformedCertificate", "The index within the chain of the invalid certificate is: 0", "new", body, key, other)
	upload(400, "MalformedCertificate", "The index within the chain of the invalid certificate is: -1", "new", body, key, "x")
	l.ok("UploadServerCertificate", "ServerCertificateName", "second", "CertificateBody", body, "PrivateKey", key)
	l.refused(409, "EntityAlreadyExists", "already exists", "UpdateServerCertificate", "ServerCertificateName", "web", "NewServerCertificateName", "second")
	l.refused(400, "ValidationError", "newPath", "UpdateServerCertificate", "ServerCertificateName", "web", "NewPath", "bad")
}

func TestServerCertificateInUse(t *testing.T) {
	l := newLab(t)
	body, key := certified(t)
	l.ok("UploadServerCertificate", "ServerCertificateName", "web", "CertificateBody", body, "PrivateKey", key)
	err := l.e.Run(t.Context(), cloud.Caller{}, func(tx *cloud.Tx) error {
		elb.Listeners.Put(tx, elb.Listener{ARN: "arn:listener", LoadBalancerARN: "arn:lb", CertificateARN: "arn:aws:iam::000000000000:server-certificate/web"})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	const text = "is currently in use by arn:lb. Please remove it first before"
	l.refused(409, "DeleteConflict", text, "DeleteServerCertificate", "ServerCertificateName", "web")
	l.refused(409, "DeleteConflict", text, "UpdateServerCertificate", "ServerCertificateName", "web", "NewServerCertificateName", "www")
	l.ok("UpdateServerCertificate", "ServerCertificateName", "web", "NewServerCertificateName", "web")
}
