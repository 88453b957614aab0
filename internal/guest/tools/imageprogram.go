package tools

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/musubi-net/musubi/internal/guest/initctl"
)

const (
	// ImageProgram is the program that becomes what an imported image says is to
	// be run, and ImageProgramFile tells it what that is.
	ImageProgram     = "/usr/lib/musubi/image-program"
	ImageProgramFile = "/usr/lib/musubi/program.json"
)

// ProgramFile is the content of ImageProgramFile: an OCI image's entry point.
type ProgramFile struct {
	Args []string
	Env  []string
	Dir  string
	User string
}

// imageProgram becomes the image's program, in its directory, with its
// environment and as its user, as a container's runtime would start it.
func imageProgram([]string) int {
	text, err := os.ReadFile(ImageProgramFile)
	if err != nil {
		return fail(1, "image: %v", err)
	}
	var p ProgramFile
	if err := json.Unmarshal(text, &p); err != nil || len(p.Args) == 0 {
		return fail(1, "image: %s cannot be read", ImageProgramFile)
	}
	who, err := programUser(p.User)
	if err != nil {
		return fail(1, "image: user %s: %v", p.User, err)
	}
	if err := os.Setenv("HOME", who.Home); err != nil {
		return fail(1, "image: %v", err)
	}
	for _, v := range p.Env {
		if name, value, ok := strings.Cut(v, "="); ok && name != "" {
			if err := os.Setenv(name, value); err != nil {
				return fail(1, "image: environment %s: %v", name, err)
			}
		}
	}
	if p.Dir == "" {
		p.Dir = "/"
	}
	if err := errors.Join(os.MkdirAll(p.Dir, 0o755), os.Chdir(p.Dir)); err != nil {
		return fail(1, "image: %v", err)
	}
	if who.UID != 0 || who.GID != 0 {
		if err := become(who); errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EPERM) {
			// Better than not at all: here root is as little as anybody.
			_ = fail(0, "image: this host gives Musubi a single user id: the program runs as root, not as %s", p.User)
		} else if err != nil {
			return fail(1, "image: user %s: %v", p.User, err)
		}
	}
	file, err := exec.LookPath(p.Args[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		return fail(127, "image: %v", err)
	}
	return fail(126, "image: %s: %v", file, syscall.Exec(file, p.Args, os.Environ()))
}

// programUser finds USER, USER:GROUP, UID or UID:GID.
func programUser(name string) (initctl.User, error) {
	user, group, hasGroup := strings.Cut(name, ":")
	who := initctl.User{Home: "/root"}
	if user != "" && user != "root" && user != "0" {
		var err error
		if who, err = initctl.LookupUser(user); err != nil {
			id, e := strconv.ParseUint(user, 10, 32)
			if e != nil {
				return who, err
			}
			who = userByID(uint32(id))
		}
	}
	if !hasGroup {
		return who, nil
	}
	id, err := strconv.ParseUint(group, 10, 32)
	if err != nil {
		gid, ok := groupID(group)
		if !ok {
			return who, errors.New("unknown group " + group)
		}
		id = uint64(gid)
	}
	who.GID = uint32(id)
	return who, nil
}

// entry finds the line of a file like /etc/passwd whose field has a value.
func entry(file string, field int, value string) ([]string, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, false
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) > max(field, 3) && f[field] == value {
			return f, true
		}
	}
	return nil, false
}

// userByID is a user with a number; one that /etc/passwd does not know is of
// root's group, as with container runtimes.
func userByID(id uint32) initctl.User {
	if f, ok := entry("/etc/passwd", 2, strconv.FormatUint(uint64(id), 10)); ok && slices.Contains([]int{6, 7}, len(f)) {
		if who, err := initctl.LookupUser(f[0]); err == nil {
			return who
		}
	}
	return initctl.User{UID: id, Home: "/"}
}

func groupID(name string) (uint32, bool) {
	f, ok := entry("/etc/group", 0, name)
	if !ok {
		return 0, false
	}
	id, err := strconv.ParseUint(f[2], 10, 32)
	return uint32(id), err == nil
}
