package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test binary is also what talks in the instances: copied there under the
// name peer, it serves, calls and pings. A guest has no such tools of its own
// that every host could lend it.

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "peer" {
		if err := peer(os.Args[1:]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

const peerTimeout = 1500 * time.Millisecond

func peer(args []string) error {
	if len(args) < 2 {
		return errors.New("peer serve PORT… | call NETWORK ADDRESS [TIMES] | hold ADDRESS | ping ADDRESS | spoof SOURCE ADDRESS | tls … | from PORT ADDRESS | flood ADDRESS | machine DIRECTORY")
	}
	switch args[0] {
	case "serve":
		return peerServe(args[1:])
	case "call":
		times := 1
		if len(args) > 3 {
			times, _ = strconv.Atoi(args[3])
		}
		for range times {
			if err := peerCall(args[1], args[2]); err != nil {
				return err
			}
		}
		return nil
	case "hold":
		return peerHold(args[1])
	case "ping":
		return peerPing(args[1])
	case "hops":
		return peerHops()
	case "spoof":
		return peerSpoof(args[1], args[2])
	case "tls":
		return nlbPeer(args[1:])
	case "from":
		return peerFrom(args[1], args[2])
	case "flood":
		return peerFlood(args[1])
	case "machine":
		return peerMachine(args[1])
	}
	return fmt.Errorf("unknown: %s", args[0])
}

// peerServe tells everybody who connects or sends a datagram, on TCP and UDP,
// whom it hears and who it is. A connection then echoes.
func peerServe(ports []string) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	line := func(from net.Addr) string { return fmt.Sprintf("%s hears %s\n", host, from) }
	failed := make(chan error)
	for _, port := range ports {
		l, err := net.Listen("tcp", ":"+port)
		if err != nil {
			return err
		}
		u, err := net.ListenPacket("udp", ":"+port)
		if err != nil {
			return err
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					failed <- err
					return
				}
				go func() {
					defer func() { _ = c.Close() }()
					_, _ = io.WriteString(c, line(c.RemoteAddr()))
					_, _ = io.Copy(c, c)
				}()
			}
		}()
		go func() {
			buf := make([]byte, 2048)
			for {
				_, from, err := u.ReadFrom(buf)
				if err != nil {
					failed <- err
					return
				}
				_, _ = u.WriteTo([]byte(line(from)), from)
				fmt.Print(line(from))
			}
		}()
	}
	return <-failed
}

// peerCall prints what a server says.
func peerCall(network, address string) error {
	c, err := net.DialTimeout(network, address, peerTimeout)
	if err != nil {
		return peerError(err)
	}
	return peerAsk(network, c)
}

// peerSpoof sends a datagram past the instance's own routing, from an address
// that need not be its own. Port 80 hears it, or not.
func peerSpoof(source, target string) error {
	gateway, device, err := peerGateway()
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	to := unix.SockaddrLinklayer{Protocol: unix.ETH_P_IP<<8&0xff00 | unix.ETH_P_IP>>8, Ifindex: device.Index, Halen: uint8(len(gateway))}
	copy(to.Addr[:], gateway)
	payload := "spoofed"
	packet := []byte{0x45, 0, 0, byte(28 + len(payload)), 0, 0, 0, 0, 64, unix.IPPROTO_UDP, 0, 0}
	packet = append(packet, net.ParseIP(source).To4()...)
	packet = append(packet, net.ParseIP(target).To4()...)
	sum := checksum(packet)
	packet[10], packet[11] = byte(sum>>8), byte(sum)
	packet = append(packet, 0x27, 0x0f, 0, 80, 0, byte(8+len(payload)), 0, 0)
	return unix.Sendto(fd, append(packet, payload...), 0, &to)
}

// peerGateway is the hardware address of the router, and the way to it.
func peerGateway() (net.HardwareAddr, *net.Interface, error) {
	b, err := os.ReadFile("/proc/net/arp")
	if err != nil {
		return nil, nil, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 6 && strings.HasSuffix(f[0], ".1") {
			mac, err := net.ParseMAC(f[3])
			if err != nil {
				return nil, nil, err
			}
			device, err := net.InterfaceByName(f[5])
			return mac, device, err
		}
	}
	return nil, nil, fmt.Errorf("no router known:\n%s", b)
}

// checksum is the internet's.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	sum = sum&0xffff + sum>>16
	return ^uint16(sum&0xffff + sum>>16)
}

