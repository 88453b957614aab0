package supervisor

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/musubi-net/musubi/internal/guest/images"
	"github.com/musubi-net/musubi/internal/spec"
)

// rootMaker collects the files of an image.
type rootMaker struct {
	t    *testing.T
	have map[string]bool
	b    bytes.Buffer
	w    *tar.Writer
}

func newRoot(t *testing.T) *rootMaker {
	r := &rootMaker{t: t, have: map[string]bool{}}
	r.w = tar.NewWriter(&r.b)
	return r
}

func (r *rootMaker) add(h tar.Header, text string) {
	r.t.Helper()
	h.Size = int64(len(text))
	if h.Mode == 0 {
		h.Mode = 0o755
	}
	if err := r.w.WriteHeader(&h); err != nil {
		r.t.Fatal(err)
	}
	if _, err := io.WriteString(r.w, text); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rootMaker) file(name, text string) { r.add(tar.Header{Name: name}, text) }

// program adds one of the host's programs, with the libraries that it needs.
func (r *rootMaker) program(name, from string) {
	r.t.Helper()
	if r.have[name] {
		return
	}
	r.have[name] = true
	text, err := os.ReadFile(from)
	if err != nil {
		r.t.Fatal(err)
	}
	r.file(name, string(text))
	r.needs(from)
}

// needs adds the dynamic linker and the libraries of a program.
func (r *rootMaker) needs(from string) {
	r.t.Helper()
	f, err := elf.Open(from)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			name, err := io.ReadAll(p.Open())
			if err != nil {
				r.t.Fatal(err)
			}
			linker := strings.TrimRight(string(name), "\x00")
			r.program(linker[1:], linker)
		}
	}
	libraries, err := f.ImportedLibraries()
	if err != nil {
		return // it is linked statically
	}
	for _, l := range libraries {
		for _, pattern := range []string{"/lib64/", "/usr/lib64/", "/lib/*-linux-gnu/", "/usr/lib/", "/lib/"} {
			if found, _ := filepath.Glob(pattern + l); len(found) > 0 {
				r.program("lib64/"+l, found[0])
				r.library(l)
				break
			}
		}
	}
}

// library links a library to where the linkers of Debian look.
func (r *rootMaker) library(l string) {
	triple := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[runtime.GOARCH]
	if at := "lib/" + triple + "/" + l; !r.have[at] {
		r.have[at] = true
		r.add(tar.Header{Typeflag: tar.TypeSymlink, Name: at, Linkname: "/lib64/" + l}, "")
	}
}

// shell adds a shell and a few programs.
func (r *rootMaker) shell() {
	r.t.Helper()
	for _, name := range []string{"sh", "cat", "ls", "id", "rm", "mkdir", "ln", "stat", "dd", "readlink", "chmod", "sleep", "hostname"} {
		path, err := exec.LookPath(name)
		if err != nil {
			r.t.Skipf("the host has no %s", name)
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			r.t.Fatal(err)
		}
		r.program("bin/"+name, path)
	}
}

// store imports the image into the lab's store and returns its digest.
func (r *rootMaker) store(l *lab, config v1.Config) string {
	r.t.Helper()
	r.needs("/proc/self/exe") // tests are not linked statically
	if err := r.w.Close(); err != nil {
		r.t.Fatal(err)
	}
	// Compressing takes long under the race detector, and the store does not mind.
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.b.Bytes())), nil },
		tarball.WithCompressionLevel(gzip.NoCompression))
	if err != nil {
		r.t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		r.t.Fatal(err)
	}
	c, err := img.ConfigFile()
	if err != nil {
		r.t.Fatal(err)
	}
	c = c.DeepCopy()
	c.OS, c.Architecture, c.Config = "linux", runtime.GOARCH, config
	if img, err = mutate.ConfigFile(img, c); err != nil {
		r.t.Fatal(err)
	}
	file := r.t.TempDir() + "/image.tar"
	if err := tarball.WriteToFile(file, name.MustParseReference("example.com/image:1"), img); err != nil {
		r.t.Fatal(err)
	}
	i, err := images.Open(l.dir+"/"+images.Dir).Import(l.ctx, file, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return i.Digest
}

