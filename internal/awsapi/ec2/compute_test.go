package ec2

import (
	"context"
	"encoding/base64"
	"errors"
	"runtime"
	"testing"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/engine"
)

// subnetOf makes a VPC with one subnet.
func (n *netTest) subnetOf() (v *model.Vpc, subnetID *string) {
	n.Helper()
	v = n.vpc("v")
	s := ok(n, n.createSubnet, model.CreateSubnetRequest{VpcId: v.VpcId, CidrBlock: new("10.0.1.0/24"), AvailabilityZone: new("ap-northeast-1a")})
	return v, s.Subnet.SubnetId
}

// hostImage is the newest image that the architecture of this machine runs,
// with a type for it.
func (n *netTest) hostImage() (imageID, instanceType *string) {
	n.Helper()
	arch, kind := "x86_64", "t3.micro"
	if runtime.GOARCH == "arm64" {
		arch, kind = "arm64", "t4g.micro"
	}
	filters := append(where("name", "al2023-ami-2023*-kernel-*-"+arch), where("architecture", arch)...)
	got := ok(n, n.describeImages, model.DescribeImagesRequest{Owners: []string{"137112412989"}, Filters: append(filters, where("virtualization-type", "hvm")...)})
	if len(got.Images) == 0 {
		n.Fatal("no image")
	}
	return got.Images[0].ImageId, &kind
}

func (n *netTest) run(change func(*model.RunInstancesRequest)) model.Instance {
	n.Helper()
	image, kind := n.hostImage()
	in := model.RunInstancesRequest{ImageId: image, InstanceType: kind, MinCount: new(int64(1)), MaxCount: new(int64(1))}
	change(&in)
	return ok(n, n.runInstances, in).Instances[0]
}

func (n *netTest) report(id *string, boot uint32, state compute.InstanceState) {
	n.Helper()
	_, err := engine.Do(n.Context(), engine.Runner(n.engine), cloud.Caller{Internal: true}, compute.ReportInstance{ID: *id, Boot: boot, State: state})
	if err != nil {
		n.Fatal(err)
	}
}

func TestImageHandlers(t *testing.T) {
	n := newNetTest(t)
	for _, tt := range []struct {
		in   model.DescribeImagesRequest
		none bool
	}{
		{in: model.DescribeImagesRequest{Owners: []string{"amazon"}, Filters: where("name", "amzn2-ami-hvm-*-x86_64-gp2")}},
		{in: model.DescribeImagesRequest{Owners: []string{"099720109477"}, Filters: where("name", "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-*")}},
		{in: model.DescribeImagesRequest{ExecutableUsers: []string{"all"}, Filters: where("owner-alias", "amazon")}},
		{in: model.DescribeImagesRequest{Owners: []string{"self"}}, none: true},
		{in: model.DescribeImagesRequest{Owners: []string{"amazon"}, Filters: where("state", "pending")}, none: true},
		{in: model.DescribeImagesRequest{Owners: []string{"amazon"}, Filters: where("tag:Name", "x")}, none: true},
	} {
		in := tt.in
		out, err := n.describeImages(t.Context(), n.call, &in)
		if err != nil && !tt.none || err == nil && (len(out.Images) == 0) != tt.none {
			t.Errorf("%+v: %v", tt.in, err)
		}
	}
	fails(n, "InvalidAMIID.NotFound", n.describeImages, model.DescribeImagesRequest{ImageIds: []string{"ami-0"}})
}

