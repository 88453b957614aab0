package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// in is the same lab by the API of another account, in a region; "" is the usual
// one.
func (w *world) in(account, region string) *world {
	w.t.Helper()
	other := &world{musubi: w.musubi, api: &api{url: w.url, key: account, region: region}}
	other.image = other.call("ec2", "DescribeImages", "Owner.1", "amazon", "Filter.1.Name", "name", "Filter.1.Value.1", "al2023-ami-2023*-x86_64").
		text("imagesSet/item/imageId")
	for _, z := range other.call("ec2", "DescribeAvailabilityZones").all("availabilityZoneInfo/item") {
		other.zones = append(other.zones, z.text("zoneName"))
	}
	return other
}

// cli runs the AWS CLI as the world's account.
func (w *world) cli(args ...string) (string, error) {
	return w.cliWith([]string{"AWS_ACCESS_KEY_ID=" + w.key, "AWS_REGION=" + cmp.Or(w.region, "ap-northeast-1")}, args...)
}

// cliWith is cli with other credentials.
func (w *world) cliWith(credentials []string, args ...string) (string, error) {
	env := append(w.awsEnv(), credentials...)
	c := exec.CommandContext(w.t.Context(), "aws", append(args, "--output", "json", "--endpoint-url", w.url)...)
	c.Env = append(cleanEnv(), env...)
	out, err := c.CombinedOutput()
	return string(out), err
}

// refuses checks that a call of EC2 is refused with a code and a sentence.
func (w *world) refuses(what, code, part, action string, parameters ...string) {
	w.t.Helper()
	_, err := w.ask("ec2", action, parameters...)
	if errorCode(err) != code || !strings.Contains(fmt.Sprint(err), part) {
		w.t.Errorf("%s: %v, want %s: %s", what, err, code, part)
	}
}

// endpointState is the state of an endpoint, or the code of the error.
func (w *world) endpointState(id string) string {
	e, err := w.ask("ec2", "DescribeVpcEndpoints", "VpcEndpointId.1", id)
	if err != nil {
		return errorCode(err)
	}
	return e.text("vpcEndpointSet/item/state")
}

func (w *world) endpointBecomes(id, state string) {
	w.t.Helper()
	w.says(id, state, func() string { return w.endpointState(id) })
}

// asks makes an endpoint that waits to be accepted.
func (w *world) asks(vpc, service, group string, subnets ...string) endpoint {
	w.t.Helper()
	parameters := []string{"VpcEndpointType", "Interface", "VpcId", vpc, "ServiceName", service, "SecurityGroupId.1", group}
	for i, s := range subnets {
		parameters = append(parameters, fmt.Sprintf("SubnetId.%d", i+1), s)
	}
	e := w.ec2("CreateVpcEndpoint", parameters...)
	out := endpoint{id: e.text("vpcEndpoint/vpcEndpointId")}
	for _, d := range e.all("vpcEndpoint/dnsEntrySet/item") {
		out.names = append(out.names, d.text("dnsName"))
	}
	return out
}

const (
	linkConsumer = "111111111111"
	linkStranger = "222222222222"
)

// linkLab is a service of one account, asked for by others.
type linkLab struct {
	*world
	consumer, stranger *world
	service, name      string
	lb                 balancer
	vpc, group         string // the consumer's
	subnets            []string
	strangers          []string // the stranger's VPC, subnet and group
	clientIP           string
	endpoint           endpoint
}

func newLinkLab(t *testing.T) *linkLab {
	w := newWorld(t)
	l := &linkLab{world: w, consumer: w.in(linkConsumer, ""), stranger: w.in(linkStranger, "")}
	provider := w.vpc("10.0.0.0/16")
	var subnets []string
	for i, cidr := range []string{"10.0.0.0/24", "10.0.1.0/24"} {
		subnets = append(subnets, w.subnet(provider, cidr, i))
	}
	l.vpc = l.consumer.vpc("10.0.0.0/16")
	for i, cidr := range []string{"10.0.0.0/24", "10.0.1.0/24"} {
		l.subnets = append(l.subnets, l.consumer.subnet(l.vpc, cidr, i))
	}
	l.group = l.consumer.open(l.vpc)
	v := l.stranger.vpc("10.0.0.0/16")
	l.strangers = []string{v, l.stranger.subnet(v, "10.0.0.0/24", 0), l.stranger.open(v)}
	server := w.launch("server", subnets[0], w.open(provider), "")
	client := l.consumer.launch("client", l.subnets[0], l.group, "")
	w.running(server)
	l.clientIP = l.consumer.running(client)[0].ip
	w.peer("server", "80")
	w.peer("client")
	tcp, udp := w.targetGroup("tcp", provider, "TCP", "80"), w.targetGroup("udp", provider, "UDP", "80", "HealthCheckPort", "80")
	l.lb = w.balancer("lb", subnets)
	w.crossZone(l.lb, "true")
	w.listener(l.lb, "TCP", "80", tcp)
	w.listener(l.lb, "UDP", "53", udp)
	w.register(tcp, server)
	w.register(udp, server)
	w.waitActive(l.lb)
	w.waitHealth(tcp, "healthy", server)
	w.waitHealth(udp, "healthy", server)
	l.service, l.name = w.service(l.lb, "AcceptanceRequired", "true")
	return l
}

