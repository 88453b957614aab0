package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// quickHealth makes the example's health checks as quick as AWS allows.
const quickHealth = `
resource "aws_lb_target_group" "nlb_tg" {
  health_check {
    protocol            = "TCP"
    port                = 80
    interval            = 5
    timeout             = 2
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}
`

// outsiders adds to the example.
const outsiders = `
# A client that the endpoint's security group does not know.
resource "aws_subnet" "elsewhere" {
  vpc_id            = module.consumer_vpc.vpc_id
  cidr_block        = "10.0.100.0/24"
  availability_zone = data.aws_availability_zones.all.names[0]
}

data "aws_availability_zones" "all" {
  state = "available"
}

resource "aws_instance" "outsider" {
  ami                    = data.aws_ami.amazon_linux.id
  instance_type          = "t3.micro"
  subnet_id              = aws_subnet.elsewhere.id
  vpc_security_group_ids = [aws_security_group.consumer_instance_sg.id]

  tags = {
    Name = "outsider"
  }
}

# Two hosts with the same address.
resource "aws_instance" "twin" {
  for_each = {
    consumer = { subnet = module.consumer_vpc.private_subnet_ids[1], group = aws_security_group.consumer_instance_sg.id }
    provider = { subnet = module.provider_vpc.private_subnet_ids[1], group = aws_security_group.provider_sg.id }
  }
  ami                    = data.aws_ami.amazon_linux.id
  instance_type          = "t3.micro"
  subnet_id              = each.value.subnet
  private_ip             = "10.0.2.200"
  vpc_security_group_ids = [each.value.group]

  user_data = <<-EOF
    #!/bin/bash
    dnf install -y httpd
    echo "twin of the ${each.key}" > /var/www/html/index.html
    systemctl enable --now httpd
  EOF

  tags = {
    Name = "twin-${each.key}"
  }
}
`

// crossZone is the lab of the article: the example, applied.
type crossZone struct {
	*musubi
	tf       *terraform
	consumer string
	url      string
}

func TestCrossZone(t *testing.T) {
	t.Parallel()
	m := start(t)
	tf := m.terraform("../../examples/cross-zone", map[string]string{"quick_override.tf": quickHealth, "outsiders.tf": outsiders})
	tf.apply()
	l := &crossZone{musubi: m, tf: tf, consumer: tf.output("consumer_instance_id"), url: tf.output("url")}
	tf.planIsEmpty()

	l.waitHealthy(3)
	l.step("off: one subnet answers", func() { l.expect(60, 1) })
	l.step("the name resolves to the endpoint", l.name)
	l.step("overlap", l.overlap)
	l.step("one way", l.oneWay)
	l.step("outsider", l.outsider)
	l.step("user data", l.userData)
	l.step("clients", l.clients)

	tf.apply("cross_zone=true")
	tf.planIsEmpty("cross_zone=true")
	l.step("on: all three answer", func() { l.expect(60, 1, 2, 3) })
	l.step("a stopped httpd leaves the rotation", l.failover)
	l.step("all down fails open", l.failOpen)
	l.step("kill -9", l.kill)

	tf.destroy("cross_zone=true")
	l.step("nothing is left", l.nothingLeft)
}

// step names a part of the test; parts depend on those before.
func (l *crossZone) step(name string, f func()) {
	l.t.Helper()
	if l.t.Failed() {
		l.t.FailNow()
	}
	begin := time.Now()
	f()
	l.t.Logf("%s: %v", name, time.Since(begin).Round(time.Millisecond))
}

var subnetLine = regexp.MustCompile(`Hello from Provider VPC on Subnet (\d)`)

// curl calls the service n times, a connection each, and counts who answered.
func (l *crossZone) curl(n int) map[int]int {
	l.t.Helper()
	out, err := l.exec(l.consumer, fmt.Sprintf("for i in $(seq %d); do curl -s --max-time 5 %s; done", n, l.url))
	if err != nil {
		l.t.Logf("curl: %v\n%s", err, tail(out, 500))
	}
	counts := map[int]int{}
	for _, s := range subnetLine.FindAllStringSubmatch(out, -1) {
		i, _ := strconv.Atoi(s[1])
		counts[i]++
	}
	return counts
}

