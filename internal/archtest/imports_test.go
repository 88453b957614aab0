package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/musubi-net/musubi/"

// rule says what packages below a path may import of the project (paths below
// internal/, "x/..." for everything below x), and which foreign packages are
// theirs alone.
type rule struct {
	path  string
	allow []string
}

// rules are looked up by longest matching path.
var rules = []rule{
	{"internal/cloud", nil},
	{"internal/cloud/vpc", []string{"cloud", "cloud/amazon"}},
	{"internal/cloud/iam", []string{"cloud", "cloud/certpem"}},
	{"internal/cloud/acm", []string{"cloud", "cloud/certpem"}},
	{"internal/cloud/sns", []string{"cloud"}},
	{"internal/cloud/compute", []string{"cloud", "cloud/vpc", "cloud/iam"}},
	{"internal/cloud/elb", []string{"cloud", "cloud/vpc", "cloud/compute", "cloud/acm", "cloud/iam"}},
	{"internal/cloud/amazon", []string{"cloud"}},
	{"internal/cloud/privatelink", []string{"cloud", "cloud/vpc", "cloud/elb", "cloud/sns", "cloud/iam", "cloud/amazon"}},
	{"internal/cloud/dns", []string{"cloud", "cloud/vpc", "cloud/elb", "cloud/privatelink"}},
	{"internal/cloud/ssm", []string{"cloud", "cloud/vpc", "cloud/compute", "cloud/iam", "sessionwire"}},
	{"internal/cloud/tagging", []string{"cloud/..."}},
	{"internal/spec", nil},
	{"internal/sessionwire", nil},
	{"internal/store", []string{"cloud", "store"}},
	{"internal/engine", []string{"cloud", "store"}},
	{"internal/awsapi/model", []string{"awsapi/model"}},
	{"internal/awsapi/protocol", []string{"cloud", "awsapi/model/..."}},
	{"internal/awsapi", []string{"cloud/...", "awsapi/protocol", "awsapi/model/...", "engine", "sessionwire"}},
	{"internal/plan", []string{"cloud/...", "spec"}},
	{"internal/reconcile", []string{"cloud/...", "plan", "spec", "engine", "dataplane/..."}},
	{"internal/kernel", []string{"spec", "kernel/..."}},
	{"internal/dataplane", []string{"spec", "sessionwire", "dataplane/..."}},
	{"internal/ca", nil},
	{"internal/guest", []string{"spec", "sessionwire", "guest/..."}},
	{"internal/broker", []string{"guest/wire"}},
	{"internal/supervisor", []string{"broker", "guest/...", "spec"}},
	{"internal/app", []string{"..."}},
	{"internal/control", nil},
	{"internal/cli", []string{"app", "control", "supervisor", "cli/..."}},
	{"cmd/musubi", []string{"cli"}},
}

// foreign packages that only one part of the house may use.
var foreign = map[string][]string{
	"github.com/vishvananda/netlink":         {"internal/kernel", "test/", "bench"},
	"github.com/google/nftables":             {"internal/kernel", "test/", "bench"},
	"go.etcd.io/bbolt":                       {"internal/store/bolt"},
	"github.com/spf13/cobra":                 {"internal/cli"},
	"github.com/hashicorp/go-memdb":          {"internal/cloud"},
	"github.com/google/go-containerregistry": {"internal/guest/images", "test/"},
}

// pure packages may not reach for the clock, randomness or the outside.
var pure = []string{"internal/cloud", "internal/plan", "internal/spec", "internal/sessionwire"}
var impure = []string{"math/rand", "math/rand/v2", "crypto/rand", "net/http", "os", "os/exec", "syscall", "log", "log/slog"}

type pkg struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImportRules(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		r, ok := longest(path)
		for _, imp := range p.Imports {
			if in, ours := strings.CutPrefix(imp, module+"internal/"); ours && ok && !allowed(r, in) {
				t.Errorf("%s may not import internal/%s", path, in)
			}
			checkForeign(t, path, imp)
			if under(path, pure) && slices.Contains(impure, imp) {
				t.Errorf("%s is pure and may not import %s", path, imp)
			}
		}
	}
}

func checkForeign(t *testing.T, path, imp string) {
	t.Helper()
	for prefix, homes := range foreign {
		if (imp == prefix || strings.HasPrefix(imp, prefix+"/")) && !under(path, homes) {
			t.Errorf("%s may not import %s: that belongs to %v", path, imp, homes)
		}
	}
}

func longest(path string) (best rule, ok bool) {
	for _, r := range rules {
		if (path == r.path || strings.HasPrefix(path, r.path+"/")) && len(r.path) >= len(best.path) {
			best, ok = r, true
		}
	}
	return best, ok
}

func allowed(r rule, imp string) bool {
	for _, a := range r.allow {
		if a == "..." || a == imp {
			return true
		}
		if base, rec := strings.CutSuffix(a, "/..."); rec && (imp == base || strings.HasPrefix(imp, base+"/")) {
			return true
		}
	}
	return false
}

func under(path string, roots []string) bool {
	return slices.ContainsFunc(roots, func(r string) bool { return strings.HasPrefix(path, r) })
}