// call lets the client call an address.
func (l *linkLab) call(address string) func() string {
	return func() string { return l.callFrom("client", "tcp", address+":80") }
}

func TestLinkAccounts(t *testing.T) {
	t.Parallel()
	l := newLinkLab(t)
	l.notifies()
	for _, s := range []step{{"principals", l.principals}, {"acceptance", l.acceptance}, {"in place", l.inPlace},
		{"policies", l.policies}, {"private name", l.privateName}, {"notifications", l.notifications}, {"deletion", l.deletion}} {
		l.step(s)
	}
}

// permit changes the service's allowed principals.
func (l *linkLab) permit(change, principal string) {
	l.t.Helper()
	l.ec2("ModifyVpcEndpointServicePermissions", "ServiceId", l.service, change+"AllowedPrincipals.1", principal)
}

// principals: who may connect, and what strangers hear.
func (l *linkLab) principals() {
	absent := strings.Replace(l.name, l.service, "vpce-svc-0123456789abcdef0", 1)
	see := func(what string, a *api, may bool) {
		l.t.Helper()
		_, err := a.ask("ec2", "DescribeVpcEndpointServices", "ServiceName.1", l.name)
		_, err2 := a.ask("ec2", "CreateVpcEndpoint", "VpcEndpointType", "Interface", "VpcId", l.strangers[0], "ServiceName", l.name,
			"SubnetId.1", l.strangers[1], "SecurityGroupId.1", l.strangers[2], "DryRun", "true")
		if may {
			if err != nil || errorCode(err2) != "DryRunOperation" {
				l.t.Errorf("%s: %v, %v", what, err, err2)
			}
			return
		}
		// One can not tell what is forbidden from what is not there.
		_, other := a.ask("ec2", "DescribeVpcEndpointServices", "ServiceName.1", absent)
		want := strings.Replace(fmt.Sprint(other), absent, l.name, 1)
		for _, got := range []error{err, err2} {
			if errorCode(got) != "InvalidServiceName" || fmt.Sprint(got) != want {
				l.t.Errorf("%s: %v, want %s", what, got, want)
			}
		}
	}
	role := l.role("connector")
	user := "arn:aws:iam::" + linkStranger + ":user/someone"
	root := "arn:aws:iam::" + linkStranger + ":root"
	see("nobody is allowed", l.stranger.api, false)
	for _, x := range []struct {
		principal      string
		root, assuming bool
	}{
		{"arn:aws:iam::" + linkStranger + ":role/connector", false, true},
		{"arn:aws:iam::" + linkStranger + ":role/other", false, false},
		{user, false, false},
		{root, true, true},
		{"arn:aws:iam::" + linkConsumer + ":root", false, false},
		{"*", true, true},
	} {
		l.permit("Add", x.principal)
		see("root, with "+x.principal, l.stranger.api, x.root)
		out, err := l.consumer.cliWith(role, "ec2", "describe-vpc-endpoint-services", "--service-names", l.name)
		if x.assuming != (err == nil) || err != nil && !strings.Contains(out, "(InvalidServiceName)") {
			l.t.Errorf("a role, with %s: %v %s", x.principal, err, out)
		}
		l.permit("Remove", x.principal)
		see("root, after "+x.principal, l.stranger.api, false)
	}
	l.refuses("no principal", "InvalidPrincipal", "nonsense", "ModifyVpcEndpointServicePermissions", "ServiceId", l.service, "AddAllowedPrincipals.1", "nonsense")
	l.permit("Add", "arn:aws:iam::"+linkConsumer+":root")
}

