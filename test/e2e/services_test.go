package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestServices: instances call AWS's services by AWS's names, with the
// credentials of their role.
//
//	vpc a 10.0.0.0/16                           vpc b 10.0.0.0/16, no gateway
//	  public  10.0.0.0/24  pub (public IP)        10.0.0.0/24  alone
//	  private 10.0.1.0/24  priv (by NAT)          interface endpoint for ec2
func TestServices(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := &servicesLab{world: w}
	s.role()
	a, b := w.vpc("10.0.0.0/16"), w.vpc("10.0.0.0/16")
	public, private := w.subnet(a, "10.0.0.0/24", 0), w.subnet(a, "10.0.1.0/24", 0)
	only := w.subnet(b, "10.0.0.0/24", 1)
	w.ec2("ModifySubnetAttribute", "SubnetId", public, "MapPublicIpOnLaunch.Value", "true")
	sgA, sgB := w.open(a), w.open(b)
	w.running(
		w.launch("pub", public, sgA, "", "IamInstanceProfile.Name", "app"),
		w.launch("priv", private, sgA, "", "IamInstanceProfile.Name", "app"),
		w.launch("alone", only, sgB, "", "IamInstanceProfile.Name", "app"))
	s.byGateways(a, b, public, private)
	s.byEndpoint(b, only, sgB)
}

type servicesLab struct{ *world }

