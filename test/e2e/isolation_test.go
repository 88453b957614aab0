package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestIsolation: what a hostile instance does with the network and with what it is
// given does not reach others, nor stop them.
func TestIsolation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.vpc("10.0.0.0/16"), w.vpc("10.1.0.0/16")
	first, other := w.subnet(a, "10.0.0.0/24", 0), w.subnet(b, "10.1.0.0/24", 0)
	g := w.open(a)
	in := w.running(
		w.launch("hostile", first, g, "", "PrivateIpAddress", "10.0.0.10"),
		w.launch("neighbour", first, g, "", "PrivateIpAddress", "10.0.0.11"),
		w.launch("witness", first, g, "", "PrivateIpAddress", "10.0.0.12"),
		w.launch("elsewhere", other, w.open(b), "", "PrivateIpAddress", "10.1.0.10"))
	for _, i := range in {
		w.peer(i.id, "80")
	}
	w.eventually(20*time.Second, "the neighbour to serve", func() bool {
		return strings.Contains(w.callFrom("hostile", "tcp", "10.0.0.11:80"), "hears 10.0.0.10:")
	})
	for _, address := range []string{
		"10.1.0.10:80", "255.255.255.255:80", "10.0.0.255:80", "224.0.0.1:80", "[ff02::1%ens5]:80", "[ff02::1%eth0]:80", "240.0.0.1:80",
		"240.0.0.2:443", "198.18.0.10:443", "127.0.0.53:53",
	} {
		if got := w.callFrom("hostile", "udp", address); strings.Contains(got, "hears") {
			t.Errorf("UDP to %s: %s", address, got)
		}
	}
	w.arp()
	w.noise()
}

// arp claims the neighbour's address: the router does not learn it.
func (w *world) arp() {
	w.t.Helper()
	if _, err := w.exec("hostile", "command -v python3"); err != nil {
		w.t.Log("no python3: nobody lies about addresses")
		return
	}
	w.mustExec("hostile", `python3 - <<'E'
import socket, struct
names = [n for _, n in socket.if_nameindex() if n != "lo"]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((names[0], 0x0806))
mac = s.getsockname()[4]
claim = socket.inet_aton("10.0.0.11")
for op in (1, 2):
    for target in (claim, socket.inet_aton("10.0.0.1")):
        s.send(b"\xff"*6 + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, op) + mac + claim + b"\xff"*6 + target)
# and a frame from another's hardware address
s.send(b"\xff"*6 + b"\x02\x00\x00\x00\x00\x01" + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 2) + b"\x02\x00\x00\x00\x00\x01" + claim + mac + claim)
E`)
	for range 3 {
		if got := w.callFrom("witness", "tcp", "10.0.0.11:80"); !strings.Contains(got, "hears 10.0.0.12:") {
			w.t.Errorf("after a false claim the witness hears from the neighbour: %s", got)
		}
	}
}

// noise takes all that an instance can take, and looks at the others meanwhile.
func (w *world) noise() {
	w.t.Helper()
	for _, x := range []struct{ name, script string }{
		{"a full disk", "setsid dd if=/dev/zero of=/dev/shm/full bs=1M >/dev/null 2>&1 &"},
		{"the console", "setsid timeout 20 sh -c 'yes flood >/dev/console' >/dev/null 2>&1 &"},
		{"metadata", connections("169.254.169.254", "80")},
		{"the resolver", connections("169.254.169.253", "53")},
		{"the neighbour", connections("10.0.0.11", "80")},
		{"datagrams", "setsid timeout 20 bash -c 'while true; do echo x >/dev/udp/169.254.169.253/53; done' >/dev/null 2>&1 &"},
		{"open files", "setsid bash -c 'for i in $(seq 70000); do exec {f}</dev/null || sleep 20; done' >/dev/null 2>&1 &"},
		{"a fork bomb", "setsid sh -c 'while true; do sleep 30 & done' >/dev/null 2>&1 &"}, // it can not be asked any more
	} {
		name, script := x.name, x.script
		w.mustExec("hostile", script+" sleep 2")
		began := time.Now()
		if got := w.callFrom("witness", "tcp", "10.0.0.11:80"); !strings.Contains(got, "hears") {
			w.t.Errorf("%s: the witness calls the neighbour: %s", name, got)
		}
		if got := w.mustExec("witness", token+" | wc -c"); strings.TrimSpace(got) == "0" {
			w.t.Errorf("%s: the witness gets no token", name)
		}
		if got, err := w.exec("witness", "getent ahostsv4 ip-10-0-0-11.$(hostname -d)"); err != nil || !strings.Contains(got, "10.0.0.11") {
			w.t.Errorf("%s: the witness resolves: %v %s", name, err, got)
		}
		w.ec2("DescribeVpcs")
		if took := time.Since(began); took > 15*time.Second {
			w.t.Errorf("%s: the others took %v", name, took)
		} else {
			w.t.Logf("%s: the others took %v", name, took)
		}
	}
	// Even that one can be ended.
	w.ec2("TerminateInstances", "InstanceId.1", w.idOf("hostile"))
	w.waitState(w.idOf("hostile"), "terminated")
}

// connections opens many, and keeps them for a while.
func connections(address, port string) string {
	return "setsid timeout 20 bash -c 'for i in $(seq 3000); do exec {f}<>/dev/tcp/" + address + "/" + port + " || break; done; sleep 20' >/dev/null 2>&1 &"
}

// idOf is the id of the instance of a name.
func (w *world) idOf(name string) string {
	w.t.Helper()
	return w.ec2("DescribeInstances", "Filter.1.Name", "tag:Name", "Filter.1.Value.1", name).text("reservationSet/item/instancesSet/item/instanceId")
}
