package messages

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
)

// secret is a token as it is kept: its digest. Nil fits nothing.
type secret *[sha256.Size]byte

func secretOf(token string) secret {
	sum := sha256.Sum256([]byte(token))
	return &sum
}

// fits compares in constant time.
func fits(s secret, token string) bool {
	if s == nil || token == "" {
		return false
	}
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(s[:], sum[:]) == 1
}

// newToken makes a token.
func newToken() string {
	var b [48]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.StdEncoding.EncodeToString(b[:])
}

// newID makes a frame's id, a random UUID.
func newID() (id [16]byte) {
	_, _ = rand.Read(id[:]) // never fails
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}
