package kernel_test

import (
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
