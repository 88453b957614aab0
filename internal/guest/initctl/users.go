package initctl

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// User is an entry of the guest's /etc/passwd.
type User struct {
	UID, GID uint32
	Home     string
	Shell    string
}

// LookupUser reads the guest's /etc/passwd.
func LookupUser(name string) (User, error) {
	text, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return User{}, err
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 7 || f[0] != name {
			continue
		}
		uid, err1 := strconv.ParseUint(f[2], 10, 32)
		gid, err2 := strconv.ParseUint(f[3], 10, 32)
		if err1 != nil || err2 != nil {
			return User{}, fmt.Errorf("user %s: bad entry in /etc/passwd", name)
		}
		return User{UID: uint32(uid), GID: uint32(gid), Home: filepath.Clean(f[5]), Shell: f[6]}, nil
	}
	return User{}, fmt.Errorf("unknown user %s", name)
}
