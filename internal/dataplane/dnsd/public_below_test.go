package dnsd

import (
	"net/netip"
	"testing"

	"github.com/musubi-net/musubi/internal/spec"
)

// TestNamesBelow: a name with "*" stands for all names below, however deep, but not
// below a name that exists.
func TestNamesBelow(t *testing.T) {
	p, a, b := NewPublic(), netip.MustParseAddr("198.18.0.131"), netip.MustParseAddr("198.18.0.132")
	if err := p.Set("aws", &spec.Public{Names: map[string][]netip.Addr{"s3.example.com.": {a}, "*.s3.example.com.": {b}, "x.s3.example.com.": {a}}}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]netip.Addr{
		"s3.example.com.": a, "bucket.s3.example.com.": b, "a.bucket.s3.example.com.": b, "x.s3.example.com.": a, "y.x.s3.example.com.": {},
		"example.com.": {}, "ss3.example.com.": {}, ".": {},
	} {
		got, ok := p.lookup(name)
		if ok != want.IsValid() || ok && got[0] != want {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
	if err := p.Set("aws", nil); err != nil {
		t.Fatal(err)
	}
	if _, ok := p.lookup("bucket.s3.example.com."); ok {
		t.Error("still there")
	}
}
