package kernel_test

import (
	"testing"

	"github.com/musubi-net/musubi/internal/spec"
)

// TestVisitor looks into a consumer's VPC and a provider's from their routers.
func TestVisitor(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.serve("i-target", "10.0.1.10:8080")
	p.serve("i-client", "10.0.1.10:22")
	me := addr("10.0.1.1")
	from := func(ns, to, want string) {
		t.Helper()
		c, who, err := p.dialFrom(patience, ns, me, to)
		if err != nil {
			t.Errorf("%s: %v", to, err)
			return
		}
		_ = c.Close()
		if who != want {
			t.Errorf("%s: %q, want %q", to, who, want)
		}
	}
	consumer, provider := clone(p.consumer), clone(p.provider)
	consumer.Visitor, provider.Visitor = me, me
	consumer.Local = append(consumer.Local, addr("10.0.1.60"))
	node := addr("10.0.1.101")
	listen(provider, node, node, 6, 80, "tg", true)
	listen(provider, node, node, 6, 81, "tg", false)
	listen(provider, node, node, 6, 82, "none", true)
	targets(provider, "none")
	socket(provider, "10.0.2.200:80")
	targets(provider, "alb", "10.0.2.200:80")
	listen(provider, node, node, 6, 83, "alb", false)
	p.serve(p.provider.ID, "0.0.0.0:80")
	p.apply(consumer, provider)
	p.serve(p.consumer.ID, "10.0.1.1:53")
	from(consumer.ID, "10.0.1.50:443", "i-target 10.0.1.100")
	from(consumer.ID, "10.0.1.10:22", "i-client 10.0.1.1")
	from(consumer.ID, "10.0.1.1:53", consumer.ID+" 10.0.1.1")
	from(provider.ID, "10.0.1.101:80", "i-target 10.0.1.1")
	from(provider.ID, "10.0.1.101:81", "i-target 10.0.1.101")
	from(provider.ID, "10.0.2.200:80", provider.ID+" 10.0.1.1")
	from(provider.ID, "10.0.1.101:83", provider.ID+" 10.0.1.101")
	p.probes(provider.ID, me, "10.0.1.101:82", false)
	p.probes(provider.ID, addr("10.0.1.100"), "10.0.1.10:8080", true)
	p.reaches("i-client", "10.0.1.50:443", "i-target 10.0.1.100")
	// A load balancer in user space has endpoints and others as targets.
	p.probes(consumer.ID, addr("10.0.1.60"), "10.0.1.50:443", true)
	p.probes(provider.ID, addr("10.0.1.100"), "10.0.1.101:80", true)

	t.Run("groups", func(t *testing.T) {
		consumer, provider := clone(consumer), clone(provider)
		none := group("sg-none", rules("6 1 1 0.0.0.0/0"), rules("-1 0 65535 0.0.0.0/0"))
		consumer.Groups = append(consumer.Groups, none)
		provider.Groups = append(provider.Groups, none)
		provider.Guards = []spec.Guard{{Address: node, GroupIDs: []string{"sg-none"}}, {Address: addr("10.0.2.200"), GroupIDs: []string{"sg-none"}}}
		consumer.Endpoints[0].GuardIDs = []string{"sg-none"}
		consumer.Interfaces[0].GroupIDs = []string{"sg-none"}
		p.apply(consumer, provider)
		p.probes(consumer.ID, me, "10.0.1.50:443", false)
		p.probes(consumer.ID, me, "10.0.1.10:22", false)
		p.probes(provider.ID, me, "10.0.1.101:80", false)
		p.probes(provider.ID, me, "10.0.2.200:80", false)
		consumer.Endpoints[0].GuardIDs, consumer.Endpoints[0].GroupIDs = nil, []string{"sg-none"}
		p.apply(consumer)
		p.probes(consumer.ID, me, "10.0.1.50:443", false)
	})
	t.Run("not accepted", func(t *testing.T) {
		consumer := clone(consumer)
		consumer.Endpoints[0].Open = false
		p.apply(consumer)
		p.probes(consumer.ID, me, "10.0.1.50:443", false)
	})
}
