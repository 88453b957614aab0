package kernel_test

import (
	"testing"

	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/spec"
)

func TestInternet(t *testing.T) {
	t.Parallel()
	w, ifs := newWorld(t), &interfaces{}
	v := vpc("one", 1, "10.0.0.0/16")
	all := prefix("0.0.0.0/0")
	v.RouteTables = []spec.RouteTable{
		{Number: 1, Routes: []spec.Route{{Destination: all, Kind: spec.RouteInternet}}},
		{Number: 2, Routes: []spec.Route{
			{Destination: all, Kind: spec.RouteNAT, Source: addr("198.18.0.7")},
			{Destination: prefix("203.0.113.128/25"), Kind: spec.RouteNAT, Source: addr("198.18.0.8")},
		}},
		{Number: 4},
	}
	ifs.guest(v, "public", open(), "10.0.1.10/24").RouteTable = 1
	ifs.guest(v, "unnamed", open(), "10.0.1.11/24").RouteTable = 1
	ifs.guest(v, "private", open(), "10.0.2.10/24").RouteTable = 2
	ifs.guest(v, "isolated", open(), "10.0.3.10/24").RouteTable = 4
	v.Internet = &spec.InternetGateway{Public: []spec.PublicAddress{
		{Public: addr("198.18.0.5"), Private: addr("10.0.1.10")},
		{Public: addr("198.18.0.6"), Private: addr("10.0.1.100")},
		{Public: addr("198.18.0.7")}, {Public: addr("198.18.0.8")},
	}}
	targets(v, "tg", "10.0.3.10:8080")
	listen(v, addr("198.18.0.6"), addr("10.0.1.100"), 6, 80, "tg", true)
	listen(v, addr("198.18.0.6"), addr("10.0.1.100"), 6, 81, "tg", false)
	w.apply(v)
	in := &spec.Internet{}
	for _, a := range []string{"198.18.0.5", "198.18.0.6", "198.18.0.7", "198.18.0.8"} {
		in.Routes = append(in.Routes, spec.InternetRoute{Address: addr(a), VPCID: v.ID})
	}
	if err := w.ApplyInternet(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	w.serve(kernel.InternetNS, "203.0.113.9:80")
	w.serve(kernel.InternetNS, "203.0.113.200:80")
	w.serve("i-public", "10.0.1.10:22")
	w.serve("i-private", "10.0.2.10:22")
	w.serve("i-isolated", "10.0.3.10:8080")

	w.reaches("i-public", "203.0.113.9:80", "internet 198.18.0.5")
	w.blocked("i-unnamed", "203.0.113.9:80")
	w.reaches("i-private", "203.0.113.9:80", "internet 198.18.0.7")
	w.reaches("i-private", "203.0.113.200:80", "internet 198.18.0.8")
	w.blocked("i-isolated", "203.0.113.9:80")

	w.reaches(kernel.InternetNS, "198.18.0.5:22", "i-public 192.0.2.1")
	w.reaches("i-private", "198.18.0.5:22", "i-public 198.18.0.7")
	w.blocked(kernel.InternetNS, "198.18.0.7:22")
	w.blocked(kernel.InternetNS, "198.18.0.99:22")

	// The balancer's targets answer although their subnet has no way out.
	w.reaches(kernel.InternetNS, "198.18.0.6:80", "i-isolated 192.0.2.1")
	w.reaches(kernel.InternetNS, "198.18.0.6:81", "i-isolated 10.0.1.100")
	w.reaches("i-public", "198.18.0.6:80", "i-isolated 198.18.0.5")
	w.blocked("i-isolated", "198.18.0.6:80")

	t.Run("gateway detached", func(t *testing.T) {
		v := clone(v)
		v.Internet = nil
		w.apply(v)
		w.blocked("i-public", "203.0.113.9:80")
		w.blocked(kernel.InternetNS, "198.18.0.5:22")
	})
	t.Run("gateway attached", func(t *testing.T) {
		w.apply(v)
		w.reaches("i-public", "203.0.113.9:80", "internet 198.18.0.5")
		w.reaches(kernel.InternetNS, "198.18.0.5:22", "i-public 192.0.2.1")
	})
}

func TestRouteToAnInterface(t *testing.T) {
	t.Parallel()
	w, ifs := newWorld(t), &interfaces{}
	v := vpc("one", 1, "10.0.0.0/16")
	ifs.guest(v, "client", open(), "10.0.1.10/24").RouteTable = 1
	router := ifs.guest(v, "router", open(), "10.0.2.10/24")
	router.CheckSource = false
	v.RouteTables = []spec.RouteTable{{Number: 1, Routes: []spec.Route{
		{Destination: prefix("192.168.0.0/16"), Kind: spec.RouteInterface, Interface: router.Name, Via: addr("10.0.2.10")},
		{Destination: prefix("192.168.9.0/24"), Kind: spec.RouteBlackhole},
	}}}
	w.apply(v)
	w.addAddress("i-router", "192.168.1.1/32")
	w.addAddress("i-router", "192.168.9.1/32")
	w.serve("i-router", "192.168.1.1:80")
	w.serve("i-router", "192.168.9.1:80")
	w.reaches("i-client", "192.168.1.1:80", "i-router 10.0.1.10")
	w.blocked("i-client", "192.168.9.1:80")
}
