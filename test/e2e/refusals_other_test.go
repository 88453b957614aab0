package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

var elbRefusals = []apiRefusal{
	{"DescribeLoadBalancers Names.member.1=nobody", 0, "LoadBalancerNotFound", "Load balancers '[nobody]' not found"},
	{"DescribeTargetGroups Names.member.1=nobody", 0, "TargetGroupNotFound", "One or more target groups not found"},
	{"DescribeListeners ListenerArns.member.1={listener}0", 0, "ListenerNotFound", "One or more listeners not found"},
	{"CreateLoadBalancer Name=lb Type=network Scheme=internal Subnets.member.1={a2}", 0, "DuplicateLoadBalancerName", "A load balancer with the same name 'lb' exists, but with different settings"},
	{"CreateLoadBalancer Name=app Type=application Subnets.member.1={a}", 0, "ValidationError", "At least two subnets in two different Availability Zones must be specified"},
	{"CreateLoadBalancer Name=internal-x Type=network Subnets.member.1={a}", 0, "ValidationError", "The load balancer name 'internal-x' cannot begin with 'internal-'"},
	{"CreateLoadBalancer Name=-x Type=network Subnets.member.1={a}", 0, "ValidationError", "…"},
	{"CreateLoadBalancer Name=x Type=network Scheme=internal Subnets.member.1={a} Subnets.member.2={a2}", 0, "InvalidConfigurationRequest", "A load balancer cannot be attached to multiple subnets in the same Availability Zone"},
	{"CreateLoadBalancer Name=x Type=network Scheme=internal Subnets.member.1=subnet-0123456789abcdef0", 0, "SubnetNotFound", "The subnet ID 'subnet-0123456789abcdef0' does not exist"},
	{"CreateLoadBalancer Name=x Type=network Subnets.member.1={far}", 0, "InvalidSubnet", "VPC {empty-vpc} has no internet gateway"},
	{"CreateLoadBalancer Name=x Type=network Scheme=sideways Subnets.member.1={a}", 0, "ValidationError", "1 validation error detected: Value 'sideways' at 'scheme' failed to satisfy constraint: Member must satisfy enum value set: [internet-facing, internal]"},
	{"DeleteLoadBalancer LoadBalancerArn={kept}", 0, "OperationNotPermitted", "Load balancer '{kept}' cannot be deleted because deletion protection is enabled"},
	{"DeleteLoadBalancer LoadBalancerArn={lb}", 0, "ResourceInUse", "Load balancer '{lb}' cannot be deleted because it is currently associated with another service"},
	{"SetSecurityGroups LoadBalancerArn={lb} SecurityGroups.member.1={sg}", 0, "InvalidConfigurationRequest", "…"},
	{"ModifyLoadBalancerAttributes LoadBalancerArn={lb} Attributes.member.1.Key=colour Attributes.member.1.Value=red", 0, "ValidationError", "Load balancer attribute key 'colour' is not recognized"},
	{"ModifyLoadBalancerAttributes LoadBalancerArn={lb} Attributes.member.1.Key=dns_record.client_routing_policy Attributes.member.1.Value=availability_zone_affinity", 0,
		"UnsupportedOperation", "Load balancer attribute 'dns_record.client_routing_policy' with the value 'availability_zone_affinity' is not served by Musubi yet"},
	{"CreateTargetGroup Name=tg Protocol=TCP Port=81 VpcId={vpc}", 0, "DuplicateTargetGroupName", "A target group with the same name 'tg' exists, but with different settings"},
	{"CreateTargetGroup Name=x Protocol=QUIC Port=443 VpcId={vpc}", 0, "UnsupportedOperation", "A target group with the protocol 'QUIC' is not served by Musubi yet"},
	{"CreateTargetGroup Name=x Protocol=TCP Port=70000 VpcId={vpc}", 0, "ValidationError", "1 validation error detected: Value '70000' at 'port' failed to satisfy constraint: Member must have value less than or equal to 65535"},
	{"CreateTargetGroup Name=x Protocol=TCP Port=80 VpcId=vpc-0123456789abcdef0", 0, "ValidationError", "The VPC ID 'vpc-0123456789abcdef0' is not found"},
	{"ModifyTargetGroupAttributes TargetGroupArn={udp} Attributes.member.1.Key=proxy_protocol_v2.enabled Attributes.member.1.Value=true", 0,
		"UnsupportedOperation", "Target group attribute 'proxy_protocol_v2.enabled' with the value 'true' is not served by Musubi yet"},
	{"DeleteTargetGroup TargetGroupArn={tg}", 0, "ResourceInUse", "Target group '{tg}' is currently in use by a listener or a rule"},
	{"RegisterTargets TargetGroupArn={tg} Targets.member.1.Id=10.0.1.9", 0, "ValidationError", "Instance ID '10.0.1.9' is not valid"},
	{"RegisterTargets TargetGroupArn={tg} Targets.member.1.Id={gone}", 0, "InvalidTarget", "The following targets are not in a running state and cannot be registered: '{gone}'"},
	{"CreateListener LoadBalancerArn={lb} Protocol=TCP Port=80 DefaultActions.member.1.Type=forward DefaultActions.member.1.TargetGroupArn={tg2}", 0, "DuplicateListener", "A listener already exists on this port for this load balancer '{lb}'"},
	{"CreateListener LoadBalancerArn={lb} Protocol=TCP Port=81 DefaultActions.member.1.Type=forward DefaultActions.member.1.TargetGroupArn={udp}", 0, "IncompatibleProtocols", "…"},
	{"CreateListener LoadBalancerArn={kept} Protocol=TCP Port=81 DefaultActions.member.1.Type=forward DefaultActions.member.1.TargetGroupArn={tg}", 0, "TargetGroupAssociationLimit", "Target group '{tg}' cannot be associated with more than one load balancer"},
	{"CreateListener LoadBalancerArn={lb} Protocol=TLS Port=443 DefaultActions.member.1.Type=forward DefaultActions.member.1.TargetGroupArn={tg}", 0, "ValidationError", "A certificate must be specified for TLS listeners"},
	{"CreateListener LoadBalancerArn={lb} Protocol=HTTP Port=82 DefaultActions.member.1.Type=forward DefaultActions.member.1.TargetGroupArn={tg}", 0, "UnsupportedProtocol", "…"},
	{"CreateRule ListenerArn={listener} Priority=1 " + onPath + " Actions.member.1.Type=forward Actions.member.1.TargetGroupArn={tg}", 0, "UnsupportedOperation", "A rule of a network load balancer's listener is not served by Musubi yet"},
	{"DescribeLoadBalancers Marker=nonsense", 0, "ValidationError", "…"},
	{"DescribeLoadBalancers PageSize=401", 0, "ValidationError", "1 validation error detected: Value '401' at 'pageSize' failed to satisfy constraint: Member must have value less than or equal to 400"},
}

