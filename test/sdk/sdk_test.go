// Package sdk reads a running Musubi with the AWS SDK for Go v2, as its users'
// programs would.
package sdk

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	r53types "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// start runs bin/musubi and returns a configuration that points at it.
func start(t *testing.T) aws.Config {
	t.Helper()
	bin, err := filepath.Abs("../../bin/musubi")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "state")
	musubi := func(args ...string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		c := exec.CommandContext(ctx, bin, append(args, "--dir", dir)...)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("musubi %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	musubi("up", "--detach", "--listen", "127.0.0.1:0")
	t.Cleanup(func() { musubi("down", "--purge") })
	for _, kv := range os.Environ() {
		if k, _, _ := strings.Cut(kv, "="); strings.HasPrefix(k, "AWS_") {
			t.Setenv(k, "")
			if err := os.Unsetenv(k); err != nil {
				t.Fatal(err)
			}
		}
	}
	for line := range strings.Lines(musubi("env")) {
		if kv, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok {
			k, v, _ := strings.Cut(kv, "=")
			t.Setenv(k, v)
		}
	}
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestSDK(t *testing.T) {
	cfg := start(t)
	ctx := t.Context()
	id, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil || aws.ToString(id.Account) != "000000000000" {
		t.Fatalf("identity: %v %v", id, err)
	}
	subnet := network(t, cfg)
	loadBalancer(t, cfg, subnet)
	zone(t, cfg, aws.ToString(subnet.VpcId))
	if _, err := iam.NewFromConfig(cfg).GetRole(ctx, &iam.GetRoleInput{RoleName: new("nobody")}); code(err) != "NoSuchEntity" {
		t.Errorf("a role that does not exist: %v", err)
	}
}

// network makes a VPC with a subnet, and asks for what does not exist.
func network(t *testing.T, cfg aws.Config) *types.Subnet {
	t.Helper()
	ctx, c := t.Context(), ec2.NewFromConfig(cfg)
	v, err := c.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: new("10.1.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	if err := ec2.NewVpcAvailableWaiter(c).Wait(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{*v.Vpc.VpcId}}, time.Minute); err != nil {
		t.Fatal(err)
	}
	s, err := c.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: v.Vpc.VpcId, CidrBlock: new("10.1.1.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: v.Vpc.VpcId, CidrBlock: new("10.1.1.128/25")}); code(err) != "InvalidSubnet.Conflict" {
		t.Errorf("an overlapping subnet: %v", err)
	}
	if _, err := c.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{"vpc-0123456789abcdef0"}}); code(err) != "InvalidVpcID.NotFound" {
		t.Errorf("an unknown VPC: %v", err)
	}
	if _, err := c.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: new("10.2.0.0/16"), DryRun: new(true)}); code(err) != "DryRunOperation" {
		t.Errorf("a dry run: %v", err)
	}
	l, err := c.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
	if err != nil || len(l.Vpcs) != 1 {
		t.Errorf("%d VPCs, %v", len(l.Vpcs), err)
	}
	return s.Subnet
}

func loadBalancer(t *testing.T, cfg aws.Config, s *types.Subnet) {
	t.Helper()
	ctx, c := t.Context(), elbv2.NewFromConfig(cfg)
	lb, err := c.CreateLoadBalancer(ctx, &elbv2.CreateLoadBalancerInput{Name: new("sdk"), Type: elbtypes.LoadBalancerTypeEnumNetwork,
		Scheme: elbtypes.LoadBalancerSchemeEnumInternal, Subnets: []string{*s.SubnetId}})
	if err != nil {
		t.Fatal(err)
	}
	arns := []string{*lb.LoadBalancers[0].LoadBalancerArn}
	if err := elbv2.NewLoadBalancerAvailableWaiter(c).Wait(ctx, &elbv2.DescribeLoadBalancersInput{LoadBalancerArns: arns}, time.Minute); err != nil {
		t.Error(err)
	}
	if _, err := c.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{Names: []string{"absent"}}); code(err) != "LoadBalancerNotFound" {
		t.Errorf("an unknown load balancer: %v", err)
	}
}

func zone(t *testing.T, cfg aws.Config, vpc string) {
	t.Helper()
	ctx, c := t.Context(), route53.NewFromConfig(cfg)
	z, err := c.CreateHostedZone(ctx, &route53.CreateHostedZoneInput{Name: new("sdk.internal"), CallerReference: new("1"),
		VPC: &r53types.VPC{VPCId: &vpc, VPCRegion: r53types.VPCRegion(cfg.Region)}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{HostedZoneId: z.HostedZone.Id})
	if err != nil || len(r.ResourceRecordSets) != 2 {
		t.Errorf("a new zone has %v, %v; want NS and SOA", r, err)
	}
}

// code is the AWS error code of err.
func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	return ""
}