// role is a session of a role of the stranger's, as the CLI takes it.
func (l *linkLab) role(name string) []string {
	l.t.Helper()
	trust := strings.NewReplacer(`"Service":"ec2.amazonaws.com"`, `"AWS":"arn:aws:iam::`+linkStranger+`:root"`).Replace(trustEC2)
	arn := l.stranger.call("iam", "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", trust).text("CreateRoleResult/Role/Arn")
	l.stranger.call("iam", "AttachRolePolicy", "RoleName", name, "PolicyArn", "arn:aws:iam::aws:policy/AmazonVPCReadOnlyAccess")
	e := l.stranger.call("sts", "AssumeRole", "RoleArn", arn, "RoleSessionName", "session").all("AssumeRoleResult/Credentials")[0]
	return []string{"AWS_ACCESS_KEY_ID=" + e.text("AccessKeyId"), "AWS_SECRET_ACCESS_KEY=" + e.text("SecretAccessKey"),
		"AWS_SESSION_TOKEN=" + e.text("SessionToken")}
}

// acceptance: traffic waits until it is accepted.
func (l *linkLab) acceptance() {
	connection := func() string {
		for _, e := range l.ec2("DescribeVpcEndpointConnections", "Filter.1.Name", "service-id", "Filter.1.Value.1", l.service).
			all("vpcEndpointConnectionSet/item") {
			if e.text("vpcEndpointId") == l.endpoint.id {
				return e.text("vpcEndpointOwner") + " " + e.text("vpcEndpointState")
			}
		}
		return "none"
	}
	l.endpoint = l.consumer.asks(l.vpc, l.name, l.group, l.subnets[0])
	l.consumer.endpointBecomes(l.endpoint.id, "pendingAcceptance")
	l.says("the provider's view", linkConsumer+" pendingAcceptance", connection)
	l.says("before", "timeout", l.call(l.endpoint.names[0]))
	l.ec2("AcceptVpcEndpointConnections", "ServiceId", l.service, "VpcEndpointId.1", l.endpoint.id)
	l.consumer.endpointBecomes(l.endpoint.id, "available")
	l.says("accepted", "hears 10.0.", l.call(l.endpoint.names[0]))
	l.says("the provider's view", linkConsumer+" available", connection)
	l.says("UDP", "hears 10.0.", func() string { return l.callFrom("client", "udp", l.endpoint.names[0]+":53") })
	l.never("the client's address", "hears "+l.clientIP+":", l.call(l.endpoint.names[0])())

	// What is removed from the permissions lets connections be.
	l.permit("Remove", "arn:aws:iam::"+linkConsumer+":root")
	l.says("without permission it goes on", "hears", l.call(l.endpoint.names[0]))
	l.consumer.refuses("a new one without permission", "InvalidServiceName", "does not exist", "CreateVpcEndpoint", "VpcEndpointType", "Interface",
		"VpcId", l.vpc, "ServiceName", l.name, "SubnetId.1", l.subnets[0])
	l.permit("Add", "arn:aws:iam::"+linkConsumer+":root")

	l.ec2("RejectVpcEndpointConnections", "ServiceId", l.service, "VpcEndpointId.1", l.endpoint.id)
	l.consumer.endpointBecomes(l.endpoint.id, "rejected")
	l.says("rejected", "timeout", l.call(l.endpoint.names[0]))
	l.consumer.ec2("DeleteVpcEndpoints", "VpcEndpointId.1", l.endpoint.id)
	l.consumer.endpointBecomes(l.endpoint.id, "InvalidVpcEndpointId.NotFound")

	l.ec2("ModifyVpcEndpointServiceConfiguration", "ServiceId", l.service, "AcceptanceRequired", "false")
	l.endpoint = l.consumer.endpoint(l.vpc, l.name, l.subnets, l.group)
	l.says("made again, accepted by itself", "hears", l.call(l.endpoint.names[0]))
	l.names()
}

// names: the regional one, and one for each zone.
func (l *linkLab) names() {
	addresses := func(name string) []string {
		out := strings.Fields(l.mustExec("client", "dig +short "+name))
		slices.Sort(out)
		return out
	}
	if len(l.endpoint.names) != 3 {
		l.t.Fatalf("the endpoint's names: %v", l.endpoint.names)
	}
	var zonal []string
	for _, n := range l.endpoint.names[1:] {
		a := addresses(n)
		if len(a) != 1 {
			l.t.Errorf("%s: %v", n, a)
		}
		zonal = append(zonal, a...)
		l.says("a zone's name", "hears", l.call(n))
	}
	slices.Sort(zonal)
	if all := addresses(l.endpoint.names[0]); !slices.Equal(all, zonal) || len(all) != 2 {
		l.t.Errorf("the regional name has %v, the zones %v", all, zonal)
	}
}

