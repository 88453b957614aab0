package app

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPutObject(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s3")
	if err := putObject(dir, "bucket", "a/b/session.log", []byte("text")); err != nil {
		t.Fatal(err)
	}
	if got, err := objectsIn(dir)("bucket", "a/b/session.log"); err != nil || string(got) != "text" {
		t.Errorf("got %q %v", got, err)
	}
	if err := os.Symlink(t.TempDir(), filepath.Join(dir, "bucket", "out")); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{{"..", "x"}, {".", "x"}, {"a/b", "x"}, {"bucket", "../../x"}, {"bucket", "out/x"}, {"", "x"}} {
		if err := putObject(dir, c[0], c[1], nil); err == nil {
			t.Errorf("%v was written", c)
		}
	}
}
