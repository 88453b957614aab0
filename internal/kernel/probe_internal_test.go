package kernel

import (
	"strings"
	"testing"
)

func TestWhyUserNamespacesFail(t *testing.T) {
	for _, c := range []struct {
		path, value, mend string
	}{
		{"kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"},
		{"kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"},
		{"user/max_user_namespaces", "0", "user.max_user_namespaces=10000"},
		{"user/max_net_namespaces", "0", "user.max_net_namespaces=10000"},
		{"none", "0", "container"},
	} {
		p := userNamespaces(func(path string) string {
			if path == c.path {
				return c.value
			}
			return ""
		}, "operation not permitted")
		if p.What == "" || !strings.Contains(p.Mend, c.mend) {
			t.Errorf("%s: %+v", c.path, p)
		}
	}
}
