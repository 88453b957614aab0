package guestinit

import (
	"bytes"
	"compress/gzip"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestUserDataKinds(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte("#!/bin/sh\n"))
	_ = z.Close()
	const multi = "Content-Type: multipart/mixed; boundary=\"b\"\nMIME-Version: 1.0\n\n--b\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n" +
		"--b\nContent-Type: text/cloud-config\nContent-Transfer-Encoding: base64\n\nI2Nsb3VkLWNvbmZpZwo=\n--b\nContent-Type: text/plain\n\n#!/bin/sh\n--b--\n"
	for _, c := range []struct {
		name, data string
		want       []string
	}{
		{"script", "#!/bin/bash\n", []string{"text/x-shellscript"}},
		{"leading blanks", "\n  #!/bin/bash\n", []string{"text/x-shellscript"}},
		{"no first line", "dnf update -y\n", []string{"text/x-not-multipart"}},
		{"configuration", "#cloud-config\npackages: []\n", []string{"text/cloud-config"}},
		{"archive", "#cloud-config-archive\n", []string{"text/cloud-config-archive"}},
		{"compressed", zipped.String(), []string{"text/x-shellscript"}},
		{"parts", multi, []string{"text/x-shellscript", "text/cloud-config", "text/x-shellscript"}},
	} {
		parts, err := split([]byte(c.data))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		var got []string
		for _, p := range parts {
			got = append(got, p.kind())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if got := start([]byte("dnf update -y\ndnf install -y httpd\n")); got != `dnf update -y\ndnf instal` {
		t.Errorf("start: %s", got)
	}
}

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