func TestImages(t *testing.T) {
	asOrdinaryUser(t)
	l := newLab(t)
	t.Run("root", func(t *testing.T) { imageTests(t, l) })
	t.Run("hostile", func(t *testing.T) { hostileTests(t, l) })
	t.Run("without a shell", func(t *testing.T) { bareTests(t, l) })
	t.Run("snapshot", func(t *testing.T) { snapshotTests(t, l) })
	t.Run("refused", func(t *testing.T) { refusedTests(t, l) })
}

func imageTests(t *testing.T, l *lab) {
	r := newRoot(t)
	r.shell()
	const own = "-----BEGIN CERTIFICATE-----\nimage's own\n-----END CERTIFICATE-----\n"
	r.file("etc/ssl/cert.pem", own)
	r.file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nweb:x:101:101::/srv:/bin/sh\ntaken:x:1000:1000::/:/bin/sh\n")
	r.file("etc/group", "root:x:0:\nweb:x:101:\n")
	r.add(tar.Header{Name: "srv/owned", Uid: 101, Gid: 101, Mode: 0o640}, "")
	r.add(tar.Header{Typeflag: tar.TypeSymlink, Name: "etc/resolv.conf", Linkname: "/run/systemd/resolve/stub-resolv.conf"}, "")
	r.add(tar.Header{Typeflag: tar.TypeSymlink, Name: "sbin", Linkname: "/bin"}, "")
	r.file("bin/reboot", "the image's own")
	digest := r.store(l, v1.Config{
		Entrypoint: []string{"/bin/sh", "-c", `echo "$0|$1|$GREETING|$(id -u)|$(readlink /proc/self/cwd)" >/tmp/ran; exec sleep 1000`},
		Cmd:        []string{"a b", "$HOME\nline"}, Env: []string{"GREETING=hello 'you'", "PATH=/bin"}, WorkingDir: "/srv", User: "web",
	})
	g := newGuest("i-image", "#!/bin/sh\necho from user data >/root/ud\n")
	g.Image, g.Trust = digest, "-----BEGIN CERTIFICATE-----\nthis cloud\n-----END CERTIFICATE-----\n"
	g.Limits.DiskBytes = 16 << 20
	l.must("start", g, nil)
	l.sh("i-image", "cloud-init status --wait")
	l.sh("i-image", "while ! [ -s /tmp/ran ]; do sleep 0.05; done")
	ran := l.sh("i-image", "cat /tmp/ran")
	if want := "a b|$HOME\nline|hello 'you'|"; !strings.HasPrefix(ran, want) || !strings.HasSuffix(ran, "|/srv\n") {
		t.Errorf("the program: %q, want %q…", ran, want)
	}
	for script, want := range map[string]string{
		"cat /root/ud":                "from user data\n",
		"hostname; cat /etc/hostname": strings.Repeat(g.Hostname+"\n", 2),
		"cat /etc/ssl/cert.pem":       own + g.Trust,
		"cat $AWS_CA_BUNDLE":          own + g.Trust,
		"stat -c %F /etc/resolv.conf": "regular empty file\n",
		"systemctl is-active image; systemctl stop image; systemctl is-active image":                                           "active\ninactive\n",
		"readlink /bin/reboot /usr/local/bin/systemctl":                                                                        strings.Repeat("/usr/lib/musubi/guest\n", 2),
		"ls /usr/local/bin/dnf /usr/bin/curl 2>/dev/null":                                                                      "",
		"while read l; do case $l in ec2-user:*) echo $l;; esac; done </etc/passwd":                                            "ec2-user:x:1001",
		"dd if=/dev/zero of=/fill bs=1M count=64 2>&1 | while read l; do case $l in *space*) echo full;; esac; done; rm /fill": "full\n",
	} {
		if _, got := l.run("i-image", "", "sh", "-c", script); got != want && (want == "" || !strings.HasPrefix(want, "ec2") || !strings.HasPrefix(got, want)) {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
	l.sh("i-image", "echo changed >/etc/passwd; rm /etc/group")
	// Another guest of the same image has its own disk over the same root.
	other := newGuest("i-other", "")
	other.Image = digest
	l.must("start", other, nil)
	if got := l.sh("i-other", "cat /etc/group; ls /root"); !strings.Contains(got, "web:x:101:") || strings.Contains(got, "ud") {
		t.Errorf("another guest: %q", got)
	}
	l.must("stop", g, nil)
	g.Boot = 2
	l.must("start", g, nil)
	if got := l.sh("i-image", "cat /etc/passwd; cat /root/ud"); got != "changed\nfrom user data\n" {
		t.Errorf("after stop and start: %q", got)
	}
	l.must("remove", g, nil)
	l.must("remove", other, nil)
}

// hostileTests: what an image, or a guest's root before a reboot, leaves in the
// place of what is written at boot leads nowhere outside.
func hostileTests(t *testing.T, l *lab) {
	r := newRoot(t)
	r.shell()
	for _, name := range []string{"etc", "usr/lib/musubi", "proc", "dev", "run", "tmp", "root", "var/lib", "home"} {
		r.add(tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: "/run/musubi/state"}, "")
	}
	r.add(tar.Header{Typeflag: tar.TypeSymlink, Name: "usr/local", Linkname: "../../../../../run/musubi/state"}, "")
	g := newGuest("i-hostile", "")
	g.Image = r.store(l, v1.Config{})
	before := names(t, l.dir)
	l.must("start", g, nil)
	l.sh("i-hostile", "cat /etc/hostname; cat /usr/local/bin/systemctl >/dev/null")
	l.must("remove", g, nil)
	plain := newGuest("i-plain", "")
	l.must("start", plain, nil)
	l.sh("i-plain", "rm -rf /etc && ln -s /run/musubi/state /etc && mv /usr/local /usr/local2 && ln -s /run/musubi/state /usr/local && "+
		"mv /usr/lib/systemd /usr/lib/systemd2; ln -s /run/musubi/state /usr/lib/systemd; ln -s /run/musubi/state /var/www2")
	l.must("stop", plain, nil)
	plain.Boot = 2
	_ = l.order("start", plain, nil) // whether it boots is its own affair
	l.must("remove", plain, nil)
	if after := names(t, l.dir); !slices.Equal(before, after) {
		t.Errorf("the state directory had %q, and has %q", before, after)
	}
}

// names lists a directory, but for what a running Musubi has there itself.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// bareTests: an image of one program, without a shell or anything else.
func bareTests(t *testing.T, l *lab) {
	r := newRoot(t)
	for _, name := range []string{"cat", "sleep"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Skip(err)
		}
		r.program(name, path)
	}
	g := newGuest("i-bare", "")
	g.Image = r.store(l, v1.Config{Cmd: []string{"/cat", "/etc/hostname"}})
	l.must("start", g, nil)
	if code, got := l.run("i-bare", "", "/cat", "/etc/hostname"); code != 0 || got != g.Hostname+"\n" {
		t.Errorf("exec: %d, %q", code, got)
	}
	for { // the context of the lab ends this
		var console []byte
		l.must("console", g, &console)
		if strings.Contains(string(console), "image[") && strings.Contains(string(console), g.Hostname+"\n") {
			break
		}
		l.run("i-bare", "", "/sleep", "0.05")
	}
	l.must("remove", g, nil)
}

