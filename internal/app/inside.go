package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
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
// in the fabric at the addresses of interface endpoints.
type doorway struct {
	d    *daemon
	gate *gate.Gate
}

// serveInside answers inside the world until ctx ends.
func (d *daemon) serveInside(ctx context.Context, world *kernel.World) error {
	in := &doorway{d: d}
	in.gate = gate.New(gate.Options{
		Handler: d.front.Door(protocol.Door{Host: in.host, Allow: in.allow}),
		Names:   in.names, Issue: d.issueInside, Log: d.log,
	})
	for ns, a := range map[string]netip.Addr{kernel.InternetNS: amazonAddress(), kernel.FabricNS: netip.IPv6Unspecified()} {
		l, err := world.ListenTCP(ctx, ns, netip.AddrPortFrom(a, httpsPort))
		if err != nil {
			return fmt.Errorf("AWS's services inside the world: %w", err)
		}
		in.gate.Serve(l)
	}
	names := &spec.Public{Names: map[string][]netip.Addr{}}
	for _, n := range amazon.PublicNames() {
		names.Names[n+"."] = []netip.Addr{amazonAddress()}
	}
	if err := d.reconciler.Public().Set(privatelink.Amazon, names); err != nil {
		return err
	}
	<-ctx.Done()
	return in.gate.Close()
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
	if w.Local.Addr() == amazonAddress() {
		return p, !p.Private
	}
	e, ok := in.endpoint(w)
	return p, ok && e.Amazon == p.Name && e.ServiceRegion == p.Region && (!p.Private || strings.HasPrefix(name, e.ID+"-"))
}

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
	p, ok := in.place(w, strings.ToLower(strings.TrimSuffix(r.Host, ":443")))
	return p.Name, p.Region, ok
}

// allow asks the policy of the endpoint that a request came by.
func (in *doorway) allow(r *http.Request, a protocol.Access) (why string, ok bool) {
	w, _ := gate.WayOf(r.Context())
	if w.Local.Addr() == amazonAddress() {
		return "", true
	}
	why = fmt.Sprintf("because no VPC endpoint policy allows the %s action", a.Action)
	e, ok := in.endpoint(w)
	if !ok {
		return why, false
	}
	access := iam.Access{Caller: a.Caller, Action: a.Action, Resources: resourcesOf(in.d.engine.Snapshot(), a), Context: map[string]string{
		"aws:sourcevpce": e.ID, "aws:sourcevpc": e.VPCID, "aws:sourceaccount": e.Account,
		"aws:principalarn": iam.PrincipalOf(a.Caller), "aws:principalaccount": a.Caller.Account, "aws:userid": a.Caller.UserID,
		"aws:requestedregion": a.Caller.Region, "aws:securetransport": "true",
	}}
	switch access.Evaluate(e.Policy) {
	case iam.Allowed:
		return "", true
	case iam.Denied:
		return "with an explicit deny in a VPC endpoint policy", false
	}
	return why, false
}
