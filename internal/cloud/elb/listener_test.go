package elb

import (
	"testing"
	"time"
)

func TestListener(t *testing.T) {
	w := newWorld(t)
	l := must(w, internalNLB("subnet-a"))
	g, h := must(w, tcpGroup("one")), must(w, tcpGroup("two"))
	c := CreateListener{LoadBalancerARN: l.ARN, Protocol: "TCP", Port: 80, Action: forward(g.ARN)}
	x := must(w, c)
	if x.Attributes[attrIdleTimeout] != "350" || IdleTimeout(x) != 350*time.Second {
		t.Errorf("attributes %v", x.Attributes)
	}
	if again := must(w, c); again.ARN != x.ARN {
		t.Error("the same settings made another listener")
	}
	c.Action = forward(h.ARN)
	_, err := try(w, c)
	refused(t, err, "DuplicateListener", "already exists on this port")

	x = must(w, ModifyListenerAttributes{ARN: x.ARN, Set: []KeyValue{{attrIdleTimeout, "60"}}})
	if IdleTimeout(x) != time.Minute {
		t.Errorf("idle timeout %s", IdleTimeout(x))
	}
	_, err = try(w, ModifyListenerAttributes{ARN: x.ARN, Set: []KeyValue{{attrIdleTimeout, "59"}}})
	refused(t, err, "ValidationError", "60 to 6000")

	f := forward(g.ARN, h.ARN)
	f[0].Forward.Groups[0].Weight = 9
	x = must(w, ModifyListener{ARN: x.ARN, Port: 8080, Action: f})
	if x.Port != 8080 || len(x.Targets) != 2 || x.Targets[0].Weight != 9 || IdleTimeout(x) != time.Minute {
		t.Errorf("modified: %+v", x)
	}
	other := internalNLB("subnet-c")
	other.Name = "other"
	_, err = try(w, CreateListener{LoadBalancerARN: must(w, other).ARN, Protocol: "TCP", Port: 80, Action: forward(g.ARN)})
	refused(t, err, "TargetGroupAssociationLimit", "more than one load balancer")
	must(w, DeleteListener{ARN: x.ARN})
	_, err = try(w, DeleteListener{ARN: x.ARN})
	refused(t, err, "ListenerNotFound", "listeners not found")
}

func TestLegalCombinations(t *testing.T) {
	legal := map[string][]string{"TCP": {"TCP", "TCP_UDP"}, "UDP": {"UDP", "TCP_UDP"}, "TCP_UDP": {"TCP_UDP"}}
	for listener, groups := range legal {
		for _, group := range []string{"TCP", "UDP", "TCP_UDP"} {
			want := false
			for _, g := range groups {
				want = want || g == group
			}
			if got := compatible(listener, group); got != want {
				t.Errorf("listener %s, group %s: %v", listener, group, got)
			}
		}
	}
}

func TestListenerRefusals(t *testing.T) {
	w := newWorld(t)
	l := must(w, internalNLB("subnet-a"))
	tcp := must(w, tcpGroup("tcp")).ARN
	c := tcpGroup("udp")
	c.Protocol = "UDP"
	udp := must(w, c).ARN
	c = tcpGroup("far")
	c.VPCID = "vpc-2"
	far := must(w, c).ARN
	c = tcpGroup("six")
	c.IPAddressType, c.TargetType = "ipv6", "ip"
	six := must(w, c).ARN
	for name, x := range map[string]struct {
		protocol   string
		port       int
		action     []Action
		code, part string
	}{
		"QUIC":     {"QUIC", 443, forward(tcp), "UnsupportedOperation", "'QUIC' is not served"},
		"HTTP":     {"HTTP", 80, forward(tcp), "UnsupportedProtocol", "'HTTP'"},
		"port":     {"TCP", 70000, forward(tcp), "ValidationError", "less than or equal to 65535"},
		"no port":  {"TCP", 0, forward(tcp), "ValidationError", "port must be specified"},
		"no group": {"TCP", 80, forward(), "ValidationError", "target group ARN"},
		"absent":   {"TCP", 80, forward("arn:x"), "TargetGroupNotFound", "not found"},
		"protocol": {"TCP", 80, forward(udp), "IncompatibleProtocols", "'UDP'"},
		"VPC":      {"TCP", 80, forward(far), "InvalidConfigurationRequest", "not in the VPC"},
		"IPv6":     {"TCP", 80, forward(six), "InvalidConfigurationRequest", "dualstack"},
		"sticky":   {"TCP", 80, []Action{{Type: ActionForward, Forward: &Forward{Groups: forward(tcp)[0].Forward.Groups, Sticky: true}}}, "UnsupportedOperation", "stickiness"},
		"weight":   {"TCP", 80, []Action{{Type: ActionForward, Forward: &Forward{Groups: []WeightedGroup{{tcp, 1000}}}}}, "ValidationError", "0 and 999"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			_, err := try(w, CreateListener{LoadBalancerARN: l.ARN, Protocol: x.protocol, Port: x.port, Action: x.action})
			refused(t, err, x.code, x.part)
		})
	}
}
