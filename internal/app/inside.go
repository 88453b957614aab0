package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/ca"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/amazon"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
	"github.com/musubi-net/musubi/internal/dataplane/gate"
	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/spec"
)

// amazonAddress is where AWS's services answer on the internet: an address of
// the world's own, below the public ones.
func amazonAddress() netip.Addr { return amazon.SharedAddress() }

const httpsPort = 443

// doorway is the API inside the world: on the internet at AWS's public names, and
// in the fabric at the addresses of endpoints.
type doorway struct {
	d       *daemon
	world   *kernel.World
	gate    *gate.Gate
	front   http.Handler
	passage *passage

	mu        sync.Mutex
	listening map[string]bool
}

// serveInside answers inside the world until ctx ends.
func (d *daemon) serveInside(ctx context.Context, world *kernel.World) error {
	in := &doorway{d: d, world: world, passage: newPassage(d.broker), listening: map[string]bool{}}
	in.front = d.front.Door(protocol.Door{Host: in.host, Allow: in.allow})
	in.gate = gate.New(gate.Options{Handler: in, Names: in.names, Issue: d.issueInside, Log: d.log})
	for ns, a := range map[string]netip.Addr{kernel.InternetNS: amazonAddress(), kernel.FabricNS: netip.IPv6Unspecified()} {
		if err := in.listen(ctx, ns, netip.AddrPortFrom(a, httpsPort)); err != nil {
			return err
		}
	}
	names := &spec.Public{Names: map[string][]netip.Addr{}}
	for _, n := range amazon.PublicNames() {
		names.Names[n+"."] = []netip.Addr{amazonAddress()}
	}
	if err := d.reconciler.Public().Set(privatelink.Amazon, names); err != nil {
		return err
	}
	d.inside.Store(in)
	if err := in.sync(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	defer in.passage.transport.CloseIdleConnections()
	return in.gate.Close()
}

// ServeHTTP implements http.Handler: what the request's host is a name of answers.
func (in *doorway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	way, _ := gate.WayOf(r.Context())
	if p, ok := in.place(way, hostOf(r)); ok && !p.Served {
		in.pass(w, r, p)
		return
	}
	in.front.ServeHTTP(w, r)
}

// hostOf is the host that a request is addressed to.
func hostOf(r *http.Request) string {
	host := strings.TrimSuffix(strings.TrimSuffix(r.Host, ":443"), ":80")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// issueInside makes the certificate of a service.
func (d *daemon) issueInside(names []string) (tls.Certificate, error) {
	x, err := d.authority.Issue(ca.Request{Names: names, KeyAlgorithm: "EC_prime256v1", Now: time.Now()})
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair([]byte(x.Certificate+x.Chain), []byte(x.Key))
}

// endpoint is the endpoint that a connection came by, if it did by one that may
// carry traffic.
func (in *doorway) endpoint(w gate.Way) (e privatelink.Endpoint, ok bool) {
	return endpointOf(in.d.engine.Snapshot(), w)
}

// endpointOf finds the endpoint that a connection came by. The kernel chose the
// addresses on the fabric: nobody else can.
func endpointOf(s cloud.Reader, w gate.Way) (e privatelink.Endpoint, ok bool) {
	number, ok := spec.EndpointOfVIP(w.Local.Addr())
	if !ok || w.Remote.Addr() != spec.EndpointSource(number) && w.Remote.Addr() != spec.EndpointSource6(number) {
		return e, false
	}
	for e := range privatelink.Endpoints.All(s) {
		if e.Amazon == "" || !e.Accepted() {
			continue
		}
		if e.Number == number {
			return e, true
		}
		for _, i := range e.Interfaces {
			if n, ok := vpc.NetworkInterfaces.Get(s, i.InterfaceID); ok && n.Number == number {
				return e, true
			}
		}
	}
	return e, false
}

// place is what a name leads to by a way: all services on the internet, by an
// endpoint the one that it is for.
func (in *doorway) place(w gate.Way, name string) (amazon.Place, bool) {
	p, ok := amazon.Find(name)
	if !ok {
		return p, false
	}
	if onInternet(w) {
		return p, !p.Private && p.Address() == w.Local.Addr()
	}
	e, ok := in.endpoint(w)
	return p, ok && e.Amazon == p.Name && e.ServiceRegion == p.Region && (!p.Private || strings.HasPrefix(p.EndpointLabel, e.ID+"-"))
}

// onInternet tells whether a connection came to an address on the internet.
func onInternet(w gate.Way) bool {
	return !spec.FabricPrefix.Contains(w.Local.Addr()) && !spec.FabricPrefix6.Contains(w.Local.Addr())
}

// secure tells whether it came with TLS.
func secure(w gate.Way) string { return strconv.FormatBool(w.Local.Port() != httpPort) }

func (in *doorway) names(w gate.Way, name string) []string {
	p, ok := in.place(w, name)
	if !ok {
		return nil
	}
	return p.Names()
}

// host finds what a request is addressed to.
func (in *doorway) host(r *http.Request) (service, region string, ok bool) {
	w, ok := gate.WayOf(r.Context())
	if !ok {
		return "", "", false
	}
	p, ok := in.place(w, hostOf(r))
	return p.Name, p.Region, ok && p.Served
}

// allow asks the policy of the endpoint that a request came by.
func (in *doorway) allow(r *http.Request, a protocol.Access) (why string, ok bool) {
	w, _ := gate.WayOf(r.Context())
	if onInternet(w) {
		return "", true
	}
	why = fmt.Sprintf("because no VPC endpoint policy allows the %s action", a.Action)
	e, ok := in.endpoint(w)
	if !ok {
		return why, false
	}
	if strings.HasSuffix(a.Action, ":*") && strings.Contains(e.Policy, `"Deny"`) {
		return why, false // whether what it asks for is denied can not be judged
	}
	access := iam.Access{Caller: a.Caller, Action: a.Action, Resources: resourcesOf(in.d.engine.Snapshot(), a), Context: map[string]string{
		"aws:sourcevpce": e.ID, "aws:sourcevpc": e.VPCID, "aws:sourceaccount": e.Account,
		"aws:requestedregion": e.ServiceRegion, "aws:securetransport": secure(w),
	}}
	if a.Caller.PrincipalARN != "" {
		access.Context["aws:principalarn"], access.Context["aws:principalaccount"] = iam.PrincipalOf(a.Caller), a.Caller.Account
		access.Context["aws:userid"] = a.Caller.UserID
	}
	switch access.Evaluate(e.Policy) {
	case iam.Allowed:
		return "", true
	case iam.Denied:
		return "with an explicit deny in a VPC endpoint policy", false
	}
	return why, false
}
