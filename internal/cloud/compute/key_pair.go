package compute

import (
	"crypto/md5"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// ImportKeyPair keeps a public key under a name.
type ImportKeyPair struct {
	Name string
	// PublicKey is in OpenSSH's format: "ssh-rsa AAAA… comment".
	PublicKey string
	Tags      cloud.Tags
}

// Apply returns the key pair.
func (c ImportKeyPair) Apply(tx *cloud.Tx) (KeyPair, error) {
	if c.Name == "" {
		return KeyPair{}, missing("KeyName")
	}
	kind, fingerprint, err := parsePublicKey(c.PublicKey)
	if err != nil {
		return KeyPair{}, err
	}
	k := KeyPair{ID: "key-0" + tx.IDs.Hex(16), Scope: tx.Caller.Scope, Name: c.Name, PublicKey: strings.TrimSpace(c.PublicKey),
		Fingerprint: fingerprint, Type: kind, CreatedAt: tx.Now, Tags: c.Tags.Clone()}
	if _, exists := KeyPairs.Get(tx, k.Key()+"/"+k.Name); exists {
		return KeyPair{}, cloud.Errorf(cloud.KindExists, "key-pair", "InvalidKeyPair.Duplicate", "The keypair already exists")
	}
	KeyPairs.Put(tx, k)
	return k, nil
}

// DeleteKeyPair forgets a key pair, by name or id; that it is not there is no
// error.
type DeleteKeyPair struct{ Name, ID string }

// Apply returns what was deleted, if anything.
func (c DeleteKeyPair) Apply(tx *cloud.Tx) (KeyPair, error) {
	if c.Name == "" && c.ID == "" {
		return KeyPair{}, missing("KeyName or KeyPairId")
	}
	for k := range KeyPairs.By(tx, ByScope, tx.Caller.Key()) {
		if (c.Name != "" && k.Name == c.Name) || (c.ID != "" && k.ID == c.ID) {
			KeyPairs.Delete(tx, k.Key()+"/"+k.Name)
			return k, nil
		}
	}
	return KeyPair{}, nil
}

// parsePublicKey returns AWS's type and fingerprint of an OpenSSH public key:
// MD5 of the DER form for RSA, SHA-256 of the SSH form for ED25519.
func parsePublicKey(text string) (kind, fingerprint string, err error) {
	bad := cloud.Errorf(cloud.KindInvalid, "key-pair", "InvalidKey.Format", "Key is not in valid OpenSSH public key format")
	fields := strings.Fields(text)
	if len(fields) < 2 {
		return "", "", bad
	}
	blob, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil {
		return "", "", bad
	}
	parts := sshStrings(blob)
	if len(parts) == 0 || string(parts[0]) != fields[0] {
		return "", "", bad
	}
	switch {
	case fields[0] == "ssh-ed25519" && len(parts) == 2 && len(parts[1]) == 32:
		sum := sha256.Sum256(blob)
		return "ed25519", base64.StdEncoding.EncodeToString(sum[:]), nil
	case fields[0] == "ssh-rsa" && len(parts) == 3:
		e := new(big.Int).SetBytes(parts[1])
		n := new(big.Int).SetBytes(parts[2])
		if !e.IsInt64() || e.Int64() > 1<<31-1 || n.Sign() <= 0 {
			return "", "", bad
		}
		der, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: n, E: int(e.Int64())})
		if err != nil {
			return "", "", bad
		}
		return "rsa", colons(md5.Sum(der)), nil
	}
	return "", "", bad
}

// sshStrings splits a blob of length-prefixed strings; nil if it is malformed.
func sshStrings(b []byte) [][]byte {
	var out [][]byte
	for len(b) > 0 {
		if len(b) < 4 {
			return nil
		}
		n := binary.BigEndian.Uint32(b)
		if uint64(n) > uint64(len(b)-4) {
			return nil
		}
		out = append(out, b[4:4+n])
		b = b[4+n:]
	}
	return out
}

func colons(sum [16]byte) string {
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = hex.EncodeToString([]byte{b})
	}
	return strings.Join(parts, ":")
}
