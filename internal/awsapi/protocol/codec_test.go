package protocol_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/awsapi/model"
	"github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/model/elbv2"
	"github.com/musubi-net/musubi/internal/awsapi/model/iam"
	"github.com/musubi-net/musubi/internal/awsapi/model/route53"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
)

// asJSON shows a decoded input without what is absent.
func asJSON(t *testing.T, in any) string {
	t.Helper()
	data, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	data, err = json.Marshal(prune(tree))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func prune(x any) any {
	switch x := x.(type) {
	case map[string]any:
		for k, v := range x {
			if v == nil {
				delete(x, k)
			} else {
				x[k] = prune(v)
			}
		}
	case []any:
		for i := range x {
			x[i] = prune(x[i])
		}
	}
	return x
}

func TestEC2Requests(t *testing.T) {
	var got any
	var call protocol.Call
	h := door(t, protocol.Service{Model: ec2.Model(), Operations: []protocol.Operation{
		answer[ec2.DescribeVpcsRequest](`DescribeVpcs`, &got, &call, &ec2.DescribeVpcsResult{}, nil),
		answer[ec2.ModifyVpcAttributeRequest](`ModifyVpcAttribute`, &got, &call, &ec2.ModifyVpcAttributeResult{}, nil),
		answer[ec2.AuthorizeSecurityGroupIngressRequest](`AuthorizeSecurityGroupIngress`, &got, &call, &ec2.AuthorizeSecurityGroupIngressResult{}, nil),
		answer[ec2.ModifyVpcEndpointServicePermissionsRequest](`ModifyVpcEndpointServicePermissions`, &got, &call, &ec2.ModifyVpcEndpointServicePermissionsResult{}, nil),
		answer[ec2.ImportKeyPairRequest](`ImportKeyPair`, &got, &call, &ec2.ImportKeyPairResult{}, nil),
	}})
	for name, tt := range map[string]struct {
		body string
		want string // the input as JSON, or part of the error
	}{
		"filters": {form("Action", "DescribeVpcs", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", "x", "Filter.1.Value.2", "y", "Filter.10.Name", "c", "Filter.2.Name", "b", "VpcId.1", "v", "MaxResults", "5"),
			`{"Filters":[{"Name":"vpc-id","Values":["x","y"]},{"Name":"b"},{"Name":"c"}],"MaxResults":5,"VpcIds":["v"]}`},
		"attribute value": {form("Action", "ModifyVpcAttribute", "VpcId", "vpc-1", "EnableDnsSupport.Value", "true"),
			`{"EnableDnsSupport":{"Value":true},"VpcId":"vpc-1"}`},
		"permissions": {form("Action", "AuthorizeSecurityGroupIngress", "GroupId", "sg-1", "IpPermissions.1.IpProtocol", "tcp", "IpPermissions.1.FromPort", "80",
			"IpPermissions.1.Groups.1.GroupId", "sg-2", "IpPermissions.1.IpRanges.1.CidrIp", "10.0.0.0/8"),
			`{"GroupId":"sg-1","IpPermissions":[{"FromPort":80,"IpProtocol":"tcp","IpRanges":[{"CidrIp":"10.0.0.0/8"}],"UserIdGroupPairs":[{"GroupId":"sg-2"}]}]}`},
		"plural": {form("Action", "ModifyVpcEndpointServicePermissions", "ServiceId", "vpce-svc-1", "AddAllowedPrincipals.1", "*"),
			`{"AddAllowedPrincipals":["*"],"ServiceId":"vpce-svc-1"}`},
		"blob":            {form("Action", "ImportKeyPair", "KeyName", "k", "PublicKeyMaterial", "a2V5"), `{"KeyName":"k","PublicKeyMaterial":"a2V5"}`},
		"bad blob":        {form("Action", "ImportKeyPair", "KeyName", "k", "PublicKeyMaterial", "!"), "<Code>InvalidParameterValue</Code><Message>Value (!) for parameter PublicKeyMaterial is invalid. It must be base64-encoded."},
		"unknown":         {form("Action", "DescribeVpcs", "Foo.1.Bar", "x"), "<Code>UnknownParameter</Code><Message>The parameter Foo.1.Bar is not recognized</Message>"},
		"unknown inside":  {form("Action", "DescribeVpcs", "Filter.1.Nam", "x"), "<Message>The parameter Filter.1.Nam is not recognized</Message>"},
		"query list":      {form("Action", "DescribeVpcs", "VpcId.member.1", "x"), "<Message>The parameter VpcId.member is not recognized</Message>"},
		"below a scalar":  {form("Action", "DescribeVpcs", "MaxResults.1", "x"), "<Message>The parameter MaxResults.1 is not recognized</Message>"},
		"list as scalar":  {form("Action", "DescribeVpcs", "VpcId", "x"), "<Message>Value (x) for parameter VpcId is invalid. It must be a list.</Message>"},
		"struct as value": {form("Action", "ModifyVpcAttribute", "VpcId", "vpc-1", "EnableDnsSupport", "true"), "<Message>Value (true) for parameter EnableDnsSupport is invalid."},
		"bad number":      {form("Action", "DescribeVpcs", "MaxResults", "many"), "<Code>InvalidParameterValue</Code><Message>Value (many) for parameter MaxResults is invalid."},
		"bad bool":        {form("Action", "DescribeVpcs", "DryRun", "1"), "<Code>InvalidParameterValue</Code>"},
		"missing":         {form("Action", "ModifyVpcAttribute"), "<Code>MissingParameter</Code><Message>The request must contain the parameter VpcId</Message>"},
		"no action":       {form("VpcId", "x"), "<Code>MissingAction</Code>"},
		"not an action":   {form("Action", "DescribeFoo"), "<Code>InvalidAction</Code><Message>The action DescribeFoo is not valid for this web service.</Message>"},
		"unserved action": {form("Action", "CreateTransitGateway"), "<Code>UnsupportedOperation</Code><Message>The operation CreateTransitGateway of ec2 is not served by Musubi.</Message>"},
		"other version":   {form("Action", "DescribeVpcs", "Version", "2014-01-01"), "<Code>NoSuchVersion</Code>"},
		"syntax":          {"Action=DescribeVpcs&a=%zz", "<Code>MalformedQueryString</Code>"},
		"newer parameter": {form("Action", "AuthorizeSecurityGroupIngress", "Foo", "x"), "<Code>UnknownParameter</Code>"},
	} {
		t.Run(name, func(t *testing.T) {
			got = nil
			_, text, _ := send(t, h, signed("POST", "/", "ec2", tt.body))
			if tt.want[0] == '<' {
				if got != nil || !strings.Contains(text, tt.want) {
					t.Errorf("%s, want %s", text, tt.want)
				}
			} else if js := asJSON(t, got); js != tt.want {
				t.Errorf("got  %s\nwant %s", js, tt.want)
			}
		})
	}
	if n := h.Unserved()["ec2:CreateTransitGateway"]; n != 1 {
		t.Errorf("unserved: %v", h.Unserved())
	}
	got = nil
	r := signed("GET", "/?"+form("Action", "DescribeVpcs", "VpcId.1", "v"), "ec2", "")
	if status, _, _ := send(t, h, r); status != 200 || got == nil {
		t.Errorf("GET with a query string: %d", status)
	}
}

func TestUnservedParameter(t *testing.T) {
	m := ec2.Model()
	for i := range m.Operations {
		if m.Operations[i].Name == "CreateVpc" {
			m.Operations[i].Unserved = []string{"TagSpecification.Tag.Value", "Newer"}
		}
	}
	var got any
	var call protocol.Call
	h := door(t, protocol.Service{Model: m, Operations: []protocol.Operation{
		answer[ec2.CreateVpcRequest](`CreateVpc`, &got, &call, &ec2.CreateVpcResult{}, nil),
	}})
	for param, want := range map[string]string{
		"Newer.1.X":                      "The parameter Newer of CreateVpc is not served by Musubi.",
		"TagSpecification.1.Tag.1.Key":   "",
		"TagSpecification.1.Tag.1.Value": "The parameter TagSpecification.1.Tag.1.Value of CreateVpc is not served by Musubi.",
	} {
		_, text, _ := send(t, h, signed("POST", "/", "ec2", form("Action", "CreateVpc", param, "x")))
		if !strings.Contains(text, want) || want == "" && got == nil || want != "" && !strings.Contains(text, "UnsupportedOperation") {
			t.Errorf("%s: %s", param, text)
		}
	}
}

func TestEC2Response(t *testing.T) {
	var got any
	var call protocol.Call
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	out := &ec2.CreateVpcEndpointResult{VpcEndpoint: &ec2.VpcEndpoint{
		VpcEndpointId: new("vpce-1"), CreationTimestamp: &at, PrivateDnsEnabled: new(false),
		SubnetIds: []string{"subnet-1", "subnet-2"}, Groups: []ec2.SecurityGroupIdentifier{{GroupId: new("sg-1")}},
		Tags: []ec2.Tag{}, PolicyDocument: new("{\n\"a\": \"<&>\"}"),
	}}
	h := door(t, protocol.Service{Model: ec2.Model(), Operations: []protocol.Operation{
		answer[ec2.CreateVpcEndpointRequest](`CreateVpcEndpoint`, &got, &call, out, nil),
		answer[ec2.DescribeVpcsRequest](`DescribeVpcs`, &got, &call, &ec2.DescribeVpcsResult{}, nil),
		answer[ec2.DescribeVpcAttributeRequest](`DescribeVpcAttribute`, &got, &call, &ec2.DescribeVpcAttributeResult{VpcId: new("vpc-1"), EnableDnsSupport: &ec2.AttributeBooleanValue{Value: new(true)}}, nil),
		answer[ec2.CreateRouteRequest](`CreateRoute`, &got, &call, &ec2.CreateRouteResult{}, nil),
	}})
	const ns = ` xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>ID</requestId>`
	for body, want := range map[string]string{
		form("Action", "CreateVpcEndpoint", "VpcId", "vpc-1", "ServiceName", "s"): `<CreateVpcEndpointResponse` + ns + `<vpcEndpoint><creationTimestamp>2026-01-02T03:04:05.000Z</creationTimestamp>` +
			`<groupSet><item><groupId>sg-1</groupId></item></groupSet><policyDocument>{` + "\n" + `&quot;a&quot;: &quot;&lt;&amp;&gt;&quot;}</policyDocument>` +
			`<privateDnsEnabled>false</privateDnsEnabled><subnetIdSet><item>subnet-1</item><item>subnet-2</item></subnetIdSet><tagSet></tagSet><vpcEndpointId>vpce-1</vpcEndpointId></vpcEndpoint></CreateVpcEndpointResponse>`,
		form("Action", "DescribeVpcs"): `<DescribeVpcsResponse` + ns + `<vpcSet></vpcSet></DescribeVpcsResponse>`,
		form("Action", "DescribeVpcAttribute", "VpcId", "vpc-1", "Attribute", "enableDnsSupport"): `<DescribeVpcAttributeResponse` + ns +
			`<enableDnsSupport><value>true</value></enableDnsSupport><vpcId>vpc-1</vpcId></DescribeVpcAttributeResponse>`,
		form("Action", "CreateRoute", "RouteTableId", "rtb-1"): `<CreateRouteResponse` + ns + `<return>true</return></CreateRouteResponse>`,
	} {
		if status, text, _ := send(t, h, signed("POST", "/", "ec2", body)); status != 200 || text != want {
			t.Errorf("%d %s\nwant %s", status, text, want)
		}
	}
}

func TestDryRun(t *testing.T) {
	ran := false
	h := door(t, protocol.Service{Model: ec2.Model(), Operations: []protocol.Operation{
		protocol.Op("DeleteVpc", func(ctx context.Context, c *protocol.Call, in *ec2.DeleteVpcRequest) (*ec2.DeleteVpcResult, error) {
			ran = true
			if !c.DryRun || !protocol.DryRun(ctx) {
				t.Error("the handler does not know of the dry run")
			}
			return nil, nil
		}),
	}})
	status, text, _ := send(t, h, signed("POST", "/", "ec2", form("Action", "DeleteVpc", "VpcId", "vpc-1", "DryRun", "true")))
	if !ran || status != 412 || !strings.Contains(text, "<Code>DryRunOperation</Code><Message>Request would have succeeded, but DryRun flag is set.</Message>") {
		t.Errorf("%d %s", status, text)
	}
}

func TestQuery(t *testing.T) {
	var got any
	var call protocol.Call
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	h := door(t,
		protocol.Service{Model: elbv2.Model(), Operations: []protocol.Operation{
			answer[elbv2.CreateTargetGroupInput](`CreateTargetGroup`, &got, &call, &elbv2.CreateTargetGroupOutput{TargetGroups: []elbv2.TargetGroup{{TargetGroupName: new("tg"), Port: new(int64(80))}}}, nil),
			answer[elbv2.RegisterTargetsInput](`RegisterTargets`, &got, &call, &elbv2.RegisterTargetsOutput{}, nil),
			answer[elbv2.DescribeLoadBalancersInput](`DescribeLoadBalancers`, &got, &call, &elbv2.DescribeLoadBalancersOutput{LoadBalancers: []elbv2.LoadBalancer{{CreatedTime: &at}}}, nil),
		}},
		protocol.Service{Model: iam.Model(), Operations: []protocol.Operation{
			answer[iam.GetRoleRequest](`GetRole`, &got, &call, &iam.GetRoleResponse{Role: &iam.Role{CreateDate: &at, RoleName: new("r")}}, nil),
			answer[iam.DeleteRoleRequest](`DeleteRole`, &got, &call, &iam.DeleteRoleResponse{}, nil),
		}},
	)
	const elb, iamNS = `xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"`, `xmlns="https://iam.amazonaws.com/doc/2010-05-08/"`
	const meta = `<ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata>`
	for name, tt := range map[string]struct{ service, body, input, answer string }{
		"create": {"elasticloadbalancing", form("Action", "CreateTargetGroup", "Name", "tg", "Port", "80", "Matcher.HttpCode", "200", "Tags.member.1.Key", "a", "Tags.member.1.Value", "b"),
			`{"Matcher":{"HttpCode":"200"},"Name":"tg","Port":80,"Tags":[{"Key":"a","Value":"b"}]}`,
			`<CreateTargetGroupResponse ` + elb + `><CreateTargetGroupResult><TargetGroups><member><Port>80</Port><TargetGroupName>tg</TargetGroupName></member></TargetGroups></CreateTargetGroupResult>` + meta + `</CreateTargetGroupResponse>`},
		"empty result": {"elasticloadbalancing", form("Action", "RegisterTargets", "TargetGroupArn", "arn", "Targets.member.1.Id", "i-1", "Targets.member.2.Id", "i-2"),
			`{"TargetGroupArn":"arn","Targets":[{"Id":"i-1"},{"Id":"i-2"}]}`,
			`<RegisterTargetsResponse ` + elb + `><RegisterTargetsResult></RegisterTargetsResult>` + meta + `</RegisterTargetsResponse>`},
		"milliseconds": {"elasticloadbalancing", "Action=DescribeLoadBalancers&Names=", `{"Names":[]}`,
			`<DescribeLoadBalancersResponse ` + elb + `><DescribeLoadBalancersResult><LoadBalancers><member><CreatedTime>2026-01-02T03:04:05.678Z</CreatedTime></member></LoadBalancers></DescribeLoadBalancersResult>` + meta + `</DescribeLoadBalancersResponse>`},
		"seconds": {"iam", form("Action", "GetRole", "Version", "2010-05-08", "RoleName", "r"), `{"RoleName":"r"}`,
			`<GetRoleResponse ` + iamNS + `><GetRoleResult><Role><CreateDate>2026-01-02T03:04:05Z</CreateDate><RoleName>r</RoleName></Role></GetRoleResult>` + meta + `</GetRoleResponse>`},
		"no result": {"iam", form("Action", "DeleteRole", "RoleName", "r"), `{"RoleName":"r"}`, `<DeleteRoleResponse ` + iamNS + `>` + meta + `</DeleteRoleResponse>`},
		"port": {"elasticloadbalancing", form("Action", "RegisterTargets", "TargetGroupArn", "arn", "Targets.member.1.Id", "i-1", "Targets.member.1.Port", "99999"), "",
			`<Code>ValidationError</Code><Message>1 validation error detected: Value '99999' at 'targets.1.member.port' failed to satisfy constraint: Member must have value less than or equal to 65535</Message>`},
		"null and enum": {"elasticloadbalancing", form("Action", "CreateTargetGroup", "Protocol", "FTP"), "",
			`<Message>2 validation errors detected: Value null at 'name' failed to satisfy constraint: Member must not be null; Value 'FTP' at 'protocol' failed to satisfy constraint: Member must satisfy enum value set: [HTTP, HTTPS, TCP, TLS, UDP, TCP_UDP, GENEVE`},
		"pattern": {"iam", form("Action", "GetRole", "RoleName", "a b"), "",
			`<Message>1 validation error detected: Value 'a b' at 'roleName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+</Message>`},
		"number":  {"elasticloadbalancing", form("Action", "CreateTargetGroup", "Name", "x", "Port", "http"), "", `<Code>MalformedInput</Code>`},
		"unknown": {"iam", form("Action", "GetRole", "RoleName", "r", "Foo", "x"), "", `<Code>ValidationError</Code><Message>The parameter Foo is not recognized</Message>`},
		"action":  {"iam", form("Action", "Foo"), "", `<Code>InvalidAction</Code><Message>Could not find operation Foo for version 2010-05-08</Message>`},
		"classic": {"elasticloadbalancing", form("Action", "DescribeLoadBalancers", "Version", "2012-06-01"), "", `<Code>NoSuchVersion</Code>`},
	} {
		t.Run(name, func(t *testing.T) {
			got = nil
			status, text, _ := send(t, h, signed("POST", "/", tt.service, tt.body))
			text = strings.ReplaceAll(text, "&quot;", `"`)
			switch {
			case tt.input == "" && (status != 400 || got != nil || !strings.Contains(text, tt.answer)):
				t.Errorf("%d %s\nwant %s", status, text, tt.answer)
			case tt.input != "" && (status != 200 || text != tt.answer || asJSON(t, got) != tt.input):
				t.Errorf("%s\n%d %s\nwant %s", asJSON(t, got), status, text, tt.answer)
			}
		})
	}
}

func TestRoute53(t *testing.T) {
	var got any
	var call protocol.Call
	h := door(t, protocol.Service{Model: route53.Model(), Operations: []protocol.Operation{
		answer[route53.CreateHostedZoneRequest](`CreateHostedZone`, &got, &call, &route53.CreateHostedZoneResponse{Location: new("https://route53.amazonaws.com/2013-04-01/hostedzone/Z1"), HostedZone: &route53.HostedZone{Id: new("/hostedzone/Z1")}}, nil),
		answer[route53.ChangeResourceRecordSetsRequest](`ChangeResourceRecordSets`, &got, &call, &route53.ChangeResourceRecordSetsResponse{}, nil),
		answer[route53.ListResourceRecordSetsRequest](`ListResourceRecordSets`, &got, &call, &route53.ListResourceRecordSetsResponse{
			IsTruncated: new(false), MaxItems: new("300"),
			ResourceRecordSets: []route53.ResourceRecordSet{{Name: new(`\052.a.`), ResourceRecords: []route53.ResourceRecord{{Value: new("1.2.3.4")}}}},
		}, nil),
	}})
	const ns = `xmlns="https://route53.amazonaws.com/doc/2013-04-01/"`
	for name, tt := range map[string]struct {
		method, path, body, input, answer string
		status                            int
	}{
		"create": {"POST", "/2013-04-01/hostedzone", `<?xml version="1.0"?><CreateHostedZoneRequest ` + ns + `><Name>a.</Name><VPC><VPCRegion>us-east-1</VPCRegion><VPCId>vpc-1</VPCId></VPC><CallerReference>r</CallerReference></CreateHostedZoneRequest>`,
			`{"CallerReference":"r","Name":"a.","VPC":{"VPCId":"vpc-1","VPCRegion":"us-east-1"}}`,
			`<CreateHostedZoneResponse ` + ns + `><HostedZone><Id>/hostedzone/Z1</Id></HostedZone></CreateHostedZoneResponse>`, 201},
		"change": {"POST", "/2013-04-01/hostedzone/%2Fhostedzone%2FZ1/rrset", `<ChangeResourceRecordSetsRequest ` + ns + `><ChangeBatch><Changes><Change><Action>UPSERT</Action><ResourceRecordSet><Name>x.a</Name><Type>A</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>1.2.3.4</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>`,
			`{"ChangeBatch":{"Changes":[{"Action":"UPSERT","ResourceRecordSet":{"Name":"x.a","ResourceRecords":[{"Value":"1.2.3.4"}],"TTL":60,"Type":"A"}}]},"HostedZoneId":"/hostedzone/Z1"}`,
			`<ChangeResourceRecordSetsResponse ` + ns + `></ChangeResourceRecordSetsResponse>`, 200},
		"list": {"GET", "/2013-04-01/hostedzone/Z1/rrset?name=a&type=A&maxitems=5", "",
			`{"HostedZoneId":"Z1","MaxItems":"5","StartRecordName":"a","StartRecordType":"A"}`,
			`<ListResourceRecordSetsResponse ` + ns + `><IsTruncated>false</IsTruncated><MaxItems>300</MaxItems><ResourceRecordSets><ResourceRecordSet><Name>\052.a.</Name><ResourceRecords><ResourceRecord><Value>1.2.3.4</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></ResourceRecordSets></ListResourceRecordSetsResponse>`, 200},
		"enum":         {"GET", "/2013-04-01/hostedzone/Z1/rrset?type=FOO", "", "", `<Code>InvalidInput</Code><Message>1 validation error detected: Value 'FOO' at 'type' failed`, 400},
		"stray":        {"GET", "/2013-04-01/hostedzone/Z1/rrset?foo=1", "", "", `<Message>The parameter foo is not recognized</Message>`, 400},
		"not XML":      {"POST", "/2013-04-01/hostedzone", "{}", "", `<Code>InvalidInput</Code><Message>Invalid XML ; premature end of file`, 400},
		"entity":       {"POST", "/2013-04-01/hostedzone", `<!DOCTYPE a [<!ENTITY b "c">]><CreateHostedZoneRequest><Name>&b;</Name></CreateHostedZoneRequest>`, "", `DOCTYPE is disallowed`, 400},
		"root":         {"POST", "/2013-04-01/hostedzone", `<Foo/>`, "", `Cannot find the declaration of element 'Foo'.`, 400},
		"element":      {"POST", "/2013-04-01/hostedzone", `<CreateHostedZoneRequest><Nam>a</Nam></CreateHostedZoneRequest>`, "", `starting with element 'Nam'.`, 400},
		"missing":      {"POST", "/2013-04-01/hostedzone", `<CreateHostedZoneRequest><Name>a</Name></CreateHostedZoneRequest>`, "", `Value null at 'callerReference' failed to satisfy constraint: Member must not be null`, 400},
		"unserved":     {"POST", "/2013-04-01/healthcheck", "", "", `The operation CreateHealthCheck of route53 is not served by Musubi.`, 400},
		"unknown path": {"GET", "/2013-04-01/foo", "", "", `<Code>UnknownOperationException</Code>`, 404},
	} {
		t.Run(name, func(t *testing.T) {
			got = nil
			status, text, header := send(t, h, signed(tt.method, tt.path, "route53", tt.body))
			if status != tt.status || tt.input == "" && !strings.Contains(text, tt.answer) || tt.input != "" && (text != tt.answer || asJSON(t, got) != tt.input) {
				t.Errorf("%s\n%d %s\nwant %d %s", asJSON(t, got), status, text, tt.status, tt.answer)
			}
			if name == "create" && header.Get("Location") == "" {
				t.Error("no Location header")
			}
		})
	}
}

// ParameterRequest and the rest stand for a JSON service.
type ParameterRequest struct {
	Name  *string           `in:"Name" must:"y" max:"5"`
	Since *time.Time        `in:"Since"`
	Keys  []ParameterKey    `in:"Keys"`
	Attrs map[string]string `in:"Attrs"`
	Blob  []byte            `in:"Blob"`
}

type ParameterKey struct {
	ID *int64 `in:"Id" out:"Id"`
}

type ParameterResult struct {
	At   *time.Time     `out:"At"`
	Keys []ParameterKey `out:"Keys"`
	Ok   *bool          `out:"Ok"`
	None *string        `out:"None"`
}

func TestJSON(t *testing.T) {
	var got any
	var call protocol.Call
	at := time.UnixMilli(1700000000250)
	h := door(t, protocol.Service{
		Model: model.Service{Name: "ssm", Protocol: "json", Version: "2014-11-06", TargetPrefix: "AmazonSSM",
			Operations: []model.Operation{{Name: "GetParameter", Status: 200, Input: "ParameterRequest", Output: "ParameterResult", Unserved: []string{"Newer"}}}},
		Operations: []protocol.Operation{answer[ParameterRequest](`GetParameter`, &got, &call, &ParameterResult{At: &at, Ok: new(true), Keys: []ParameterKey{{ID: new(int64(1))}}}, nil)},
	})
	for body, want := range map[string]string{
		`{"Name":"a","Since":1700000000.5,"Keys":[{"Id":1},{}],"Attrs":{"k":"v"},"Blob":"a2V5"}`: `{"Attrs":{"k":"v"},"Blob":"a2V5","Keys":[{"ID":1},{}],"Name":"a","Since":"2023-11-14T22:13:20.5Z"}`,
		`{}`:                       `{"__type":"ValidationException","message":"1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null"}`,
		`{"Name":"abcdef"}`:        `{"__type":"ValidationException","message":"1 validation error detected: Value 'abcdef' at 'name' failed to satisfy constraint: Member must have length less than or equal to 5"}`,
		`{"Name":1}`:               `{"__type":"SerializationException","message":"Value (1) for parameter Name is invalid. It must be a string."}`,
		`[`:                        `{"__type":"SerializationException","message":"The body is not valid JSON."}`,
		`{"Name":"a","Foo":1}`:     `{"__type":"ValidationException","message":"The parameter Foo is not recognized"}`,
		`{"Name":"a","Newer":[1]}`: `{"__type":"UnsupportedOperation","message":"The parameter Newer of GetParameter is not served by Musubi."}`,
	} {
		got = nil
		r := signed("POST", "/", "ssm", body)
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", "AmazonSSM.GetParameter")
		status, text, header := send(t, h, r)
		switch {
		case got == nil && (status != http.StatusBadRequest || text != want):
			t.Errorf("%s: %d %s\nwant %s", body, status, text, want)
		case got != nil && (asJSON(t, got) != want || text != `{"At":1700000000.25,"Keys":[{"Id":1}],"Ok":true}`):
			t.Errorf("%s: %s %s", body, asJSON(t, got), text)
		}
		if header.Get("Content-Type") != "application/x-amz-json-1.1" {
			t.Errorf("content type %q", header.Get("Content-Type"))
		}
	}
}
