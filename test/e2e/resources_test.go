package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Each of these tests is a lab of Terraform resources: made, read, imported,
// changed in place, and destroyed, by the real provider. They run beside each
// other: most of their time Terraform itself waits.

func TestNetworkResources(t *testing.T) {
	t.Parallel()
	l := newResourceLab(t, "network")
	l.create()
	want := "000000000000 111111111111 ap-northeast-1 ap-northeast-3 aws amazonaws.com apne1-az4"
	if got := l.tf.output("identity"); got != want {
		t.Errorf("identity: %s, want %s", got, want)
	}
	want = "map[acls:1 addresses:1 domain:second.internal groups:5 interfaces:2 nat_gateways:4 private_subnets:3 regions:33 route_tables:6 rules:6 vpcs:3]"
	if got := l.tf.output("found"); got != want {
		t.Errorf("found: %s, want %s", got, want)
	}
	l.change(0, 0)
	l.remove()
}

func TestComputeResources(t *testing.T) {
	t.Parallel()
	l := newResourceLab(t, "compute")
	l.create()
	want := "map[arm:arm64 fingerprint:43C75MVtoW6xf5H+ghuHaHJGSYmnr8EDJRGnhR3arys= images:true many:2 public_dns:true vcpus:2 zones:3]"
	if got := l.tf.output("found"); got != want {
		t.Errorf("found: %s, want %s", got, want)
	}
	for _, host := range []string{"10.0.0.20", l.tf.output("full_public_ip")} {
		l.answers("eip", "http://"+host+"/", "step 1")
	}
	l.change(1, 1) // an instance is replaced for its user data
	l.remove()
}

func TestPrivateLinkResources(t *testing.T) {
	t.Parallel()
	l := newResourceLab(t, "privatelink")
	l.create()
	if got, want := l.tf.output("balancers"), "map[all:3 interfaces:2 zone_id:true]"; got != want {
		t.Errorf("balancers: %s, want %s", got, want)
	}
	url := l.tf.output("url")
	l.answers("client", url, "Hello from")
	l.change(0, 1) // one permission less
	l.answers("client", url, "Hello from")
	l.remove()
}

// resourceLab is a configuration of testdata, applied. Its variable step is 1
// after create and 2 after change.
type resourceLab struct {
	*musubi
	tf     *terraform
	before map[string]int
}

func newResourceLab(t *testing.T, name string) *resourceLab {
	t.Helper()
	m := start(t)
	l := &resourceLab{musubi: m, before: m.status().Resources}
	l.tf = m.terraform("testdata/"+name, nil)
	// Much of the time is spent in waits of the provider.
	l.tf.env = append(l.tf.env, "TF_CLI_ARGS_apply=-parallelism=40", "TF_CLI_ARGS_destroy=-parallelism=40")
	return l
}

// create applies the configuration. There is nothing to do right after that,
// nor after an import of everything into another state.
func (l *resourceLab) create() {
	l.t.Helper()
	l.tf.apply()
	l.tf.planIsEmpty()
	l.tf.importsUnchanged()
}

// change applies step 2 and expects that resources change in place, but for so
// many that come and go.
func (l *resourceLab) change(added, destroyed int) {
	l.t.Helper()
	out := l.tf.must("apply", "-auto-approve", "-input=false", "-no-color", "-var", "step=2")
	begin, end := fmt.Sprintf("Resources: %d added, ", added), fmt.Sprintf(" changed, %d destroyed.", destroyed)
	if !strings.Contains(out, begin) || !strings.Contains(out, end) || strings.Contains(out, ", 0 changed") {
		l.t.Errorf("step 2 is to change in place, with %d added and %d destroyed:\n%s", added, destroyed, tail(out, 1500))
	}
	l.tf.planIsEmpty("step=2")
}

// remove destroys everything and looks for what is left, and for what the
// provider asked for in vain.
func (l *resourceLab) remove() {
	l.t.Helper()
	l.tf.destroy("step=2")
	s := l.status()
	if fmt.Sprint(s.Resources) != fmt.Sprint(l.before) {
		l.t.Errorf("after destroy: %v; before anything: %v", s.Resources, l.before)
	}
	if len(s.Unserved) > 0 {
		l.t.Errorf("Terraform asked for what is not served: %v", s.Unserved)
	}
	if s.World.LastError != "" {
		l.t.Errorf("the world had errors: %s", s.World.LastError)
	}
}

// answers waits until a URL answers an instance.
func (l *resourceLab) answers(instance, url, want string) {
	l.t.Helper()
	l.eventually(30*time.Second, instance+" to get "+url, func() bool {
		out, err := l.exec(instance, "curl -s --max-time 2 "+url)
		return err == nil && strings.Contains(out, want)
	})
}