func TestSecurityGroupHandlers(t *testing.T) {
	n := newNetTest(t)
	v, _ := n.subnetOf()
	g := ok(n, n.createSecurityGroup, model.CreateSecurityGroupRequest{GroupName: new("web"), Description: new("d"), VpcId: v.VpcId,
		TagSpecifications: named("security-group", "web")})
	perm := func(proto string, port int64) model.IpPermission {
		return model.IpPermission{IpProtocol: &proto, FromPort: &port, ToPort: &port}
	}
	http := perm("tcp", 80)
	http.IpRanges = []model.IpRange{{CidrIp: new("10.0.0.0/8"), Description: new("ten")}, {CidrIp: new("192.168.0.1/16")}}
	http.Ipv6Ranges = []model.Ipv6Range{{CidrIpv6: new("::/0")}}
	all := perm("-1", 0)
	all.UserIdGroupPairs = []model.UserIdGroupPair{{GroupId: g.GroupId}}
	in := model.AuthorizeSecurityGroupIngressRequest{GroupId: g.GroupId, IpPermissions: []model.IpPermission{http, all}}
	made := ok(n, n.authorizeIngress, in)
	if len(made.SecurityGroupRules) != 4 || *made.SecurityGroupRules[1].CidrIpv4 != "192.168.0.0/16" || *made.SecurityGroupRules[3].FromPort != -1 ||
		*made.SecurityGroupRules[3].ReferencedGroupInfo.VpcId != *v.VpcId {
		t.Errorf("rules: %+v", made.SecurityGroupRules)
	}
	fails(n, "InvalidPermission.Duplicate", n.authorizeIngress, in)
	bad := perm("tcp", 80)
	bad.IpRanges = []model.IpRange{{CidrIp: new("10.0.0.0/33")}}
	fails(n, "InvalidParameterValue", n.authorizeIngress, model.AuthorizeSecurityGroupIngressRequest{GroupId: g.GroupId, IpPermissions: []model.IpPermission{bad}})

	groups := ok(n, n.describeSecurityGroups, model.DescribeSecurityGroupsRequest{Filters: where("ip-permission.cidr", "10.*")}).SecurityGroups
	if len(groups) != 1 || len(groups[0].IpPermissions) != 2 || len(groups[0].IpPermissionsEgress) != 1 {
		t.Fatalf("groups: %+v", groups)
	}
	for _, p := range groups[0].IpPermissions {
		switch *p.IpProtocol {
		case "tcp":
			if len(p.IpRanges) != 2 || len(p.Ipv6Ranges) != 1 || *p.FromPort != 80 {
				t.Errorf("tcp: %+v", p)
			}
		case "-1":
			if p.FromPort != nil || *p.UserIdGroupPairs[0].UserId != "111122223333" {
				t.Errorf("all: %+v", p)
			}
		}
	}
	if got := ok(n, n.describeSecurityGroups, model.DescribeSecurityGroupsRequest{Filters: where("vpc-id", *v.VpcId)}); len(got.SecurityGroups) != 2 {
		t.Errorf("%d groups in the VPC", len(got.SecurityGroups))
	}
	fails(n, "InvalidGroup.NotFound", n.describeSecurityGroups, model.DescribeSecurityGroupsRequest{GroupIds: []string{"sg-0"}})
	ok(n, n.revokeIngress, model.RevokeSecurityGroupIngressRequest{GroupId: g.GroupId, IpPermissions: []model.IpPermission{http, all}})
	left := ok(n, n.describeSecurityGroupRules, model.DescribeSecurityGroupRulesRequest{Filters: where("group-id", *g.GroupId)})
	if len(left.SecurityGroupRules) != 1 || !*left.SecurityGroupRules[0].IsEgress {
		t.Errorf("left: %+v", left.SecurityGroupRules)
	}
	ok(n, n.deleteSecurityGroup, model.DeleteSecurityGroupRequest{GroupId: g.GroupId})
}