// expect fails unless all n calls are answered, by just these subnets.
func (l *crossZone) expect(n int, subnets ...int) {
	l.t.Helper()
	counts := l.curl(n)
	total := 0
	for s, c := range counts {
		total += c
		if !slices.Contains(subnets, s) {
			l.t.Errorf("subnet %d answered %d times; want only %v", s, c, subnets)
		}
	}
	for _, s := range subnets {
		if counts[s] == 0 {
			l.t.Errorf("subnet %d never answered: %v", s, counts)
		}
	}
	if total != n {
		l.t.Errorf("%d of %d calls were answered: %v", total, n, counts)
	}
}

// healthy counts the targets that DescribeTargetHealth calls healthy.
func (l *crossZone) healthy() int {
	l.t.Helper()
	groups := l.aws("elbv2", "describe-target-groups", "--names", "provider-target-group")
	arn := dig(groups, "TargetGroups", 0, "TargetGroupArn").(string)
	n := 0
	health := l.aws("elbv2", "describe-target-health", "--target-group-arn", arn)
	for _, h := range health["TargetHealthDescriptions"].([]any) {
		if dig(h, "TargetHealth", "State") == "healthy" {
			n++
		}
	}
	return n
}

func (l *crossZone) waitHealthy(n int) {
	l.t.Helper()
	l.eventually(time.Minute, fmt.Sprintf("%d healthy targets", n), func() bool { return l.healthy() == n })
}

func (l *crossZone) name() {
	out := l.mustExec(l.consumer, "nslookup provider-nlb.example.local")
	endpoint := l.endpointAddress()
	if !strings.Contains(out, endpoint) {
		l.t.Errorf("nslookup does not say %s:\n%s", endpoint, out)
	}
	out = l.mustExec(l.consumer, "dig +short "+l.tf.output("endpoint_dns_name"))
	if strings.TrimSpace(out) != endpoint {
		l.t.Errorf("the endpoint's regional name gives %q, want %s", out, endpoint)
	}
	if out, err := l.exec("provider-service-1", "nslookup provider-nlb.example.local"); err == nil {
		l.t.Errorf("the private zone answers in the provider's VPC:\n%s", out)
	}
}

func (l *crossZone) endpointAddress() string {
	l.t.Helper()
	v := l.aws("ec2", "describe-vpc-endpoints", "--filters", "Name=tag:Name,Values=consumer-endpoint")
	id := dig(v, "VpcEndpoints", 0, "NetworkInterfaceIds", 0).(string)
	v = l.aws("ec2", "describe-network-interfaces", "--network-interface-ids", id)
	return dig(v, "NetworkInterfaces", 0, "PrivateIpAddress").(string)
}

// overlap shows that one address is two hosts: who answers depends on the VPC.
func (l *crossZone) overlap() {
	const get = "curl -s --max-time 5 http://10.0.2.200/"
	if out, err := l.exec("provider-service-2", get); err != nil || !strings.Contains(out, "twin of the provider") {
		l.t.Errorf("in the provider's VPC: %v %s", err, out)
	}
	if out, err := l.exec("twin-consumer", get); err != nil || !strings.Contains(out, "twin of the consumer") {
		l.t.Errorf("in the consumer's VPC: %v %s", err, out)
	}
	// The consumer's twin allows nothing in, so silence, not the other twin.
	if out, err := l.exec(l.consumer, "curl -s --max-time 2 http://10.0.2.200/"); err == nil {
		l.t.Errorf("the consumer reaches a twin: %s", out)
	}
}

