package app

import (
	crand "crypto/rand"
	"math/rand/v2"

	"github.com/musubi-net/musubi/internal/cloud"
)

// ids is a cloud.IDSource: a stream that its seed decides.
type ids struct{ r *rand.Rand }

// newIDs returns a source with a fresh seed from the kernel.
func newIDs() cloud.IDSource {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // never fails: it ends the program instead
	return ids{rand.New(rand.NewChaCha8(seed))}
}

func (s ids) pick(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[s.r.IntN(len(alphabet))]
	}
	return string(b)
}

func (s ids) Hex(n int) string   { return s.pick("0123456789abcdef", n) }
func (s ids) Alnum(n int) string { return s.pick("abcdefghijklmnopqrstuvwxyz0123456789", n) }
func (s ids) Upper(n int) string { return s.pick("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", n) }