// inPlace: subnets and security groups come and go.
func (l *linkLab) inPlace() {
	modify := func(parameters ...string) {
		l.t.Helper()
		l.consumer.ec2("ModifyVpcEndpoint", append([]string{"VpcEndpointId", l.endpoint.id}, parameters...)...)
		l.consumer.endpointBecomes(l.endpoint.id, "available")
	}
	zone1 := ""
	for _, n := range l.endpoint.names[1:] {
		if strings.Contains(n, "-"+l.consumer.zones[1]+".") {
			zone1 = n
		}
	}
	at := strings.TrimSpace(l.mustExec("client", "dig +short "+zone1))
	l.says("the second subnet", "hears", l.call(at))
	modify("RemoveSubnetId.1", l.subnets[1])
	l.says("a subnet that left", "timeout", l.call(at))
	l.says("the other one", "hears", l.call(l.endpoint.names[0]))
	l.answers("client", zone1, "NXDOMAIN")
	modify("AddSubnetId.1", l.subnets[1])
	l.says("it is back", "hears", l.call(zone1))

	closed := l.consumer.group(l.vpc, "closed")
	modify("AddSecurityGroupId.1", closed, "RemoveSecurityGroupId.1", l.group)
	l.says("a group without rules", "timeout", l.call(l.endpoint.names[0]))
	modify("AddSecurityGroupId.1", l.group)
	l.says("both groups", "hears", l.call(l.endpoint.names[0]))
	modify("RemoveSecurityGroupId.1", closed)
	l.says("the first one", "hears", l.call(l.endpoint.names[0]))
}

// policies are stored.
func (l *linkLab) policies() {
	policy := func() string {
		return l.consumer.ec2("DescribeVpcEndpoints", "VpcEndpointId.1", l.endpoint.id).text("vpcEndpointSet/item/policyDocument")
	}
	const closed = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}`
	full := policy()
	l.consumer.ec2("ModifyVpcEndpoint", "VpcEndpointId", l.endpoint.id, "PolicyDocument", closed)
	var got, want any
	if json.Unmarshal([]byte(policy()), &got) != nil || json.Unmarshal([]byte(closed), &want) != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		l.t.Errorf("the policy: %s", policy())
	}
	l.says("policies do not hold customers' services up", "hears", l.call(l.endpoint.names[0]))
	l.consumer.ec2("ModifyVpcEndpoint", "VpcEndpointId", l.endpoint.id, "ResetPolicy", "true")
	if got := policy(); got != full || !strings.Contains(got, "Allow") {
		l.t.Errorf("the policy after its reset: %s, was %s", got, full)
	}
}

// deletion: what is in use can not go.
func (l *linkLab) deletion() {
	unsuccessful := func() string {
		return l.ec2("DeleteVpcEndpointServiceConfigurations", "ServiceId.1", l.service).text("unsuccessful/item/error/code")
	}
	if got := unsuccessful(); got != "ExistingVpcEndpointConnections" {
		l.t.Errorf("delete a service with connections: %q", got)
	}
	if _, err := l.ask("elasticloadbalancing", "DeleteLoadBalancer", "LoadBalancerArn", l.lb.arn); errorCode(err) != "ResourceInUse" {
		l.t.Errorf("delete a load balancer of a service: %v", err)
	}
	if _, err := l.ask("elasticloadbalancing", "SetSubnets", "LoadBalancerArn", l.lb.arn, "Subnets.member.1", l.nodeSubnet(0)); err == nil {
		l.t.Error("a zone with endpoints left the load balancer")
	}
	l.consumer.refuses("delete the endpoint's subnet", "DependencyViolation", "", "DeleteSubnet", "SubnetId", l.subnets[1])
	l.consumer.ec2("DeleteVpcEndpoints", "VpcEndpointId.1", l.endpoint.id)
	l.consumer.endpointBecomes(l.endpoint.id, "InvalidVpcEndpointId.NotFound")
	l.eventually(10*time.Second, "the service to go", func() bool { return unsuccessful() == "" })
	l.elb("ModifyLoadBalancerAttributes", "LoadBalancerArn", l.lb.arn,
		"Attributes.member.1.Key", "deletion_protection.enabled", "Attributes.member.1.Value", "true")
	if _, err := l.ask("elasticloadbalancing", "DeleteLoadBalancer", "LoadBalancerArn", l.lb.arn); errorCode(err) != "OperationNotPermitted" {
		l.t.Errorf("delete a protected load balancer: %v", err)
	}
}

func (l *linkLab) nodeSubnet(i int) string {
	return l.elb("DescribeLoadBalancers", "LoadBalancerArns.member.1", l.lb.arn).
		all("DescribeLoadBalancersResult/LoadBalancers/member/AvailabilityZones/member")[i].text("SubnetId")
}
