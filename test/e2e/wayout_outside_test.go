package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/rpc"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/kernel/netns"
)

// machineDials is the socket by which others connect from the machine's network.
const machineDials = "dials"

// Machine is the process that a machine is, as the test calls it.
type Machine struct {
	mu                 sync.Mutex
	files              map[string][]byte
	seen, heard, asked map[string]bool
}

// Run is a command to run on the machine; a UID of -1 is the machine's own.
type Run struct {
	Path      string
	Args, Env []string
	Dir       string
	UID       int
}

// Ran is what became of it.
type Ran struct {
	Output string
	Failed bool
}

// File is one that the web server has.
type File struct {
	Name    string
	Content []byte
}

// peerMachine is the machine's life: as long as its input.
func peerMachine(dir string) error {
	h := &Machine{files: map[string][]byte{}, seen: map[string]bool{}, heard: map[string]bool{}, asked: map[string]bool{}}
	if err := h.mounts(dir); err != nil {
		return fmt.Errorf("mounts: %w", err)
	}
	d, err := netns.OpenDir(filepath.Join(dir, "ns"))
	if err != nil {
		return err
	}
	outside, err := d.Create("outside")
	if err != nil {
		return err
	}
	if err := machineNetwork(outside); err != nil {
		return fmt.Errorf("network: %w", err)
	}
	if err := h.listenOwn(filepath.Join(dir, machineDials)); err != nil {
		return err
	}
	if err := outside.Do(h.listenOutside); err != nil {
		return fmt.Errorf("outside: %w", err)
	}
	s := rpc.NewServer()
	if err := s.Register(h); err != nil {
		return err
	}
	s.ServeConn(pipes{os.Stdin, os.Stdout})
	return d.Remove("outside")
}

// mounts gives the machine name servers of its own.
func (h *Machine) mounts(dir string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	resolv := filepath.Join(dir, "resolv.conf")
	if err := os.WriteFile(resolv, []byte("nameserver "+namesIP+"\n"), 0o644); err != nil {
		return err
	}
	if err := os.Chmod(resolv, 0o644); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, "ns"), 0o755); err != nil {
		return err
	}
	return unix.Mount(resolv, "/etc/resolv.conf", "", unix.MS_BIND, "")
}

func machineNetwork(outside *netns.NS) error {
	add := func(name string, addresses ...string) error {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		for _, text := range addresses {
			a, err := netlink.ParseAddr(text)
			if err != nil {
				return err
			}
			if err := netlink.AddrAdd(l, a); err != nil {
				return fmt.Errorf("%s: %w", text, err)
			}
		}
		return netlink.LinkSetUp(l)
	}
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "host0"}, PeerName: "out0", PeerNamespace: netlink.NsFd(outside.FD())}
	if err := netlink.LinkAdd(veth); err != nil {
		return err
	}
	local := []string{webIP + "/32", namesIP + "/32"}
	for _, a := range privately {
		local = append(local, a+"/32")
	}
	if err := outside.Do(func() error { return errors.Join(add("lo", local...), add("out0", gatewayIP+"/24")) }); err != nil {
		return err
	}
	if err := errors.Join(add("lo", machineOther+"/32"), add("host0", machineIP+"/24")); err != nil {
		return err
	}
	all := &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)}
	return netlink.RouteAdd(&netlink.Route{Dst: all, Gw: net.ParseIP(gatewayIP)})
}

func (h *Machine) note(in map[string]bool, format string, words ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	in[fmt.Sprintf(format, words...)] = true
}

// listenOwn opens what the host itself serves, and the socket for others.
func (h *Machine) listenOwn(dials string) error {
	l, err := net.Listen("tcp", ":80")
	if err != nil {
		return err
	}
	u, err := net.ListenPacket("udp", ":80")
	if err != nil {
		return err
	}
	d, err := net.Listen("unix", dials)
	if err != nil {
		return err
	}
	if err := os.Chmod(dials, 0o777); err != nil {
		return err
	}
	accept(l, func(c net.Conn) { h.note(h.heard, "tcp %s>%s", c.RemoteAddr(), c.LocalAddr()) })
	go datagrams(u, func(from net.Addr) { h.note(h.heard, "udp %s", from) })
	accept(d, relayed)
	return nil
}

// relayed connects one connection to the address that is its first line.
func relayed(c net.Conn) {
	b := bufio.NewReader(c)
	address, err := b.ReadString('\n')
	if err != nil {
		return
	}
	to, err := net.DialTimeout("tcp", strings.TrimSpace(address), 10*time.Second)
	if err != nil {
		return
	}
	defer func() { _ = to.Close() }()
	go func() {
		_, _ = io.Copy(to, b)
		_ = to.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(c, to)
}

// accept serves a listener's connections, each as long as serve takes.
func accept(l net.Listener, serve func(net.Conn)) {
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				serve(c)
			}()
		}
	}()
}

// datagrams answers each with whom it is from.
func datagrams(u net.PacketConn, heard func(net.Addr)) {
	b := make([]byte, 2048)
	for {
		_, from, err := u.ReadFrom(b)
		if err != nil {
			return
		}
		heard(from)
		_, _ = u.WriteTo(fmt.Appendf(nil, "outside hears %s\n", from), from)
	}
}