func TestInterfaceHandlers(t *testing.T) {
	n := newNetTest(t)
	v, subnet := n.subnetOf()
	e := ok(n, n.createNetworkInterface, model.CreateNetworkInterfaceRequest{SubnetId: subnet, Description: new("mine"),
		PrivateIpAddresses: []model.PrivateIpAddressSpecification{{PrivateIpAddress: new("10.0.1.9")}, {PrivateIpAddress: new("10.0.1.8"), Primary: new(true)}},
		TagSpecifications:  named("network-interface", "e")}).NetworkInterface
	if *e.PrivateIpAddress != "10.0.1.8" || len(e.PrivateIpAddresses) != 2 || *e.Status != "available" || *e.Groups[0].GroupName != "default" ||
		*e.PrivateDnsName != "ip-10-0-1-8.ap-northeast-1.compute.internal" || *e.InterfaceType != "interface" {
		t.Errorf("view: %+v", e)
	}
	for _, f := range [][]model.Filter{where("addresses.private-ip-address", "10.0.1.9"), where("subnet-id", *subnet), where("vpc-id", *v.VpcId),
		where("requester-managed", "false"), where("tag:Name", "e"), where("status", "available"), where("interface-type", "interface")} {
		if got := ok(n, n.describeNetworkInterfaces, model.DescribeNetworkInterfacesRequest{Filters: f}); len(got.NetworkInterfaces) != 1 {
			t.Errorf("%s: %d interfaces", *f[0].Name, len(got.NetworkInterfaces))
		}
	}
	ok(n, n.modifyNetworkInterfaceAttribute, model.ModifyNetworkInterfaceAttributeRequest{NetworkInterfaceId: e.NetworkInterfaceId,
		SourceDestCheck: &model.AttributeBooleanValue{Value: new(false)}})
	got := ok(n, n.describeNetworkInterfaceAttribute, model.DescribeNetworkInterfaceAttributeRequest{NetworkInterfaceId: e.NetworkInterfaceId, Attribute: new("sourceDestCheck")})
	if *got.SourceDestCheck.Value {
		t.Error("source/dest check did not change")
	}
	ok(n, n.assignPrivateIPs, model.AssignPrivateIpAddressesRequest{NetworkInterfaceId: e.NetworkInterfaceId, SecondaryPrivateIpAddressCount: new(int64(1))})
	fails(n, "InvalidParameterValue", n.unassignPrivateIPs, model.UnassignPrivateIpAddressesRequest{NetworkInterfaceId: e.NetworkInterfaceId, PrivateIpAddresses: []string{"bogus"}})
	ok(n, n.deleteNetworkInterface, model.DeleteNetworkInterfaceRequest{NetworkInterfaceId: e.NetworkInterfaceId})
	fails(n, "InvalidNetworkInterfaceID.NotFound", n.deleteNetworkInterface, model.DeleteNetworkInterfaceRequest{NetworkInterfaceId: e.NetworkInterfaceId})
}

