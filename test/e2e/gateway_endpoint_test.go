package e2e

import (
	"strings"
	"testing"
)

// TestGatewayEndpoint: a VPC without a way out reaches S3, by an interface endpoint
// and by a gateway endpoint.
//
//	vpc 10.0.0.0/16, no gateway
//	  10.0.0.0/24  near, and guarded, which may call S3's prefix list alone
//	  10.0.1.0/24  far, with the route table of the VPC
func TestGatewayEndpoint(t *testing.T) {
	t.Parallel()
	l := &gatewayLab{mappedLab: newMappedLab(t)}
	l.must("services", "map", "s3", l.s3.URL)
	l.s3.put("data/k", []byte("of data"))
	l.s3.put("other/k", []byte("of other"))
	l.host = "s3." + l.region + ".amazonaws.com"
	l.list = l.ec2("DescribePrefixLists", "Filter.1.Name", "prefix-list-name", "Filter.1.Value.1", "com.amazonaws."+l.region+".s3").text("prefixListSet/item/prefixListId")
	l.vpcID = l.vpc("10.0.0.0/16")
	near, far := l.subnet(l.vpcID, "10.0.0.0/24", 0), l.subnet(l.vpcID, "10.0.1.0/24", 1)
	l.routes = l.table(l.vpcID, nil, near)
	sg := l.open(l.vpcID)
	l.running(l.launch("near", near, sg, "", "IamInstanceProfile.Name", "stores"),
		l.launch("guarded", near, l.guarded(), "", "IamInstanceProfile.Name", "stores"),
		l.launch("far", far, sg, ""))
	l.byInterface(near, sg)
	l.byGateway()
	l.policies()
	l.groups()
	l.removed()
}

type gatewayLab struct {
	*mappedLab
	host, list, vpcID, routes, id string
	group                         string // guarded's
}

// guarded makes a group that lets nothing out but HTTPS to S3.
func (l *gatewayLab) guarded() string {
	l.group = l.ec2("CreateSecurityGroup", "GroupName", "to-s3", "GroupDescription", "to s3", "VpcId", l.vpcID).text("groupId")
	l.ec2("RevokeSecurityGroupEgress", append([]string{"GroupId", l.group}, permission("-1", "-1", "-1", "0.0.0.0/0")...)...)
	return l.group
}

// reaches waits until an object is got, or not.
func (l *gatewayLab) reaches(from string, want bool) {
	l.t.Helper()
	says := "of data status 200"
	if !want {
		says = "curl: (28)"
	}
	l.says(from+" gets an object", says, func() string { return l.curl(from, "https://data."+l.host+"/k") })
}

// byInterface: the names of an interface endpoint, and S3's own by private DNS.
func (l *gatewayLab) byInterface(subnet, sg string) {
	l.t.Helper()
	l.reaches("near", false)
	e := l.endpoint(l.vpcID, "com.amazonaws."+l.region+".s3", []string{subnet}, sg)
	l.reaches("near", true)
	l.reaches("far", true)
	if !strings.HasPrefix(e.names[0], "*.vpce-") {
		l.t.Errorf("the endpoint's names are %v", e.names)
	}
	own := "bucket" + strings.TrimPrefix(e.names[0], "*")
	l.until("k", "near", "s3 ls s3://data/ --endpoint-url https://"+own)
	if got := l.s3.last("GET"); got.host != own && got.host != "data."+own {
		l.t.Errorf("it came as %+v", got)
	}
	for _, url := range []string{"https://" + own + "/data/k", "https://data." + own + "/k", "http://" + own + "/data/k"} {
		if got := l.curl("far", url); got != "of data status 200" {
			l.t.Errorf("curl %s: %s", url, got)
		}
	}
	l.ec2("ModifyVpcEndpoint", "VpcEndpointId", e.id, "PrivateDnsEnabled", "false")
	l.reaches("near", false)
	if got := l.curl("near", "https://"+own+"/data/k"); got != "of data status 200" {
		l.t.Errorf("by the endpoint's name: %s", got)
	}
	l.ec2("DeleteVpcEndpoints", "VpcEndpointId.1", e.id)
}

