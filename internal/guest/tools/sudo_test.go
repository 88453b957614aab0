package tools

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSudo(t *testing.T) {
	for line, want := range map[string]sudoOptions{
		"id":                         {user: "root", args: []string{"id"}},
		"-u ec2-user -- ls -l":       {user: "ec2-user", args: []string{"ls", "-l"}},
		"--user=apache -E A=1 B=2 x": {user: "apache", keep: true, env: []string{"A=1", "B=2"}, args: []string{"x"}},
		"-iu ec2-user":               {user: "ec2-user", login: true},
		"-n -H sh -u x":              {user: "root", args: []string{"sh", "-u", "x"}},
		"/opt/a=b":                   {user: "root", args: []string{"/opt/a=b"}},
		"-v":                         {user: "root", done: true},
	} {
		got, err := parseSudo(strings.Fields(line))
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(sudoOptions{}), cmp.FilterValues(func(a, b []string) bool {
			return len(a)+len(b) == 0
		}, cmp.Ignore())); d != "" {
			t.Errorf("%s: %s", line, d)
		}
	}
	for _, line := range []string{"-u", "--chroot=/ ls"} {
		if _, err := parseSudo(strings.Fields(line)); err == nil {
			t.Errorf("%s: no error", line)
		}
	}
}
