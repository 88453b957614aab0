package images

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"log"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/musubi-net/musubi/internal/spec"
)

// rootTarOf is a tar of files, by name.
func rootTarOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text := files[name]
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// imageOf is an image of one layer for each text, which is the file /text.
func imageOf(t *testing.T, arch string, config v1.Config, texts ...string) v1.Image {
	t.Helper()
	img := empty.Image
	for _, text := range texts {
		content := rootTarOf(t, map[string]string{"text": text, "of/" + text: text})
		l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil })
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.AppendLayers(img, l); err != nil {
			t.Fatal(err)
		}
	}
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c = c.DeepCopy()
	c.OS, c.Architecture, c.Config = "linux", arch, config
	if img, err = mutate.ConfigFile(img, c); err != nil {
		t.Fatal(err)
	}
	return img
}

func write(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// tarDir packs a directory as an OCI archive.
func tarDir(t *testing.T, dir, to string) string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		files[rel] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return write(t, to, rootTarOf(t, files))
}

func other() string {
	if runtime.GOARCH == "arm64" {
		return "amd64"
	}
	return "arm64"
}

// layoutOf makes an OCI layout of an index with images for both architectures.
func layoutOf(t *testing.T, dir string, archs ...string) string {
	t.Helper()
	var adds []mutate.IndexAddendum
	for _, a := range archs {
		adds = append(adds, mutate.IndexAddendum{Add: imageOf(t, a, v1.Config{Cmd: []string{"sh"}}, "for "+a),
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: a}}})
	}
	if _, err := layout.Write(dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: mutate.AppendManifests(empty.Index, adds...),
		Descriptor: v1.Descriptor{Annotations: map[string]string{nameAnnotation: "web:1"}}})); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestImport(t *testing.T) {
	tmp := t.TempDir()
	raw := rootTarOf(t, map[string]string{"text": "root"})
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(raw); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag("example.com/web:2")
	if err != nil {
		t.Fatal(err)
	}
	docker := tmp + "/docker.tar"
	config := v1.Config{Entrypoint: []string{"/web"}, Cmd: []string{"-p", "80"}, Env: []string{"A=b"}, WorkingDir: "/srv", User: "web"}
	if err := tarball.WriteToFile(docker, tag, imageOf(t, runtime.GOARCH, config, "lower", "upper")); err != nil {
		t.Fatal(err)
	}
	both := layoutOf(t, tmp+"/both", "amd64", "arm64")
	for _, c := range []struct{ file, name, text string }{
		{write(t, tmp+"/root.tar", raw), "root", "root"},
		{write(t, tmp+"/zipped.tar.gz", zipped.Bytes()), "zipped", "root"},
		{docker, "example.com/web:2", "upper"},
		{both, "web:1", "for " + runtime.GOARCH},
		{tarDir(t, both, tmp+"/oci.tar"), "web:1", "for " + runtime.GOARCH},
	} {
		t.Run(filepath.Base(c.file), func(t *testing.T) {
			dir := t.TempDir() + "/images"
			s := Open(dir)
			done := int64(0)
			i, err := s.Import(t.Context(), c.file, func(d, _ int64) { done = d })
			if err != nil {
				t.Fatal(err)
			}
			if i.Name != c.name || i.Architecture != runtime.GOARCH || done == 0 {
				t.Errorf("%+v, %d bytes", i, done)
			}
			if c.file == docker && (i.Program == nil || strings.Join(i.Program.Args, " ") != "/web -p 80" || i.Program.User != "web") {
				t.Errorf("program %+v", i.Program)
			}
			again, err := s.Import(t.Context(), c.file, nil)
			if all, e := s.List(); err != nil || e != nil || len(all) != 1 || again.Digest != i.Digest {
				t.Errorf("again: %v, %v, %v", all, err, e)
			}
			root := t.TempDir()
			if err := s.Unpack(t.Context(), i.Digest, root); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(root + "/text"); string(got) != c.text {
				t.Errorf("text %q, %v", got, err)
			}
			private(t, dir)
		})
	}
}

