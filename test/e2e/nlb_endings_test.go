package e2e

import (
	"strings"
	"time"
)

// endings: what becomes of connections, in the kernel and in user space, whose
// target fails its checks or is deregistered.
func (l *tlsLab) endings() {
	group, id := l.group["http"], l.servers[0].id
	l.attribute(group, "deregistration_delay.timeout_seconds", "3")
	ports := []string{"8080", "5443"}
	hold := func() []*held {
		l.t.Helper()
		var out []*held
		for _, p := range ports {
			out = append(out, l.holdTo("ip-10-0-0-80", "client", p))
		}
		return out
	}
	alive := func(what string, all []*held) {
		l.t.Helper()
		for i, h := range all {
			if got := h.say(what); got != what {
				l.t.Errorf("port %s, %s: %q", ports[i], what, got)
			}
		}
	}
	ended := func(what string, all []*held) {
		l.t.Helper()
		for i, h := range all {
			got := "?"
			l.eventually(15*time.Second, what+" to end port "+ports[i], func() bool { got = h.say("still"); return got != "still" })
			if got != "reset" && got != "" {
				l.t.Errorf("port %s, %s: %q", ports[i], what, got)
			}
			h.close()
		}
	}
	fails := func(status, state string) {
		l.t.Helper()
		l.mustExec("server0", "echo "+status+" >"+statusFile)
		l.waitHealth(group, state, id)
	}

	l.waitHealth(group, "healthy", id, l.servers[1].id)
	l.attribute(group, "target_health_state.unhealthy.connection_termination.enabled", "false")
	all := hold()
	fails("503", "unhealthy/Target.FailedHealthChecks")
	l.says("new connections go elsewhere", "ip-10-0-1-80", l.from("client", "8080"))
	alive("unhealthy without termination", all)
	fails("200", "healthy")
	alive("healthy again", all)
	l.attribute(group, "target_health_state.unhealthy.connection_termination.enabled", "true")
	fails("503", "unhealthy/Target.FailedHealthChecks")
	ended("unhealthy", all)
	fails("200", "healthy")

	// Without termination connections outlive the delay.
	all = hold()
	l.deregister(group, id)
	l.eventually(20*time.Second, "the target to be gone", func() bool { _, there := l.health(group)[id]; return !there })
	alive("after the delay", all)
	for _, h := range all {
		h.close()
	}
	l.attribute(group, "deregistration_delay.connection_termination.enabled", "true")
	l.register(group, id)
	l.waitHealth(group, "healthy", id)
	all = hold()
	l.deregister(group, id)
	alive("draining", all)
	ended("the end of the delay", all)
	l.register(group, id)
	l.waitHealth(group, "healthy", id)
}

// holdTo keeps a connection to a certain target.
func (l *tlsLab) holdTo(host, from, port string) *held {
	l.t.Helper()
	words := []string{"tls", "hold", l.to(from) + ":" + port}
	if strings.HasSuffix(port, "443") {
		words = append(words, "tls=a.example")
	}
	for range 40 {
		h, hello := l.keep(from, words...)
		if strings.Contains(hello, host) {
			return h
		}
		h.close()
	}
	l.t.Fatalf("port %s: no connection of 40 went to %s", port, host)
	return nil
}

func (w *world) deregister(group string, ids ...string) {
	w.t.Helper()
	parameters := []string{"TargetGroupArn", group}
	for i, id := range ids {
		parameters = append(parameters, "Targets.member."+string(rune('1'+i))+".Id", id)
	}
	w.elb("DeregisterTargets", parameters...)
}
