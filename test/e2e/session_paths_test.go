package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestSessionPaths: an instance is online while its agent reaches Systems Manager,
// by endpoints or by gateways, with a role that lets it.
//
//	vpc a 10.0.0.0/16                            vpc b 10.1.0.0/16, no gateway
//	  public  10.0.0.0/24  pub (public IP)         10.1.0.0/24  alone
//	  private 10.0.1.0/24  priv (by NAT)           endpoints ssm, ssmmessages
//	  pub has no endpoint but a public address; bare and powerless lack the role
func TestSessionPaths(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := &pathsLab{world: w, region: strings.TrimRight(w.zones[0], "abcdef")}
	w.managedRole()
	w.profile("powerless", "ReadOnlyAccess")
	a, b := w.vpc("10.0.0.0/16"), w.vpc("10.1.0.0/16")
	public, private := w.subnet(a, "10.0.0.0/24", 0), w.subnet(a, "10.0.1.0/24", 0)
	l.only = w.subnet(b, "10.1.0.0/24", 1)
	w.ec2("ModifySubnetAttribute", "SubnetId", public, "MapPublicIpOnLaunch.Value", "true")
	w.table(a, []string{"GatewayId", w.gateway(a)}, public)
	allocation, _ := w.address()
	nat := w.ec2("CreateNatGateway", "SubnetId", public, "AllocationId", allocation).text("natGateway/natGatewayId")
	l.table = w.table(a, []string{"NatGatewayId", nat}, private)
	l.vpc, l.group = b, w.open(b)
	sg := w.open(a)
	managed := []string{"IamInstanceProfile.Name", "managed"}
	pub := w.launch("pub", public, sg, "", managed...)
	priv := w.launch("priv", private, sg, "", managed...)
	l.alone = w.launch("alone", l.only, l.group, "", managed...)
	bare := w.launch("bare", public, sg, "")
	powerless := w.launch("powerless", public, sg, "", "IamInstanceProfile.Name", "powerless")
	w.running(pub, priv, l.alone, bare, powerless)
	w.waitPing(pub, "Online")
	w.waitPing(priv, "Online")
	l.byNAT(priv)
	l.byEndpoints()
	l.withoutRole(bare, powerless)
	l.detached(pub)
}

type pathsLab struct {
	*world
	region           string
	vpc, only, group string // without a gateway
	alone            string
	table            string // of the private subnet
}

// offline waits until sessions are refused in AWS's words.
func (l *pathsLab) offline(id string) {
	l.t.Helper()
	begin := time.Now()
	l.eventually(40*time.Second, "start-session to be refused for "+id, func() bool {
		return l.ssm("GetConnectionStatus", map[string]any{"Target": id})["Status"] == "notconnected"
	})
	l.t.Logf("%s was lost after %v", id, time.Since(begin).Round(time.Second/10))
	if out, err := l.tryAWS("ssm", "start-session", "--target", id); err == nil || !strings.Contains(out, "An error occurred (TargetNotConnected) when calling the StartSession operation: "+id+" is not connected.") {
		l.t.Errorf("start-session: %v\n%s", err, out)
	}
}

// lost waits until an instance that was online is not.
func (l *pathsLab) lost(id string) {
	l.t.Helper()
	l.offline(id)
	l.waitPing(id, "ConnectionLost")
}

// byNAT: the route to the NAT gateway goes, and comes back.
func (l *pathsLab) byNAT(id string) {
	l.t.Helper()
	route := l.ec2("DescribeRouteTables", "RouteTableId.1", l.table)
	var nat string
	for _, r := range route.all("routeTableSet/item/routeSet/item") {
		if n := r.text("natGatewayId"); n != "" {
			nat = n
		}
	}
	l.ec2("DeleteRoute", "RouteTableId", l.table, "DestinationCidrBlock", "0.0.0.0/0")
	l.lost(id)
	l.ec2("CreateRoute", "RouteTableId", l.table, "DestinationCidrBlock", "0.0.0.0/0", "NatGatewayId", nat)
	l.waitPing(id, "Online")
	l.opens(id)
}

