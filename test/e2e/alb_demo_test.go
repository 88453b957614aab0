package e2e

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDemoALB runs what `make demo-alb` runs after the build, and proves what it
// claims.
func TestDemoALB(t *testing.T) {
	t.Parallel()
	m := prepare(t)
	out := m.shell(m.checkout(), []string{"MUSUBI_LISTEN=127.0.0.1:0"}, "examples/alb-across-accounts/demo.sh")
	parts := regexp.MustCompile(`(?m)^\d\. `).Split(out, -1)
	if len(parts) != 7 {
		t.Fatalf("the demo has %d steps:\n%s", len(parts)-1, tail(out, 5000))
	}
	for i, wants := range [][]string{
		3: {"10 Hello from the server in zone a", "10 Hello from the server in zone c", "so the name fits the certificate"},
		4: {"curl: (60)", "no alternative certificate subject name matches target host name 'vpce-"},
		5: {"Hello from the server in zone"},
		6: {"InvalidServiceName", "does not exist", "down --purge"},
	} {
		for _, want := range wants {
			if !strings.Contains(strings.Join(strings.Fields(parts[i]), " "), want) {
				t.Errorf("step %d does not say %q:\n%s", i, want, parts[i])
			}
		}
	}
	l := &demoALB{musubi: m, tf: &terraform{m: m, dir: filepath.Join(m.dir, "demo", "alb-across-accounts"), env: m.awsEnv()}}
	l.tf.env = append(l.tf.env, cliConfig(t, l.tf.dir)...)
	l.tf.planIsEmpty()
	sub(t, m, "consumer without gateways", l.noGateways)
	sub(t, m, "invalid header fields", l.headers)
	sub(t, m, "without the demo's trust", l.strangers)
	l.protection()
}

type demoALB struct {
	*musubi
	tf *terraform
}

// noGateways: the consumer has nothing that leads out of its VPC.
func (l *demoALB) noGateways() {
	a := &api{url: l.status().API, key: consumerAccount}
	for action, items := range map[string]string{
		"DescribeInternetGateways":           "internetGatewaySet/item",
		"DescribeNatGateways":                "natGatewaySet/item",
		"DescribeAddresses":                  "addressesSet/item",
		"DescribeEgressOnlyInternetGateways": "egressOnlyInternetGatewaySet/item",
	} {
		out, err := a.ask("ec2", action)
		if err != nil || len(out.all(items)) != 0 {
			l.t.Errorf("%s: %v %v", action, err, out)
		}
	}
	if out, err := a.ask("ec2", "DescribeNetworkInterfaces"); err != nil || len(out.all("networkInterfaceSet/item/association")) != 0 {
		l.t.Errorf("interfaces with public addresses: %v %v", err, out)
	}
	out, err := a.ask("ec2", "DescribeRouteTables")
	if err != nil {
		l.t.Fatal(err)
	}
	for _, r := range out.all("routeTableSet/item/routeSet/item") {
		if g := r.text("gatewayId"); g != "local" {
			l.t.Errorf("a route of the consumer's leads to %v", r)
		}
	}
}

// headers: what is not a plain field name does not reach the targets.
func (l *demoALB) headers() {
	for _, zone := range []string{"a", "c"} {
		l.mustExec("server-"+zone, "systemctl stop httpd")
		l.probe("server-"+zone, zone)
	}
	r := l.curl("client", "-H 'bad_field: 1' -H 'x.y: 1' -H 'Good-Field: 1' "+l.tf.output("url"))
	if r.code() != 200 || r.saw.Name == "" {
		l.t.Fatalf("%d %s %s", r.code(), r.body, r.err)
	}
	if h := fmt.Sprint(r.saw.Header); strings.Contains(h, "Bad_field") || strings.Contains(h, "X.y") || r.saw.Header.Get("Good-Field") != "1" {
		l.t.Errorf("the target saw %s", h)
	}
}

// strangers: TLS protects the service from who does not look, too.
func (l *demoALB) strangers() {
	if r := l.curl("client", "--cacert /dev/null "+l.tf.output("url")); r.code() != 0 {
		l.t.Errorf("without the authority's certificate: %d", r.code())
	}
	url := "https://" + l.tf.output("endpoint_dns_name") + "/"
	if r := l.curl("client", "-k "+url); r.code() != 200 {
		l.t.Errorf("who does not look at the certificate: %d %s", r.code(), r.err)
	}
	if r := l.curl("client", "--max-time 2 http://"+l.tf.output("endpoint_dns_name")+"/"); r.code() != 0 || !strings.Contains(r.err, "(28)") {
		l.t.Errorf("HTTP: %d %s", r.code(), r.err)
	}
}

// alone has nothing but load balancers that are there already, so that destroying
// them needs nothing else to go before.
const alone = `
provider "aws" {
  region     = "ap-northeast-1"
  access_key = "111111111111"
  secret_key = "any"
}

data "aws_lb" "theirs" {
  for_each = toset(["application-lb", "network-lb"])
  name     = each.key
}

import {
  for_each = data.aws_lb.theirs
  to       = aws_lb.theirs[each.key]
  id       = each.value.arn
}

resource "aws_lb" "theirs" {
  for_each                   = data.aws_lb.theirs
  name                       = each.key
  internal                   = each.value.internal
  load_balancer_type         = each.value.load_balancer_type
  subnets                    = each.value.subnets
  security_groups            = each.value.security_groups
  enable_deletion_protection = true
  drop_invalid_header_fields = each.value.drop_invalid_header_fields
}
`

// protection keeps the load balancers until it is switched off.
func (l *demoALB) protection() {
	other := l.terraform("", map[string]string{"main.tf": alone})
	other.apply()
	out, err := other.run("destroy", "-auto-approve", "-input=false", "-no-color")
	if err == nil || strings.Count(out, "OperationNotPermitted") != 2 || strings.Count(out, "deletion protection is enabled") != 2 {
		l.t.Errorf("destroy of protected load balancers: %v\n%s", err, tail(out, 3000))
	}
	l.tf.apply("deletion_protection=false")
	l.tf.destroy("deletion_protection=false")
	for _, key := range []string{"111111111111", consumerAccount} {
		a := &api{url: l.status().API, key: key}
		for action, items := range map[string]string{"DescribeVpcs": "vpcSet/item", "DescribeNetworkInterfaces": "networkInterfaceSet/item"} {
			if v, err := a.ask("ec2", action); err != nil || len(v.all(items)) != 0 {
				l.t.Errorf("after destroy %s of %s: %v %v", action, key, err, v)
			}
		}
	}
}
