package kernel_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestBalancerInsideTheVPC(t *testing.T) {
	t.Parallel()
	w, ifs := newWorld(t), &interfaces{}
	v := vpc("one", 1, "10.0.0.0/16", "2001:db8:1::/56")
	ifs.guest(v, "client", open(), "10.0.1.10/24", "2001:db8:1:1::10/64")
	ifs.guest(v, "target", []string{"sg-target"}, "10.0.2.10/24", "2001:db8:1:2::10/64")
	v.Groups = append(v.Groups, group("sg-target",
		rules("6 8080 8080 10.0.1.10/32", "6 8080 8080 10.0.2.100/32", "6 8080 8080 2001:db8:1:1::10/128"), nil))
	targets(v, "tg", "10.0.2.10:8080", "[2001:db8:1:2::10]:8080")
	targets(v, "none")
	listen(v, addr("10.0.1.100"), addr("10.0.1.100"), 6, 80, "tg", true)
	listen(v, addr("10.0.2.100"), addr("10.0.2.100"), 6, 80, "tg", false)
	listen(v, addr("10.0.3.100"), addr("10.0.3.100"), 6, 80, "tg", false)
	listen(v, addr("10.0.1.100"), addr("10.0.1.100"), 6, 81, "none", true)
	listen(v, addr("2001:db8:1:1::100"), addr("2001:db8:1:1::100"), 6, 80, "tg", true)
	w.apply(v)
	w.serve("i-target", "10.0.2.10:8080")
	w.serve("i-target", "[2001:db8:1:2::10]:8080")
	w.reaches("i-client", "10.0.1.100:80", "i-target 10.0.1.10")
	w.reaches("i-client", "10.0.2.100:80", "i-target 10.0.2.100")
	w.reaches("i-client", "[2001:db8:1:1::100]:80", "i-target 2001:db8:1:1::10")
	w.blocked("i-client", "10.0.3.100:80") // its node is not in the target's group
	w.blocked("i-client", "10.0.1.100:81") // no targets
	w.blocked("i-client", "10.0.1.100:82") // no listener
	// The health checker probes from a node's address, through the group as well.
	if c, who, err := w.dialFrom(patience, v.ID, addr("10.0.2.100"), "10.0.2.10:8080"); err != nil || who != "i-target 10.0.2.100" {
		t.Errorf("health check: %q %v", who, err)
	} else {
		_ = c.Close()
	}
	if _, _, err := w.dialFrom(silence, v.ID, addr("10.0.3.100"), "10.0.2.10:8080"); err == nil {
		t.Error("a health check passed the target's group")
	}
}

// TestSourceStickiness keeps each client at one target, whatever its port.
func TestSourceStickiness(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	v := clone(p.provider)
	list := []string{}
	for i := range 4 {
		name, at := fmt.Sprintf("t%d", i), fmt.Sprintf("10.0.4.%d", 10+i)
		p.guest(v, name, open(), at+"/24")
		list = append(list, at+":80")
	}
	targets(v, "many", list...)
	node := addr("10.0.1.101")
	listen(v, node, node, 6, 80, "many", true)
	listen(v, p.vip, node, 6, 80, "many", false)
	for i := range v.Listeners {
		v.Listeners[i].Sticky = true
	}
	clients := []string{}
	for i := range 12 {
		name := fmt.Sprintf("c%d", i)
		p.guest(v, name, open(), fmt.Sprintf("10.0.5.%d/24", 10+i))
		clients = append(clients, "i-"+name)
	}
	p.apply(v)
	for i, at := range list {
		p.serve(fmt.Sprintf("i-t%d", i), at)
	}
	seen := map[string]bool{}
	for _, c := range clients {
		first, err := p.answer(c, "10.0.1.101:80")
		if err != nil {
			t.Fatal(err)
		}
		seen[first] = true
		for range 5 {
			p.reaches(c, "10.0.1.101:80", first)
		}
	}
	targetsSeen := map[string]bool{}
	for s := range seen {
		targetsSeen[strings.Fields(s)[0]] = true
	}
	if len(targetsSeen) < 2 {
		t.Errorf("all clients have the same target: %v", seen)
	}
	first, err := p.answer("i-client", "10.0.1.50:80")
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		p.reaches("i-client", "10.0.1.50:80", first)
	}
}

// answer is the first line that a server sends.
func (w *world) answer(ns, to string) (string, error) {
	w.t.Helper()
	c, line, err := w.dial(patience, ns, to)
	if err == nil {
		err = c.Close()
	}
	return line, err
}
