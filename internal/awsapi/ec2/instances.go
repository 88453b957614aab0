package ec2

import (
	"context"
	"encoding/base64"
	"runtime"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/ssm"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func (a *API) instanceOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("RunInstances", a.runInstances),
		protocol.Op("DescribeInstances", a.describeInstances),
		protocol.Op("DescribeInstanceStatus", a.describeInstanceStatus),
		protocol.Op("GetConsoleOutput", a.getConsoleOutput),
		protocol.Op("GetInstanceUefiData", a.getInstanceUEFIData),
		protocol.Op("GetPasswordData", a.getPasswordData),
	}
}

// hostArchitecture is AWS's name of what runs here.
func hostArchitecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

func (a *API) runInstances(ctx context.Context, call *protocol.Call, in *model.RunInstancesRequest) (*model.Reservation, error) {
	if err := refuseLaunchOptions(in); err != nil {
		return nil, err
	}
	c := compute.RunInstances{
		ImageID: val(in.ImageId), InstanceType: val(in.InstanceType), MinCount: int(val(in.MinCount)), MaxCount: int(val(in.MaxCount)),
		HostArchitecture: hostArchitecture(), KeyName: val(in.KeyName), ShutdownBehavior: val(in.InstanceInitiatedShutdownBehavior),
		DisableAPITermination: val(in.DisableApiTermination), DisableAPIStop: val(in.DisableApiStop),
		EBSOptimized: val(in.EbsOptimized), ClientToken: val(in.ClientToken),
	}
	launchOptions(&c, in)
	var err error
	if c.ImageID, err = ssm.ResolveImage(a.engine.Snapshot(), call.Caller.Scope, c.ImageID); err != nil {
		return nil, err
	}
	if c.UserData, err = decodeUserData(val(in.UserData)); err != nil {
		return nil, err
	}
	if c.Volumes, c.Omit, err = imageVolumes(in.BlockDeviceMappings); err != nil {
		return nil, err
	}
	if c.Interfaces, err = a.launchInterfaces(call, in); err != nil {
		return nil, err
	}
	tags, err := tagsByType(in.TagSpecifications, "instance", "volume", "network-interface")
	if err != nil {
		return nil, err
	}
	c.InstanceTags, c.VolumeTags, c.InterfaceTags = tags["instance"], tags["volume"], tags["network-interface"]
	made, err := do(ctx, a, call, c)
	if err != nil {
		return nil, err
	}
	r := a.engine.Snapshot()
	out := &model.Reservation{OwnerId: &call.Caller.Account, ReservationId: new(made[0].ReservationID)}
	for _, i := range made {
		out.Instances = append(out.Instances, instanceView(r, i))
	}
	return out, nil
}

// refuseLaunchOptions refuses values that AWS would carry out and Musubi does
// not; the defaults that clients send are fine.
func refuseLaunchOptions(in *model.RunInstancesRequest) error {
	if p := in.Placement; p != nil {
		if t := val(p.Tenancy); t != "" && t != "default" {
			return unserved("Placement.Tenancy", t)
		}
		if g := val(p.GroupName); g != "" {
			return unserved("Placement.GroupName", g)
		}
	}
	if in.EnclaveOptions != nil && val(in.EnclaveOptions.Enabled) {
		return unserved("EnclaveOptions.Enabled", "true")
	}
	if in.HibernationOptions != nil && val(in.HibernationOptions.Configured) {
		return unserved("HibernationOptions.Configured", "true")
	}
	if in.CapacityReservationSpecification != nil {
		switch p := val(in.CapacityReservationSpecification.CapacityReservationPreference); p {
		case "", "open", "none":
		default:
			return unserved("CapacityReservationSpecification.CapacityReservationPreference", p)
		}
	}
	return nil
}

