package ca

import (
	"bytes"
	"testing"
	"time"
)

func TestSecret(t *testing.T) {
	dir := t.TempDir()
	secret := func(purpose string) []byte {
		t.Helper()
		a, err := Open(dir, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		s, err := a.Secret(purpose, 32)
		if err != nil || len(s) != 32 {
			t.Fatalf("%d bytes, %v", len(s), err)
		}
		return s
	}
	if !bytes.Equal(secret("cookies"), secret("cookies")) {
		t.Error("the secret does not survive the authority's being opened again")
	}
	if bytes.Equal(secret("cookies"), secret("others")) {
		t.Error("two purposes share a secret")
	}
}