var iamRefusals = []apiRefusal{
	{"GetRole RoleName=nobody", 404, "NoSuchEntity", "The role with name nobody cannot be found."},
	{"GetInstanceProfile InstanceProfileName=nobody", 404, "NoSuchEntity", "Instance Profile nobody cannot be found."},
	{"GetPolicy PolicyArn=arn:aws:iam::000000000000:policy/nobody", 404, "NoSuchEntity", "Policy arn:aws:iam::000000000000:policy/nobody was not found."},
	{"CreateRole RoleName=role AssumeRolePolicyDocument={trust}", 409, "EntityAlreadyExists", "Role with name role already exists."},
	{"CreateInstanceProfile InstanceProfileName=profile", 409, "EntityAlreadyExists", "Instance Profile profile already exists."},
	{"DeleteRole RoleName=role", 409, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first."},
	{"DeleteInstanceProfile InstanceProfileName=profile", 409, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first."},
	{"CreatePolicy PolicyName=x PolicyDocument={", 0, "MalformedPolicyDocument", "…"},
	{"AttachRolePolicy RoleName=role PolicyArn=arn:aws:iam::aws:policy/Nonsense", 404, "NoSuchEntity", "Policy arn:aws:iam::aws:policy/Nonsense does not exist or is not attachable."},
	{"CreateUser UserName=x", 0, "UnsupportedOperation", "The operation CreateUser of iam is not served by Musubi."},
	{"CreateRole RoleName=no/slash AssumeRolePolicyDocument={trust}", 0, "ValidationError", "…"},
}

var stsRefusals = []apiRefusal{
	{"AssumeRole RoleArn=arn:aws:iam::000000000000:role/nobody RoleSessionName=me", 403, "AccessDenied", "User: arn:aws:iam::000000000000:root is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::000000000000:role/nobody"},
	{"GetFederationToken Name=x", 0, "UnsupportedOperation", "The operation GetFederationToken of sts is not served by Musubi."},
}

// route53Refusals has an order: zones are made on the way.
func route53Refusals(t *testing.T, w *wire, n names) {
	const xmlns = `xmlns="https://route53.amazonaws.com/doc/2013-04-01/"`
	zone := func(name, reference, vpc string) string {
		return fmt.Sprintf("<CreateHostedZoneRequest %s><Name>%s</Name><VPC><VPCRegion>ap-northeast-1</VPCRegion><VPCId>%s</VPCId></VPC><CallerReference>%s</CallerReference></CreateHostedZoneRequest>", xmlns, name, vpc, reference)
	}
	change := func(action, name, kind, value string) string {
		return fmt.Sprintf("<ChangeResourceRecordSetsRequest %s><ChangeBatch><Changes><Change><Action>%s</Action><ResourceRecordSet><Name>%s</Name><Type>%s</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>%s</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>",
			xmlns, action, name, kind, value)
	}
	vpcOf := func(root, vpc string) string {
		return fmt.Sprintf("<%s %s><VPC><VPCRegion>ap-northeast-1</VPCRegion><VPCId>%s</VPCId></VPC></%s>", root, xmlns, vpc, root)
	}
	made := w.rest("POST hostedzone", zone("a.test", "one", n["vpc"]))
	if made.status != http.StatusCreated {
		t.Fatalf("create: %d %s", made.status, made.body)
	}
	n["zone"] = strings.TrimPrefix(textOf(made.body[strings.Index(made.body, "<HostedZone>"):], "Id"), "/hostedzone/")
	if a := w.rest(n.expand("POST hostedzone/{zone}/rrset/"), change("CREATE", "www.a.test", "A", "10.0.0.1")); a.status != http.StatusOK {
		t.Fatalf("record: %d %s", a.status, a.body)
	}
	rrset := "POST hostedzone/{zone}/rrset/"
	for _, r := range []struct {
		apiRefusal
		body string
	}{
		{apiRefusal{"GET hostedzone/Z00000000000000000000", 404, "NoSuchHostedZone", "No hosted zone found with ID: Z00000000000000000000"}, ""},
		{apiRefusal{"GET change/C00000000000000000000", 404, "NoSuchChange", "Could not find resource with ID: C00000000000000000000"}, ""},
		{apiRefusal{"POST hostedzone", 409, "HostedZoneAlreadyExists", "A hosted zone has already been created with the specified caller reference."}, zone("b.test", "one", n["vpc"])},
		{apiRefusal{"POST hostedzone", 0, "ConflictingDomainExists", "The VPC {vpc} in region ap-northeast-1 has already been associated with the hosted zone {zone} with the same domain name."}, zone("a.test", "two", n["vpc"])},
		{apiRefusal{"POST hostedzone", 0, "InvalidVPCId", "The VPC: vpc-0123456789abcdef0 in region: ap-northeast-1 that you provided is not valid."}, zone("c.test", "three", "vpc-0123456789abcdef0")},
		{apiRefusal{"POST hostedzone/{zone}/disassociatevpc", 0, "LastVPCAssociation", "…"}, vpcOf("DisassociateVPCFromHostedZoneRequest", n["vpc"])},
		{apiRefusal{"POST hostedzone/{zone}/disassociatevpc", 404, "VPCAssociationNotFound", "…"}, vpcOf("DisassociateVPCFromHostedZoneRequest", n["empty-vpc"])},
		{apiRefusal{"POST hostedzone/{zone}/associatevpc", 401, "NotAuthorizedException", "…"}, vpcOf("AssociateVPCWithHostedZoneRequest", n["other-vpc"])},
		{apiRefusal{"DELETE hostedzone/{zone}", 0, "HostedZoneNotEmpty", "The hosted zone contains resource records that are not SOA or NS records."}, ""},
		{apiRefusal{rrset, 0, "InvalidChangeBatch", "[Tried to create resource record set [name='www.a.test.', type='A'] but it already exists]"}, change("CREATE", "www.a.test", "A", "10.0.0.1")},
		{apiRefusal{rrset, 0, "InvalidChangeBatch", "[Tried to delete resource record set [name='no.a.test.', type='A'] but it was not found]"}, change("DELETE", "no.a.test", "A", "10.0.0.1")},
		{apiRefusal{rrset, 0, "InvalidChangeBatch", "[Tried to delete resource record set [name='www.a.test.', type='A'] but the values provided do not match the current values]"}, change("DELETE", "www.a.test", "A", "10.0.0.2")},
		{apiRefusal{rrset, 0, "InvalidChangeBatch", "[RRSet with DNS name www.b.test. is not permitted in zone a.test.]"}, change("CREATE", "www.b.test", "A", "10.0.0.2")},
		{apiRefusal{rrset, 0, "InvalidChangeBatch", "[RRSet of type CNAME with DNS name a.test. is not permitted at apex in zone a.test.]"}, change("CREATE", "a.test", "CNAME", "x.test")},
		{apiRefusal{rrset, 0, "InvalidChangeBatch", "…"}, change("CREATE", "x.a.test", "A", "ten")},
		{apiRefusal{rrset, 0, "InvalidInput", "…"}, "<nonsense"},
		{apiRefusal{"POST trafficpolicy", 0, "UnsupportedOperation", "The operation CreateTrafficPolicy of route53 is not served by Musubi."}, ""},
	} {
		n.check(t, r.apiRefusal, w.rest(n.expand(r.request), r.body))
	}
}

// pages reads lists in pieces.
func pages(t *testing.T, w *wire, n names) {
	for i := range 6 {
		w.must("ec2", fmt.Sprintf("CreateSubnet VpcId=%s CidrBlock=10.9.%d.0/24", n["empty-vpc"], 100+i), "subnetId")
	}
	seen := map[string]bool{}
	token := ""
	for page := range 10 {
		line := "DescribeSubnets MaxResults=5 Filter.1.Name=vpc-id Filter.1.Value.1=" + n["empty-vpc"]
		if token != "" {
			line += " NextToken=" + token
		}
		a := w.query("ec2", line)
		found := strings.Split(a.body, "<subnetId>")[1:]
		if a.status != http.StatusOK || len(found) > 5 {
			t.Fatalf("page %d: %d subnets, %d %s", page, len(found), a.status, a.message)
		}
		for _, s := range found {
			id, _, _ := strings.Cut(s, "<")
			if seen[id] {
				t.Errorf("%s is on two pages", id)
			}
			seen[id] = true
		}
		if token = textOf(a.body, "nextToken"); token == "" {
			break
		}
	}
	if len(seen) != 7 {
		t.Errorf("%d subnets on all pages, want 7", len(seen))
	}
	a := w.query("elasticloadbalancing", "DescribeLoadBalancers PageSize=1")
	marker := textOf(a.body, "NextMarker")
	b := w.query("elasticloadbalancing", "DescribeLoadBalancers PageSize=1 Marker="+marker)
	if marker == "" || textOf(b.body, "LoadBalancerArn") == textOf(a.body, "LoadBalancerArn") || textOf(b.body, "NextMarker") != "" {
		t.Errorf("load balancers by one: %s\n%s", a.body, b.body)
	}
}

// batches succeed as a whole and say what failed in them.
func batches(t *testing.T, w *wire, n names) {
	for _, b := range [][4]string{
		{"DeleteVpcEndpointServiceConfigurations ServiceId.1={service}", "{service}", "ExistingVpcEndpointConnections", "Service has existing active VPC Endpoint connections!"},
		{"DeleteVpcEndpointServiceConfigurations ServiceId.1=vpce-svc-0123456789abcdef0", "vpce-svc-0123456789abcdef0", "InvalidVpcEndpointService.NotFound", "The VpcEndpointService Id 'vpce-svc-0123456789abcdef0' does not exist"},
		{"DeleteVpcEndpoints VpcEndpointId.1=vpce-0123456789abcdef0", "vpce-0123456789abcdef0", "InvalidVpcEndpoint.NotFound", "The VpcEndPoint ID 'vpce-0123456789abcdef0' does not exist"},
	} {
		a := w.query("ec2", n.expand(b[0]))
		if a.status != http.StatusOK || textOf(a.body, "resourceId") != n.expand(b[1]) || textOf(a.body, "code") != b[2] || textOf(a.body, "message") != b[3] {
			t.Errorf("%s: %d %s", n.expand(b[0]), a.status, a.body)
		}
	}
}

// frontDoor is about requests that are no AWS requests, or not for us.
func frontDoor(t *testing.T, w *wire) {
	request := func(change func(*http.Request)) reply {
		t.Helper()
		body := url.Values{"Action": {"DescribeVpcs"}, "Version": {versions["ec2"]}}.Encode()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.api, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=000000000000/20260101/ap-northeast-1/ec2/aws4_request, SignedHeaders=host, Signature=00")
		change(r)
		return w.exchange(r)
	}
	if a := request(func(*http.Request) {}); a.status != http.StatusOK {
		t.Fatalf("the request itself: %d %s", a.status, a.body)
	}
	for what, change := range map[string]func(*http.Request){
		"MissingAuthenticationToken": func(r *http.Request) { r.Header.Del("Authorization") },
		"IncompleteSignature":        func(r *http.Request) { r.Header.Set("Authorization", "Basic eDp5") },
		"":                           func(r *http.Request) { r.Header.Set("Origin", "https://example.com") },
	} {
		if a := request(change); a.status != http.StatusForbidden || a.code != what {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	if a := request(func(r *http.Request) { r.Host = "example.com" }); a.status != http.StatusForbidden {
		t.Errorf("a foreign host: %d %s", a.status, a.body)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.api, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := w.send("s3", r)
	if a.status != http.StatusBadRequest || a.code != "UnsupportedOperation" || a.message != `The AWS service "s3" is not served by Musubi.` {
		t.Errorf("s3: %d %s", a.status, a.body)
	}
}
