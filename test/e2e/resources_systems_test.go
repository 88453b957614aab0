package e2e

import (
	"testing"
	"time"
)

func TestSystemsResources(t *testing.T) {
	t.Parallel()
	l := newResourceLab(t, "systems")
	l.tf.apply()
	node := l.tf.output("node")
	a := l.api()
	l.eventually(40*time.Second, "the instance to be managed", func() bool {
		out, err := a.systems("DescribeInstanceInformation", map[string]any{})
		return err == nil && at(out, "InstanceInformationList", 0, "InstanceId") == node
	})
	l.create()
	if got, want := l.tf.output("found"), "map[by_path:/app/list /app/plain /app/secret document:Command 1 1 instances:1 secret:secret 1]"; got != want {
		t.Errorf("found:\n%s, want\n%s", got, want)
	}
	if got := l.tf.output("managed"); got != node {
		t.Errorf("managed: %q, want %q", got, node)
	}
	l.change(0, 0)
	if got, want := l.tf.output("found"), "map[by_path:/app/list /app/plain /app/secret document:Command 2 2 instances:1 secret:secret 2]"; got != want {
		t.Errorf("after the change: %s, want %s", got, want)
	}
	l.remove()
}
