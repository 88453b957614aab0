package elb

import (
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

const subjectTrustStore = "trust-store"

// TrustStoreActive is the status of a trust store that listeners can use.
const TrustStoreActive = "ACTIVE"

// AWS's default quota.
const maxTrustStores = 20

// FindTrustStore returns the caller's trust store with that ARN.
func FindTrustStore(r cloud.Reader, scope cloud.Scope, arn string) (TrustStore, error) {
	t, ok := TrustStores.Get(r, arn)
	if !ok || t.Scope != scope {
		return TrustStore{}, &cloud.Error{Kind: cloud.KindNotFound, Subject: subjectTrustStore, ID: arn, Code: "TrustStoreNotFound",
			Message: "The specified trust store does not exist."}
	}
	return t, nil
}

// CreateTrustStore makes a trust store of a bundle of certificates.
type CreateTrustStore struct {
	Name   string
	Bundle []byte // PEM
	Tags   cloud.Tags
}

// Apply implements cloud.Command.
func (c CreateTrustStore) Apply(tx *cloud.Tx) (TrustStore, error) {
	if err := checkName(subjectTrustStore, "trust store", c.Name); err != nil {
		return TrustStore{}, err
	}
	if err := CheckTags(c.Tags); err != nil {
		return TrustStore{}, err
	}
	scope := tx.Caller.Scope
	if _, ok := TrustStores.First(tx, ByName, scope.Key()+"/"+c.Name); ok {
		return TrustStore{}, cloud.Errorf(cloud.KindExists, subjectTrustStore, "DuplicateTrustStoreName",
			"A trust store with the specified name already exists: '%s'", c.Name)
	}
	if count(TrustStores.By(tx, ByScope, scope.Key())) >= maxTrustStores {
		return TrustStore{}, cloud.Errorf(cloud.KindLimit, subjectTrustStore, "TooManyTrustStores",
			"You've reached the limit on the number of trust stores for your Amazon Web Services account.")
	}
	if err := checkBundle(c.Bundle); err != nil {
		return TrustStore{}, err
	}
	t := TrustStore{Scope: scope, Name: c.Name, Status: TrustStoreActive, Bundle: string(c.Bundle), NextRevision: 1,
		CreatedAt: tx.Now, Tags: c.Tags.Clone()}
	t.ARN = arnPrefix(scope) + "truststore/" + t.Name + "/" + tx.IDs.Hex(16)
	TrustStores.Put(tx, t)
	return t, nil
}

// checkBundle says whether a file is what AWS takes as a bundle: certificates
// in PEM, at least one, and nothing else.
func checkBundle(bundle []byte) error {
	n := 0
	for rest := bundle; len(strings.TrimSpace(string(rest))) > 0; n++ {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil || b.Type != "CERTIFICATE" {
			return badBundle()
		}
		if _, err := x509.ParseCertificate(b.Bytes); err != nil {
			return badBundle()
		}
	}
	if n == 0 {
		return badBundle()
	}
	return nil
}

func badBundle() error {
	return cloud.Errorf(cloud.KindInvalid, subjectTrustStore, "InvalidCaCertificatesBundle",
		"The specified ca certificate bundle is in an invalid format, or corrupt.")
}

// Certificates counts the certificates of the bundle.
func (t *TrustStore) Certificates() int {
	return strings.Count(t.Bundle, "-----BEGIN CERTIFICATE-----")
}

// Revoked counts the entries of the revocation lists.
func (t *TrustStore) Revoked() int {
	n := 0
	for _, r := range t.Revocations {
		n += r.Entries
	}
	return n
}

// ModifyTrustStore replaces the bundle.
type ModifyTrustStore struct {
	ARN    string
	Bundle []byte
}

// Apply implements cloud.Command.
func (c ModifyTrustStore) Apply(tx *cloud.Tx) (TrustStore, error) {
	t, err := FindTrustStore(tx, tx.Caller.Scope, c.ARN)
	if err != nil {
		return t, err
	}
	if err := checkBundle(c.Bundle); err != nil {
		return t, err
	}
	t.Bundle = string(c.Bundle)
	TrustStores.Put(tx, t)
	return t, nil
}

// TrustStoreUsers lists the ARNs of the load balancers whose listeners use a
// trust store, sorted.
func TrustStoreUsers(r cloud.Reader, arn string) []string {
	var out []string
	for x := range Listeners.By(r, ByTrustStore, arn) {
		out = append(out, x.LoadBalancerARN)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// DeleteTrustStore deletes a trust store that no listener uses.
type DeleteTrustStore struct{ ARN string }

// Apply implements cloud.Command.
func (c DeleteTrustStore) Apply(tx *cloud.Tx) (cloud.None, error) {
	t, err := FindTrustStore(tx, tx.Caller.Scope, c.ARN)
	if err != nil {
		return cloud.None{}, err
	}
	if len(TrustStoreUsers(tx, t.ARN)) > 0 {
		return cloud.None{}, cloud.Errorf(cloud.KindInUse, subjectTrustStore, "TrustStoreInUse",
			"The specified trust store is currently in use: '%s'", t.ARN)
	}
	TrustStores.Delete(tx, t.ARN)
	return cloud.None{}, nil
}
