package e2e

import (
	"cmp"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The tests of the world ask the AWS CLI where its words matter. What only sets
// a lab up, or waits, goes through this small client: a process per call would
// take most of the tests' time.

// element is a decoded XML answer.
type element struct {
	XMLName  xml.Name
	Text     string    `xml:",chardata"`
	Children []element `xml:",any"`
}

// all returns the elements at a path, such as "reservationSet/item/instancesSet/item".
func (e element) all(path string) []element {
	found := []element{e}
	for name := range strings.SplitSeq(path, "/") {
		var next []element
		for _, f := range found {
			for _, c := range f.Children {
				if c.XMLName.Local == name {
					next = append(next, c)
				}
			}
		}
		found = next
	}
	return found
}

// text is the text of the first element at a path, or "".
func (e element) text(path string) string {
	for _, f := range e.all(path) {
		return strings.TrimSpace(f.Text)
	}
	return ""
}

// apiError is an answer that is none of the 2xx.
type apiError struct {
	status        int
	code, message string
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.code, e.message) }

// errorCode is the code of an API's error, or "".
func errorCode(err error) string {
	if e, ok := errors.AsType[*apiError](err); ok {
		return e.code
	}
	return ""
}

var apiVersions = map[string]string{
	"ec2": "2016-11-15", "elasticloadbalancing": "2015-12-01", "iam": "2010-05-08", "sts": "2011-06-15",
	"sns": "2010-03-31",
}

// api is a Musubi's API; it is safe for several goroutines.
type api struct {
	url    string
	key    string // access key id
	token  string
	region string // "" is ap-northeast-1
	client http.Client
}

func (m *musubi) api() *api {
	a := &api{url: m.status().API, key: "000000000000"}
	if m.dial != nil {
		a.client.Transport = &http.Transport{DialContext: m.dial}
	}
	return a
}

func (a *api) signature(service string) string {
	return "AWS4-HMAC-SHA256 Credential=" + a.key + "/20260101/" + cmp.Or(a.region, "ap-northeast-1") + "/" + service +
		"/aws4_request, SignedHeaders=host, Signature=0000"
}

