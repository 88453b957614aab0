package elb

import (
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// AWS's quotas of a trust store.
const (
	maxRevocationLists   = 30
	maxRevocationEntries = 500000
)

// RevocationFile is a revocation list as it is added.
type RevocationFile struct {
	Type    string // CRL, the default
	Content []byte // PEM
}

// AddTrustStoreRevocations adds revocation lists and returns them.
type AddTrustStoreRevocations struct {
	ARN   string
	Files []RevocationFile
}

// Apply implements cloud.Command.
func (c AddTrustStoreRevocations) Apply(tx *cloud.Tx) ([]Revocation, error) {
	t, err := FindTrustStore(tx, tx.Caller.Scope, c.ARN)
	if err != nil {
		return nil, err
	}
	if len(c.Files) == 0 {
		return nil, invalid(subjectTrustStore, "At least one revocation content must be specified")
	}
	var added []Revocation
	for _, f := range c.Files {
		if err := checkOneOf(subjectTrustStore, "revocationContents.1.member.revocationType", orDefault(f.Type, "CRL"), "CRL"); err != nil {
			return nil, err
		}
		n, err := revokedIn(f.Content)
		if err != nil {
			return nil, err
		}
		added = append(added, Revocation{ID: max(t.NextRevision, 1), Type: "CRL", Content: string(f.Content), Entries: n})
		t.NextRevision = max(t.NextRevision, 1) + 1
	}
	t.Revocations = append(slices.Clone(t.Revocations), added...)
	if len(t.Revocations) > maxRevocationLists || t.Revoked() > maxRevocationEntries {
		return nil, cloud.Errorf(cloud.KindLimit, subjectTrustStore, "TooManyTrustStoreRevocationEntries",
			"The specified trust store has too many revocation entries.")
	}
	TrustStores.Put(tx, t)
	return added, nil
}

// revokedIn counts the entries of a file of revocation lists.
func revokedIn(content []byte) (int, error) {
	lists, entries := 0, 0
	for rest := content; len(strings.TrimSpace(string(rest))) > 0; lists++ {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil || b.Type != "X509 CRL" {
			return 0, badRevocation()
		}
		list, err := x509.ParseRevocationList(b.Bytes)
		if err != nil {
			return 0, badRevocation()
		}
		entries += len(list.RevokedCertificateEntries)
	}
	if lists == 0 {
		return 0, badRevocation()
	}
	return entries, nil
}

func badRevocation() error {
	return cloud.Errorf(cloud.KindInvalid, subjectTrustStore, "InvalidRevocationContent",
		"The provided revocation file is an invalid format, or uses an incorrect algorithm.")
}

// RemoveTrustStoreRevocations removes revocation lists.
type RemoveTrustStoreRevocations struct {
	ARN string
	IDs []int64
}

// Apply implements cloud.Command.
func (c RemoveTrustStoreRevocations) Apply(tx *cloud.Tx) (cloud.None, error) {
	t, err := FindTrustStore(tx, tx.Caller.Scope, c.ARN)
	if err != nil {
		return cloud.None{}, err
	}
	for _, id := range c.IDs {
		if _, err := t.Revocation(id); err != nil {
			return cloud.None{}, err
		}
	}
	t.Revocations = slices.DeleteFunc(slices.Clone(t.Revocations), func(r Revocation) bool { return slices.Contains(c.IDs, r.ID) })
	TrustStores.Put(tx, t)
	return cloud.None{}, nil
}

// Revocation returns the revocation list with an id.
func (t *TrustStore) Revocation(id int64) (Revocation, error) {
	for _, r := range t.Revocations {
		if r.ID == id {
			return r, nil
		}
	}
	return Revocation{}, cloud.Errorf(cloud.KindNotFound, subjectTrustStore, "RevocationIdNotFound",
		"The specified revocation ID does not exist: '%d'", id)
}
