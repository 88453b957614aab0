package sticky

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"
)

// Codec encrypts and decrypts cookies. Any number of goroutines may use it.
type Codec struct {
	aead cipher.AEAD
	now  func() time.Time
}

// KeySize is how long keys are.
const KeySize = 32

// New makes a codec with a key of KeySize bytes.
func New(key []byte, now func() time.Time) (*Codec, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("a cookie key has %d bytes, not %d", KeySize, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &Codec{aead: aead, now: now}, nil
}

// entry is one thing that a cookie remembers.
type entry struct {
	until         int64 // seconds
	group, target string
}

func (e entry) live(now time.Time) bool { return now.Unix() < e.until }

// purposes keep a cookie of one kind from being taken for another.
const (
	forTarget = "AWSALB"
	forApp    = "AWSALBAPP"
	forGroup  = "AWSALBTG"
)

// maxValue is more than any cookie of ours is long.
const maxValue = 16 << 10

func (c *Codec) seal(purpose string, entries ...entry) string {
	b := make([]byte, 0, 256)
	for _, e := range entries {
		b = binary.AppendUvarint(b, uint64(e.until))
		b = appendText(appendText(b, e.group), e.target)
	}
	return base64.StdEncoding.EncodeToString(c.aead.Seal(nil, nil, b, []byte(purpose)))
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// open returns what a value holds and is not over.
func (c *Codec) open(purpose, value string) []entry {
	if value == "" || len(value) > maxValue {
		return nil
	}
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return nil
	}
	b, err := c.aead.Open(nil, nil, raw, []byte(purpose))
	if err != nil {
		return nil
	}
	var out []entry
	for now := c.now(); len(b) > 0; {
		e, rest, ok := readEntry(b)
		if !ok {
			return nil
		}
		if b = rest; e.live(now) {
			out = append(out, e)
		}
	}
	return out
}

func readEntry(b []byte) (e entry, rest []byte, ok bool) {
	until, n := binary.Uvarint(b)
	if n <= 0 {
		return e, nil, false
	}
	e.until, b = int64(until), b[n:]
	if e.group, b, ok = readText(b); !ok {
		return e, nil, false
	}
	e.target, b, ok = readText(b)
	return e, b, ok
}

func readText(b []byte) (string, []byte, bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return "", nil, false
	}
	end := n + int(size)
	return string(b[n:end]), b[end:], true
}