// oneWay: neither side can dial what the fabric uses: the provider no endpoint's
// source, the consumer no address but the endpoint's.
func (l *crossZone) oneWay() {
	const all = `for a in 240 244 248; do for b in $(seq 0 25); do
		curl -s --max-time 2 -o /dev/null http://$a.0.0.$b/ && echo reached $a.0.0.$b &
	done; done; wait`
	for _, from := range []string{"provider-service-1", l.consumer} {
		if out, _ := l.exec(from, all); strings.Contains(out, "reached") {
			l.t.Errorf("from %s: %s", from, out)
		}
	}
}

// outsider: a client that the endpoint's security group does not allow is
// dropped (a time out, not a refusal), until the group allows it.
func (l *crossZone) outsider() {
	out, err := l.exec("outsider", "curl -s --max-time 2 "+l.url+"; echo code $?")
	if err != nil || !strings.Contains(out, "code 28") {
		l.t.Errorf("an outsider is not dropped: %v %s", err, out)
	}
	groups := l.aws("ec2", "describe-security-groups", "--filters", "Name=group-name,Values=consumer-endpoint-sg")
	id := dig(groups, "SecurityGroups", 0, "GroupId").(string)
	rule := []string{"--group-id", id, "--protocol", "tcp", "--port", "80", "--cidr", "10.0.100.0/24"}
	l.aws(append([]string{"ec2", "authorize-security-group-ingress"}, rule...)...)
	l.eventually(5*time.Second, "the new rule to let the outsider in", func() bool {
		out, err := l.exec("outsider", "curl -s --max-time 1 "+l.url)
		return err == nil && strings.Contains(out, "Hello")
	})
	l.aws(append([]string{"ec2", "revoke-security-group-ingress"}, rule...)...)
	l.eventually(5*time.Second, "the revoked rule to keep the outsider out", func() bool {
		_, err := l.exec("outsider", "curl -s --max-time 1 "+l.url)
		return err != nil
	})
}

func (l *crossZone) userData() {
	for _, out := range []string{
		l.mustExec("provider-service-1", "cat /var/log/cloud-init-output.log"),
		l.must("logs", "provider-service-1"),
	} {
		if !strings.Contains(out, "httpd") {
			l.t.Errorf("the user data's output is missing:\n%s", tail(out, 2000))
		}
	}
	id := dig(l.aws("ec2", "describe-instances", "--filters", "Name=tag:Name,Values=provider-service-1"),
		"Reservations", 0, "Instances", 0, "InstanceId").(string)
	if v := l.aws("ec2", "get-console-output", "--instance-id", id); v["Output"] == nil {
		l.t.Error("get-console-output has no output")
	}
}

// clients: the AWS CLI reads the same resources.
func (l *crossZone) clients() {
	v := l.aws("ec2", "describe-vpc-endpoints", "--filters", "Name=tag:Name,Values=consumer-endpoint")
	if s := dig(v, "VpcEndpoints", 0, "State"); s != "available" {
		l.t.Errorf("endpoint state %v", s)
	}
	v = l.aws("elbv2", "describe-load-balancers", "--names", "provider-nlb")
	if s := dig(v, "LoadBalancers", 0, "State", "Code"); s != "active" {
		l.t.Errorf("load balancer state %v", s)
	}
	v = l.aws("route53", "list-hosted-zones")
	if s := dig(v, "HostedZones", 0, "Name"); s != "example.local." {
		l.t.Errorf("hosted zone %v", s)
	}
	v = l.aws("iam", "get-role", "--role-name", "ec2-session-manager-role")
	if s := dig(v, "Role", "AssumeRolePolicyDocument", "Version"); s != "2012-10-17" {
		l.t.Errorf("trust policy %v", v)
	}
	if v := l.aws("sts", "get-caller-identity"); v["Account"] != "000000000000" {
		l.t.Errorf("identity %v", v)
	}
}

func (l *crossZone) failover() {
	l.mustExec("provider-service-2", "systemctl stop httpd")
	l.waitHealthy(2)
	l.expect(30, 1, 3)
	l.mustExec("provider-service-2", "systemctl start httpd")
	l.waitHealthy(3)
	l.expect(60, 1, 2, 3)
}

