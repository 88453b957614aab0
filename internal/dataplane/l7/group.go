package l7

import (
	"crypto/tls"

	"github.com/musubi-net/musubi/internal/dataplane/l7/balance"
	"github.com/musubi-net/musubi/internal/dataplane/tlsconf"
	"github.com/musubi-net/musubi/internal/spec"
)

// group is a target group and how its targets are spoken to.
type group struct {
	*balance.Group
	arn     string
	version string      // HTTP1, HTTP2, GRPC
	tls     *tls.Config // nil in the clear
	policy  string
}

// newGroup makes what is needed beside the choice of targets.
func (lb *balancer) newGroup(g *balance.Group, policy string) *group {
	s := g.Spec()
	out := &group{Group: g, arn: s.ARN, version: s.Version, policy: policy}
	if s.Protocol == "HTTPS" {
		out.tls = tlsconf.Client(policy, "", nil)
		out.tls.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	return out
}

// same reports whether what newGroup made still serves.
func (g *group) same(s *spec.BalancerGroup, policy string) bool {
	return g.version == s.Version && (g.tls != nil) == (s.Protocol == "HTTPS") && g.policy == policy
}
