package e2e

import (
	"bufio"
	"context"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// held is a connection that an instance keeps open.
type held struct {
	m     *musubi
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
}

// hold connects and returns what the server said first.
func (m *musubi) hold(instance, address string) (*held, string) {
	m.t.Helper()
	return m.keep(instance, "hold", address)
}

// keep is hold with other words for the peer.
func (m *musubi) keep(instance string, words ...string) (*held, string) {
	m.t.Helper()
	ctx, cancel := context.WithCancel(m.t.Context())
	m.t.Cleanup(cancel)
	h := &held{m: m, cmd: m.command(ctx, append([]string{"exec", instance, "--", "peer"}, words...)...)}
	var err error
	if h.stdin, err = h.cmd.StdinPipe(); err != nil {
		m.t.Fatal(err)
	}
	out, err := h.cmd.StdoutPipe()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := h.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	h.lines = bufio.NewScanner(out)
	return h, h.line()
}

func (h *held) line() string {
	if !h.lines.Scan() {
		return ""
	}
	return h.lines.Text()
}

// say sends a line and returns what comes back: the same, or in one word what
// became of the connection.
func (h *held) say(text string) string {
	_, _ = io.WriteString(h.stdin, text+"\n")
	return h.line()
}

func (h *held) close() {
	_ = h.stdin.Close()
	_ = h.cmd.Wait()
}

// TestWorldGroups: security groups by group reference, and what changes while
// everything runs.
func TestWorldGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.vpc("10.0.0.0/16")
	s := w.subnet(v, "10.0.0.0/24", 0)
	clients, servers, others := w.group(v, "clients"), w.group(v, "servers"), w.group(v, "others")
	w.allow(servers, "tcp", "80", "80", clients)
	ids := []string{w.launch("client", s, clients, ""), w.launch("server", s, servers, ""), w.launch("other", s, others, "")}
	in := w.running(ids...)
	for _, id := range ids {
		w.peer(id)
	}
	w.peer("server", "80", "81")
	server := in[1].ip
	becomes := func(what, want string, got func() string) {
		t.Helper()
		var last string
		w.eventually(10*time.Second, what+": "+want, func() bool {
			last = got()
			return strings.Contains(last, want)
		})
		if !strings.Contains(last, want) {
			t.Errorf("%s: %q", what, last)
		}
	}
	tcp := func(from string) func() string {
		return func() string { return w.callFrom(from, "tcp", server+":80") }
	}
	udp := func(from string) func() string {
		return func() string { return w.callFrom(from, "udp", server+":80") }
	}
	ping := func(from string) func() string { return func() string { return w.ping(from, server) } }

	becomes("a member", "hears "+in[0].ip, tcp("client"))
	becomes("no member", "timeout", tcp("other"))
	becomes("another port", "timeout", func() string { return w.callFrom("client", "tcp", server+":81") })
	becomes("another protocol", "timeout", udp("client"))
	becomes("no ICMP rule", "timeout", ping("client"))

	// Membership.
	w.aws("ec2", "modify-network-interface-attribute", "--network-interface-id", in[2].eni, "--groups", clients, others)
	becomes("a new member", "hears "+in[2].ip, tcp("other"))
	w.aws("ec2", "modify-network-interface-attribute", "--network-interface-id", in[2].eni, "--groups", others)
	becomes("a member that left", "timeout", tcp("other"))
	w.aws("ec2", "modify-instance-attribute", "--instance-id", ids[2], "--groups", clients)
	becomes("a member by its instance", "hears "+in[2].ip, tcp("other"))
	w.aws("ec2", "modify-instance-attribute", "--instance-id", ids[2], "--groups", others)
	becomes("a member that left by its instance", "timeout", tcp("other"))

	// A rule that goes does not end the connections that it let in.
	h, hello := w.hold("client", server+":80")
	if !strings.Contains(hello, "hears") {
		t.Fatalf("hold: %s", hello)
	}
	w.revoke(servers, "tcp", "80", "80", clients)
	becomes("a revoked rule", "timeout", tcp("client"))
	if got := h.say("still there"); got != "still there" {
		t.Errorf("the established connection after the revocation: %q", got)
	}
	h.close()
	w.allow(servers, "tcp", "80", "80", clients)
	becomes("a rule that is back", "hears", tcp("client"))

	// Other protocols.
	w.allow(servers, "udp", "80", "80", clients)
	becomes("a UDP rule", "hears "+in[0].ip, udp("client"))
	becomes("a UDP rule for others", "timeout", udp("other"))
	w.allow(servers, "icmp", "8", "-1", clients)
	becomes("an ICMP rule", "pong", ping("client"))
	becomes("an ICMP rule for others", "timeout", ping("other"))
	w.revoke(servers, "icmp", "8", "-1", clients)
	becomes("a revoked ICMP rule", "timeout", ping("client"))
	w.allow(servers, "icmp", "0", "-1", clients)
	becomes("an ICMP rule for another type", "timeout", ping("client"))

	// Egress.
	rule := append([]string{"GroupId", clients}, permission("-1", "-1", "-1", "0.0.0.0/0")...)
	w.ec2("RevokeSecurityGroupEgress", rule...)
	becomes("no egress rule", "timeout", tcp("client"))
	w.ec2("AuthorizeSecurityGroupEgress", append([]string{"GroupId", clients}, permission("tcp", "80", "80", servers)...)...)
	becomes("an egress rule for a group", "hears", tcp("client"))
	becomes("an egress rule for TCP", "timeout", udp("client"))

	if _, err := w.ask("ec2", "DeleteSecurityGroup", "GroupId", clients); errorCode(err) != "DependencyViolation" {
		t.Errorf("a group in use was deleted: %v", err)
	}
}