// peerAsk prints what a server says on a connection.
func peerAsk(network string, c net.Conn) error {
	defer func() { _ = c.Close() }()
	if strings.HasPrefix(network, "udp") {
		if _, err := io.WriteString(c, "hello\n"); err != nil {
			return peerError(err)
		}
	}
	_ = c.SetReadDeadline(time.Now().Add(peerTimeout))
	text, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return peerError(err)
	}
	fmt.Print(text)
	return nil
}

// peerError says in one word how a connection failed.
func peerError(err error) error {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, unix.ECONNREFUSED):
		return errors.New("refused")
	case errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.EPIPE):
		return errors.New("reset")
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH):
		return errors.New("unreachable")
	case errors.Is(err, io.EOF):
		return errors.New("closed")
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("timeout")
	}
	return err
}

// peerHold keeps a connection: it sends each line of its input, and prints what
// comes back.
func peerHold(address string) error {
	c, err := net.DialTimeout("tcp", address, peerTimeout)
	if err != nil {
		return peerError(err)
	}
	defer func() { _ = c.Close() }()
	return peerKeep(c)
}

// peerKeep is what peerHold does with its connection.
func peerKeep(c net.Conn) error {
	from := bufio.NewReader(c)
	show := func() error {
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		text, err := from.ReadString('\n')
		if err != nil {
			return peerError(err)
		}
		fmt.Print(text)
		return nil
	}
	if err := show(); err != nil {
		return err
	}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if _, err := fmt.Fprintln(c, in.Text()); err != nil {
			return peerError(err)
		}
		if err := show(); err != nil {
			return err
		}
	}
	return in.Err()
}

// peerPing sends one echo request.
func peerPing(address string) error {
	ip := net.ParseIP(address)
	network, request, reply := "ip4:icmp", byte(8), byte(0)
	if ip.To4() == nil {
		network, request, reply = "ip6:ipv6-icmp", 128, 129
	}
	c, err := net.ListenPacket(network, "")
	if err != nil {
		return peerError(err)
	}
	defer func() { _ = c.Close() }()
	id := os.Getpid()
	message := []byte{request, 0, 0, 0, byte(id >> 8), byte(id), 0, 1}
	sum := checksum(message)
	message[2], message[3] = byte(sum>>8), byte(sum)
	if _, err := c.WriteTo(message, &net.IPAddr{IP: ip}); err != nil {
		return peerError(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(peerTimeout))
	for buf := make([]byte, 1500); ; {
		n, _, err := c.ReadFrom(buf)
		if err != nil {
			return peerError(err)
		}
		if n >= 6 && buf[0] == reply && buf[4] == byte(id>>8) && buf[5] == byte(id) {
			fmt.Println("pong")
			return nil
		}
	}
}

const peerUnit = `[Unit]
Description=peer
[Service]
ExecStart=/usr/local/bin/peer serve %s
Restart=always
[Install]
WantedBy=multi-user.target
`

// peer installs the peer in an instance and, with ports, lets it serve there as
// a service.
func (m *musubi) peer(instance string, ports ...string) {
	m.t.Helper()
	exe, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		m.t.Fatal(err)
	}
	out, err := m.run(m.t.Context(), exe, "exec", instance, "--", "/bin/sh", "-c", "cat >/usr/local/bin/peer && chmod +x /usr/local/bin/peer")
	if err != nil {
		m.t.Fatalf("install peer: %v\n%s", err, out)
	}
	if len(ports) > 0 {
		m.mustExec(instance, "printf '"+strings.ReplaceAll(fmt.Sprintf(peerUnit, strings.Join(ports, " ")), "\n", `\n`)+
			"' >/etc/systemd/system/peer.service && systemctl enable --now peer")
	}
}

// callFrom lets an instance call a server once, and returns what it heard, or
// in one word why not.
func (m *musubi) callFrom(instance, network, address string) string {
	out, _ := m.exec(instance, "peer call "+network+" "+address)
	return strings.TrimSpace(out)
}

// callsFrom is callFrom several times.
func (m *musubi) callsFrom(instance, network, address string, n int) []string {
	out, _ := m.exec(instance, fmt.Sprintf("peer call %s %s %d", network, address, n))
	return strings.Split(strings.TrimSpace(out), "\n")
}

// ping is "pong", or in one word why not.
func (m *musubi) ping(instance, address string) string {
	out, _ := m.exec(instance, "peer ping "+address)
	return strings.TrimSpace(out)
}
