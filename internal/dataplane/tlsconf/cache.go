package tlsconf

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"sync"
	"weak"

	"github.com/musubi-net/musubi/internal/spec"
)

// Cache makes configurations and parses certificates once, as long as somebody
// uses them. Its zero value is ready; it is safe for concurrent use.
type Cache struct {
	mu           sync.Mutex
	configs      kept[tls.Config]
	certificates kept[certificate]
}

// Server is the function Server; for the same settings it returns the same
// configuration while that is in use, so that session tickets stay good.
func (c *Cache) Server(s *spec.TLSSettings, alpn []string) (*tls.Config, error) {
	key, err := digest(struct {
		S *spec.TLSSettings
		A []string
	}{s, alpn})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.configs.get(key, func() (*tls.Config, error) {
		return server(s, alpn, func(k spec.Certificate) (*certificate, error) {
			key, err := digest(k)
			if err != nil {
				return nil, err
			}
			return c.certificates.get(key, func() (*certificate, error) { return parse(k) })
		})
	})
}

func digest(v any) ([sha256.Size]byte, error) {
	b, err := json.Marshal(v)
	return sha256.Sum256(b), err
}

// kept holds values by digest that somebody else keeps alive.
type kept[T any] struct {
	m map[[sha256.Size]byte]weak.Pointer[T]
}

func (k *kept[T]) get(key [sha256.Size]byte, build func() (*T, error)) (*T, error) {
	if v := k.m[key].Value(); v != nil {
		return v, nil
	}
	v, err := build()
	if err != nil {
		return nil, err
	}
	for old, p := range k.m {
		if p.Value() == nil {
			delete(k.m, old)
		}
	}
	if k.m == nil {
		k.m = map[[sha256.Size]byte]weak.Pointer[T]{}
	}
	k.m[key] = weak.Make(v)
	return v, nil
}