func TestInstanceHandlers(t *testing.T) {
	n := newNetTest(t)
	v, subnet := n.subnetOf()
	script := base64.StdEncoding.EncodeToString([]byte("#!/bin/sh\n"))
	i := n.run(func(in *model.RunInstancesRequest) {
		in.UserData, in.TagSpecifications = &script, append(named("instance", "a"), named("volume", "v")...)
		in.NetworkInterfaces = []model.InstanceNetworkInterfaceSpecification{{DeviceIndex: new(int64(0)), SubnetId: subnet, AssociatePublicIpAddress: new(true)}}
		in.EnclaveOptions = &model.EnclaveOptionsRequest{Enabled: new(false)}
		in.Placement = &model.Placement{AvailabilityZone: new(""), Tenancy: new("default")}
	})
	if *i.State.Name != "pending" || *i.PublicIpAddress == "" || *i.PrivateIpAddress != "10.0.1.4" || *i.SecurityGroups[0].GroupName != "default" {
		t.Errorf("view: %+v", i)
	}
	n.report(i.InstanceId, 1, compute.Running)
	for _, f := range [][]model.Filter{where("instance-state-name", "running"), where("tag:Name", "a"), where("private-ip-address", "10.0.1.4"),
		where("vpc-id", *v.VpcId), where("network-interface.subnet-id", *subnet), where("ip-address", *i.PublicIpAddress)} {
		if got := ok(n, n.describeInstances, model.DescribeInstancesRequest{Filters: f}); len(got.Reservations) != 1 {
			t.Errorf("%s: %d reservations", *f[0].Name, len(got.Reservations))
		}
	}
	for _, name := range []string{"disableApiTermination", "disableApiStop", "instanceInitiatedShutdownBehavior", "userData"} {
		ok(n, n.describeInstanceAttribute, model.DescribeInstanceAttributeRequest{InstanceId: i.InstanceId, Attribute: &name})
	}
	if got := ok(n, n.describeInstanceAttribute, model.DescribeInstanceAttributeRequest{InstanceId: i.InstanceId, Attribute: new("userData")}); *got.UserData.Value != script {
		t.Errorf("user data %v", got.UserData)
	}
	volumes := ok(n, n.describeVolumes, model.DescribeVolumesRequest{Filters: where("attachment.instance-id", *i.InstanceId)}).Volumes
	if len(volumes) != 1 || *volumes[0].Attachments[0].Device != "/dev/xvda" || *volumes[0].Tags[0].Value != "v" {
		t.Errorf("volumes: %+v", volumes)
	}
	if got := ok(n, n.describeCredits, model.DescribeInstanceCreditSpecificationsRequest{InstanceIds: []string{*i.InstanceId}}); *got.InstanceCreditSpecifications[0].CpuCredits != "unlimited" {
		t.Errorf("credits: %+v", got)
	}
	if got := ok(n, n.describeInstanceStatus, model.DescribeInstanceStatusRequest{}); *got.InstanceStatuses[0].InstanceStatus.Status != "ok" {
		t.Errorf("status: %+v", got)
	}
	if got := ok(n, n.stopInstances, model.StopInstancesRequest{InstanceIds: []string{*i.InstanceId}}); *got.StoppingInstances[0].CurrentState.Code != 64 {
		t.Errorf("stop: %+v", got)
	}
	n.report(i.InstanceId, 1, compute.Stopped)
	stopped := ok(n, n.describeInstances, model.DescribeInstancesRequest{InstanceIds: []string{*i.InstanceId}}).Reservations[0].Instances[0]
	if stopped.PublicIpAddress != nil || *stopped.StateReason.Code != "Client.UserInitiatedShutdown" {
		t.Errorf("stopped: %+v", stopped)
	}
	ok(n, n.terminateInstances, model.TerminateInstancesRequest{InstanceIds: []string{*i.InstanceId}})
	n.report(i.InstanceId, 1, compute.Terminated)
	gone := ok(n, n.describeInstances, model.DescribeInstancesRequest{InstanceIds: []string{*i.InstanceId}}).Reservations[0].Instances[0]
	if *gone.State.Name != "terminated" || gone.VpcId != nil || len(gone.NetworkInterfaces) != 0 {
		t.Errorf("terminated: %+v", gone)
	}
}

func TestLaunchParameters(t *testing.T) {
	n := newNetTest(t)
	_, subnet := n.subnetOf()
	image, kind := n.hostImage()
	for code, change := range map[string]func(*model.RunInstancesRequest){
		"UnsupportedOperation": func(in *model.RunInstancesRequest) { in.Placement = &model.Placement{Tenancy: new("dedicated")} },
		"InvalidParameterCombination": func(in *model.RunInstancesRequest) {
			in.NetworkInterfaces = []model.InstanceNetworkInterfaceSpecification{{SubnetId: subnet}}
		},
		"InvalidParameterValue": func(in *model.RunInstancesRequest) { in.UserData = new("not base64!") },
	} {
		in := model.RunInstancesRequest{ImageId: image, InstanceType: kind, MinCount: new(int64(1)), MaxCount: new(int64(1)), SubnetId: subnet}
		change(&in)
		fails(n, code, n.runInstances, in)
	}
}

