package e2e

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// entry is a file of an image; one with a link is a symbolic link.
type entry struct{ path, text, link string }

// archive is a tar of files.
func archive(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.path, Mode: 0o755, Size: int64(len(e.text))}
		if e.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
		}
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
	return b.Bytes()
}

// busyboxFiles are a root file system of busybox alone, with a file /made.
func busyboxFiles(t *testing.T, made string) []entry {
	t.Helper()
	program, err := os.ReadFile(busybox(t))
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(busybox(t), "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := []entry{{path: "bin/busybox", text: string(program)}, {path: "made", text: made}}
	for applet := range strings.FieldsSeq(string(out)) {
		if applet != "busybox" {
			files = append(files, entry{path: "bin/" + applet, link: "busybox"})
		}
	}
	return files
}

// containerImage is an image of one layer, for this machine unless the
// configuration names another architecture.
func containerImage(t *testing.T, c v1.ConfigFile, entries ...entry) v1.Image {
	t.Helper()
	layerOf := archive(t, entries...)
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layerOf)), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config = "linux", c.Architecture, c.Config
	if config.Architecture == "" {
		config.Architecture = runtime.GOARCH
	}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

// dockerSave writes an image as docker save does, and returns the file.
func (m *musubi) dockerSave(img v1.Image, tag string) string {
	m.t.Helper()
	ref, err := name.NewTag(tag)
	if err != nil {
		m.t.Fatal(err)
	}
	file := filepath.Join(m.home, strings.NewReplacer("/", "-", ":", "-").Replace(tag)+".tar")
	if err := tarball.WriteToFile(file, ref, img); err != nil {
		m.t.Fatal(err)
	}
	return file
}

// ociLayout writes an image as an OCI layout, and returns the directory.
func (m *musubi) ociLayout(img v1.Image, called string) string {
	m.t.Helper()
	dir := filepath.Join(m.home, called)
	l, err := layout.Write(dir, empty.Index)
	if err != nil {
		m.t.Fatal(err)
	}
	if err := l.AppendImage(img); err != nil {
		m.t.Fatal(err)
	}
	return dir
}

// importImage is musubi image import, which prints an AMI's id alone.
func (m *musubi) importImage(args ...string) string {
	m.t.Helper()
	return amiID(m, m.must(append([]string{"image", "import"}, args...)...))
}

func amiID(m *musubi, out string) string {
	m.t.Helper()
	id := strings.TrimSuffix(out, "\n")
	if !strings.HasPrefix(id, "ami-") || len(id) != len("ami-0123456789abcdef0") {
		m.t.Fatalf("no AMI's id alone: %q", out)
	}
	return id
}

// stored are the files of the store of images, but for those that are there when
// it is empty.
func (m *musubi) stored() []string {
	m.t.Helper()
	var out []string
	root := filepath.Join(m.dir, "images")
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch rel, _ := filepath.Rel(root, path); rel {
		case "lock", "index.json", "oci-layout":
		default:
			out = append(out, rel)
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		m.t.Fatal(err)
	}
	return out
}
