package e2e

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestDemoAlone runs what `make demo-alone` runs after the build, and what its
// README proposes to try next.
func TestDemoAlone(t *testing.T) {
	t.Parallel()
	m := prepare(t)
	out := m.shell(m.checkout(), []string{"MUSUBI_LISTEN=127.0.0.1:0"}, "examples/no-way-out/demo.sh")
	parts := regexp.MustCompile(`(?m)^\d\. `).Split(out, -1)
	if len(parts) != 8 {
		t.Fatalf("the demo has %d steps:\n%s", len(parts)-1, tail(out, 5000))
	}
	l := newAlone(t, m)
	for i, wants := range [][]string{
		3: {"(TargetNotConnected)", l.instance + " is not connected.", "curl: (28)"},
		5: {"ssm." + l.region, "ssmmessages." + l.region, "ec2." + l.region},
		6: {"assumed-role/no-way-out/" + l.instance, l.vpc + " 10.1.0.0/16"},
		7: {"UnauthorizedOperation", "because no VPC endpoint policy allows the ec2:CreateTags action", "--target " + l.instance, "down --purge"},
	} {
		for _, want := range wants {
			if !strings.Contains(strings.Join(strings.Fields(parts[i]), " "), want) {
				t.Errorf("step %d does not say %q:\n%s", i, want, parts[i])
			}
		}
	}
	if n := len(regexp.MustCompile(`amazonaws\.com +10\.1\.1\.\d+ 10\.1\.2\.\d+\n|amazonaws\.com +10\.1\.2\.\d+ 10\.1\.1\.\d+\n`).FindAllString(parts[5], -1)); n != 3 {
		t.Errorf("%d names have an address in each subnet:\n%s", n, parts[5])
	}
	narrow(t, out)
	l.tf.planIsEmpty()
	sub(t, m, "a shell", l.shell)
	sub(t, m, "the endpoint's policy", l.policy)
	sub(t, m, "no private names", l.names)
	sub(t, m, "no 443", l.closed)
	sub(t, m, "no permission", l.detached)
	sub(t, m, "one endpoint less", l.away)
	l.mended()
}

// aloneLab is the lab of examples/no-way-out, applied.
type aloneLab struct {
	*world
	tf                    *terraform
	instance, region, vpc string
	endpoints             map[string]endpoint // by service
}

func newAlone(t *testing.T, m *musubi) *aloneLab {
	t.Helper()
	l := &aloneLab{world: &world{musubi: m, api: m.api()}, endpoints: map[string]endpoint{}}
	l.tf = &terraform{m: m, dir: filepath.Join(m.dir, "demo", "no-way-out"), env: m.awsEnv()}
	l.tf.env = append(l.tf.env, cliConfig(t, l.tf.dir)...)
	l.instance, l.region = l.tf.output("instance_id"), l.tf.output("region")
	l.vpc = l.ec2("DescribeInstances", "InstanceId.1", l.instance).text("reservationSet/item/instancesSet/item/vpcId")
	for _, e := range l.ec2("DescribeVpcEndpoints").all("vpcEndpointSet/item") {
		service := e.text("serviceName")
		out := endpoint{id: e.text("vpcEndpointId")}
		for _, d := range e.all("dnsEntrySet/item") {
			out.names = append(out.names, d.text("dnsName"))
		}
		l.endpoints[service[strings.LastIndexByte(service, '.')+1:]] = out
	}
	return l
}

// inside is what the AWS CLI says in the instance.
func (l *aloneLab) inside(args string) string {
	out, _ := l.exec("no-way-out", "AWS_DEFAULT_REGION="+l.region+" AWS_MAX_ATTEMPTS=1 timeout 60 aws --output text --cli-connect-timeout 2 --cli-read-timeout 20 "+args+" 2>&1")
	return out
}

func (l *aloneLab) insideSays(want, args string) {
	l.t.Helper()
	l.says("aws "+args, want, func() string { return l.inside(args) })
}

// shell: Session Manager, and what the AWS CLI does in its session.
func (l *aloneLab) shell() {
	for _, want := range []string{l.vpc, "no-way-out"} {
		if got := l.inSession(l.instance, "aws ec2 describe-vpcs --output text --region "+l.region); !strings.Contains(got, want) {
			l.t.Errorf("describe-vpcs in a session does not say %s: %s", want, got)
		}
	}
}

