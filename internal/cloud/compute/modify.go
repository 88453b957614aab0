package compute

import (
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// ModifyInstance changes what is set.
type ModifyInstance struct {
	ID                    string
	InstanceType          *string
	UserData              []byte // nil: as it is
	GroupIDs              []string
	SourceDestCheck       *bool
	DisableAPITermination *bool
	DisableAPIStop        *bool
	EBSOptimized          *bool
	ShutdownBehavior      *string
	// DeleteOnTermination is by device name.
	DeleteOnTermination map[string]bool
}

// Apply returns the changed instance.
func (c ModifyInstance) Apply(tx *cloud.Tx) (Instance, error) {
	i, err := FindInstance(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return i, err
	}
	if i.State == Terminated || i.State == ShuttingDown {
		return i, wrongState("IncorrectInstanceState", "The instance '%s' is not in a valid state for this operation.", i.ID)
	}
	for _, step := range []func(*cloud.Tx, *Instance) error{c.whenStopped, c.switches, c.network, c.devices} {
		if err := step(tx, &i); err != nil {
			return i, err
		}
	}
	Instances.Put(tx, i)
	return i, nil
}

// whenStopped changes what only a stopped instance lets change.
func (c ModifyInstance) whenStopped(_ *cloud.Tx, i *Instance) error {
	if c.InstanceType == nil && c.UserData == nil && c.EBSOptimized == nil {
		return nil
	}
	if i.State != Stopped {
		return wrongState("IncorrectInstanceState", "The instance '%s' is not in the 'stopped' state.", i.ID)
	}
	if c.InstanceType != nil {
		if err := changeType(i, *c.InstanceType); err != nil {
			return err
		}
	}
	if c.UserData != nil {
		if len(c.UserData) > maxUserData {
			return userDataTooLong()
		}
		i.UserData = c.UserData
	}
	if c.EBSOptimized != nil {
		i.EBSOptimized = *c.EBSOptimized
	}
	return nil
}

func changeType(i *Instance, name string) error {
	t, err := launchType(name)
	if err != nil {
		return err
	}
	if err := matchArchitecture(t, i.Architecture); err != nil {
		return err
	}
	i.InstanceType, i.CPUCores, i.CPUThreads = t.Name, t.Cores(), t.ThreadsPerCore
	if !t.Burstable || i.CreditSpecification == "" {
		i.CreditSpecification = t.DefaultCredits
	}
	return nil
}

func (c ModifyInstance) switches(_ *cloud.Tx, i *Instance) error {
	if c.DisableAPITermination != nil {
		i.DisableAPITermination = *c.DisableAPITermination
	}
	if c.DisableAPIStop != nil {
		i.DisableAPIStop = *c.DisableAPIStop
	}
	if c.ShutdownBehavior == nil {
		return nil
	}
	i.ShutdownBehavior = *c.ShutdownBehavior
	return checkShutdownBehavior(i.ShutdownBehavior)
}

// network changes the instance's only interface.
func (c ModifyInstance) network(tx *cloud.Tx, i *Instance) error {
	if len(c.GroupIDs) == 0 && c.SourceDestCheck == nil {
		return nil
	}
	var all []vpc.NetworkInterface
	for n := range vpc.NetworkInterfaces.By(tx, "instance", i.ID) {
		all = append(all, n)
	}
	if len(all) != 1 {
		return cloud.Errorf(cloud.KindInvalid, "instance", "InvalidInstanceID",
			"There are multiple interfaces attached to instance '%s'. Please specify an interface ID for the operation instead.", i.ID)
	}
	_, err := vpc.ModifyInterface{ID: all[0].ID, GroupIDs: c.GroupIDs, SourceDestCheck: c.SourceDestCheck}.Apply(tx)
	if c.SourceDestCheck != nil {
		i.SourceDestCheck = *c.SourceDestCheck
	}
	return err
}

func (c ModifyInstance) devices(_ *cloud.Tx, i *Instance) error {
	if len(c.DeleteOnTermination) == 0 {
		return nil
	}
	left := len(c.DeleteOnTermination)
	devices := append([]BlockDevice{}, i.Volumes...)
	for k := range devices {
		if keep, ok := c.DeleteOnTermination[devices[k].DeviceName]; ok {
			devices[k].DeleteOnTermination = keep
			left--
		}
	}
	if left > 0 {
		return cloud.Errorf(cloud.KindNotFound, "volume", "InvalidInstanceAttributeValue", "No device is currently mapped at the given name.")
	}
	i.Volumes = devices
	return nil
}

// ModifyCredits sets the credit specification of a burstable instance.
type ModifyCredits struct{ ID, Credits string }

// Apply returns the changed instance.
func (c ModifyCredits) Apply(tx *cloud.Tx) (Instance, error) {
	i, err := FindInstance(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return i, err
	}
	t, err := launchType(i.InstanceType)
	if err != nil {
		return i, err
	}
	if i.CreditSpecification, err = credits(t, c.Credits); err != nil {
		return i, err
	}
	Instances.Put(tx, i)
	return i, nil
}

// SetMonitoring switches detailed monitoring.
type SetMonitoring struct {
	IDs []string
	On  bool
}

// Apply returns the changed instances.
func (c SetMonitoring) Apply(tx *cloud.Tx) ([]Instance, error) {
	all, err := FindInstances(tx, tx.Caller.Scope, c.IDs)
	for k := range all {
		all[k].Monitoring = c.On
		Instances.Put(tx, all[k])
	}
	return all, err
}

// ModifyMaintenance sets what happens when the hardware fails.
type ModifyMaintenance struct{ ID, AutoRecovery string }

// Apply returns the changed instance.
func (c ModifyMaintenance) Apply(tx *cloud.Tx) (Instance, error) {
	i, err := FindInstance(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return i, err
	}
	if c.AutoRecovery != "" {
		i.AutoRecovery = c.AutoRecovery
	}
	if err := oneOf("autoRecovery", i.AutoRecovery, "default", "disabled"); err != nil {
		return i, err
	}
	Instances.Put(tx, i)
	return i, nil
}

// ModifyNames changes which names an instance has in the DNS.
type ModifyNames struct {
	ID    string
	Names NameOptions
}

// Apply returns the changed instance.
func (c ModifyNames) Apply(tx *cloud.Tx) (Instance, error) {
	i, err := FindInstance(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return i, err
	}
	if err := c.Names.check(); err != nil {
		return i, err
	}
	if c.Names.HostnameType != "" && c.Names.HostnameType != i.HostnameType && i.State != Stopped {
		return i, wrongState("IncorrectInstanceState", "The instance '%s' is not in the 'stopped' state.", i.ID)
	}
	c.Names.apply(&i)
	if n, ok := PrimaryInterface(tx, i.ID); ok {
		i.PrivateDNSName = PrivateDNSName(&i, n)
	}
	Instances.Put(tx, i)
	return i, nil
}
