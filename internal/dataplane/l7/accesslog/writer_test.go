package accesslog

import (
	"bytes"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func destination() *Destination {
	return &Destination{Bucket: "logs", Prefix: "team/a", Account: "123456789012", Region: "eu-west-1", LoadBalancer: "app/web/50dc6c495c0c9188",
		Node: netip.MustParseAddr("10.0.1.9")}
}

// tree is every file below a directory with its content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", p, info.Mode())
		}
		b, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		out[rel] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func names(m map[string]string) (out []string) {
	for n := range m {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// The fake clock of synctest begins at midnight of 2000-01-01.
const place0 = "logs/team/a/AWSLogs/123456789012/elasticloadbalancing/eu-west-1/2000/01/01/"

func TestWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "s3")
		w := NewWriter(Options{Dir: dir, Rand: bytes.NewReader(make([]byte, 1000))})
		w.Access(destination(), forwarded())
		w.Access(destination(), forwarded())
		w.Connection(destination(), &Connection{Port: 443})
		time.Sleep(time.Second)
		first := place0 + "123456789012_elasticloadbalancing_eu-west-1_app.web.50dc6c495c0c9188_20000101T0005Z_10.0.1.9_00000000.log"
		conn := place0 + "conn_log.123456789012_elasticloadbalancing_eu-west-1_app.web.50dc6c495c0c9188_20000101T0005Z_10.0.1.9_00000000.log"
		got := tree(t, dir)
		if !slices.Equal(names(got), []string{first, conn}) {
			t.Fatalf("got %q", names(got))
		}
		if strings.Count(got[first], "\n") != 2 || strings.Count(got[conn], "\n") != 1 {
			t.Errorf("within a second there is %q", got)
		}
		time.Sleep(5 * time.Minute)
		w.Access(destination(), forwarded())
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		got = tree(t, dir)
		second := strings.Replace(first, "T0005Z", "T0010Z", 1)
		if strings.Count(got[second], "\n") != 1 || strings.Count(got[first], "\n") != 2 {
			t.Errorf("after five minutes there is %q", names(got))
		}
		w.Access(destination(), forwarded())
		if w.Dropped() != 1 || w.Close() != nil {
			t.Error("a closed writer drops")
		}
	})
}

func TestNoWayOut(t *testing.T) {
	for name, edit := range map[string]func(*Destination){
		"bucket above":     func(d *Destination) { d.Bucket = ".." },
		"bucket with path": func(d *Destination) { d.Bucket = "../x" },
		"no bucket":        func(d *Destination) { d.Bucket = "" },
		"prefix above":     func(d *Destination) { d.Prefix = "../other" },
		"prefix that goes": func(d *Destination) { d.Prefix = "a/../../other" },
		"region":           func(d *Destination) { d.Region = "../../../../../x" },
		"link":             func(d *Destination) { d.Prefix = "link" },
	} {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			dir, outside := filepath.Join(top, "s3"), filepath.Join(top, "outside")
			for _, d := range []string{filepath.Join(dir, "logs"), outside} {
				if err := os.MkdirAll(d, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink(outside, filepath.Join(dir, "logs", "link")); err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			w := NewWriter(Options{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
			d := destination()
			edit(d)
			for range 3 {
				w.Access(d, forwarded())
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			if got := tree(t, outside); len(got) != 0 {
				t.Errorf("outside there is %q", names(got))
			}
			if w.Dropped() != 3 || strings.Count(log.String(), "open access log") != 1 {
				t.Errorf("dropped %d; log: %s", w.Dropped(), log.String())
			}
		})
	}
}

func TestWriterNeverBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		gate := make(chan struct{})
		w := NewWriter(Options{Dir: t.TempDir(), Buffer: 2, Rand: stuck{gate}, Log: slog.New(slog.NewTextHandler(&log, nil))})
		w.Access(destination(), forwarded())
		synctest.Wait() // the owner is stuck with it
		for range 5 {
			w.Access(destination(), forwarded())
		}
		if n := w.Dropped(); n != 3 {
			t.Errorf("dropped %d, want 3", n)
		}
		close(gate)
		time.Sleep(time.Second)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if !strings.Contains(log.String(), "lines=3") {
			t.Errorf("log: %s", log.String())
		}
	})
}

// stuck is a source of randomness that waits.
type stuck struct{ gate chan struct{} }

func (s stuck) Read(p []byte) (int, error) {
	<-s.gate
	return len(p), nil
}