// TestWorldBalancerGroups: security groups of a load balancer, and targets that
// let in what comes by it.
func TestWorldBalancerGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.vpc("10.0.0.0/16")
	s := w.subnet(v, "10.0.0.0/24", 0)
	clients, front, targets := w.group(v, "clients"), w.group(v, "front"), w.group(v, "targets")
	w.allow(front, "tcp", "80", "80", clients)
	w.allow(targets, "tcp", "80", "80", front)
	ids := []string{w.launch("client", s, clients, ""), w.launch("other", s, w.group(v, "others"), ""), w.launch("target", s, targets, "")}
	in := w.running(ids...)
	w.peer("client")
	w.peer("other")
	w.peer("target", "80")
	tg := w.targetGroup("tg", v, "TCP", "80")
	lb := w.balancer("lb", []string{s}, "SecurityGroups.member.1", front)
	w.listener(lb, "TCP", "80", tg)
	w.register(tg, ids[2])
	w.waitHealth(tg, "healthy", ids[2])
	expect := func(what, want, from, to string) {
		t.Helper()
		var got string
		w.eventually(10*time.Second, what+": "+want, func() bool {
			got = w.callFrom(from, "tcp", to+":80")
			return strings.Contains(got, want)
		})
		if !strings.Contains(got, want) {
			t.Errorf("%s: %q", what, got)
		}
	}
	expect("a client of the load balancer", "hears "+in[0].ip, "client", lb.dns)
	expect("past the load balancer", "timeout", "client", in[2].ip)
	expect("no client of the load balancer", "timeout", "other", lb.dns)
	w.attribute(tg, "preserve_client_ip.enabled", "false")
	expect("with the node as source", "hears 10.0.0.", "client", lb.dns)
	w.attribute(tg, "preserve_client_ip.enabled", "true")
	w.ec2("RevokeSecurityGroupEgress", append([]string{"GroupId", front}, permission("-1", "-1", "-1", "0.0.0.0/0")...)...)
	w.waitHealth(tg, "unhealthy/Target.FailedHealthChecks", ids[2])
	w.ec2("AuthorizeSecurityGroupEgress", append([]string{"GroupId", front}, permission("tcp", "80", "80", targets)...)...)
	w.waitHealth(tg, "healthy", ids[2])
	expect("an egress rule for the targets", "hears "+in[0].ip, "client", lb.dns)
	w.revoke(front, "tcp", "80", "80", clients)
	expect("a revoked rule", "timeout", "client", lb.dns)
}
