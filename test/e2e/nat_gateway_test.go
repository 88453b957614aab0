package e2e

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestNATGateway: two instances call the same server from the same port, by one
// NAT gateway.
//
//	vpc a 10.0.0.0/16                              vpc b 10.0.0.0/16
//	  public  10.0.0.0/24  the NAT gateway           10.0.0.0/24  server (Elastic IP)
//	  private 10.0.1.0/24  one 10.0.1.11, two        and the internet of a machine
func TestNATGateway(t *testing.T) {
	t.Parallel()
	h := newMachine(t, nil)
	m := prepare(t)
	h.up(m, "--internet", "host")
	w := h.world(m)
	a, b := w.vpc("10.0.0.0/16"), w.vpc("10.0.0.0/16")
	public, private, there := w.subnet(a, "10.0.0.0/24", 0), w.subnet(a, "10.0.1.0/24", 0), w.subnet(b, "10.0.0.0/24", 0)
	w.table(a, []string{"GatewayId", w.gateway(a)}, public)
	w.table(b, []string{"GatewayId", w.gateway(b)}, there)
	group := w.open(a)
	ids := []string{w.launch("one", private, group, "", "PrivateIpAddress", "10.0.1.11"),
		w.launch("two", private, group, "", "PrivateIpAddress", "10.0.1.12"), w.launch("server", there, w.open(b), "")}
	allocation, natIP := w.address()
	nat := w.natGateway(public, allocation)
	w.table(a, []string{"NatGatewayId", nat}, private)
	elastic, server := w.address()
	w.running(ids...)
	w.ec2("AssociateAddress", "AllocationId", elastic, "InstanceId", ids[2])
	w.peer("one")
	w.peer("two")
	w.peer("server", "80")

	w.says("the server's view", "hears "+natIP+":", func() string { return w.callFrom("one", "tcp", server+":80") })
	w.says("outside's view", "outside hears "+machineIP+":", func() string { return w.callFrom("one", "tcp", webIP+":7000") })
	var all []*held
	for _, to := range []struct{ address, hears, port string }{{server + ":80", natIP, "4000"}, {webIP + ":7000", machineIP, "4001"}} {
		var ports []string
		for _, from := range []string{"one", "two"} {
			c, hello := w.keep(from, "from", to.port, to.address)
			_, port, ok := strings.Cut(hello, "hears "+to.hears+":")
			if !ok {
				t.Fatalf("%s calls %s: %q", from, to.address, hello)
			}
			ports, all = append(ports, port), append(all, c)
		}
		if ports[0] == ports[1] {
			t.Errorf("%s hears both from port %s", to.address, ports[0])
		}
	}
	for i, c := range all {
		if text := strconv.Itoa(i) + " speaks"; c.say(text) != text {
			t.Errorf("connection %d does not echo", i)
		}
	}

	w.exhausted(server)
	w.ec2("DeleteNatGateway", "NatGatewayId", nat)
	w.eventually(20*time.Second, "the NAT gateway to be deleted", func() bool {
		return w.ec2("DescribeNatGateways", "NatGatewayId.1", nat).text("natGatewaySet/item/state") == "deleted"
	})
	var ends sync.WaitGroup
	for i, c := range all {
		ends.Go(func() {
			if got := c.say("after the end"); got == "after the end" {
				t.Errorf("connection %d outlives the NAT gateway", i)
			}
			c.close()
		})
	}
	ends.Wait()
	for _, address := range []string{server + ":80", webIP + ":7000"} {
		for _, network := range []string{"tcp", "udp"} {
			if got := w.callFrom("two", network, address); got != "timeout" && got != "unreachable" {
				t.Errorf("without the NAT gateway %s %s: %s", network, address, got)
			}
		}
	}
	h.onlyPublic()
}

// exhausted sends from more ports than a NAT gateway has for one destination: status
// counts what was dropped, and other destinations are reached as before.
func (w *world) exhausted(server string) {
	w.t.Helper()
	v := w.ec2("DescribeInstances", "Filter.1.Name", "tag:Name", "Filter.1.Value.1", "one").text("reservationSet/item/instancesSet/item/vpcId")
	if n := w.status().World.PortErrors; len(n) > 0 {
		w.t.Errorf("port errors before: %v", n)
	}
	w.mustExec("one", "peer flood "+server+":81")
	const most = floodTo - floodFrom - 55000
	if n := w.status().World.PortErrors[v]; n == 0 || n > most {
		w.t.Errorf("%d port errors, want %d, or less where it takes long", n, most)
	}
	if got := w.must("status"); !strings.Contains(got, "port errors in "+v) {
		w.t.Errorf("status is silent about the ports:\n%s", got)
	}
	if got := w.callFrom("two", "udp", server+":80"); !strings.Contains(got, " hears ") {
		w.t.Errorf("another destination: %s", got)
	}
}

// The ports that peerFlood sends from.
const floodFrom, floodTo = 1024, 65536

// peerFlood sends a datagram from each port.
func peerFlood(address string) error {
	to, err := net.ResolveUDPAddr("udp4", address)
	if err != nil {
		return err
	}
	for port := floodFrom; port < floodTo; port++ {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{Port: port})
		if err != nil {
			return err
		}
		_, err = c.WriteTo([]byte("flood"), to)
		if err := errors.Join(err, c.Close()); err != nil {
			return err
		}
	}
	return nil
}

// peerFrom is peerHold from a port.
func peerFrom(port, address string) error {
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	d := net.Dialer{Timeout: peerTimeout, LocalAddr: &net.TCPAddr{Port: n}}
	c, err := d.Dial("tcp", address)
	if err != nil {
		return peerError(err)
	}
	defer func() { _ = c.Close() }()
	return peerKeep(c)
}
