package e2e

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestWorldKilled: the daemon is killed while everything about a load balancer
// and its endpoint changes. Connections do not notice, and the world becomes
// what the API says.
func TestWorldKilled(t *testing.T) {
	t.Parallel()
	l := newBalancing(t)
	ids := []string{l.servers[0].id, l.servers[1].id, l.servers[2].id}
	listener := l.listener(l.lb, "TCP", "80", l.tcp)
	l.waitHealth(l.tcp, "healthy", ids...)
	l.attribute(l.tcp, "deregistration_delay.timeout_seconds", "0")
	h, hello := l.hold("consumer", l.endpoint.names[0]+":80")
	if hello == "" {
		t.Fatal("no connection over PrivateLink")
	}
	crossZone := func(on bool) []string {
		return []string{"ModifyTargetGroupAttributes", "TargetGroupArn", l.tcp, "Attributes.member.1.Key", "load_balancing.cross_zone.enabled", "Attributes.member.1.Value", fmt.Sprint(on)}
	}
	rule := permission("tcp", "81", "81", l.open)
	var done atomic.Bool
	var storm sync.WaitGroup
	for range 3 {
		storm.Go(func() {
			for !done.Load() {
				spare := []string{"TargetGroupArn", l.tcp, "Targets.member.1.Id", l.spare.id}
				c := [][]string{crossZone(true), crossZone(false), append([]string{"RegisterTargets"}, spare...), append([]string{"DeregisterTargets"}, spare...),
					append([]string{"AuthorizeSecurityGroupIngress", "GroupId", l.guarded}, rule...),
					append([]string{"RevokeSecurityGroupIngress", "GroupId", l.guarded}, rule...),
					{"CreateVpc", "CidrBlock", "10.0.0.0/16"},
				}[rand.IntN(7)]
				service := "elasticloadbalancing"
				if c[0] != "RegisterTargets" && c[0] != "DeregisterTargets" && c[0] != "ModifyTargetGroupAttributes" {
					service = "ec2"
				}
				_, err := l.ask(service, c[0], c[1:]...)
				if code := errorCode(err); code != "" && code != "InvalidPermission.Duplicate" && code != "InvalidPermission.NotFound" {
					t.Errorf("%v: %v", c, err)
				}
			}
		})
	}
	for range 4 {
		before := l.status().World.Applied
		l.eventually(20*time.Second, "some changes", func() bool { return l.status().World.Applied > before+10 })
		if err := syscall.Kill(l.status().Process.Daemon, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if got := h.say("while it is down"); got != "while it is down" {
			t.Fatalf("the connection over PrivateLink: %q", got)
		}
		l.eventually(10*time.Second, "the daemon to be back", func() bool {
			_, err := l.ask("sts", "GetCallerIdentity")
			return err == nil
		})
	}
	done.Store(true)
	storm.Wait()
	if got := h.say("afterwards"); got != "afterwards" {
		t.Errorf("the connection over PrivateLink: %q", got)
	}
	h.close()
	_, _ = l.ask("elasticloadbalancing", "DeregisterTargets", "TargetGroupArn", l.tcp, "Targets.member.1.Id", l.spare.id)
	if _, err := l.ask("elasticloadbalancing", crossZone(false)[0], crossZone(false)[1:]...); err != nil {
		t.Fatal(err)
	}
	l.waitHealth(l.tcp, "healthy", ids...)
	l.expect("one zone", "client", "tcp", l.zonal(1, "80"), "10.0.1.80")
	l.expect("over PrivateLink", "consumer", "tcp", l.endpoint.names[0]+":80", "10.0.0.80", "10.0.1.80")
	l.attribute(l.tcp, "load_balancing.cross_zone.enabled", "true")
	l.expect("all zones", "consumer", "tcp", l.endpoint.names[0]+":80", "10.0.0.80", "10.0.1.80", "10.0.2.80")
	l.elb("DeleteListener", "ListenerArn", listener)
	l.eventually(10*time.Second, "no listener", func() bool { return l.callFrom("consumer", "tcp", l.endpoint.names[0]+":80") == "timeout" })
	if s := l.status(); s.World.LastError != "" {
		t.Errorf("the world: %+v", s.World)
	}
}
