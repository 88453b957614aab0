package elb

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// authority makes a certificate authority and a revocation list with n entries.
func authority(t *testing.T, n int) (bundle, list []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotBefore: epoch, NotAfter: epoch.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte{1}}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	crl := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: epoch, NextUpdate: epoch.Add(time.Hour)}
	for i := range n {
		crl.RevokedCertificateEntries = append(crl.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: big.NewInt(int64(i + 2)), RevocationTime: epoch})
	}
	revoked, err := x509.CreateRevocationList(rand.Reader, crl, ca, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: revoked})
}

func TestTrustStore(t *testing.T) {
	w := newWorld(t)
	w.certificates(0)
	bundle, list := authority(t, 3)
	s := must(w, CreateTrustStore{Name: "ts", Bundle: append(bundle, bundle...), Tags: cloud.Tags{"a": "b"}})
	if s.Status != TrustStoreActive || s.Certificates() != 2 || s.Revoked() != 0 {
		t.Errorf("got %+v", s)
	}
	_, err := try(w, CreateTrustStore{Name: "ts", Bundle: bundle})
	refused(t, err, "DuplicateTrustStoreName", "already exists")
	for _, bad := range [][]byte{nil, []byte("text"), list, append([]byte("-----BEGIN CERTIFICATE-----\n"), bundle[40:]...)} {
		_, err := try(w, ModifyTrustStore{ARN: s.ARN, Bundle: bad})
		refused(t, err, "InvalidCaCertificatesBundle", "invalid format")
	}
	if got := must(w, ModifyTrustStore{ARN: s.ARN, Bundle: bundle}); got.Certificates() != 1 {
		t.Errorf("%d certificates", got.Certificates())
	}
	must(w, ChangeTags{ARNs: []string{s.ARN}, Remove: []string{"a"}})

	l := must(w, internalALB("subnet-a", "subnet-c"))
	x := must(w, CreateListener{LoadBalancerARN: l.ARN, Protocol: "HTTPS", Port: 443, Action: fixed(),
		TLS: TLSParams{Certificates: []string{certARN}, Mutual: &MutualTLS{Mode: "verify", TrustStoreARN: s.ARN}}})
	if x.Mutual == nil || x.Mutual.AdvertiseCAs != "off" {
		t.Errorf("mutual TLS %+v", x.Mutual)
	}
	if got := TrustStoreUsers(w.db.Snapshot(), s.ARN); len(got) != 1 || got[0] != l.ARN {
		t.Errorf("used by %v", got)
	}
	_, err = try(w, DeleteTrustStore{ARN: s.ARN})
	refused(t, err, "TrustStoreInUse", "in use")
	if got := must(w, ModifyListener{ARN: x.ARN, TLS: TLSParams{Mutual: &MutualTLS{Mode: "off"}}}); got.Mutual != nil {
		t.Errorf("mutual TLS %+v", got.Mutual)
	}
	must(w, DeleteTrustStore{ARN: s.ARN})
	_, err = try(w, DeleteTrustStore{ARN: s.ARN})
	refused(t, err, "TrustStoreNotFound", "does not exist")
}

func TestRevocations(t *testing.T) {
	w := newWorld(t)
	bundle, list := authority(t, 3)
	s := must(w, CreateTrustStore{Name: "ts", Bundle: bundle})
	must(w, AddTrustStoreRevocations{ARN: s.ARN, Files: []RevocationFile{{Content: list}}})
	added := must(w, AddTrustStoreRevocations{ARN: s.ARN, Files: []RevocationFile{{Type: "CRL", Content: append(list, list...)}}})
	if len(added) != 1 || added[0].ID != 2 || added[0].Entries != 6 {
		t.Errorf("added %+v", added)
	}
	must(w, RemoveTrustStoreRevocations{ARN: s.ARN, IDs: []int64{2}})
	_, err := try(w, RemoveTrustStoreRevocations{ARN: s.ARN, IDs: []int64{2}})
	refused(t, err, "RevocationIdNotFound", "'2'")
	added = must(w, AddTrustStoreRevocations{ARN: s.ARN, Files: []RevocationFile{{Content: list}}})
	if added[0].ID != 3 {
		t.Errorf("the number %d was given again", added[0].ID)
	}
	_, err = try(w, AddTrustStoreRevocations{ARN: s.ARN, Files: []RevocationFile{{Content: bundle}}})
	refused(t, err, "InvalidRevocationContent", "invalid format")
}