// snapshotTests: a guest begins with what another wrote.
func snapshotTests(t *testing.T, l *lab) {
	r := newRoot(t)
	r.shell()
	r.file("srv/old/file", "old\n")
	r.file("gone", "gone\n")
	image := r.store(l, v1.Config{})
	for _, digest := range []string{image, ""} {
		t.Run("image "+digest[:min(len(digest), 6)], func(t *testing.T) {
			first := newGuest("i-first", "#!/bin/sh\necho ran >>/root/runs\n")
			first.Image = digest
			l.must("start", first, nil)
			l.sh("i-first", "cloud-init status --wait; echo kept >/root/kept; ln /root/kept /root/hard; ln -s kept /root/link; mkdir -p /etc/ssh; "+
				"echo key >/etc/ssh/ssh_host_rsa_key; echo conf >/etc/ssh/sshd_config; echo kept >/usr/bin/kept; chmod 4711 /usr/bin/kept")
			if digest != "" {
				l.sh("i-first", "rm /gone; rm -r /srv/old; mkdir /srv/old; echo new >/srv/old/new")
			}
			for _, state := range []string{"running", "stopped"} {
				if state == "stopped" {
					l.must("stop", first, nil)
				}
				var s snapshotOf
				l.must("snapshot", first, &s)
				second := newGuest("i-second", "#!/bin/sh\necho ran >>/root/runs\n")
				second.Image, second.Snapshot, second.Hostname = digest, s.Digest, "ip-10-0-1-99.ec2.internal"
				l.must("start", second, nil)
				l.sh("i-second", "cloud-init status --wait")
				for script, want := range map[string]string{
					"cat /root/kept /root/hard /root/link /usr/bin/kept": strings.Repeat("kept\n", 4),
					"stat -c '%h %a' /root/kept /usr/bin/kept":           "2 644\n1 4711\n",
					// Made anew where the guest can, gone in any case.
					"cat /etc/ssh/ssh_host_rsa_key 2>&1 | while read l; do [ \"$l\" = key ] && echo the same; done; cat /etc/ssh/sshd_config": "conf\n",
					"cat /root/runs":                   "ran\nran\n", // once on each instance
					"hostname":                         "ip-10-0-1-99.ec2.internal\n",
					"readlink /var/lib/cloud/instance": "instances/i-second\n",
					"if [ -d /srv/old ]; then ls /srv/old; fi; [ -e /gone ] && echo there": map[bool]string{true: "new\n", false: ""}[digest != ""],
				} {
					if _, got := l.run("i-second", "", "sh", "-c", script); got != want {
						t.Errorf("%s, %s: %q, want %q", state, script, got, want)
					}
				}
				l.must("stop", second, nil)
				second.Boot = 2
				if err := images.Open(l.dir + "/" + images.Dir).RemoveDisk(s.Digest); err != nil {
					t.Error(err)
				}
				l.must("start", second, nil) // its disk has begun
				l.must("remove", second, nil)
			}
			l.must("remove", first, nil)
		})
	}
}

