package e2e

import "testing"

// TestGatewayResources: endpoints to services that users map, by Terraform.
func TestGatewayResources(t *testing.T) {
	t.Parallel()
	l := newResourceLab(t, "gateway")
	for _, service := range []string{"s3", "dynamodb", "logs"} {
		l.must("services", "map", service, "http://127.0.0.1:9") // nobody calls it
	}
	l.before = l.status().Resources
	l.create()
	want := "map[blocks:true endpoints:dynamodb:Gateway logs:Interface s3:Interface lists:2 managed:AWS IPv4 1 name:com.amazonaws.ap-northeast-1.dynamodb " +
		"private:s3.ap-northeast-1.amazonaws.com read:true 2 available same:true service:amazon Gateway true]"
	if got := l.tf.output("found"); got != want {
		t.Errorf("found:\n%s, want\n%s", got, want)
	}
	l.change(1, 1) // the module's rule is replaced for its addresses
	l.remove()
}