// launchOptions copies the request's optional structures.
func launchOptions(c *compute.RunInstances, in *model.RunInstancesRequest) {
	if in.Placement != nil {
		c.Zone = val(in.Placement.AvailabilityZone)
	}
	if in.Monitoring != nil {
		c.Monitoring = val(in.Monitoring.Enabled)
	}
	if in.CreditSpecification != nil {
		c.Credits = val(in.CreditSpecification.CpuCredits)
	}
	if in.MaintenanceOptions != nil {
		c.AutoRecovery = val(in.MaintenanceOptions.AutoRecovery)
	}
	if in.CpuOptions != nil {
		c.CPUCores, c.CPUThreads = int(val(in.CpuOptions.CoreCount)), int(val(in.CpuOptions.ThreadsPerCore))
	}
	if in.IamInstanceProfile != nil {
		c.ProfileName, c.ProfileARN = val(in.IamInstanceProfile.Name), val(in.IamInstanceProfile.Arn)
	}
	if m := in.MetadataOptions; m != nil {
		c.Metadata = compute.MetadataChange{HTTPTokens: val(m.HttpTokens), HopLimit: int(val(m.HttpPutResponseHopLimit)),
			HTTPEndpoint: val(m.HttpEndpoint), InstanceTags: val(m.InstanceMetadataTags), HTTPIPv6: val(m.HttpProtocolIpv6)}
	}
	if n := in.PrivateDnsNameOptions; n != nil {
		c.Names = compute.NameOptions{HostnameType: val(n.HostnameType), ResourceNameDNSA: n.EnableResourceNameDnsARecord,
			ResourceNameDNSAAAA: n.EnableResourceNameDnsAAAARecord}
	}
}

func decodeUserData(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, cloud.Errorf(cloud.KindInvalid, "instance", "InvalidParameterValue", "Invalid BASE64 encoding of user data.")
	}
	return data, nil
}

func launchVolumes(list []model.BlockDeviceMapping) ([]compute.LaunchVolume, error) {
	var out []compute.LaunchVolume
	for _, m := range list {
		switch {
		case m.VirtualName != nil:
			return nil, unserved("BlockDeviceMapping.VirtualName", val(m.VirtualName))
		case m.Ebs == nil:
			return nil, missingParameter("BlockDeviceMapping.Ebs")
		}
		out = append(out, compute.LaunchVolume{DeviceName: val(m.DeviceName), SnapshotID: val(m.Ebs.SnapshotId),
			SizeGiB: int(val(m.Ebs.VolumeSize)), Type: val(m.Ebs.VolumeType), IOPS: int(val(m.Ebs.Iops)),
			Throughput: int(val(m.Ebs.Throughput)), Encrypted: val(m.Ebs.Encrypted), DeleteOnTermination: m.Ebs.DeleteOnTermination})
	}
	return out, nil
}

