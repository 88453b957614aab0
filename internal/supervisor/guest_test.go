package supervisor

import (
	"strings"
	"testing"
)

const article = `#!/bin/bash
dnf update -y
dnf install -y httpd
systemctl start httpd
systemctl enable httpd
echo "Hello from Provider VPC on Subnet 1" > /var/www/html/index.html
`

func TestGuest(t *testing.T) {
	l := newLab(t)
	g := newGuest("i-1", article)
	l.must("start", g, nil)
	l.sh("i-1", "cloud-init status --wait")
	if got := l.sh("i-1", "curl -sS http://127.0.0.1/"); got != "Hello from Provider VPC on Subnet 1\n" {
		t.Errorf("page: %q", got)
	}
	var console []byte
	l.must("console", g, &console)
	t.Logf("%s", console)
	if !strings.Contains(string(console), "Complete!") {
		t.Error("console lacks dnf's output")
	}
}
