package guestinit

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/musubi-net/musubi/internal/guest/cloudinit"
)

func TestAccounts(t *testing.T) {
	a := accounts{t.TempDir()}
	for name, text := range map[string]string{
		"passwd": "root:x:0:0:root:/root:/bin/bash\nec2-user:x:1000:1000::/home/ec2-user:/bin/bash\n",
		"group":  "root:x:0:\nwheel:x:10:ec2-user\nec2-user:x:1000:\ntaken:x:1001:\n",
		"shadow": "root:*::0:99999:7:::\nec2-user:!!::0:99999:7:::\n",
	} {
		if err := os.WriteFile(filepath.Join(a.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		user cloudinit.User
		want account
		ok   bool
	}{
		{cloudinit.User{Name: "alice"}, account{"alice", 1002, 1002, "/home/alice"}, true},
		{cloudinit.User{Name: "bob", UID: 2000, Home: "/srv/bob", PrimaryGroup: "staff"}, account{"bob", 2000, 1003, "/srv/bob"}, true},
		{cloudinit.User{Name: "daemon", System: true}, account{"daemon", 999, 999, "/home/daemon"}, true},
		{cloudinit.User{Name: "carol", NoUserGroup: true}, account{"carol", 1004, 100, "/home/carol"}, true},
		{cloudinit.User{Name: "twin", UID: 2000}, account{}, false},
		{cloudinit.User{Name: "taken"}, account{}, false},
	} {
		got, err := a.addUser(c.user)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%s: %+v, %v; want %+v", c.user.Name, got, err, c.want)
		}
	}
	check := func(file, want string) {
		t.Helper()
		if text, err := os.ReadFile(filepath.Join(a.dir, file)); err != nil || string(text) != want {
			t.Errorf("%s: %v\n%swant\n%s", file, err, text, want)
		}
	}
	for _, err := range []error{
		a.join("alice", "wheel", "none"), a.join("alice", "wheel"), a.remove("ec2-user"), a.remove("carol"), a.remove("daemon"),
		a.password(cloudinit.User{Name: "alice"}), a.password(cloudinit.User{Name: "bob", Hash: "$6$x", Unlocked: true}),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	check("passwd", "root:x:0:0:root:/root:/bin/bash\nalice:x:1002:1002::/home/alice:/bin/bash\nbob:x:2000:1003::/srv/bob:/bin/bash\n")
	check("group", "root:x:0:\nwheel:x:10:alice\ntaken:x:1001:\nalice:x:1002:\nstaff:x:1003:\nusers:x:100:\n")
	check("shadow", "root:*::0:99999:7:::\nalice:!!::0:99999:7:::\nbob:$6$x::0:99999:7:::\n")
	if info, err := os.Stat(filepath.Join(a.dir, "shadow")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("shadow: %v %v", info.Mode(), err)
	}
}

func TestValidHostname(t *testing.T) {
	for name, want := range map[string]bool{
		"web": true, "web-1.example.com": true, "": false, ".": false, "-a": false, "a b": false, "a\n": false, "ü": false,
	} {
		if got := validHostname(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
