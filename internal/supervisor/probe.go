package supervisor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const probeCommand = "__probe"

// Problem is something that the host lacks, with the mend.
type Problem struct {
	What, Mend string
	// Fatal is true if Musubi cannot run without it.
	Fatal bool
}

// Probe tries, in namespaces that it throws away, what the supervisor and the
// guests need of the host.
func Probe(ctx context.Context) []Problem {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", probeCommand)
	var out bytes.Buffer
	cmd.Stdout = &out
	cmd.SysProcAttr = namespaces(idMaps{})
	if err := startProcess(cmd); err != nil {
		return []Problem{{What: err.Error(), Mend: "see above, or start Musubi with sudo", Fatal: true}}
	}
	var problems []Problem
	if err := cmd.Wait(); err != nil {
		problems = append(problems, Problem{What: fmt.Sprintf("trying namespaces failed: %v", err), Mend: "run musubi doctor again; report it if it stays", Fatal: true})
	}
	if err := json.Unmarshal(out.Bytes(), &problems); err != nil && len(problems) == 0 {
		problems = append(problems, Problem{What: fmt.Sprintf("trying namespaces failed: %v", err), Mend: "report it", Fatal: true})
	}
	if !availableIDs().many() {
		problems = append(problems, Problem{
			What: "this user has no subordinate ids: instances have no user but root",
			Mend: "install newuidmap (package uidmap or shadow-utils) and add a line USER:100000:65536 to /etc/subuid and /etc/subgid",
		})
	}
	if l := ProbeLimits(); !l.Complete() {
		problems = append(problems, Problem{
			What: "limits: " + l.line() + ": one instance can take the memory and time of the others",
			Mend: "as an ordinary user: " + limitsMend,
		})
	}
	return problems
}

// probe is the hidden command: it prints the problems that it meets.
func probe([]string) int {
	problems := []Problem{}
	try := func(what, mend string, do func() error) bool {
		err := do()
		if err != nil {
			problems = append(problems, Problem{What: what + ": " + err.Error(), Mend: mend, Fatal: true})
		}
		return err == nil
	}
	private := try("private mounts", "allow mounts in user namespaces", func() error {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return err
		}
		return unix.Mount("tmpfs", "/run", "tmpfs", 0, "")
	})
	try("a /proc of its own", "inside a container, start it with --security-opt systempaths=unconfined", mountProc)
	if private {
		try("overlay mounts in user namespaces", "load the overlay module (sudo modprobe overlay); Linux 5.11 or newer", tryOverlay)
		try("read-only mounts by mount_setattr", "Linux 5.12 or newer", func() error {
			attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
			return unix.MountSetattr(unix.AT_FDCWD, "/run", 0, &attr)
		})
	}
	if _, err := os.Stat("/bin/sh"); err != nil {
		problems = append(problems, Problem{What: "the host has no /bin/sh: instances have no shell", Mend: "install a shell"})
	} else if _, err := os.Stat("/bin/bash"); err != nil {
		problems = append(problems, Problem{What: "the host has no bash: user data that starts with #!/bin/bash fails", Mend: "install bash"})
	}
	if err := json.NewEncoder(os.Stdout).Encode(problems); err != nil {
		return 1
	}
	return 0
}

func tryOverlay() error {
	const dir = "/run/overlay"
	for _, d := range []string{"upper", "work", "merged"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	return unix.Mount("overlay", dir+"/merged", "overlay", 0, "lowerdir=/usr/bin,upperdir="+dir+"/upper,workdir="+dir+"/work,userxattr")
}