// byGateway: what decides is the route table.
func (l *gatewayLab) byGateway() {
	l.t.Helper()
	e := l.ec2("CreateVpcEndpoint", "VpcId", l.vpcID, "ServiceName", "com.amazonaws."+l.region+".s3", "RouteTableId.1", l.routes).all("vpcEndpoint")[0]
	l.id = e.text("vpcEndpointId")
	if got := e.text("vpcEndpointType") + " " + e.text("routeTableIdSet/item"); got != "Gateway "+l.routes {
		l.t.Errorf("the endpoint is %s", got)
	}
	l.reaches("near", true)
	l.reaches("far", false) // another route table
	if got := l.s3.last("GET").host; got != "data."+l.host {
		l.t.Errorf("it came as %s", got)
	}
	if got := l.curl("near", "http://"+l.host+"/data/k"); got != "of data status 200" {
		l.t.Errorf("without TLS: %s", got)
	}
	l.until(noWay, "near", whoCommand+" --endpoint-url https://sts."+l.region+".amazonaws.com") // S3 and nothing else
	found := ""
	for _, r := range l.ec2("DescribeRouteTables", "RouteTableId.1", l.routes).all("routeTableSet/item/routeSet/item") {
		if r.text("destinationPrefixListId") != "" {
			found = r.text("destinationPrefixListId") + " " + r.text("gatewayId") + " " + r.text("state") + " " + r.text("origin")
		}
	}
	if want := l.list + " " + l.id + " active CreateRoute"; found != want {
		l.t.Errorf("the route is %q, want %q", found, want)
	}
	_, err := l.ask("ec2", "DeleteRoute", "RouteTableId", l.routes, "DestinationPrefixListId", l.list)
	if errorCode(err) != "InvalidParameterValue" || !strings.Contains(err.Error(), "cannot remove VPC endpoint route "+l.list+" in route table "+l.routes) {
		l.t.Errorf("DeleteRoute: %v", err)
	}
	l.ec2("ModifyVpcEndpoint", "VpcEndpointId", l.id, "RemoveRouteTableId.1", l.routes)
	l.reaches("near", false)
	l.ec2("ModifyVpcEndpoint", "VpcEndpointId", l.id, "AddRouteTableId.1", l.routes)
	l.reaches("near", true)
}

// policies: an endpoint lets one bucket pass.
func (l *gatewayLab) policies() {
	l.t.Helper()
	l.ec2("ModifyVpcEndpoint", "VpcEndpointId", l.id, "PolicyDocument", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":["s3:GetObject","s3:ListBucket"],
		"Resource":["arn:aws:s3:::data","arn:aws:s3:::data/*"]}]}`)
	l.says("the other bucket", "AccessDenied", func() string { return l.curl("near", "https://other."+l.host+"/k") })
	l.until("because no VPC endpoint policy allows the s3:GetObject action", "near", "s3api get-object --bucket other --key k /tmp/k")
	l.until("(AccessDenied) when calling the PutObject operation", "near", "s3 cp /etc/hostname s3://data/put")
	l.until("(AccessDenied)", "near", "s3 ls s3://other/")
	l.until("k", "near", "s3 ls s3://data/")
	l.until("of data", "near", "s3 cp s3://data/k -")
	l.reaches("near", true)
	if l.s3.object("data/put") != nil {
		l.t.Error("what the policy does not allow reached the program")
	}
	l.ec2("ModifyVpcEndpoint", "VpcEndpointId", l.id, "ResetPolicy", "true")
	l.says("the other bucket", "of other status 200", func() string { return l.curl("near", "https://other."+l.host+"/k") })
}

// groups: a security group's egress names the prefix list.
func (l *gatewayLab) groups() {
	l.t.Helper()
	l.reaches("guarded", false)
	rule := []string{"GroupId", l.group, "IpPermissions.1.IpProtocol", "tcp", "IpPermissions.1.FromPort", "443", "IpPermissions.1.ToPort", "443",
		"IpPermissions.1.PrefixListIds.1.PrefixListId", l.list}
	l.ec2("AuthorizeSecurityGroupEgress", rule...)
	l.reaches("guarded", true)
	l.until("k", "guarded", "s3 ls s3://data/")
	if got := l.curl("guarded", "http://"+l.host+"/data/k"); !strings.Contains(got, "curl: (28)") {
		l.t.Errorf("port 80: %s", got)
	}
	l.ec2("RevokeSecurityGroupEgress", rule...)
	l.reaches("guarded", false)
}

// removed: the routes go with the endpoint.
func (l *gatewayLab) removed() {
	l.t.Helper()
	l.ec2("DeleteVpcEndpoints", "VpcEndpointId.1", l.id)
	l.reaches("near", false)
	if got := l.ec2("DescribeRouteTables", "RouteTableId.1", l.routes).text("routeTableSet/item/routeSet/item/destinationPrefixListId"); got != "" {
		l.t.Errorf("a route to %s is left", got)
	}
}
