// Package tools are the stand-ins for programs of an Amazon Linux instance:
// dnf, systemctl, httpd, cloud-init, and curl, dig and nslookup where the host
// has none. They are the Musubi binary under other names and say so with
// --version. They run inside a guest, as its processes.
//
// It may import guest/initctl, guest/cloudinit and guest/agent.
package tools

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/musubi-net/musubi/internal/guest/agent"
)

// program is a stand-in: it gets its arguments without its name.
type program func(args []string) int

// Preset is a stand-in that a fresh disk has.
type Preset struct {
	Name string
	// Sbin puts it into /usr/sbin instead of /usr/bin.
	Sbin bool
	// OnlyIfMissing leaves the host's own program where it has one.
	OnlyIfMissing bool
}

// Preinstalled are the stand-ins of a fresh disk.
func Preinstalled() []Preset {
	return []Preset{
		{Name: "dnf"}, {Name: "yum"}, {Name: "systemctl"}, {Name: "service", Sbin: true}, {Name: "cloud-init"},
		{Name: "cloud-init-per"}, {Name: "amazon-ssm-agent"},
		{Name: "sudo"}, {Name: "hostnamectl"}, {Name: "ec2-metadata"},
		{Name: "shutdown", Sbin: true}, {Name: "reboot", Sbin: true}, {Name: "poweroff", Sbin: true}, {Name: "halt", Sbin: true},
		{Name: "curl", OnlyIfMissing: true}, {Name: "dig", OnlyIfMissing: true}, {Name: "nslookup", OnlyIfMissing: true},
		{Name: "host", OnlyIfMissing: true},
	}
}

// PreinstalledFiles are files of a fresh disk that the stand-ins need.
func PreinstalledFiles() map[string]string {
	return map[string]string{
		"usr/lib/systemd/system/amazon-ssm-agent.service": agentUnit,
	}
}

// PreinstalledLinks are symbolic links of a fresh disk, with their targets.
func PreinstalledLinks() map[string]string {
	return map[string]string{
		"etc/systemd/system/multi-user.target.wants/amazon-ssm-agent.service": "/usr/lib/systemd/system/amazon-ssm-agent.service",
	}
}

const agentUnit = `[Unit]
Description=amazon-ssm-agent (Musubi stand-in)

[Service]
Type=simple
WorkingDirectory=/usr/bin
ExecStart=/usr/bin/amazon-ssm-agent
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
`

// programs are looked up by the name that the binary was called by.
func programs() map[string]program {
	return map[string]program{
		"dnf": dnf, "yum": dnf, "systemctl": systemctl, "service": service, "cloud-init": cloudInit, "cloud-init-per": cloudInitPer,
		"httpd": httpd, "apachectl": apachectl, "nginx": nginx,
		"shutdown": shutdown, "reboot": reboot, "poweroff": poweroff, "halt": poweroff,
		"amazon-ssm-agent": agent.Main,
		"sudo":             sudo, "hostnamectl": hostnamectl, "ec2-metadata": ec2Metadata,
		"curl": curl, "dig": dig, "nslookup": nslookup, "host": hostTool,
		filepath.Base(ImageProgram): imageProgram,
	}
}

// Lookup finds the stand-in for the name that the binary was called by.
func Lookup(argv0 string) (func(args []string) int, bool) {
	name := filepath.Base(argv0)
	p, ok := programs()[name]
	if !ok {
		return nil, false
	}
	return func(args []string) int {
		if len(args) > 0 && args[0] == "--version" {
			fmt.Printf("%s: Musubi's stand-in for this program of Amazon Linux\n", name)
			return 0
		}
		return p(args)
	}, true
}

// fail prints a line as the program and returns a code.
func fail(code int, format string, args ...any) int {
	_, _ = fmt.Fprintf(os.Stderr, format+"\n", args...)
	return code
}
