package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// packages lets the package manager of an imported image install a package of the
// internet's repository.
func (l *wayoutLab) packages() {
	l.t.Helper()
	rootfs := filepath.Join(l.home, "box.tar")
	if err := os.WriteFile(rootfs, busyboxRoot(l.t), 0o644); err != nil {
		l.t.Fatal(err)
	}
	w := *l.world
	w.image = strings.TrimSpace(l.must("image", "import", rootfs, "--name", "box"))
	l.running(w.launch("box", l.private, l.group, ""))
	if got, err := l.exec("box", "greet"); err == nil {
		l.t.Errorf("before it is installed: %s", got)
	}
	l.says("the image's package manager", "greetings from a package", func() string {
		out, err := l.exec("box", `set -e
cd /tmp && rm -f *.deb
timeout 10 wget -q http://`+webName+`/pool/greet_1.0_all.deb
dpkg -i greet_1.0_all.deb
greet`)
		if err != nil {
			return out + err.Error()
		}
		return out
	})
	if got := l.mustExec("box", "dpkg -l greet"); !strings.Contains(got, "greet") || !strings.Contains(got, "1.0") {
		l.t.Errorf("installed are: %s", got)
	}
}

// busyboxRoot is a root file system of a busybox, with its package manager.
func busyboxRoot(t *testing.T) []byte {
	t.Helper()
	return archive(t, append(busyboxFiles(t, "for packages"), entry{path: "etc/passwd", text: "root:x:0:0:root:/root:/bin/sh\n"},
		entry{path: "var/lib/dpkg/info/.keep"}, entry{path: "var/lib/dpkg/status"})...)
}

// debianPackage is one with a single program.
func debianPackage(t *testing.T) []byte {
	t.Helper()
	zipped := func(entries ...entry) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write(archive(t, entries...)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	control := "Package: greet\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <nobody@example.com>\nDescription: greets\n"
	var deb bytes.Buffer
	deb.WriteString("!<arch>\n")
	for _, part := range []struct {
		name    string
		content []byte
	}{
		{"debian-binary", []byte("2.0\n")},
		{"control.tar.gz", zipped(entry{path: "./control", text: control})},
		{"data.tar.gz", zipped(entry{path: "./usr/bin/greet", text: "#!/bin/sh\necho greetings from a package\n"})},
	} {
		fmt.Fprintf(&deb, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", part.name, 0, 0, 0, 0o100644, len(part.content))
		deb.Write(part.content)
		if len(part.content)%2 == 1 {
			deb.WriteByte('\n')
		}
	}
	return deb.Bytes()
}