// opens: a shell by the stock plugin.
func (l *pathsLab) opens(id string) {
	l.t.Helper()
	s, _ := l.shellOf(id)
	if got := s.run("echo $((6*7))"); got != "42" {
		l.t.Errorf("the shell: %q", got)
	}
	s.typed("exit\r")
	_ = s.ended()
}

func (l *pathsLab) service(name string) endpoint {
	l.t.Helper()
	return l.endpoint(l.vpc, "com.amazonaws."+l.region+"."+name, []string{l.only}, l.group)
}

func (l *pathsLab) modify(e endpoint, more ...string) {
	l.t.Helper()
	l.ec2("ModifyVpcEndpoint", append([]string{"VpcEndpointId", e.id}, more...)...)
}

// byEndpoints: each of what an endpoint needs is taken away, and given back. As
// long as the agent reaches the endpoint for ssm, the instance is managed. What is
// asked when a channel opens matters to the next one.
func (l *pathsLab) byEndpoints() {
	l.t.Helper()
	if got := l.pingStatus(l.alone); got != "" {
		l.t.Errorf("without endpoints the instance is %q", got)
	}
	l.offline(l.alone)
	ssm, channel := l.service("ssm"), l.service("ssmmessages")
	l.waitPing(l.alone, "Online")
	l.back(l.alone)
	l.opens(l.alone)
	closed := l.world.group(l.vpc, "closed")
	l.allow(closed, "tcp", "80", "80", "10.1.0.0/16")
	// Connections that a group let in stay, as on AWS.
	again := func() { l.mustExec(l.alone, "systemctl restart amazon-ssm-agent") }
	l.modify(channel, "AddSecurityGroupId.1", closed, "RemoveSecurityGroupId.1", l.group)
	again()
	l.offline(l.alone)
	l.allow(closed, "tcp", "443", "443", "10.1.0.0/16")
	l.back(l.alone)
	l.modify(channel, "PrivateDnsEnabled", "false")
	again()
	l.offline(l.alone)
	l.modify(channel, "PrivateDnsEnabled", "true")
	l.back(l.alone)
	l.modify(channel, "PolicyDocument", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"ssmmessages:Describe*","Resource":"*"}]}`)
	again()
	l.offline(l.alone)
	l.modify(channel, "ResetPolicy", "true")
	l.back(l.alone)
	l.ec2("DeleteVpcEndpoints", "VpcEndpointId.1", channel.id, "VpcEndpointId.2", ssm.id)
	l.lost(l.alone)
}

// back waits until sessions begin again.
func (l *pathsLab) back(id string) {
	l.t.Helper()
	l.eventually(40*time.Second, "sessions with "+id, func() bool {
		return l.ssm("GetConnectionStatus", map[string]any{"Target": id})["Status"] == "connected"
	})
}

// withoutRole: who has no profile, or one whose role may not, never was online.
func (l *pathsLab) withoutRole(ids ...string) {
	l.t.Helper()
	for _, id := range ids {
		if got := l.pingStatus(id); got != "" {
			l.t.Errorf("%s is %q, and its agent says:\n%s", id, got, l.agentLog(id))
		}
		l.offline(id)
	}
	l.call("iam", "AttachRolePolicy", "RoleName", "powerless", "PolicyArn", "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")
	l.waitPing(ids[1], "Online")
}

// detached: a role loses what lets its instances in.
func (l *pathsLab) detached(id string) {
	l.t.Helper()
	policy := []string{"RoleName", "managed", "PolicyArn", "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"}
	l.call("iam", "DetachRolePolicy", policy...)
	l.mustExec(id, "systemctl restart amazon-ssm-agent")
	l.lost(id)
	l.call("iam", "AttachRolePolicy", policy...)
	l.back(id)
}
