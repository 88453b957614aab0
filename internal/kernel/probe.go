package kernel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/kernel/link"
	"github.com/musubi-net/musubi/internal/kernel/netns"
	"github.com/musubi-net/musubi/internal/kernel/nft"
	"github.com/musubi-net/musubi/internal/spec"
)

// ProbeCommand is the hidden command by which the program runs ProbeChild.
const ProbeCommand = "__probe-kernel"

// Problem is something that this machine lacks, and what helps. A minor one
// takes a part of the world away only.
type Problem struct {
	What, Mend string
	Minor      bool
}

// Probe tries what a world needs in namespaces of its own, and tells what does
// not work. It runs this program again with ProbeCommand.
func Probe(ctx context.Context) []Problem {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, "/proc/self/exe", ProbeCommand)
	cmd.Args[0] = os.Args[0]
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	err := cmd.Run()
	if ctx.Err() != nil {
		return []Problem{{What: "The probe of the kernel was interrupted: " + ctx.Err().Error() + ".", Mend: "Try again."}}
	}
	if err != nil {
		return []Problem{userNamespaces(setting, fmt.Sprintf("%v %s", err, strings.TrimSpace(errs.String())))}
	}
	var problems []Problem
	if err := json.Unmarshal(out.Bytes(), &problems); err != nil {
		return []Problem{{What: "The probe of the kernel gave no answer: " + err.Error() + ".", Mend: "Run it again; if it persists, report it."}}
	}
	return problems
}

func setting(path string) string {
	b, err := os.ReadFile(filepath.Join("/proc/sys", path))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// userNamespaces says why user namespaces do not work, by the settings that are
// known to forbid them.
func userNamespaces(setting func(string) string, cause string) Problem {
	switch {
	case setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
		return Problem{What: "AppArmor forbids user namespaces to ordinary programs.",
			Mend: "Run: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"}
	case setting("kernel/unprivileged_userns_clone") == "0":
		return Problem{What: "User namespaces are switched off for ordinary users.",
			Mend: "Run: sudo sysctl -w kernel.unprivileged_userns_clone=1"}
	case setting("user/max_user_namespaces") == "0":
		return Problem{What: "The number of user namespaces is limited to none.",
			Mend: "Run: sudo sysctl -w user.max_user_namespaces=10000"}
	case setting("user/max_net_namespaces") == "0":
		return Problem{What: "The number of network namespaces is limited to none.",
			Mend: "Run: sudo sysctl -w user.max_net_namespaces=10000"}
	}
	return Problem{What: "User namespaces do not work here (" + strings.TrimSpace(cause) + ").",
		Mend: "Start it outside of a container, or in one that may make user namespaces (docker run --security-opt seccomp=unconfined)."}
}

// ProbeChild is the probe inside its namespaces: it writes the problems as JSON.
func ProbeChild(out io.Writer) error {
	problems := []Problem{}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := unix.Mount("probe", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount a tmpfs: %w", err)
	}
	for _, c := range []struct {
		what, mend string
		try        func() error
		minor      bool
	}{
		{"Network namespaces or veth links do not work", "Load the module: sudo modprobe veth", probeLinks, false},
		{"IPv6 is switched off in this kernel", "Start Linux without ipv6.disable=1", probeIPv6, false},
		{"nftables does not do all that is needed", "Load the modules: sudo modprobe -a nf_tables nft_ct nft_nat nft_chain_nat nft_hash nft_reject_inet nf_conntrack; they come with Linux 5.10 and later", probeRules, false},
		{"Idle connections are remembered for the kernel's times, not for a load balancer's", "Use a kernel with CONFIG_NF_CONNTRACK_TIMEOUT, as most distributions have", probeIdle, true},
		{"Nothing can lead out of the world (musubi up --internet host)", "Load the module: sudo modprobe nft_tproxy", probeWayOut, true},
		{"An overlay of /usr cannot be mounted", "Use Linux 5.11 or later, and load the module: sudo modprobe overlay", probeOverlay, false},
	} {
		if err := c.try(); err != nil {
			problems = append(problems, Problem{What: fmt.Sprintf("%s (%v).", c.what, err), Mend: c.mend, Minor: c.minor})
		}
	}
	return json.NewEncoder(out).Encode(problems)
}

func probeNS(name string) (*netns.NS, error) {
	dir, err := netns.OpenDir("/run/probe")
	if err != nil {
		return nil, err
	}
	ns, _, err := dir.Ensure(name)
	return ns, err
}

func probeLinks() error {
	a, err := probeNS("a")
	if err != nil {
		return err
	}
	defer func() { _ = a.Close() }()
	b, err := probeNS("b")
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }()
	c, err := link.Open(a)
	if err != nil {
		return err
	}
	defer c.Close()
	return errors.Join(a.Set(routerSettings(true)...),
		c.AddVeth(link.Veth{End: link.End{Name: "x"}, Peer: link.End{Name: "y"}, PeerNS: b, MTU: spec.MTUVPC}))
}