// private checks that nobody else can read the store, and that nothing half done
// is left in it.
func private(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
		if strings.HasPrefix(e.Name(), partial) {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func blobsOf(t *testing.T, layout string) []string {
	t.Helper()
	blobs, err := filepath.Glob(layout + "/blobs/sha256/*")
	if err != nil {
		t.Fatal(err)
	}
	return blobs
}

func TestImportRefuses(t *testing.T) {
	tmp := t.TempDir()
	damaged := layoutOf(t, tmp+"/damaged", runtime.GOARCH)
	for _, b := range blobsOf(t, damaged) {
		if text, err := os.ReadFile(b); err == nil && bytes.HasPrefix(text, []byte{0x1f, 0x8b}) {
			text[len(text)-1] ^= 1
			write(t, b, text)
		}
	}
	// The blobs that are no layers: index.json points at one, and that at the other.
	manifest, config := "", ""
	for _, b := range blobsOf(t, layoutOf(t, tmp+"/manifest", runtime.GOARCH)) {
		if text, err := os.ReadFile(b); err == nil && bytes.Contains(text, []byte(`"layers":[`)) {
			manifest = write(t, b, bytes.Replace(text, []byte(`"layers":[`), []byte(`"layers": [`), 1))
		}
	}
	for _, b := range blobsOf(t, layoutOf(t, tmp+"/config", runtime.GOARCH)) {
		if text, err := os.ReadFile(b); err == nil && bytes.Contains(text, []byte(`"rootfs":{`)) {
			config = write(t, b, bytes.Replace(text, []byte(`"rootfs":{`), []byte(`"rootfs": {`), 1))
		}
	}
	if manifest == "" || config == "" {
		t.Fatal("no manifest or no configuration was found")
	}
	two := tmp + "/two.tar"
	a, _ := name.NewTag("example.com/a:1")
	b, _ := name.NewTag("example.com/b:1")
	if err := tarball.MultiRefWriteToFile(two, map[name.Reference]v1.Image{
		a: imageOf(t, runtime.GOARCH, v1.Config{}, "a"), b: imageOf(t, runtime.GOARCH, v1.Config{}, "b")}); err != nil {
		t.Fatal(err)
	}
	good := rootTarOf(t, map[string]string{"text": strings.Repeat("x", 4096), "more": "y"})
	for _, c := range []struct{ file, want string }{
		{tmp + "/none", "no such file"},
		{write(t, tmp+"/text", []byte("this is no archive at all")), "neither a tar"},
		{write(t, tmp+"/empty", nil), "is an empty archive"},
		{write(t, tmp+"/short.tar", good[:2000]), "damaged tar"},
		{layoutOf(t, tmp+"/other", other()), "is not for this machine: it is for linux/" + other()},
		{t.TempDir(), "is not an OCI layout"},
		{damaged, "is damaged"},
		{tmp + "/manifest", "is damaged"},
		{tmp + "/config", "is damaged"},
		{two, "has 2 images"},
	} {
		dir := t.TempDir() + "/images"
		if _, err := Open(dir).Import(t.Context(), c.file, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", filepath.Base(c.file), err, c.want)
		}
		if _, err := os.Stat(dir); err == nil {
			private(t, dir)
		}
	}
}

func TestPull(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	push := func(ref string, i interface {
		Digest() (v1.Hash, error)
	}) {
		r, err := name.ParseReference(host+"/"+ref, name.Insecure)
		if err != nil {
			t.Fatal(err)
		}
		switch i := i.(type) {
		case v1.Image:
			err = remote.Write(r, i)
		case v1.ImageIndex:
			err = remote.WriteIndex(r, i)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	mine := imageOf(t, runtime.GOARCH, v1.Config{}, "mine")
	theirs := mutate.IndexAddendum{Add: imageOf(t, other(), v1.Config{}, "theirs"),
		Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: other()}}}
	push("plain:1", mine)
	push("foreign:1", imageOf(t, other(), v1.Config{}, "theirs"))
	push("many:1", mutate.AppendManifests(empty.Index, theirs, mutate.IndexAddendum{Add: mine, Descriptor: v1.Descriptor{Platform: new(machine())}}))
	push("none:1", mutate.AppendManifests(empty.Index, theirs))
	s := Open(t.TempDir() + "/images")
	want, err := mine.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"plain:1", "many:1"} {
		if i, err := s.Pull(t.Context(), host+"/"+ref, PullOptions{Insecure: true}); err != nil || i.Digest != want.String() || i.Name != host+"/"+ref {
			t.Errorf("%s: %+v, %v", ref, i, err)
		}
	}
	for ref, want := range map[string]string{
		host + "/foreign:1": "is not for this machine", host + "/none:1": "is for linux/" + other(), host + "/absent:1": "the registry has no such image",
		"UPPER": "is not a reference to an image",
	} {
		if _, err := s.Pull(t.Context(), ref, PullOptions{Insecure: true}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", ref, err, want)
		}
	}
}

// TestRemove: images share layers; what one alone has goes with it, and others
// may come and go meanwhile.
func TestRemove(t *testing.T) {
	tmp := t.TempDir()
	dir := tmp + "/images"
	files := map[string][]string{"one": {"base", "one"}, "two": {"base", "two"}, "three": {"three"}}
	digests := map[string]string{}
	var mu sync.Mutex
	var work sync.WaitGroup
	for n, texts := range files {
		file := tmp + "/" + n + ".tar"
		tag, _ := name.NewTag("example.com/" + n + ":1")
		if err := tarball.WriteToFile(file, tag, imageOf(t, runtime.GOARCH, v1.Config{}, texts...)); err != nil {
			t.Fatal(err)
		}
		work.Go(func() {
			i, err := Open(dir).Import(t.Context(), file, nil) // each as a program of its own
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			digests[n] = i.Digest
		})
	}
	work.Wait()
	s := Open(dir)
	blobs := func() int {
		all, err := filepath.Glob(dir + "/blobs/sha256/*")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if n := blobs(); n != 10 { // 4 layers, 3 configurations, 3 manifests
		t.Errorf("%d blobs", n)
	}
	write(t, dir+"/blobs/sha256/"+partial+"killed", []byte("half"))
	for n, left := range map[string]int{"one": 7} {
		if err := s.Remove(digests[n]); err != nil || blobs() != left {
			t.Errorf("without %s: %d blobs, %v", n, blobs(), err)
		}
	}
	if err := s.Unpack(t.Context(), digests["two"], t.TempDir()); err != nil {
		t.Error(err)
	}
	if _, err := s.Get(digests["one"]); !errors.Is(err, ErrUnknown) {
		t.Errorf("removed: %v", err)
	}
	for _, d := range []string{digests["two"], digests["three"], digests["three"], "sha256:none"} {
		if err := s.Remove(d); err != nil {
			t.Error(err)
		}
	}
	if n := blobs(); n != 0 {
		t.Errorf("%d blobs are left", n)
	}
}

func TestDisks(t *testing.T) {
	s := Open(t.TempDir() + "/images")
	digest, size, err := s.AddDisk(func(w io.Writer) error {
		_, err := w.Write(rootTarOf(t, map[string]string{"root/file": "kept"}))
		return err
	})
	if err != nil || size == 0 {
		t.Fatal(digest, size, err)
	}
	broken := errors.New("broken")
	if _, _, err := s.AddDisk(func(io.Writer) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("a disk that cannot be read: %v", err)
	}
	private(t, s.dir)
	file, err := s.Disk(digest)
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if err := RestoreDisk(t.Context(), file, to); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(to + "/root/file"); string(got) != "kept" {
		t.Errorf("content %q", got)
	}
	if err := os.WriteFile(filepath.Dir(file)+"/"+partial+"1", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.CleanDisks(func(d string) bool { return d == digest }); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("left: %q, %v", left, err)
	}
	if _, err := s.Disk(digest); err != nil {
		t.Errorf("in use: %v", err)
	}
	if err := s.CleanDisks(func(string) bool { return false }); err != nil {
		t.Error(err)
	}
	if _, err := s.Disk(digest); !errors.Is(err, ErrUnknown) {
		t.Errorf("of nobody: %v", err)
	}
	if err := errors.Join(s.RemoveDisk(digest), s.RemoveDisk(digest)); err != nil {
		t.Error(err)
	}
	if _, err := s.Disk(digest); !errors.Is(err, ErrUnknown) {
		t.Errorf("removed: %v", err)
	}
}

func TestProgram(t *testing.T) {
	for _, c := range []struct {
		entry, cmd []string
		want       string
	}{
		{nil, nil, ""}, {nil, []string{"/bin/sh"}, ""}, {nil, []string{"bash", "-l"}, ""}, {[]string{"/bin/sh"}, []string{"--login"}, ""},
		{nil, []string{"busybox", "sh"}, ""}, {nil, []string{"/lib/systemd/systemd"}, ""}, {nil, []string{"/sbin/init"}, ""},
		{[]string{"/bin/sh", "-c", "nginx"}, nil, "/bin/sh -c nginx"}, {nil, []string{"sh", "/run.sh"}, "sh /run.sh"},
		{[]string{"/web"}, []string{"-v"}, "/web -v"}, {nil, []string{"bash", "-lc", "x"}, "bash -lc x"}, {nil, []string{"busybox", "httpd"}, "busybox httpd"},
	} {
		p := program(v1.Config{Entrypoint: c.entry, Cmd: c.cmd})
		if p == nil {
			p = &spec.Program{}
		}
		if got := strings.Join(p.Args, " "); got != c.want {
			t.Errorf("%v %v: %q, want %q", c.entry, c.cmd, got, c.want)
		}
	}
}
