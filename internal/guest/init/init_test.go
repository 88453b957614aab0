package guestinit

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseUnit(t *testing.T) {
	u, err := parseUnit("a.service", `[Unit]
Description=A
[Service]
Type=notify
# a comment
Environment=A=1 "B=two words"
ExecStartPre=-/bin/false
ExecStart=/usr/bin/a --x='y z' \
  $A ${B}
Restart=on-failure
RestartSec=2
PrivateTmp=yes
[Install]
WantedBy=multi-user.target
`)
	if err != nil {
		t.Fatal(err)
	}
	if u.kind != "notify" || u.restart != "on-failure" || u.restartAfter != 2*time.Second || !slices.Equal(u.ignored, []string{"PrivateTmp"}) {
		t.Errorf("%+v", u)
	}
	var argv []string
	for _, w := range u.start[0] {
		argv = append(argv, expand(w, u.env)...)
	}
	if want := []string{"/usr/bin/a", "--x=y z", "1", "two words"}; !slices.Equal(argv, want) {
		t.Errorf("%q, want %q", argv, want)
	}
	for text, want := range map[string]string{
		"[Service]\nType=forking\nExecStart=a": "not forking", "[Service]\n": "no ExecStart",
		"[Service]\nExecStart=a 'b": "cannot be read", "[Service]\nExecStart=a\nEnvironmentFile=/nonesuch/file": "environment files",
	} {
		if _, err := parseUnit("a.service", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestMerge(t *testing.T) {
	if got := merge([]string{"A=1", "B=2"}, []string{"B=3", "C=4"}); !slices.Equal(got, []string{"A=1", "B=3", "C=4"}) {
		t.Error(got)
	}
}