// ask calls an action with parameters, a name and a value at a time.
func (a *api) ask(service, action string, parameters ...string) (element, error) {
	form := url.Values{"Action": {action}, "Version": {apiVersions[service]}}
	for i := 0; i+1 < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	var out element
	req, err := http.NewRequest(http.MethodPost, a.url, strings.NewReader(form.Encode()))
	if err != nil {
		return out, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", a.signature(service))
	if a.token != "" {
		req.Header.Set("X-Amz-Security-Token", a.token)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return out, err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return out, err
	}
	if err := xml.Unmarshal(body, &out); err != nil {
		return out, fmt.Errorf("%s: %w: %s", action, err, body)
	}
	if resp.StatusCode/100 != 2 {
		e := out
		for _, path := range []string{"Errors/Error", "Error"} {
			if f := out.all(path); len(f) > 0 {
				e = f[0]
			}
		}
		return out, &apiError{resp.StatusCode, e.text("Code"), e.text("Message")}
	}
	return out, nil
}

// world is a lab under construction.
type world struct {
	*musubi
	*api
	image string
	zones []string
}

func newWorld(t *testing.T) *world { return newWorldIn(t, start(t)) }

func newWorldIn(t *testing.T, m *musubi) *world {
	t.Helper()
	w := &world{musubi: m, api: m.api()}
	w.image = w.call("ec2", "DescribeImages", "Owner.1", "amazon", "Filter.1.Name", "name", "Filter.1.Value.1", "al2023-ami-2023*-x86_64").
		text("imagesSet/item/imageId")
	if w.image == "" {
		w.image = w.call("ec2", "DescribeImages").text("imagesSet/item/imageId")
	}
	for _, z := range w.call("ec2", "DescribeAvailabilityZones").all("availabilityZoneInfo/item") {
		w.zones = append(w.zones, z.text("zoneName"))
	}
	if len(w.zones) < 3 {
		t.Fatalf("zones: %v", w.zones)
	}
	return w
}

// call is ask; an error ends the test.
func (w *world) call(service, action string, parameters ...string) element {
	w.t.Helper()
	out, err := w.ask(service, action, parameters...)
	if err != nil {
		w.t.Fatalf("%s %v: %v", action, parameters, err)
	}
	return out
}

func (w *world) elb(action string, parameters ...string) element {
	w.t.Helper()
	return w.call("elasticloadbalancing", action, parameters...)
}

func (w *world) ec2(action string, parameters ...string) element {
	w.t.Helper()
	return w.call("ec2", action, parameters...)
}

// vpc makes a VPC with DNS names on.
func (w *world) vpc(cidr string, more ...string) string {
	w.t.Helper()
	id := w.ec2("CreateVpc", append([]string{"CidrBlock", cidr}, more...)...).text("vpc/vpcId")
	w.ec2("ModifyVpcAttribute", "VpcId", id, "EnableDnsHostnames.Value", "true")
	return id
}

func (w *world) subnet(vpc, cidr string, zone int, more ...string) string {
	w.t.Helper()
	return w.ec2("CreateSubnet", append([]string{"VpcId", vpc, "CidrBlock", cidr, "AvailabilityZone", w.zones[zone]}, more...)...).
		text("subnet/subnetId")
}

// gateway attaches an internet gateway.
func (w *world) gateway(vpc string) string {
	w.t.Helper()
	id := w.ec2("CreateInternetGateway").text("internetGateway/internetGatewayId")
	w.ec2("AttachInternetGateway", "InternetGatewayId", id, "VpcId", vpc)
	return id
}

// table makes a route table with a default route, for subnets. target is a
// parameter and its value; none makes no route.
func (w *world) table(vpc string, target []string, subnets ...string) string {
	w.t.Helper()
	id := w.ec2("CreateRouteTable", "VpcId", vpc).text("routeTable/routeTableId")
	if len(target) > 0 {
		w.ec2("CreateRoute", append([]string{"RouteTableId", id, "DestinationCidrBlock", "0.0.0.0/0"}, target...)...)
	}
	for _, s := range subnets {
		w.ec2("AssociateRouteTable", "RouteTableId", id, "SubnetId", s)
	}
	return id
}

// address allocates an Elastic IP.
func (w *world) address() (id, ip string) {
	w.t.Helper()
	e := w.ec2("AllocateAddress", "Domain", "vpc")
	return e.text("allocationId"), e.text("publicIp")
}

func (w *world) group(vpc, name string) string {
	w.t.Helper()
	return w.ec2("CreateSecurityGroup", "GroupName", name, "GroupDescription", name, "VpcId", vpc).text("groupId")
}

// permission is the parameters of one rule. The peer is a range or a group.
func permission(protocol, from, to, peer string) []string {
	const p = "IpPermissions.1."
	out := []string{p + "IpProtocol", protocol, p + "FromPort", from, p + "ToPort", to}
	switch {
	case strings.HasPrefix(peer, "sg-"):
		return append(out, p+"Groups.1.GroupId", peer)
	case strings.Contains(peer, ":"):
		return append(out, p+"Ipv6Ranges.1.CidrIpv6", peer)
	}
	return append(out, p+"IpRanges.1.CidrIp", peer)
}

// allow adds an ingress rule.
func (w *world) allow(group, protocol, from, to, peer string) {
	w.t.Helper()
	w.ec2("AuthorizeSecurityGroupIngress", append([]string{"GroupId", group}, permission(protocol, from, to, peer)...)...)
}

func (w *world) revoke(group, protocol, from, to, peer string) {
	w.t.Helper()
	w.ec2("RevokeSecurityGroupIngress", append([]string{"GroupId", group}, permission(protocol, from, to, peer)...)...)
}

// open makes a group that lets everything in.
func (w *world) open(vpc string) string {
	w.t.Helper()
	g := w.group(vpc, "open")
	w.allow(g, "-1", "-1", "-1", "0.0.0.0/0")
	w.allow(g, "-1", "-1", "-1", "::/0")
	return g
}

// instance is what tests want to know of one.
type instance struct {
	id, ip, public, ip6, eni, dns string
}

// launch runs an instance; it does not wait until it runs.
func (w *world) launch(name, subnet, group, userData string, more ...string) string {
	w.t.Helper()
	parameters := []string{"ImageId", w.image, "InstanceType", "t3.micro", "MinCount", "1", "MaxCount", "1",
		"UserData", base64.StdEncoding.EncodeToString([]byte(userData)),
		"TagSpecification.1.ResourceType", "instance", "TagSpecification.1.Tag.1.Key", "Name", "TagSpecification.1.Tag.1.Value", name}
	if !strings.Contains(strings.Join(more, " "), "NetworkInterface.1.") {
		parameters = append(parameters, "SubnetId", subnet, "SecurityGroupId.1", group)
	} else {
		more = append(more, "NetworkInterface.1.DeviceIndex", "0", "NetworkInterface.1.SubnetId", subnet, "NetworkInterface.1.SecurityGroupId.1", group)
	}
	return w.ec2("RunInstances", append(parameters, more...)...).text("instancesSet/item/instanceId")
}

// running waits until instances run and their user data is done.
func (w *world) running(ids ...string) []instance {
	w.t.Helper()
	out := make([]instance, len(ids))
	for i, id := range ids {
		w.waitState(id, "running")
		w.mustExec(id, "cloud-init status --wait >/dev/null")
		out[i] = w.describe(id)
	}
	return out
}

func (w *world) describe(id string) instance {
	w.t.Helper()
	e := w.ec2("DescribeInstances", "InstanceId.1", id).all("reservationSet/item/instancesSet/item")[0]
	return instance{id: id, ip: e.text("privateIpAddress"), public: e.text("ipAddress"), dns: e.text("privateDnsName"),
		ip6: e.text("networkInterfaceSet/item/ipv6AddressesSet/item/ipv6Address"),
		eni: e.text("networkInterfaceSet/item/networkInterfaceId")}
}

func (w *world) state(id string) string {
	w.t.Helper()
	return w.ec2("DescribeInstances", "InstanceId.1", id).text("reservationSet/item/instancesSet/item/instanceState/name")
}

func (w *world) waitState(id, want string) {
	w.t.Helper()
	w.eventually(time.Minute, id+" to be "+want, func() bool { return w.state(id) == want })
	if w.t.Failed() {
		w.t.FailNow()
	}
}

// targetGroup makes a target group with the quickest health checks.
func (w *world) targetGroup(name, vpc, protocol, port string, more ...string) string {
	w.t.Helper()
	return w.elb("CreateTargetGroup", append([]string{"Name", name, "VpcId", vpc, "Protocol", protocol, "Port", port,
		"HealthCheckProtocol", "TCP", "HealthCheckIntervalSeconds", "5", "HealthCheckTimeoutSeconds", "2",
		"HealthyThresholdCount", "2", "UnhealthyThresholdCount", "2"}, more...)...).
		text("CreateTargetGroupResult/TargetGroups/member/TargetGroupArn")
}

func (w *world) attribute(group, key, value string) {
	w.t.Helper()
	w.elb("ModifyTargetGroupAttributes", "TargetGroupArn", group, "Attributes.member.1.Key", key, "Attributes.member.1.Value", value)
}

func (w *world) register(group string, ids ...string) {
	w.t.Helper()
	parameters := []string{"TargetGroupArn", group}
	for i, id := range ids {
		parameters = append(parameters, fmt.Sprintf("Targets.member.%d.Id", i+1), id)
	}
	w.elb("RegisterTargets", parameters...)
}

// balancer is a network load balancer.
type balancer struct{ arn, dns string }

func (w *world) balancer(name string, subnets []string, more ...string) balancer {
	w.t.Helper()
	parameters := append([]string{"Name", name, "Type", "network", "Scheme", "internal"}, more...)
	for i, s := range subnets {
		parameters = append(parameters, fmt.Sprintf("Subnets.member.%d", i+1), s)
	}
	e := w.elb("CreateLoadBalancer", parameters...).all("CreateLoadBalancerResult/LoadBalancers/member")[0]
	return balancer{e.text("LoadBalancerArn"), e.text("DNSName")}
}

func (w *world) listener(lb balancer, protocol, port, group string) string {
	w.t.Helper()
	return w.elb("CreateListener", "LoadBalancerArn", lb.arn, "Protocol", protocol, "Port", port,
		"DefaultActions.member.1.Type", "forward", "DefaultActions.member.1.TargetGroupArn", group).
		text("CreateListenerResult/Listeners/member/ListenerArn")
}

func (w *world) waitActive(lb balancer) {
	w.t.Helper()
	w.eventually(30*time.Second, "an active load balancer", func() bool {
		return w.elb("DescribeLoadBalancers", "LoadBalancerArns.member.1", lb.arn).
			text("DescribeLoadBalancersResult/LoadBalancers/member/State/Code") == "active"
	})
}

// health maps targets to their state, with the reason behind a slash.
func (w *world) health(group string) map[string]string {
	w.t.Helper()
	out := map[string]string{}
	for _, e := range w.elb("DescribeTargetHealth", "TargetGroupArn", group).all("DescribeTargetHealthResult/TargetHealthDescriptions/member") {
		s := e.text("TargetHealth/State")
		if r := e.text("TargetHealth/Reason"); r != "" {
			s += "/" + r
		}
		out[e.text("Target/Id")] = s
	}
	return out
}

// waitHealth waits until all targets of a group are in a state.
func (w *world) waitHealth(group, want string, targets ...string) {
	w.t.Helper()
	var last map[string]string
	w.eventually(40*time.Second, fmt.Sprintf("%v to be %s", targets, want), func() bool {
		last = w.health(group)
		for _, t := range targets {
			if last[t] != want {
				return false
			}
		}
		return true
	})
	if w.t.Failed() {
		w.t.Fatalf("target health: %v", last)
	}
}

// service makes an endpoint service that accepts everybody, and returns its id
// and name.
func (w *world) service(lb balancer, more ...string) (id, name string) {
	w.t.Helper()
	e := w.ec2("CreateVpcEndpointServiceConfiguration", append([]string{"NetworkLoadBalancerArn.1", lb.arn, "AcceptanceRequired", "false"}, more...)...)
	return e.text("serviceConfiguration/serviceId"), e.text("serviceConfiguration/serviceName")
}

// endpoint is an interface endpoint with its names, the regional one first.
type endpoint struct {
	id    string
	names []string
}

func (w *world) endpoint(vpc, service string, subnets []string, group string, more ...string) endpoint {
	w.t.Helper()
	parameters := append([]string{"VpcEndpointType", "Interface", "VpcId", vpc, "ServiceName", service, "SecurityGroupId.1", group}, more...)
	for i, s := range subnets {
		parameters = append(parameters, fmt.Sprintf("SubnetId.%d", i+1), s)
	}
	id := w.ec2("CreateVpcEndpoint", parameters...).text("vpcEndpoint/vpcEndpointId")
	out := endpoint{id: id}
	w.eventually(30*time.Second, "an available endpoint", func() bool {
		e := w.ec2("DescribeVpcEndpoints", "VpcEndpointId.1", id)
		out.names = nil
		for _, d := range e.all("vpcEndpointSet/item/dnsEntrySet/item") {
			out.names = append(out.names, d.text("dnsName"))
		}
		return e.text("vpcEndpointSet/item/state") == "available"
	})
	return out
}