func refusedTests(t *testing.T, l *lab) {
	g := newGuest("i-refused", "")
	g.Image = "sha256:" + strings.Repeat("0", 64)
	if err := l.order("start", g, nil); err == nil || !strings.Contains(err.Error(), "no such image") {
		t.Errorf("an unknown image: %v", err)
	}
	large := newRoot(t)
	large.file("large", strings.Repeat("x", 97<<20))
	g.Image = large.store(l, v1.Config{})
	for range 2 { // nothing of the first attempt is in the way of the second
		if err := l.order("start", g, nil); err == nil || !strings.Contains(err.Error(), "more than 96 MiB") {
			t.Errorf("an image that is too large: %v", err)
		}
	}
	g.Image, g.Snapshot = "", "sha256:"+strings.Repeat("0", 64)
	if err := l.order("start", g, nil); err == nil || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("an unknown disk: %v", err)
	}
	first := newGuest("i-big", "")
	l.must("start", first, nil)
	l.sh("i-big", "dd if=/dev/urandom of=/big bs=1M count=8 2>/dev/null")
	var s snapshotOf
	l.must("snapshot", first, &s)
	l.must("remove", first, nil)
	small := newGuest("i-small", "")
	small.Snapshot, small.Limits = s.Digest, spec.Limits{DiskBytes: 4 << 20}
	for range 2 { // the second attempt does not take half a disk for a disk
		if err := l.order("start", small, nil); err == nil || !strings.Contains(err.Error(), "too small") {
			t.Errorf("a small disk: %v", err)
		}
	}
	l.must("remove", small, nil)
	if s.Size < 8<<20 {
		t.Errorf("size %d", s.Size)
	}
}

// snapshotOf is what the daemon of a test answers.
type snapshotOf struct {
	Digest string
	Size   int64
}