// role makes the instance profile app.
func (s *servicesLab) role() {
	s.call("iam", "CreateRole", "RoleName", "app", "AssumeRolePolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	s.call("iam", "AttachRolePolicy", "RoleName", "app", "PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")
	s.call("iam", "CreateInstanceProfile", "InstanceProfileName", "app")
	s.call("iam", "AddRoleToInstanceProfile", "InstanceProfileName", "app", "RoleName", "app")
}

// cli runs the AWS CLI in an instance, whose role it uses.
func (s *servicesLab) cli(from, args string, env ...string) string {
	env = append(env, "AWS_EC2_METADATA_SERVICE_NUM_ATTEMPTS=3", "AWS_MAX_ATTEMPTS=1", "AWS_DEFAULT_REGION="+strings.TrimRight(s.zones[0], "abcdef"))
	out, _ := s.exec(from, strings.Join(env, " ")+" timeout 60 aws --output text --cli-connect-timeout 2 --cli-read-timeout 20 "+args+" 2>&1")
	return out
}

// until asks until the answer has a text; routes and groups take a moment.
func (s *servicesLab) until(want, from, args string, env ...string) {
	s.t.Helper()
	var got string
	s.eventually(40*time.Second, from+": aws "+args+" to say "+want, func() bool {
		got = s.cli(from, args, env...)
		return strings.Contains(got, want)
	})
	if !strings.Contains(got, want) {
		s.t.Errorf("%s: aws %s: got %s, want %s", from, args, got, want)
	}
}

const (
	vpcsCommand = "ec2 describe-vpcs --query Vpcs[].VpcId"
	whoCommand  = "sts get-caller-identity --query Arn"
	noWay       = "Connect timeout"
)

func (s *servicesLab) byGateways(a, b, public, private string) {
	s.until(noWay, "pub", vpcsCommand) // no gateway yet
	s.table(a, []string{"GatewayId", s.gateway(a)}, public)
	s.until(b, "pub", vpcsCommand)
	s.until("assumed-role/app/i-", "pub", whoCommand, "AWS_STS_REGIONAL_ENDPOINTS=legacy")
	s.until("0", "pub", "route53 list-hosted-zones --query 'length(HostedZones)'")
	s.until("app", "pub", "iam list-roles --query Roles[].RoleName")
	s.until("None", "pub", "elbv2 describe-load-balancers --query 'LoadBalancers[0]'")
	s.until("None", "pub", "acm list-certificates --query CertificateSummaryList[0]")
	// A role may do what its policies allow.
	s.until("because no identity-based policy allows the ec2:CreateVpc action", "pub", "ec2 create-vpc --cidr-block 10.9.0.0/16")
	policy := []string{"RoleName", "app", "PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess"}
	s.call("iam", "DetachRolePolicy", policy...)
	s.until("because no identity-based policy allows the ec2:DescribeVpcs action", "pub", vpcsCommand)
	s.until("assumed-role/app/i-", "pub", whoCommand)
	s.call("iam", "AttachRolePolicy", policy...)
	s.until(b, "pub", vpcsCommand)
	// Nobody is let in without keys that were issued here, or by half of them.
	s.until("AuthFailure", "pub", vpcsCommand, "AWS_ACCESS_KEY_ID=000000000000", "AWS_SECRET_ACCESS_KEY=x")
	s.until("InvalidClientTokenId", "pub", whoCommand, "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=x")
	id, _ := s.address()
	nat := s.ec2("CreateNatGateway", "SubnetId", public, "AllocationId", id).text("natGateway/natGatewayId")
	s.until(noWay, "priv", vpcsCommand)
	s.table(a, []string{"NatGatewayId", nat}, private)
	s.until(a, "priv", vpcsCommand)
	s.wrongSecret()
	if out, err := s.exec("pub", "curl -sS -m 10 https://198.18.0.10/ 2>&1"); err == nil {
		s.t.Errorf("a connection without a name is served: %s", out)
	}
}

// keys are what the metadata service gives an instance for its role: the key's id,
// secret and token.
func (s *servicesLab) keys(from, role string) (id, secret, token string) {
	s.t.Helper()
	out := s.mustExec(from, `T=$(curl -sS -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
curl -sS -H "X-aws-ec2-metadata-token: $T" http://169.254.169.254/latest/meta-data/iam/security-credentials/`+role)
	field := func(name string) string {
		_, rest, _ := strings.Cut(out, `"`+name+`": "`)
		v, _, _ := strings.Cut(rest, `"`)
		return v
	}
	if field("Token") == "" {
		s.t.Fatalf("no credentials: %s", out)
	}
	return field("AccessKeyId"), field("SecretAccessKey"), field("Token")
}

// wrongSecret takes a good key with its token and another secret.
func (s *servicesLab) wrongSecret() {
	s.t.Helper()
	id, secret, token := s.keys("pub", "app")
	keys := []string{"AWS_ACCESS_KEY_ID=" + id, "AWS_SESSION_TOKEN=" + token}
	s.until("assumed-role/app/i-", "pub", whoCommand, append(keys, "AWS_SECRET_ACCESS_KEY="+secret)...)
	s.until("SignatureDoesNotMatch", "pub", whoCommand, append(keys, "AWS_SECRET_ACCESS_KEY=wrong")...)
	s.until("InvalidClientTokenId", "pub", whoCommand, keys[0], "AWS_SECRET_ACCESS_KEY="+secret, "AWS_SESSION_TOKEN=x")
}

func (s *servicesLab) byEndpoint(b, subnet, sg string) {
	s.until(noWay, "alone", vpcsCommand)
	region := strings.TrimRight(s.zones[0], "abcdef")
	name := "com.amazonaws." + region + ".ec2"
	detail := s.ec2("DescribeVpcEndpointServices", "ServiceName.1", name)
	if got := detail.text("serviceDetailSet/item/owner") + " " + detail.text("serviceDetailSet/item/privateDnsName"); got != "amazon ec2."+region+".amazonaws.com" {
		s.t.Errorf("the service is %s", got)
	}
	e := s.endpoint(b, name, []string{subnet}, sg)
	if e.names[len(e.names)-1] != "ec2."+region+".amazonaws.com" || !strings.HasSuffix(e.names[0], ".ec2."+region+".vpce.amazonaws.com") {
		s.t.Errorf("the endpoint's names are %v", e.names)
	}
	s.until(b, "alone", vpcsCommand)
	s.until(b, "alone", vpcsCommand+" --endpoint-url https://"+e.names[0])
	s.until(noWay, "alone", whoCommand+" --endpoint-url https://sts."+region+".amazonaws.com")
	modify := func(more ...string) {
		s.ec2("ModifyVpcEndpoint", append([]string{"VpcEndpointId", e.id}, more...)...)
	}
	modify("PolicyDocument", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"ec2:DescribeSubnets","Resource":"*"}]}`)
	s.until("because no VPC endpoint policy allows the ec2:DescribeVpcs action", "alone", vpcsCommand)
	s.until(subnet, "alone", "ec2 describe-subnets --query Subnets[].SubnetId")
	modify("PolicyDocument", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},{"Effect":"Deny","Principal":"*","Action":"ec2:DescribeV*","Resource":"*"}]}`)
	s.until("with an explicit deny in a VPC endpoint policy", "alone", vpcsCommand)
	modify("ResetPolicy", "true")
	s.until(b, "alone", vpcsCommand)
	closed := s.group(b, "closed")
	modify("AddSecurityGroupId.1", closed, "RemoveSecurityGroupId.1", sg)
	s.until(noWay, "alone", vpcsCommand)
	s.allow(closed, "tcp", "443", "443", "10.0.0.0/16")
	s.until(b, "alone", vpcsCommand)
	s.ec2("DeleteVpcEndpoints", "VpcEndpointId.1", e.id)
	s.until(noWay, "alone", vpcsCommand)
	s.eventually(30*time.Second, "the endpoint to be gone", func() bool {
		_, err := s.ask("ec2", "DescribeVpcEndpoints", "VpcEndpointId.1", e.id)
		return errorCode(err) == "InvalidVpcEndpointId.NotFound"
	})
}
