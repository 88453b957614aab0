package supervisor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/guest"
	"github.com/musubi-net/musubi/internal/guest/images"
	"github.com/musubi-net/musubi/internal/spec"
)

// TestMain lets the test binary be the supervisor, the guests and their tools.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "__daemon" {
		if err := testDaemon(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "daemon:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) > 2 && os.Args[1] == "__attempt" {
		os.Exit(attempt(os.Args[2], os.Args[3:]))
	}
	if len(os.Args) > 1 && os.Args[1] == "__up" {
		os.Exit(foreground(os.Args[2], len(os.Args) > 3))
	}
	if code, handled := Dispatch(os.Args); handled {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// foreground is musubi up.
func foreground(dir string, detach bool) int {
	ctx := context.Background()
	h, err := Start(ctx, Options{Dir: dir, Listen: "127.0.0.1:0", Daemon: []string{"__daemon"}, Detach: detach})
	if err == nil {
		err = h.Ready(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("ready")
	if detach {
		return 0
	}
	_ = h.Wait()
	return 0
}

// order is what a test asks of the daemon, over the API listener.
type order struct {
	Op    string
	Guest spec.Guest
}

// testDaemon does with the guests what it is asked over HTTP.
func testDaemon(args []string) error {
	if len(args) > 0 && args[0] == "broken" {
		return fmt.Errorf("the state file is damaged")
	}
	in, err := Inherit()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM)
	defer stop()
	if len(args) > 0 && args[0] == "fatal" {
		return in.Guests.Fatal(ctx, "state.db was written by a newer Musubi")
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var o order
		if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		out, err := o.do(r.Context(), in.Guests)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(out)
	})}
	go func() { <-ctx.Done(); _ = server.Close() }()
	if err := in.Guests.Ready(ctx); err != nil {
		return err
	}
	if err := server.Serve(in.API); err != http.ErrServerClosed {
		return err
	}
	return in.Guests.Close()
}

// testRoots are the unpacked images of the daemon of a test.
var testRoots = images.NewRoots(imageStore(), RunDir+"/images", 96<<20)

func (o order) do(ctx context.Context, m *guest.Manager) (any, error) {
	switch o.Op {
	case "start":
		path, err := makeNetwork(o.Guest.InstanceID)
		if err != nil {
			return nil, err
		}
		if o.Guest.Image != "" {
			if o.Guest.Root, o.Guest.Program, err = testRoots.Root(ctx, o.Guest.Image); err != nil {
				return nil, err
			}
		}
		return nil, m.Start(ctx, o.Guest, path)
	case "snapshot":
		digest, size, err := m.Snapshot(ctx, o.Guest.InstanceID)
		return snapshotOf{digest, size}, err
	case "stop":
		return nil, m.Stop(ctx, o.Guest.InstanceID)
	case "remove":
		return nil, m.Remove(ctx, o.Guest.InstanceID)
	case "list":
		return m.List(ctx)
	case "console":
		return m.Console(ctx, o.Guest.InstanceID)
	case "event":
		return <-m.Events(), nil
	}
	return nil, fmt.Errorf("unknown order %q", o.Op)
}

// makeNetwork makes a namespace with nothing but a loopback that is up.
func makeNetwork(name string) (string, error) {
	path := RunDir + "/net-" + name
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return "", err
	}
	result := make(chan error, 1)
	go func() { // the thread stays in the new namespace and dies
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			err = loopbackUp()
		}
		if err == nil {
			err = unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, "")
		}
		result <- err
	}()
	return path, <-result
}

// asOrdinaryUser re-runs a test as an ordinary user if this is root.
func asOrdinaryUser(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 || os.Getenv("MUSUBI_TEST_CHILD") != "" {
		return
	}
	t.Run("ordinary user", func(t *testing.T) {
		dir, err := os.MkdirTemp("", "musubi-user")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		exe := dir + "/test"
		data, err := os.ReadFile("/proc/self/exe")
		if err != nil {
			t.Fatal(err)
		}
		const id = 12345
		for _, err := range []error{os.WriteFile(exe, data, 0o755), os.Chown(dir, id, id), os.Mkdir(dir+"/tmp", 0o700), os.Chown(dir+"/tmp", id, id)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		root := t.Name()[:len(t.Name())-len("/ordinary_user")]
		cmd := exec.Command(exe, "-test.run=^"+root+"$", "-test.v")
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + dir + "/tmp", "HOME=" + dir, "MUSUBI_TEST_CHILD=1"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: id, Gid: id}}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}