func TestConsoleOutput(t *testing.T) {
	n := newNetTest(t)
	_, subnet := n.subnetOf()
	i := n.run(func(in *model.RunInstancesRequest) { in.SubnetId = subnet })
	n.console = func(_ context.Context, id string) ([]byte, error) {
		if id != *i.InstanceId {
			return nil, errors.New("another instance")
		}
		return []byte("hello\n"), nil
	}
	got := ok(n, n.getConsoleOutput, model.GetConsoleOutputRequest{InstanceId: i.InstanceId})
	if text, _ := base64.StdEncoding.DecodeString(*got.Output); string(text) != "hello\n" {
		t.Errorf("console: %q", text)
	}
	fails(n, "InvalidInstanceID.NotFound", n.getConsoleOutput, model.GetConsoleOutputRequest{InstanceId: new("i-0")})
	fails(n, "InvalidInstanceID.Malformed", n.getInstanceUEFIData, model.GetInstanceUefiDataRequest{InstanceId: new("ami-0")})
	fails(n, "UnsupportedOperation", n.getInstanceUEFIData, model.GetInstanceUefiDataRequest{InstanceId: i.InstanceId})
}

func TestInstanceTypeHandlers(t *testing.T) {
	n := newNetTest(t)
	got := ok(n, n.describeInstanceTypes, model.DescribeInstanceTypesRequest{InstanceTypes: []string{"t3.micro"}}).InstanceTypes
	if len(got) != 1 || !*got[0].BurstablePerformanceSupported || *got[0].VCpuInfo.DefaultVCpus != 2 || *got[0].MemoryInfo.SizeInMiB != 1024 {
		t.Errorf("t3.micro: %+v", got)
	}
	fails(n, "InvalidInstanceType", n.describeInstanceTypes, model.DescribeInstanceTypesRequest{InstanceTypes: []string{"x9.huge"}})
	offers := ok(n, n.describeInstanceTypeOfferings, model.DescribeInstanceTypeOfferingsRequest{LocationType: new("availability-zone"), Filters: where("instance-type", "t3.micro")})
	if len(offers.InstanceTypeOfferings) != 3 {
		t.Errorf("offers: %+v", offers)
	}
}

func TestEndedAttachment(t *testing.T) {
	n := newNetTest(t)
	_, subnet := n.subnetOf()
	i := n.run(func(in *model.RunInstancesRequest) { in.SubnetId = subnet })
	eni := ok(n, n.createNetworkInterface, model.CreateNetworkInterfaceRequest{SubnetId: subnet}).NetworkInterface.NetworkInterfaceId
	attachment := ok(n, n.attachNetworkInterface, model.AttachNetworkInterfaceRequest{NetworkInterfaceId: eni, InstanceId: i.InstanceId, DeviceIndex: new(int64(1))}).AttachmentId
	find := model.DescribeNetworkInterfacesRequest{Filters: []model.Filter{{Name: new("attachment.attachment-id"), Values: []string{*attachment}}}}
	status := func() string {
		found := ok(n, n.describeNetworkInterfaces, find).NetworkInterfaces
		if len(found) != 1 || *found[0].NetworkInterfaceId != *eni || *found[0].Attachment.AttachmentId != *attachment {
			t.Fatalf("found: %+v", found)
		}
		return *found[0].Attachment.Status
	}
	if s := status(); s != "attached" {
		t.Error(s)
	}
	ok(n, n.detachNetworkInterface, model.DetachNetworkInterfaceRequest{AttachmentId: attachment})
	if s := status(); s != "detached" {
		t.Error(s)
	}
	if by := ok(n, n.describeNetworkInterfaces, model.DescribeNetworkInterfacesRequest{NetworkInterfaceIds: []string{*eni}}).NetworkInterfaces[0]; by.Attachment != nil {
		t.Errorf("by its id: %+v", by.Attachment)
	}
}
