package tree

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// entry is a shorthand for a file of an archive.
type entry struct {
	kind       byte
	name, link string
	text       string
	mode       int64
	xattrs     map[string]string
}

func archive(t *testing.T, entries ...entry) io.Reader {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if e.mode == 0 {
			e.mode = 0o755
		}
		h := &tar.Header{Typeflag: e.kind, Name: e.name, Linkname: e.link, Size: int64(len(e.text)), Mode: e.mode,
			ModTime: time.Unix(1700000000, 0), Uid: os.Getuid(), Gid: os.Getgid(), PAXRecords: e.xattrs}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

const (
	file, dir, symlink, hard = tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeLink
)

// listing is what is below a directory: names, and the content or target.
func listing(t *testing.T, at string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(at, func(path string, e os.DirEntry, err error) error {
		name, _ := filepath.Rel(at, path)
		switch {
		case err != nil:
			return err
		case name == ".":
			return nil
		case e.Type()&os.ModeSymlink != 0:
			target, err := os.Readlink(path)
			out = append(out, name+" -> "+target)
			return err
		case e.Type().IsRegular():
			text, err := os.ReadFile(path)
			out = append(out, name+": "+string(text))
			return err
		}
		out = append(out, name+" "+e.Type().String()[:1])
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestExtractLayers(t *testing.T) {
	for _, c := range []struct {
		name   string
		layers [][]entry
		want   []string
	}{
		{"plain", [][]entry{{{dir, "a/", "", "", 0, nil}, {file, "a/b", "", "x", 0, nil}, {symlink, "l", "/a/b", "", 0, nil}, {hard, "h", "a/b", "", 0, nil}}},
			[]string{"a d", "a/b: x", "h: x", "l -> /a/b"}},
		{"missing directories", [][]entry{{{file, "a/b/c", "", "x", 0, nil}}}, []string{"a d", "a/b d", "a/b/c: x"}},
		{"whiteout", [][]entry{{{file, "a/b", "", "x", 0, nil}, {file, "a/c", "", "y", 0, nil}}, {{file, "a/.wh.b", "", "", 0, nil}}}, []string{"a d", "a/c: y"}},
		{"whiteout of a directory", [][]entry{{{file, "a/b", "", "x", 0, nil}}, {{file, ".wh.a", "", "", 0, nil}}}, nil},
		{"opaque", [][]entry{{{file, "a/b", "", "x", 0, nil}, {file, "a/c/d", "", "x", 0, nil}},
			{{dir, "a/", "", "", 0, nil}, {file, "a/new", "", "n", 0, nil}, {file, "a/.wh..wh..opq", "", "", 0, nil}}}, []string{"a d", "a/new: n"}},
		{"a directory takes a link's place", [][]entry{{{symlink, "a", "/etc", "", 0, nil}}, {{dir, "a/", "", "", 0, nil}, {file, "a/b", "", "x", 0, nil}}}, []string{"a d", "a/b: x"}},
		{"a file takes a directory's place", [][]entry{{{file, "a/b", "", "x", 0, nil}}, {{file, "a", "", "y", 0, nil}}}, []string{"a: y"}},
		{"through a link of a lower layer", [][]entry{{{dir, "usr/bin/", "", "", 0, nil}, {symlink, "bin", "/usr/bin", "", 0, nil}}, {{file, "bin/sh", "", "x", 0, nil}}},
			[]string{"bin -> /usr/bin", "usr d", "usr/bin d", "usr/bin/sh: x"}},
		{"names that lead out", [][]entry{{{file, "../../up", "", "x", 0, nil}, {file, "/abs", "", "y", 0, nil}, {file, "a/../../b", "", "z", 0, nil}}},
			[]string{"abs: y", "b: z", "up: x"}},
		{"devices", [][]entry{{{tar.TypeBlock, "sda", "", "", 0, nil}, {tar.TypeChar, "null", "", "", 0, nil}, {tar.TypeFifo, "pipe", "", "", 0, nil}}}, []string{"pipe p"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := t.TempDir()
			for _, l := range c.layers {
				if err := Extract(t.Context(), at, archive(t, l...), Layer); err != nil {
					t.Fatal(err)
				}
			}
			if got := listing(t, at); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestExtractHostile: nothing outside the directory is read, written or linked.
func TestExtractHostile(t *testing.T) {
	outside := t.TempDir()
	if err := os.WriteFile(outside+"/secret", []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, entries := range map[string][]entry{
		"file through a link":        {{symlink, "a", outside, "", 0, nil}, {file, "a/new", "", "x", 0, nil}},
		"file through a link of ..":  {{symlink, "a", "../../../../../../../.." + outside, "", 0, nil}, {file, "a/new", "", "x", 0, nil}},
		"over a link":                {{symlink, "a", outside + "/secret", "", 0, nil}, {file, "a", "", "x", 0, nil}},
		"hard link to an outsider":   {{hard, "a", outside + "/secret", "", 0, nil}},
		"hard link through a link":   {{symlink, "l", outside, "", 0, nil}, {hard, "a", "l/secret", "", 0, nil}, {file, "a", "", "x", 0, nil}},
		"whiteout through a link":    {{symlink, "a", outside, "", 0, nil}, {file, "a/.wh.secret", "", "", 0, nil}},
		"opaque through a link":      {{symlink, "a", outside, "", 0, nil}, {file, "a/.wh..wh..opq", "", "", 0, nil}},
		"mode through a link":        {{symlink, "a", outside, "", 0, nil}, {dir, "a/", "", "", 0o777, nil}},
		"magic link":                 {{symlink, "a", "/proc/self/root" + outside, "", 0, nil}, {file, "a/new", "", "x", 0, nil}},
		"whiteout of the upper":      {{file, ".wh...", "", "", 0, nil}, {file, "x/.wh..", "", "", 0, nil}},
		"name in the way is a file":  {{file, "a", "", "x", 0, nil}, {file, "a/b", "", "x", 0, nil}},
		"a link to itself as parent": {{symlink, "a", "a", "", 0, nil}, {file, "a/b", "", "x", 0, nil}},
	} {
		t.Run(name, func(t *testing.T) {
			at := t.TempDir()
			_ = Extract(t.Context(), at, archive(t, entries...), Layer) // whether it is refused or kept inside
			if got := listing(t, outside); !slices.Equal(got, []string{"secret: secret"}) {
				t.Errorf("outside: %q", got)
			}
			if info, err := os.Stat(outside + "/secret"); err != nil || info.Sys() == nil || info.Mode().Perm() != 0o600 {
				t.Errorf("outside: %v, %v", info, err)
			}
			for _, line := range listing(t, at) {
				if strings.HasSuffix(line, ": secret") {
					t.Errorf("inside: %s", line)
				}
			}
		})
	}
}

func TestExtractAttributes(t *testing.T) {
	at := t.TempDir()
	attrs := map[string]string{"SCHILY.xattr.user.mine": "1", "SCHILY.xattr.user.overlay.opaque": "y", "SCHILY.xattr.user.overlay.redirect": "/etc",
		"SCHILY.xattr.security.capability": "x"}
	if err := Extract(t.Context(), at, archive(t, entry{file, "su", "", "x", 0o4755, nil}, entry{dir, "d/", "", "", 0o1777, attrs}), Layer); err != nil {
		t.Fatal(err)
	}
	var s, d unix.Stat_t
	if err := errors.Join(unix.Stat(at+"/su", &s), unix.Stat(at+"/d", &d)); err != nil {
		t.Fatal(err)
	}
	if s.Mode&0o7777 != 0o4755 || s.Mtim.Sec != 1700000000 || d.Mode&0o7777 != 0o1777 || d.Mtim.Sec != 1700000000 {
		t.Errorf("modes %o and %o, times %d and %d", s.Mode, d.Mode, s.Mtim.Sec, d.Mtim.Sec)
	}
	list := make([]byte, 1024)
	if n, err := unix.Listxattr(at+"/d", list); err == nil && n > 0 && string(list[:n]) != "user.mine\x00" {
		t.Errorf("attributes %q", list[:n])
	}
}

func TestPack(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	for _, err := range []error{
		os.MkdirAll(from+"/over/root/dir", 0o755), os.MkdirAll(from+"/over/root.work/w", 0o755),
		os.WriteFile(from+"/over/root/dir/a", append([]byte("text"), make([]byte, 1<<20)...), 0o640), os.Link(from+"/over/root/dir/a", from+"/over/root/b"),
		os.Symlink("/etc/passwd", from+"/over/root/link"), unix.Mknod(from+"/over/root/gone", unix.S_IFCHR, 0),
		unix.Mkfifo(from+"/pipe", 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	xattr := unix.Setxattr(from+"/over/root/dir", opaqueXattr, []byte("y"), 0)
	var b bytes.Buffer
	o := PackOptions{Label: "i-1", LargestFile: 2 << 20, Skip: func(name string) bool { return strings.HasSuffix(name, ".work") }}
	if err := Pack(t.Context(), &b, from, o); err != nil {
		t.Fatal(err)
	}
	if err := Extract(t.Context(), to, &b, Disk); err != nil {
		t.Fatal(err)
	}
	var a, c, gone unix.Stat_t
	err := errors.Join(unix.Lstat(to+"/over/root/dir/a", &a), unix.Lstat(to+"/over/root/b", &c), unix.Lstat(to+"/over/root/gone", &gone))
	if err != nil || a.Ino != c.Ino || a.Size != 1<<20+4 || a.Blocks > 64 || a.Mode&0o777 != 0o640 {
		t.Errorf("files: %v, %+v", err, a)
	}
	if gone.Mode&unix.S_IFMT != unix.S_IFCHR || gone.Rdev != 0 {
		t.Errorf("whiteout: %+v", gone)
	}
	if _, err := os.Lstat(to + "/over/root.work"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("skipped: %v", err)
	}
	value := make([]byte, 8)
	if n, err := unix.Getxattr(to+"/over/root/dir", opaqueXattr, value); xattr == nil && (err != nil || string(value[:n]) != "y") {
		t.Errorf("opaque: %v %q", err, value)
	}
	if err := os.Truncate(from+"/over/root/b", 1<<40); err != nil {
		t.Fatal(err)
	}
	if err := Pack(t.Context(), io.Discard, from, o); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a file of a terabyte: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Pack(ended, io.Discard, from, o); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestIDs(t *testing.T) {
	single := idMap{{0, 1}}
	many := idMap{{0, 1}, {1, 65535}}
	few := idMap{{0, 1}, {1, 2000}}
	for _, c := range []struct {
		m        idMap
		id, want int
	}{{single, 0, 0}, {single, 1000, 0}, {many, 1000, 1000}, {many, 70000, nobody}, {few, 3000, 0}, {few, 2000, 2000}, {many, -1, nobody}} {
		if got := c.m.id(c.id); got != c.want {
			t.Errorf("%v: %d is %d, want %d", c.m, c.id, got, c.want)
		}
	}
}

// swap puts a link in the place of a directory once that was written.
type swap struct {
	bytes.Buffer
	dir, target string
}

func (s *swap) Write(b []byte) (int, error) {
	if s.target != "" && bytes.HasPrefix(b, []byte("dir/\x00")) {
		if err := errors.Join(os.RemoveAll(s.dir), os.Symlink(s.target, s.dir)); err != nil {
			return 0, err
		}
		s.target = ""
	}
	return s.Buffer.Write(b)
}

// Who changes the tree meanwhile can not have what is outside packed.
func TestPackSwapped(t *testing.T) {
	from, outside, to := t.TempDir(), t.TempDir(), t.TempDir()
	if err := errors.Join(os.Mkdir(from+"/dir", 0o755), os.WriteFile(from+"/dir/secret", []byte("mine"), 0o600),
		os.WriteFile(outside+"/secret", []byte("of the host"), 0o600)); err != nil {
		t.Fatal(err)
	}
	w := &swap{dir: from + "/dir", target: outside}
	if err := Pack(t.Context(), w, from, PackOptions{}); err != nil || w.target != "" {
		t.Fatal(err, w.target)
	}
	if err := Extract(t.Context(), to, &w.Buffer, Disk); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(to + "/dir/secret"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("packed %q, %v", text, err)
	}
}
