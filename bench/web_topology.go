package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/musubi-net/musubi/internal/kernel"
	"github.com/musubi-net/musubi/internal/spec"
)

// webTargets are the addresses behind the reverse proxies.
var webTargets = []netip.Addr{netip.MustParseAddr("10.0.2.10"), netip.MustParseAddr("10.0.2.11")}

// webPorts are a reverse proxy's.
type webPorts struct{ http, https uint16 }

func portsOf(i int) webPorts { return webPorts{uint16(8000 + i), uint16(8400 + i)} }

// webProxy is a reverse proxy in the VPC's namespace, at the node's address.
type webProxy struct {
	name  string
	ports webPorts
	run   *running
}

// webTopology is a VPC with a client, two targets and, on the router, an
// application load balancer's node. All reverse proxies stand there, side by
// side, each with ports of its own:
//
//	client -- router of the VPC, with all its rules and the proxies -- targets
type webTopology struct {
	topology
	vpc     *spec.VPC
	proxies []*webProxy
	chain   []byte // PEM, the certificate
	key     []byte
}

func buildWeb(ctx context.Context, names []string) (*webTopology, error) {
	dir, err := os.MkdirTemp("/run", "bench-")
	if err != nil {
		return nil, err
	}
	t := &webTopology{topology: topology{dir: dir, fabric: &spec.Fabric{}}}
	if t.chain, t.key, err = selfSigned(); err != nil {
		return nil, err
	}
	for name, b := range map[string][]byte{"chain.pem": t.chain, "chain.pem.key": t.key} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return nil, err
		}
	}
	worlds := filepath.Join(dir, "world")
	if err := os.Mkdir(worlds, 0o700); err != nil {
		return nil, err
	}
	t.dir = worlds
	if t.world, err = kernel.Open(ctx, kernel.Options{Dir: worlds}); err != nil {
		return nil, err
	}
	t.describeWeb(names)
	if err := t.apply(ctx); err != nil {
		return nil, err
	}
	for _, ns := range []string{"i-client", t.vpc.ID, "i-target0", "i-target1"} {
		if err := t.tune(ns, "i-client"); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// describeWeb makes the VPC: the load balancer's group lets the client in, the
// targets' the node.
func (t *webTopology) describeWeb(names []string) {
	v := t.topology.vpc("web")
	t.vpc = v
	t.guest(v, "client", clientAddr)
	for i, a := range webTargets {
		t.guest(v, fmt.Sprintf("target%d", i), a)
	}
	v.Local = append(v.Local, nodeAddr)
	balancer := spec.Group{ID: "sg-balancer", Egress: []spec.Rule{{Protocol: -1, To: 65535, Peer: netip.MustParsePrefix("0.0.0.0/0")}}}
	for i, name := range names {
		p := &webProxy{name: name, ports: portsOf(i)}
		t.proxies = append(t.proxies, p)
		for _, port := range []uint16{p.ports.http, p.ports.https} {
			v.Sockets = append(v.Sockets, spec.Socket{Address: nodeAddr, Protocol: 6, Port: port})
			balancer.Ingress = append(balancer.Ingress, spec.Rule{Protocol: 6, From: port, To: port, Peer: netip.MustParsePrefix("10.0.0.0/16")})
		}
	}
	v.Groups = append(v.Groups, balancer)
	v.Guards = []spec.Guard{{Address: nodeAddr, GroupIDs: []string{balancer.ID}}}
}

// certificate is where the files are that HAProxy and nginx read.
func (t *webTopology) certificate() string { return filepath.Join(filepath.Dir(t.dir), "chain.pem") }

// selfSigned makes a certificate of the usual kind, ECDSA on P-256.
func selfSigned() (chain, key []byte, err error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: webName}, DNSNames: []string{webName},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
	if err != nil {
		return nil, nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), nil
}