// launchInterfaces lists the interfaces of a launch: those of the request, or
// one that follows from its top-level parameters.
func (a *API) launchInterfaces(call *protocol.Call, in *model.RunInstancesRequest) ([]compute.LaunchInterface, error) {
	groups, err := a.launchGroups(call, in)
	if err != nil {
		return nil, err
	}
	if len(in.NetworkInterfaces) == 0 {
		one := compute.LaunchInterface{SubnetID: val(in.SubnetId), GroupIDs: groups}
		if one.PrivateIPs, _, err = wantedIPv4(in.PrivateIpAddress, nil); err != nil {
			return nil, err
		}
		if one.IPv6s, one.IPv6Count, err = wantedIPv6(in.Ipv6Addresses, in.Ipv6AddressCount); err != nil {
			return nil, err
		}
		return []compute.LaunchInterface{one}, nil
	}
	switch {
	case val(in.SubnetId) != "":
		return nil, badCombination("Network interfaces and an instance-level subnet ID may not be specified on the same request")
	case len(groups) > 0:
		return nil, badCombination("Network interfaces and an instance-level security groups may not be specified on the same request")
	case val(in.PrivateIpAddress) != "" || len(in.Ipv6Addresses) > 0 || in.Ipv6AddressCount != nil:
		return nil, badCombination("Network interfaces and an instance-level private IP address may not be specified on the same request")
	}
	var out []compute.LaunchInterface
	for _, spec := range in.NetworkInterfaces {
		l, err := launchInterface(spec)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

func (a *API) launchGroups(call *protocol.Call, in *model.RunInstancesRequest) ([]string, error) {
	groups := in.SecurityGroupIds
	for _, name := range in.SecurityGroups {
		id, err := vpc.GroupID(a.engine.Snapshot(), call.Caller.Scope, "", name)
		if err != nil {
			return nil, err
		}
		groups = append(groups, id)
	}
	return groups, nil
}

func launchInterface(s model.InstanceNetworkInterfaceSpecification) (compute.LaunchInterface, error) {
	l := compute.LaunchInterface{DeviceIndex: int(val(s.DeviceIndex)), InterfaceID: val(s.NetworkInterfaceId), SubnetID: val(s.SubnetId),
		Description: val(s.Description), GroupIDs: s.Groups, SecondaryCount: int(val(s.SecondaryPrivateIpAddressCount)),
		PublicIP: s.AssociatePublicIpAddress, DeleteOnTermination: s.DeleteOnTermination}
	if t := val(s.InterfaceType); t != "" && t != "interface" {
		return l, unserved("NetworkInterface.InterfaceType", t)
	}
	if val(s.NetworkCardIndex) != 0 {
		return l, unserved("NetworkInterface.NetworkCardIndex", "other than 0")
	}
	var err error
	if l.PrivateIPs, l.SecondaryIPs, err = wantedIPv4(s.PrivateIpAddress, s.PrivateIpAddresses); err != nil {
		return l, err
	}
	l.IPv6s, l.IPv6Count, err = wantedIPv6(s.Ipv6Addresses, s.Ipv6AddressCount)
	return l, err
}

func (a *API) getConsoleOutput(ctx context.Context, call *protocol.Call, in *model.GetConsoleOutputRequest) (*model.GetConsoleOutputResult, error) {
	i, err := compute.FindInstance(a.engine.Snapshot(), call.Caller.Scope, val(in.InstanceId))
	if err != nil {
		return nil, err
	}
	text, err := a.console(ctx, i.ID)
	if err != nil {
		return nil, err
	}
	out := &model.GetConsoleOutputResult{InstanceId: &i.ID, Timestamp: new(a.now().UTC())}
	// AWS keeps the last 64 KiB.
	if keep := 64 << 10; len(text) > keep {
		text = text[len(text)-keep:]
	}
	if len(text) > 0 {
		out.Output = new(base64.StdEncoding.EncodeToString(text))
	}
	return out, nil
}

func (a *API) getPasswordData(_ context.Context, call *protocol.Call, in *model.GetPasswordDataRequest) (*model.GetPasswordDataResult, error) {
	i, err := compute.FindInstance(a.engine.Snapshot(), call.Caller.Scope, val(in.InstanceId))
	if err != nil {
		return nil, err
	}
	return &model.GetPasswordDataResult{InstanceId: &i.ID, Timestamp: new(a.now().UTC()), PasswordData: new("")}, nil
}

// getInstanceUEFIData refuses: a process has no firmware. Terraform asks for
// that of images by mistake, and takes no for an answer.
func (a *API) getInstanceUEFIData(_ context.Context, call *protocol.Call, in *model.GetInstanceUefiDataRequest) (*model.GetInstanceUefiDataResult, error) {
	i, err := compute.FindInstance(a.engine.Snapshot(), call.Caller.Scope, val(in.InstanceId))
	if err != nil {
		return nil, err
	}
	return nil, cloud.Errorf(cloud.KindUnsupported, "instance", "UnsupportedOperation",
		"The instance '%s' has no UEFI variable store: the instances of Musubi have no firmware.", i.ID)
}
