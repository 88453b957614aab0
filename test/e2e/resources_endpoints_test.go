package e2e

import "testing"

func TestEndpointResources(t *testing.T) {
	t.Parallel()
	l := newResourceLab(t, "endpoints")
	l.create()
	want := "map[accepted:true groups:2 last:api.endpoints.test name:api.endpoints.test owner:000000000000 private:true state:available subnets:2 topic:arn:aws:sns:ap-northeast-1:000000000000:provider]"
	if got := l.tf.output("found"); got != want {
		t.Errorf("found:\n%s, want\n%s", got, want)
	}
	l.change(0, 0)
	l.remove()
}
