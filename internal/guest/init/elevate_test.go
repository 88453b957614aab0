package guestinit

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMayElevate(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"passwd":                    "root:x:0:0::/root:/bin/sh\nssm-user:x:1001:1001::/home/ssm-user:/bin/sh\nalice:x:1002:1002::/:/bin/sh\nbob:x:1003:1003::/:/bin/sh\n",
		"group":                     "wheel:x:10:bob\n",
		"sudoers.d/ssm-agent-users": "# User rules for ssm-user\nssm-user ALL=(ALL) NOPASSWD:ALL\nalice ALL=(ALL) /bin/ls\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	check := func(uid uint32, want bool) {
		t.Helper()
		if err := mayElevate(dir, uid); (err == nil) != want {
			t.Errorf("uid %d: %v", uid, err)
		}
	}
	check(0, true)
	check(1001, true)
	check(1002, false)
	check(1003, false)
	check(1004, false)
	if err := os.WriteFile(filepath.Join(dir, "sudoers"), []byte("%wheel ALL=(ALL) NOPASSWD: ALL\n"), 0o440); err != nil {
		t.Fatal(err)
	}
	check(1003, true)
}
