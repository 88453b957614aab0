package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestObjects(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "s3", "bucket", "a"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"s3/bucket/a/ca.pem": "bundle", "secret": "secret"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "secret"), filepath.Join(dir, "s3", "bucket", "link")); err != nil {
		t.Fatal(err)
	}
	read := objectsIn(filepath.Join(dir, "s3"))
	if data, err := read("bucket", "a/ca.pem"); err != nil || string(data) != "bundle" {
		t.Errorf("got %q, %v", data, err)
	}
	for _, key := range []string{"a/none.pem", "a"} {
		if _, err := read("bucket", key); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", key, err)
		}
	}
	for _, key := range []string{"../../secret", "link"} {
		if data, err := read("bucket", key); err == nil {
			t.Errorf("%s led to %q", key, data)
		}
	}
	if _, err := objectsIn(filepath.Join(dir, "none"))("bucket", "key"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
}
