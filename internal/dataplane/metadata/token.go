package metadata

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strconv"
	"time"

	"github.com/musubi-net/musubi/internal/spec"
)

// Headers of version 2.
const (
	tokenHeader = "X-Aws-Ec2-Metadata-Token"
	ttlHeader   = "X-Aws-Ec2-Metadata-Token-Ttl-Seconds"
)

// maxTTL is six hours, in seconds.
const maxTTL = 21600

// A token is its expiry, a nonce and a code over both and the instance's id: it
// needs no memory and is good for that instance only.
const (
	expiryLen = 8
	nonceLen  = 8
	codeLen   = 24
)

// issue answers PUT /latest/api/token.
func (s *Server) issue(w http.ResponseWriter, r *http.Request, m spec.Metadata) {
	if r.Header.Get("X-Forwarded-For") != "" {
		fail(w, http.StatusForbidden)
		return
	}
	ttl, err := strconv.Atoi(r.Header.Get(ttlHeader))
	if err != nil || ttl < 1 || ttl > maxTTL {
		fail(w, http.StatusBadRequest)
		return
	}
	s.limitHops(r, m.HopLimit)
	raw := make([]byte, expiryLen+nonceLen, expiryLen+nonceLen+codeLen)
	binary.BigEndian.PutUint64(raw, uint64(s.o.Now().Add(time.Duration(ttl)*time.Second).Unix()))
	_, _ = rand.Read(raw[expiryLen:])
	raw = append(raw, s.code(raw, m.InstanceID)...)
	w.Header().Set(ttlHeader, strconv.Itoa(ttl))
	write(w, base64.URLEncoding.EncodeToString(raw))
}

// check returns the seconds that a token is still good for, and whether it is.
func (s *Server) check(token string, m spec.Metadata) (int, bool) {
	raw, err := base64.URLEncoding.DecodeString(token)
	if err != nil || len(raw) != expiryLen+nonceLen+codeLen {
		return 0, false
	}
	if !hmac.Equal(raw[expiryLen+nonceLen:], s.code(raw[:expiryLen+nonceLen], m.InstanceID)) {
		return 0, false
	}
	left := int64(binary.BigEndian.Uint64(raw)) - s.o.Now().Unix()
	return int(left), left > 0
}

func (s *Server) code(head []byte, instanceID string) []byte {
	h := hmac.New(sha256.New, s.key[:])
	_, _ = h.Write(head) // a hash never fails
	_, _ = h.Write([]byte(instanceID))
	return h.Sum(nil)[:codeLen]
}