func probeIPv6() error {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func probeRules() error {
	return probeTable("c", func(c *nft.Conn) error { return c.Replace(compileRules(probeVPC(), newRuleCache())) })
}

func probeIdle() error {
	return probeTable("d", func(c *nft.Conn) error { return c.Refill(idleRules(probeVPC())) })
}

func probeWayOut() error {
	a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 1)
	return probeTable("e", func(c *nft.Conn) error { return c.Replace(outRules(nil, a, a)) })
}

func probeTable(name string, try func(*nft.Conn) error) error {
	ns, err := probeNS(name)
	if err != nil {
		return err
	}
	defer func() { _ = ns.Close() }()
	c, err := nft.Open(ns)
	if err != nil {
		return err
	}
	defer c.Close()
	return try(c)
}

// probeVPC has something of everything that rules are made of.
func probeVPC() *spec.VPC {
	a, b := netip.AddrFrom4([4]byte{10, 0, 0, 1}), netip.AddrFrom4([4]byte{198, 18, 0, 1})
	all := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	return &spec.VPC{
		ID: "vpc-probe", CIDRs: []netip.Prefix{netip.PrefixFrom(a, 16), netip.PrefixFrom(spec.EndpointVIP6(0), 64)},
		Resolver:   []netip.Addr{a},
		Interfaces: []spec.Interface{{Name: "e1", GroupIDs: []string{"sg"}, RouteTable: 1}},
		Groups: []spec.Group{{ID: "sg", Ingress: []spec.Rule{
			{Protocol: 6, From: 1, To: 2, Peer: all}, {Protocol: 1, From: 0, To: 255, Peer: all}, {Protocol: anyProtocol, Peer: host(a)},
		}}},
		RouteTables: []spec.RouteTable{{Number: 1, Routes: []spec.Route{{Destination: all, Kind: spec.RouteNAT, Source: b}}}},
		Endpoints:   []spec.Endpoint{{Address: a, VIP: spec.EndpointVIP(1), Source: spec.EndpointSource(1), Open: true}},
		NodeSources: []spec.NodeSource{{Address: a, Node: a}},
		Listeners:   []spec.Listener{{Address: a, Protocol: 6, Port: 80, Targets: "tg"}},
		TargetSets:  []spec.TargetSet{{Name: "tg", Targets: []netip.AddrPort{netip.AddrPortFrom(a, 80)}}},
		Sockets:     []spec.Socket{{Address: a, Protocol: 6, Port: 443}},
		Visitor:     a,
		Transparent: true,
		Internet:    &spec.InternetGateway{Public: []spec.PublicAddress{{Public: b, Private: a}}},
	}
}

func probeOverlay() error {
	for _, d := range []string{"/run/upper", "/run/work", "/run/merged"} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	return unix.Mount("overlay", "/run/merged", "overlay", 0, "lowerdir=/usr,upperdir=/run/upper,workdir=/run/work,userxattr")
}
