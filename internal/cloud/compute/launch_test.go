package compute_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func TestLaunch(t *testing.T) {
	l := newLab(t)
	made := must(l, l.launch(func(c *compute.RunInstances) {
		c.MinCount, c.MaxCount = 2, 2
		c.ProfileName, c.UserData, c.InstanceTags = "web", []byte("#!/bin/sh\n"), cloud.Tags{"Name": "a"}
	}))
	if len(made) != 2 || made[0].ReservationID != made[1].ReservationID || made[1].LaunchIndex != 1 {
		t.Fatalf("launched %+v", made)
	}
	i := made[0]
	if i.State != compute.Pending || i.Boot != 1 || i.PrivateDNSName != "ip-10-0-1-4.ap-northeast-1.compute.internal" || i.VPCID != l.vpc.ID ||
		i.CreditSpecification != "unlimited" || i.Metadata.HTTPTokens != "required" || i.Metadata.HopLimit != 2 || i.CPUThreads != 2 ||
		i.ProfileARN != "arn:aws:iam::111122223333:instance-profile/web" || i.ProfileAssociationID == "" || i.ShutdownBehavior != "stop" {
		t.Errorf("instance: %+v", i)
	}
	n, ok := compute.PrimaryInterface(l.db.Snapshot(), i.ID)
	if !ok || !n.Attachment.DeleteOnTermination || n.GroupIDs[0] != l.vpc.DefaultGroupID || l.lent(i.ID) != 0 {
		t.Errorf("interface: %+v", n)
	}
	v, _ := compute.Volumes.Get(l.db.Snapshot(), i.RootVolumeID)
	if v.SizeGiB != 8 || v.Type != "gp3" || v.IOPS != 3000 || v.State != "in-use" || i.Volumes[0].DeviceName != "/dev/xvda" {
		t.Errorf("root volume: %+v", v)
	}
	public := must(l, l.launch(func(c *compute.RunInstances) { c.Interfaces[0].SubnetID = l.public.ID }))[0]
	if l.lent(public.ID) != 1 {
		t.Error("no public address in a subnet that maps them")
	}
	without := must(l, l.launch(func(c *compute.RunInstances) {
		c.Interfaces[0].SubnetID, c.Interfaces[0].PublicIP = l.public.ID, new(false)
	}))[0]
	if l.lent(without.ID) != 0 {
		t.Error("a public address that the request refused")
	}
}

func TestLaunchRefusals(t *testing.T) {
	l := newLab(t)
	arm := image(l.caller.Region, "al2023-ami-2023", "arm64")
	other := must(l, vpc.CreateVPC{CIDR: netip.MustParsePrefix("10.1.0.0/16")})
	for _, tt := range []struct {
		code, text string
		change     func(*compute.RunInstances)
	}{
		{"InvalidAMIID.NotFound", "The image id '[ami-0]' does not exist", func(c *compute.RunInstances) { c.ImageID = "ami-0" }},
		{"InvalidAMIID.Malformed", `Invalid id: "x" (expecting "ami-...")`, func(c *compute.RunInstances) { c.ImageID = "x" }},
		{"InvalidParameterValue", "Invalid value 'x9.huge' for InstanceType.", func(c *compute.RunInstances) { c.InstanceType = "x9.huge" }},
		{"InvalidParameterValue", "The architecture 'x86_64' of the specified instance type does not match the architecture 'arm64'",
			func(c *compute.RunInstances) { c.ImageID = arm }},
		{"Unsupported", "This machine runs x86_64 instances only", func(c *compute.RunInstances) { c.ImageID, c.InstanceType = arm, "t4g.micro" }},
		{"InvalidSubnetID.NotFound", "The subnet ID 'subnet-0' does not exist", func(c *compute.RunInstances) { c.Interfaces[0].SubnetID = "subnet-0" }},
		{"VPCIdNotSpecified", "No default VPC for this user.", func(c *compute.RunInstances) { c.Interfaces[0].SubnetID = "" }},
		{"InvalidGroup.NotFound", "The security group 'sg-0' does not exist", func(c *compute.RunInstances) { c.Interfaces[0].GroupIDs = []string{"sg-0"} }},
		{"InvalidParameter", "belong to different networks.", func(c *compute.RunInstances) { c.Interfaces[0].GroupIDs = []string{other.DefaultGroupID} }},
		{"InvalidParameterValue", "Value (none) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
			func(c *compute.RunInstances) { c.ProfileName = "none" }},
		{"InvalidKeyPair.NotFound", "The key pair 'k' does not exist", func(c *compute.RunInstances) { c.KeyName = "k" }},
		{"InvalidParameterValue", "User data is limited to 16384 bytes", func(c *compute.RunInstances) { c.UserData = make([]byte, 16385) }},
		{"InvalidBlockDeviceMapping", "is smaller than snapshot", func(c *compute.RunInstances) {
			c.Volumes = []compute.LaunchVolume{{DeviceName: "/dev/xvda", SizeGiB: 4}}
		}},
		{"InvalidParameterValue", "Address 10.0.1.1 is in subnet's reserved address range", func(c *compute.RunInstances) {
			c.Interfaces[0].PrivateIPs = []netip.Addr{netip.MustParseAddr("10.0.1.1")}
		}},
		{"InvalidParameterValue", "minCount", func(c *compute.RunInstances) { c.MinCount = 0 }},
		{"InvalidParameterCombination", "CPU credit", func(c *compute.RunInstances) { c.InstanceType, c.Credits = "m5.large", "standard" }},
		{"InvalidParameterValue", "httpTokens", func(c *compute.RunInstances) { c.Metadata.HTTPTokens = "maybe" }},
		{"AttachmentLimitExceeded", "Interface count 3 exceeds the limit for t3.micro", func(c *compute.RunInstances) {
			c.Interfaces = make([]compute.LaunchInterface, 3)
		}},
		{"InsufficientFreeAddressesInSubnet", "enough free addresses", func(c *compute.RunInstances) { c.MinCount, c.MaxCount = 300, 300 }},
	} {
		if got := refused(l, tt.code, l.launch(tt.change)); !strings.Contains(got, tt.text) {
			t.Errorf("%s: %s", tt.code, got)
		}
	}
}

