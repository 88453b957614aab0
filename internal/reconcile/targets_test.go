package reconcile

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/musubi-net/musubi/internal/spec"
)

// TestFlowsOf: a target that leaves one listener may go on serving another.
func TestFlowsOf(t *testing.T) {
	const arn, other = "arn:aws:elasticloadbalancing:r:1:listener/net/lb/1/aa", "arn:aws:elasticloadbalancing:r:1:listener/net/lb/1/bb"
	web, db := netip.MustParseAddrPort("10.0.1.10:80"), netip.MustParseAddrPort("10.0.1.10:81")
	node := netip.MustParseAddr("10.0.1.100")
	v := &spec.VPC{
		Listeners: []spec.Listener{
			{Address: node, Protocol: 6, Port: 80, Targets: "taa-1a"}, {Address: node, Protocol: 6, Port: 443, Targets: "tbb-1a"},
			{Address: node, Protocol: 6, Port: 8443, Targets: "taa-1a-own", Local: true},
		},
		TargetSets: []spec.TargetSet{{Name: "taa-1a", Targets: []netip.AddrPort{db}}, {Name: "tbb-1a", Targets: []netip.AddrPort{web}}},
	}
	gone := spec.Flow{Entrance: netip.AddrPortFrom(node, 80), Protocol: 6, Target: web}
	for name, x := range map[string]struct {
		resets []reset
		want   []spec.Flow
	}{
		"none":                           {nil, nil},
		"of one listener":                {[]reset{{arn, web}}, []spec.Flow{gone}},
		"a target that still serves":     {[]reset{{arn, db}, {other, web}}, nil},
		"a target of two listeners":      {[]reset{{arn, web}, {other, web}}, []spec.Flow{gone}},
		"a listener of another one's ID": {[]reset{{arn + "c", web}}, nil},
	} {
		if got := flowsOf(v, x.resets); !slices.Equal(got, x.want) {
			t.Errorf("%s: %v, want %v", name, got, x.want)
		}
	}
}