// policy: an endpoint's policy is asked at each request.
func (l *aloneLab) policy() {
	tag := "ec2 create-tags --resources " + l.instance + " --tags Key=a,Value=b"
	change := func(action string) {
		l.ec2("ModifyVpcEndpoint", "VpcEndpointId", l.endpoints["ec2"].id,
			"PolicyDocument", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"`+action+`","Resource":"*"}]}`)
	}
	change("ec2:CreateTags")
	l.insideSays("because no VPC endpoint policy allows the ec2:DescribeVpcs action", "ec2 describe-vpcs")
	if got := l.inside(tag); got != "" {
		l.t.Errorf("create-tags: %s", got)
	}
	if got := l.ec2("DescribeTags", "Filter.1.Name", "key", "Filter.1.Value.1", "a").text("tagSet/item/resourceId"); got != l.instance {
		l.t.Errorf("%q has the tag", got)
	}
	l.ec2("DeleteTags", "ResourceId.1", l.instance, "Tag.1.Key", "a")
	change("ec2:Describe*")
	l.insideSays(l.vpc, "ec2 describe-vpcs")
}

// names: without private names the public ones lead nowhere, and the endpoint's own
// still do.
func (l *aloneLab) names() {
	e := l.endpoints["ec2"]
	l.ec2("ModifyVpcEndpoint", "VpcEndpointId", e.id, "PrivateDnsEnabled", "false")
	l.insideSays("Connect timeout on endpoint URL: \"https://ec2."+l.region+".amazonaws.com/\"", "ec2 describe-vpcs")
	l.insideSays(l.vpc, "ec2 describe-vpcs --endpoint-url https://"+e.names[0])
	l.insideSays("no-way-out", "sts get-caller-identity") // another endpoint
}

// connected is whether Session Manager reaches the instance.
func (l *aloneLab) connected() string {
	l.t.Helper()
	out := l.ssm("GetConnectionStatus", map[string]any{"Target": l.instance})
	status, _ := at(out, "Status").(string)
	return status
}

// lost waits until Session Manager does not reach the instance.
func (l *aloneLab) lost() {
	l.t.Helper()
	begin := time.Now()
	l.eventually(time.Minute, "the instance to be away", func() bool { return l.connected() == "notconnected" })
	l.t.Logf("away after %v", time.Since(begin).Round(time.Second/10))
	want := "An error occurred (TargetNotConnected) when calling the StartSession operation: " + l.instance + " is not connected."
	if out, err := l.tryAWS("ssm", "start-session", "--target", l.instance); err == nil || !strings.Contains(out, want) {
		l.t.Errorf("start-session: %v %s", err, out)
	}
}

// back waits until it does again.
func (l *aloneLab) back() {
	l.t.Helper()
	l.eventually(time.Minute, "the instance to be back", func() bool { return l.connected() == "connected" })
}

// restart has the agent begin anew, on connections of its own.
func (l *aloneLab) restart() {
	l.t.Helper()
	l.must("exec", "no-way-out", "--", "systemctl", "restart", "amazon-ssm-agent")
}

// closed: the agent's way is the endpoints' security group. What was let in once
// goes on.
func (l *aloneLab) closed() {
	group := l.ec2("DescribeSecurityGroups", "Filter.1.Name", "group-name", "Filter.1.Value.1", "endpoints").text("securityGroupInfo/item/groupId")
	l.revoke(group, "tcp", "443", "443", "10.1.0.0/16")
	l.insideSays("Connect timeout", "sts get-caller-identity")
	if got := l.connected(); got != "connected" {
		l.t.Errorf("a connection that stands is %s", got)
	}
	l.restart()
	l.lost()
	l.says("the agent's log", "i/o timeout", func() string { return l.agentLog(l.instance) })
	l.allow(group, "tcp", "443", "443", "10.1.0.0/16")
	l.back()
}

// detached: there is a way, but no permission.
func (l *aloneLab) detached() {
	policy := []string{"RoleName", "no-way-out", "PolicyArn", "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"}
	l.call("iam", "DetachRolePolicy", policy...)
	l.restart()
	l.lost()
	l.says("the agent's log", "not authorized to perform: ssmmessages:CreateControlChannel because no identity-based policy allows",
		func() string { return l.agentLog(l.instance) })
	l.insideSays("no-way-out", "sts get-caller-identity")
	l.call("iam", "AttachRolePolicy", policy...)
	l.back()
}

// away: one endpoint less, and nobody reaches the instance.
func (l *aloneLab) away() {
	l.ec2("DeleteVpcEndpoints", "VpcEndpointId.1", l.endpoints["ssmmessages"].id)
	l.lost()
}

// mended: Terraform sees what was taken away, and mends it.
func (l *aloneLab) mended() {
	out := l.tf.must("apply", "-auto-approve", "-input=false", "-no-color")
	if !strings.Contains(out, "Resources: 1 added, 1 changed, 0 destroyed.") {
		l.t.Errorf("what the way back is:\n%s", tail(out, 3000))
	}
	l.tf.planIsEmpty()
	l.back()
	l.insideSays(l.vpc, "ec2 describe-vpcs")
	l.tf.destroy()
	if left := l.status().Resources; len(left) > 0 {
		l.t.Errorf("after destroy: %v", left)
	}
}