func TestLaunchToken(t *testing.T) {
	l := newLab(t)
	token := func(c *compute.RunInstances) { c.ClientToken = "t" }
	first := must(l, l.launch(token))
	if again := must(l, l.launch(token)); len(again) != 1 || again[0].ID != first[0].ID {
		t.Errorf("a repeated token launched %+v", again)
	}
	refused(l, "IdempotentParameterMismatch", l.launch(func(c *compute.RunInstances) { token(c); c.InstanceType = "t3.small" }))
}

func TestGivenInterface(t *testing.T) {
	l := newLab(t)
	n := must(l, vpc.CreateInterface{InterfaceParams: vpc.InterfaceParams{SubnetID: l.private.ID, SourceDestCheck: false}})
	with := func(c *compute.RunInstances) { c.Interfaces = []compute.LaunchInterface{{InterfaceID: n.ID}} }
	i := must(l, l.launch(with))[0]
	if i.SourceDestCheck || i.SubnetID != l.private.ID {
		t.Errorf("instance: %+v", i)
	}
	refused(l, "InvalidNetworkInterface.InUse", l.launch(with))
	refused(l, "InvalidParameterValue", vpc.DeleteInterface{ID: n.ID})
	must(l, compute.TerminateInstances{IDs: []string{i.ID}})
	l.report(i, 1, compute.Terminated)
	if n, ok := vpc.NetworkInterfaces.Get(l.db.Snapshot(), n.ID); !ok || n.Status != "available" || n.Attachment != nil {
		t.Errorf("a given interface goes with its instance: %+v", n)
	}
}

func TestImages(t *testing.T) {
	seen := map[string]bool{}
	for _, i := range compute.Images("eu-west-1") {
		if seen[i.ID] || seen[i.Name] || len(i.ID) != 21 || strings.Contains(i.Name, "ARCH") || strings.Contains(i.Name, "VERSION") {
			t.Errorf("image: %+v", i)
		}
		seen[i.ID], seen[i.Name] = true, true
	}
	if image("eu-west-1", "al2023", "x86_64") == image("us-east-1", "al2023", "x86_64") {
		t.Error("an image has the same id in two regions")
	}
	for _, name := range []string{"al2023-ami-2023.7.20250623.1-kernel-6.1-x86_64", "al2023-ami-minimal-2023.7.20250623.1-kernel-6.1-arm64",
		"ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20250627", "amzn2-ami-hvm-2.0.20250623.0-x86_64-gp2"} {
		if !seen[name] {
			t.Errorf("no image %s", name)
		}
	}
}

func TestKeyPairs(t *testing.T) {
	l := newLab(t)
	const ed = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me"
	k := must(l, compute.ImportKeyPair{Name: "k", PublicKey: ed + "\n"})
	if k.Type != "ed25519" || len(k.Fingerprint) != 44 {
		t.Errorf("key pair: %+v", k)
	}
	refused(l, "InvalidKeyPair.Duplicate", compute.ImportKeyPair{Name: "k", PublicKey: ed})
	for _, bad := range []string{"", "ssh-rsa", "ssh-rsa AAAA", "ssh-rsa " + strings.Fields(ed)[1], "ssh-ed25519 !!"} {
		refused(l, "InvalidKey.Format", compute.ImportKeyPair{Name: "b", PublicKey: bad})
	}
	must(l, l.launch(func(c *compute.RunInstances) { c.KeyName = "k" }))
	must(l, compute.DeleteKeyPair{Name: "k"})
	must(l, compute.DeleteKeyPair{Name: "k"})
}