// failOpen: with every target down, connections still go to the targets, which
// refuse them (7), instead of vanishing (28).
func (l *crossZone) failOpen() {
	for i := 1; i <= 3; i++ {
		l.mustExec(fmt.Sprintf("provider-service-%d", i), "systemctl stop httpd")
	}
	l.waitHealthy(0)
	l.eventually(5*time.Second, "the targets' refusal", func() bool {
		out, err := l.exec(l.consumer, "curl -s --max-time 2 "+l.url+"; echo code $?")
		return err == nil && strings.Contains(out, "code 7")
	})
	for i := 1; i <= 3; i++ {
		l.mustExec(fmt.Sprintf("provider-service-%d", i), "systemctl start httpd")
	}
	l.waitHealthy(3)
}

// kill ends the daemon in the middle of a download over PrivateLink.
func (l *crossZone) kill() {
	for i := 1; i <= 3; i++ {
		l.mustExec(fmt.Sprintf("provider-service-%d", i), "head -c 20000000 /dev/zero > /var/www/html/big")
	}
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	c := l.command(ctx, "exec", l.consumer, "--", "curl", "-s", "--limit-rate", "4M", "-o", "/dev/null",
		"-w", "%{size_download}\n", l.url+"big")
	out, err := c.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.eventually(5*time.Second, "the download's connection", func() bool {
		out, err := l.exec(l.consumer, "cat /proc/net/tcp | grep -c ' 01 '")
		return err == nil && strings.TrimSpace(out) != "0"
	})
	before, api := l.resources(), l.status().API
	begin := time.Now()
	if err := syscall.Kill(l.status().Process.Daemon, syscall.SIGKILL); err != nil {
		l.t.Fatal(err)
	}
	l.eventually(2*time.Second, "the API after kill -9", func() bool {
		return l.answers(api)
	})
	l.t.Logf("API back after %v", time.Since(begin).Round(time.Millisecond))
	if after := l.resources(); after != before {
		l.t.Errorf("after kill -9:\n%s\nbefore:\n%s", after, before)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	if err := c.Wait(); err != nil || strings.TrimSpace(line) != "20000000" {
		l.t.Errorf("the download broke: %v, %q bytes", err, line)
	}
	l.waitHealthy(3)
	l.expect(60, 1, 2, 3)
}

// answers asks the API who is calling.
func (l *crossZone) answers(api string) bool {
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, api, strings.NewReader("Action=GetCallerIdentity&Version=2011-06-15"))
	if err != nil {
		l.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/sts/aws4_request, "+
		"SignedHeaders=host, Signature=0000000000000000000000000000000000000000000000000000000000000000")
	r, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = r.Body.Close()
	return r.StatusCode == http.StatusOK
}

func (l *crossZone) resources() string {
	l.t.Helper()
	return fmt.Sprint(l.status().Resources)
}

func (l *crossZone) nothingLeft() {
	for what, v := range map[string]map[string]any{
		"Vpcs":              l.aws("ec2", "describe-vpcs"),
		"NetworkInterfaces": l.aws("ec2", "describe-network-interfaces"),
		"VpcEndpoints":      l.aws("ec2", "describe-vpc-endpoints"),
		"LoadBalancers":     l.aws("elbv2", "describe-load-balancers"),
		"TargetGroups":      l.aws("elbv2", "describe-target-groups"),
		"HostedZones":       l.aws("route53", "list-hosted-zones"),
		"Roles":             l.aws("iam", "list-roles"),
	} {
		if n := len(v[what].([]any)); n != 0 {
			l.t.Errorf("after destroy: %d %s", n, what)
		}
	}
}

// dig walks a decoded JSON value; it panics with the path where that fails, so
// that a test names what is missing.
func dig(v any, path ...any) any {
	for i, p := range path {
		switch k := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				panic(fmt.Sprintf("no %v in %v", path[:i+1], v))
			}
			v = m[k]
		case int:
			l, ok := v.([]any)
			if !ok || len(l) <= k {
				panic(fmt.Sprintf("no %v in %v", path[:i+1], v))
			}
			v = l[k]
		}
	}
	return v
}