// listenOutside runs on a thread in the internet.
func (h *Machine) listenOutside() error {
	if err := h.watch(); err != nil {
		return err
	}
	web, err := net.Listen("tcp", ":80")
	if err != nil {
		return err
	}
	hears, err := net.Listen("tcp", ":7000")
	if err != nil {
		return err
	}
	// A socket of one address answers as that address.
	u, err := net.ListenPacket("udp", webIP+":7000")
	if err != nil {
		return err
	}
	names, err := net.ListenPacket("udp", namesIP+":53")
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(web, http.HandlerFunc(h.web)) }()
	accept(hears, func(c net.Conn) {
		_, _ = fmt.Fprintf(c, "outside hears %s\n", c.RemoteAddr())
		_, _ = io.Copy(c, c)
	})
	go datagrams(u, func(net.Addr) {})
	go func() { _ = (&dns.Server{PacketConn: names, Handler: dns.HandlerFunc(h.names)}).ActivateAndServe() }()
	return nil
}

// web serves the files, and one that never ends.
func (h *Machine) web(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/endless" {
		block := bytes.Repeat([]byte("musubi\n"), 1<<13)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
	h.mu.Lock()
	b, ok := h.files[r.URL.Path]
	h.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	_, _ = w.Write(b)
}

// names knows names that lead to all sorts of places.
func (h *Machine) names(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	name := strings.ToLower(q.Question[0].Name)
	h.note(h.asked, "%s %s", dns.TypeToString[q.Question[0].Qtype], name)
	ip, ok := map[string]string{webName + ".": webIP, "host.musubi-test.net.": machineIP, "lan.musubi-test.net.": privately[0]}[name]
	switch {
	case !ok:
		m.Rcode = dns.RcodeNameError
	case q.Question[0].Qtype == dns.TypeA:
		m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.ParseIP(ip)}}
	}
	_ = w.WriteMsg(m)
}

// watch notes each packet of IPv4 that arrives.
func (h *Machine) watch() error {
	const ip = unix.ETH_P_IP<<8&0xff00 | unix.ETH_P_IP>>8
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	i, err := net.InterfaceByName("out0")
	if err != nil {
		return err
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: ip, Ifindex: i.Index}); err != nil {
		return err
	}
	go func() {
		b := make([]byte, 256)
		for {
			n, from, err := unix.Recvfrom(fd, b, 0)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err != nil {
				return
			}
			if l, ok := from.(*unix.SockaddrLinklayer); ok && l.Pkttype != unix.PACKET_OUTGOING && n >= 24 {
				h.note(h.seen, "%s", packetName(b[:n]))
			}
		}
	}()
	return nil
}

// packetName says what a packet is, and where it comes from and goes to.
func packetName(b []byte) string {
	protocol := map[byte]string{unix.IPPROTO_TCP: "tcp", unix.IPPROTO_UDP: "udp", unix.IPPROTO_ICMP: "icmp"}[b[9]]
	from, to := netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	var port uint16
	if at := int(b[0]&15) * 4; protocol != "icmp" && at+4 <= len(b) {
		port = uint16(b[at+2])<<8 | uint16(b[at+3])
	}
	return fmt.Sprintf("%s %s>%s:%d", protocol, from, to, port)
}

// Publish gives the web server a file.
func (h *Machine) Publish(f File, _ *bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.files[f.Name] = f.Content
	return nil
}

// Run runs a command on the machine.
func (h *Machine) Run(r Run, out *Ran) error {
	c := exec.Cmd{Path: r.Path, Args: r.Args, Env: r.Env, Dir: r.Dir}
	if r.UID >= 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(r.UID), Gid: uint32(r.UID)}}
	}
	b, err := c.CombinedOutput()
	*out = Ran{string(b), err != nil}
	if err != nil {
		out.Output += err.Error()
	}
	return nil
}

func (h *Machine) list(of map[string]bool) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(maps.Keys(of))
}

// Seen tells what arrived on the internet.
func (h *Machine) Seen(_ int, out *[]string) error { *out = h.list(h.seen); return nil }

// Heard tells what the machine's own listeners heard.
func (h *Machine) Heard(_ int, out *[]string) error { *out = h.list(h.heard); return nil }

// Asked tells what the name server was asked.
func (h *Machine) Asked(_ int, out *[]string) error { *out = h.list(h.asked); return nil }

// Brokers are the other processes in the machine's network.
func (h *Machine) Brokers(_ int, out *[]int) error {
	mine, err := os.Readlink("/proc/thread-self/ns/net") // the first thread may be in the other one
	if err != nil {
		return err
	}
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return err
	}
	for _, p := range all {
		pid, _ := strconv.Atoi(filepath.Base(p))
		stat, _ := os.ReadFile(p + "/stat")
		if ns, err := os.Readlink(p + "/ns/net"); err == nil && ns == mine && pid != os.Getpid() && !bytes.Contains(stat, []byte(") Z ")) {
			*out = append(*out, pid)
		}
	}
	return nil
}
