package compute

import (
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// maxUserData is AWS's limit in bytes, before base64.
const maxUserData = 16384

// check refuses what AWS refuses before anything is made, and fills in
// defaults.
func (l *launch) check(tx *cloud.Tx) error {
	for _, step := range []func(*cloud.Tx) error{l.checkCount, l.checkImage, l.checkOptions, l.checkReferences, l.checkVolumes, l.checkNetwork} {
		if err := step(tx); err != nil {
			return err
		}
	}
	return nil
}

func (l *launch) checkCount(*cloud.Tx) error {
	if l.MinCount < 1 {
		return invalid("Value (%d) for parameter minCount is invalid. Minimum count must be 1 or greater.", l.MinCount)
	}
	if l.MaxCount < l.MinCount {
		return invalid("Value (%d) for parameter maxCount is invalid. Maximum count must not be less than minimum count (%d).", l.MaxCount, l.MinCount)
	}
	return nil
}

func (l *launch) checkImage(tx *cloud.Tx) error {
	if l.ImageID == "" {
		return missing("ImageId")
	}
	if l.InstanceType == "" {
		return missing("InstanceType")
	}
	var err error
	if l.image, err = availableImage(tx, tx.Caller.Scope, l.ImageID); err != nil {
		return err
	}
	if l.kind, err = launchType(l.InstanceType); err != nil {
		return err
	}
	if err := matchArchitecture(l.kind, l.image.Architecture); err != nil {
		return err
	}
	if err := matchDrivers(l.kind, l.image); err != nil {
		return err
	}
	if l.HostArchitecture != l.image.Architecture {
		return cloud.Errorf(cloud.KindUnsupported, "instance", "Unsupported",
			"This machine runs %s instances only, and '%s' is for %s. Choose an AMI and an instance type for %s.",
			l.HostArchitecture, l.image.ID, l.image.Architecture, l.HostArchitecture)
	}
	return nil
}

// matchDrivers refuses an image that can not drive what the type has.
func matchDrivers(t InstanceType, i Image) error {
	if i.Virtualization != hvm {
		return combination("Non-Windows instances with a virtualization type of '%s' are currently not supported for this instance type : %s", i.Virtualization, t.Name)
	}
	if t.Hypervisor == "nitro" && !i.ENA {
		return combination("Enhanced networking with the Elastic Network Adapter (ENA) is required for the '%s' instance type. "+
			"Ensure that you are using an AMI that is enabled for ENA.", t.Name)
	}
	return nil
}

func matchArchitecture(t InstanceType, image string) error {
	if t.Architecture == image {
		return nil
	}
	return invalid("The architecture '%s' of the specified instance type does not match the architecture '%s' of the specified AMI. "+
		"Specify an instance type and an AMI that have matching architectures, and try again. You can use 'describe-instance-types' "+
		"or 'describe-images' to discover the architecture of the instance type or AMI.", t.Architecture, image)
}

func (l *launch) checkOptions(*cloud.Tx) error {
	if len(l.UserData) > maxUserData {
		return userDataTooLong()
	}
	if l.ShutdownBehavior == "" {
		l.ShutdownBehavior = "stop"
	}
	if err := checkShutdownBehavior(l.ShutdownBehavior); err != nil {
		return err
	}
	if l.AutoRecovery == "" {
		l.AutoRecovery = "default"
	}
	if err := oneOf("autoRecovery", l.AutoRecovery, "default", "disabled"); err != nil {
		return err
	}
	if err := l.checkCPU(); err != nil {
		return err
	}
	if err := l.Names.check(); err != nil {
		return err
	}
	if l.EBSOptimized && l.kind.EBSOptimized == "unsupported" {
		return cloud.Errorf(cloud.KindUnsupported, "instance", "InvalidParameterCombination",
			"EBS-optimized instances are not supported for your requested configuration. Please check the documentation for supported configurations.")
	}
	if err := l.Metadata.check(); err != nil {
		return err
	}
	var err error
	l.Credits, err = credits(l.kind, l.Credits)
	return err
}

func (l *launch) checkCPU() error {
	if l.CPUCores == 0 {
		l.CPUCores = l.kind.Cores()
	}
	if l.CPUThreads == 0 {
		l.CPUThreads = l.kind.ThreadsPerCore
	}
	if l.CPUCores < 1 || l.CPUCores > l.kind.Cores() {
		return invalid("Value (%d) for parameter coreCount is invalid. Core count must be between 1 and %d for %s.", l.CPUCores, l.kind.Cores(), l.kind.Name)
	}
	if l.CPUThreads < 1 || l.CPUThreads > l.kind.ThreadsPerCore {
		return invalid("Value (%d) for parameter threadsPerCore is invalid. Threads per core must be between 1 and %d for %s.",
			l.CPUThreads, l.kind.ThreadsPerCore, l.kind.Name)
	}
	return nil
}

func (l *launch) checkReferences(tx *cloud.Tx) error {
	if l.KeyName != "" {
		if _, ok := KeyPairs.Get(tx, tx.Caller.Key()+"/"+l.KeyName); !ok {
			return keyNotFound(l.KeyName)
		}
	}
	if l.ProfileName == "" && l.ProfileARN == "" {
		return nil
	}
	var err error
	l.profile, err = findProfile(tx, l.ProfileName, l.ProfileARN)
	return err
}

func checkShutdownBehavior(s string) error {
	return oneOf("instanceInitiatedShutdownBehavior", s, "stop", "terminate")
}

// credits is the credit specification of an instance of that type.
func credits(t InstanceType, wanted string) (string, error) {
	if wanted == "" {
		return t.DefaultCredits, nil
	}
	if !t.Burstable {
		return "", cloud.Errorf(cloud.KindInvalid, "instance", "InvalidParameterCombination",
			"The specified CPU credit specification is not supported for instance type '%s'.", t.Name)
	}
	return wanted, oneOf("cpuCredits", wanted, "standard", "unlimited")
}

func (o NameOptions) check() error {
	if o.HostnameType == "" {
		return nil
	}
	return oneOf("hostnameType", o.HostnameType, "ip-name", "resource-name")
}

// apply sets the options and the private name that follows from them; the
// caller stores the instance.
func (o NameOptions) apply(i *Instance) {
	if o.HostnameType != "" {
		i.HostnameType = o.HostnameType
	}
	if i.HostnameType == "" {
		i.HostnameType = "ip-name"
	}
	if o.ResourceNameDNSA != nil {
		i.ResourceNameDNSA = *o.ResourceNameDNSA
	}
	if o.ResourceNameDNSAAAA != nil {
		i.ResourceNameDNSAAAA = *o.ResourceNameDNSAAAA
	}
}

// defaultSubnet is where an instance goes whose request names no subnet.
func defaultSubnet(tx *cloud.Tx, zone string) (vpc.Subnet, error) {
	v, ok := vpc.DefaultVPC(tx, tx.Caller.Scope)
	if !ok {
		return vpc.Subnet{}, cloud.Errorf(cloud.KindMissing, "vpc", "VPCIdNotSpecified",
			"No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.")
	}
	var found vpc.Subnet
	for s := range vpc.Subnets.By(tx, vpc.ByVPC, v.ID) {
		if s.DefaultForAZ && (zone == "" || s.Zone == zone) && (found.ID == "" || s.Zone < found.Zone) {
			found = s
		}
	}
	if found.ID == "" && zone != "" {
		return found, cloud.Errorf(cloud.KindMissing, "subnet", "MissingInput",
			"No default subnet for availability zone: '%s'.", zone)
	}
	if found.ID == "" {
		return found, cloud.Errorf(cloud.KindMissing, "subnet", "MissingInput",
			"No subnets found for the default VPC '%s'. Please specify a subnet.", v.ID)
	}
	return found, nil
}
