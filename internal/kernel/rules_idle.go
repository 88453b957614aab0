package kernel

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/musubi-net/musubi/internal/kernel/nft"
	"github.com/musubi-net/musubi/internal/spec"
)

// Idle timeouts of an endpoint's and a NAT gateway's flows, in seconds.
const (
	natIdle         = 350
	endpointIdleTCP = 350
	endpointIdleUDP = 120
)

// idleRules makes the table that gives connections their idle timeouts. It is one
// of its own, and keeps what it ever had: connections lose the timeouts that are
// deleted. Its sets and chains are always the same.
func idleRules(v *spec.VPC) *nft.Table {
	t := nft.New(idleName)
	t.Base("idle", nft.Hook{Type: "nat", Point: nft.Prerouting, Priority: -102})
	for _, v6 := range []bool{false, true} {
		listeners, endpoints := "listeners"+suffix(v6), "endpoints"+suffix(v6)
		t.Set(listeners, nft.Set{Key: []nft.Datatype{nft.IP(v6), nft.Proto, nft.Service}, Timeouts: true})
		t.Set(endpoints, nft.Set{Key: []nft.Datatype{nft.IP(v6), nft.Proto}, Timeouts: true})
		t.Chain("idle",
			nft.R(nft.Family(v6), nft.SetTimeout(listeners, nft.DAddr(v6), nft.L4(), nft.DPort())),
			nft.R(nft.Family(v6), nft.SetTimeout(endpoints, nft.DAddr(v6), nft.L4())),
		)
	}
	natIdles(t, v)
	for _, l := range v.Listeners {
		if l.IdleSeconds > 0 {
			t.Sets["listeners"+suffix(l.Address.Is6())].Add(nft.Element{
				Key:     nft.Key(l.Address.AsSlice(), []byte{byte(l.Protocol)}, nft.U16(l.Port)),
				Timeout: timeout(t, byte(l.Protocol), uint32(l.IdleSeconds)),
			})
		}
	}
	for _, e := range v.Endpoints {
		endpointIdle(t, e.Address, unix.IPPROTO_TCP, endpointIdleTCP)
		endpointIdle(t, e.Address, unix.IPPROTO_UDP, endpointIdleUDP)
	}
	return t
}

func endpointIdle(t *nft.Table, a netip.Addr, protocol byte, seconds uint32) {
	t.Sets["endpoints"+suffix(a.Is6())].Add(nft.Element{
		Key: nft.Key(a.AsSlice(), []byte{protocol}), Timeout: timeout(t, protocol, seconds),
	})
}

// natIdles are those of NAT gateways, which are known by the way that a route
// leads. A connection that was forgotten gets a reset with its next packet.
func natIdles(t *nft.Table, v *spec.VPC) {
	t.Base("idle_nat", nft.Hook{Type: "nat", Point: nft.Postrouting, Priority: 90})
	gateways := t.Set("nat_gateways", nft.Set{Key: []nft.Datatype{nft.IPv4, nft.Proto}, Timeouts: true})
	t.Chain("idle_nat", nft.R(nft.To(spec.InternetLink), nft.Family(false), nft.SetTimeout("nat_gateways", nft.NextHop(), nft.L4())))
	for _, table := range v.RouteTables {
		for _, r := range table.Routes {
			if r.Kind != spec.RouteNAT || !r.Source.Is4() {
				continue
			}
			for _, protocol := range []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP} {
				gateways.Add(nft.Element{Key: nft.Key(r.Source.AsSlice(), []byte{protocol}), Timeout: timeout(t, protocol, natIdle)})
			}
		}
	}
}

// timeout returns the name of a timeout.
func timeout(t *nft.Table, protocol byte, seconds uint32) string {
	name := fmt.Sprintf("p%d_%d", protocol, seconds)
	t.Timeouts[name] = nft.Timeout{Protocol: protocol, Seconds: seconds}
	return name
}
