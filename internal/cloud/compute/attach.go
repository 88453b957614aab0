package compute

import (
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// Interfaces lists an instance's interfaces by device index.
func Interfaces(r cloud.Reader, instanceID string) []vpc.NetworkInterface {
	var out []vpc.NetworkInterface
	for n := range vpc.NetworkInterfaces.By(r, "instance", instanceID) {
		at := len(out)
		for at > 0 && out[at-1].Attachment.DeviceIndex > n.Attachment.DeviceIndex {
			at--
		}
		out = append(out[:at], append([]vpc.NetworkInterface{n}, out[at:]...)...)
	}
	return out
}

// PrimaryInterface returns the instance's interface at device index 0.
func PrimaryInterface(r cloud.Reader, instanceID string) (vpc.NetworkInterface, bool) {
	all := Interfaces(r, instanceID)
	if len(all) == 0 || all[0].Attachment.DeviceIndex != 0 {
		return vpc.NetworkInterface{}, false
	}
	return all[0], true
}

// AttachInterface gives an instance a further interface.
type AttachInterface struct {
	InterfaceID, InstanceID string
	DeviceIndex             int
}

// Apply returns the attached interface.
func (c AttachInterface) Apply(tx *cloud.Tx) (vpc.NetworkInterface, error) {
	n, err := freeInterface(tx, c.InterfaceID)
	if err != nil {
		return n, err
	}
	i, err := FindInstance(tx, tx.Caller.Scope, c.InstanceID)
	if err != nil {
		return n, err
	}
	if i.State != Running && i.State != Stopped && i.State != Pending {
		return n, wrongState("IncorrectState", "The instance '%s' is not in the 'running' or 'stopped' state.", i.ID)
	}
	if n.Zone != i.Zone {
		return n, combination("You may not attach a network interface to an instance if they are not in the same availability zone")
	}
	if n.VPCID != i.VPCID {
		return n, combination("You may not attach a network interface of VPC '%s' to an instance of VPC '%s'", n.VPCID, i.VPCID)
	}
	have := Interfaces(tx, i.ID)
	for _, other := range have {
		if other.Attachment.DeviceIndex == c.DeviceIndex {
			return n, invalid("Instance '%s' already has an interface attached at device index '%d'.", i.ID, c.DeviceIndex)
		}
	}
	if t, ok := FindInstanceType(i.InstanceType); ok && len(have) >= t.MaxInterfaces {
		return n, tooManyInterfaces(len(have)+1, t.Name)
	}
	return vpc.Attach(tx, n, vpc.Attachment{InstanceID: i.ID, InstanceOwnerID: i.Account, DeviceIndex: c.DeviceIndex}), nil
}

// DetachInterface takes a further interface from an instance.
type DetachInterface struct{ AttachmentID string }

// Apply returns the freed interface.
func (c DetachInterface) Apply(tx *cloud.Tx) (vpc.NetworkInterface, error) {
	n, err := vpc.ByAttachment(tx, tx.Caller.Scope, c.AttachmentID)
	if err != nil {
		return n, err
	}
	if n.RequesterID != "" || n.Attachment.InstanceID == "" {
		return n, cloud.Errorf(cloud.KindForbidden, "network-interface", "OperationNotPermitted",
			"You are not allowed to manage 'ela-attach' attachments.")
	}
	if n.Attachment.DeviceIndex == 0 {
		return n, cloud.Errorf(cloud.KindForbidden, "network-interface", "OperationNotPermitted",
			"The network interface at device index 0 and networkCard index 0 cannot be detached.")
	}
	return vpc.Detach(tx, n), nil
}
