package compute

import (
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// ReportInstance is what the reconciler saw of an instance's guest. A report
// that is out of date does nothing.
type ReportInstance struct {
	ID string
	// Boot is the boot whose guest was seen.
	Boot uint32
	// State is Running, Stopped (no guest runs) or Terminated.
	State  InstanceState
	Reason string
}

// Apply completes the change of state that the report shows.
func (c ReportInstance) Apply(tx *cloud.Tx) (cloud.None, error) {
	if !tx.Caller.Internal {
		return cloud.None{}, internalOnly()
	}
	i, ok := Instances.Get(tx, c.ID)
	if !ok || !c.advance(tx, &i) {
		return cloud.None{}, nil
	}
	Instances.Put(tx, i)
	return cloud.None{}, nil
}

// advance changes i and says whether it did.
func (c ReportInstance) advance(tx *cloud.Tx, i *Instance) bool {
	current := c.Boot == i.Boot
	switch {
	case i.State == Pending && c.State == Running && current:
		i.State = Running
	case i.State == Stopping && c.State == Stopped:
		stopped(tx, i)
	case i.State == ShuttingDown && (c.State == Terminated || c.State == Stopped):
		terminated(tx, i)
	case i.State == Running && c.State == Stopped && current:
		c.poweredOff(tx, i)
	case i.State == Pending && c.State == Stopped && current:
		c.failedToStart(tx, i)
	default:
		return false
	}
	return true
}

// poweredOff follows the instance's shutdown behaviour.
func (c ReportInstance) poweredOff(tx *cloud.Tx, i *Instance) {
	i.StateReasonCode = "Client.InstanceInitiatedShutdown"
	i.StateReason = "Client.InstanceInitiatedShutdown: Instance initiated shutdown"
	i.TransitionReason = ""
	if i.ShutdownBehavior == "terminate" {
		terminated(tx, i)
		return
	}
	stopped(tx, i)
}

// failedToStart ends a first launch and stops a later one, as AWS does.
func (c ReportInstance) failedToStart(tx *cloud.Tx, i *Instance) {
	i.StateReasonCode = "Server.InternalError"
	i.StateReason = "Server.InternalError: Internal error on launch"
	if c.Reason != "" {
		i.StateReason = "Server.InternalError: " + c.Reason
	}
	i.TransitionReason = "Server.InternalError"
	if i.Boot == 1 {
		terminated(tx, i)
		return
	}
	stopped(tx, i)
}

func stopped(tx *cloud.Tx, i *Instance) {
	i.State = Stopped
	for n := range vpc.NetworkInterfaces.By(tx, "instance", i.ID) {
		vpc.ReleaseLent(tx, n.ID)
	}
}

// terminated lets go of everything that the instance held.
func terminated(tx *cloud.Tx, i *Instance) {
	i.State, i.TerminatedAt = Terminated, tx.Now
	for n := range vpc.NetworkInterfaces.By(tx, "instance", i.ID) {
		if n.Attachment.DeleteOnTermination {
			vpc.RemoveInterface(tx, n.ID)
		} else {
			vpc.Detach(tx, n)
		}
	}
	for _, b := range i.Volumes {
		v, ok := Volumes.Get(tx, b.VolumeID)
		switch {
		case !ok:
		case b.DeleteOnTermination:
			Volumes.Delete(tx, v.ID)
		default:
			v.InstanceID, v.State = "", "available"
			Volumes.Put(tx, v)
		}
	}
	i.Volumes, i.RootVolumeID, i.RootImage, i.RootSnapshot = nil, "", "", ""
	i.VPCID, i.SubnetID, i.PrivateDNSName = "", "", ""
	i.ProfileARN, i.ProfileID, i.ProfileAssociationID = "", "", ""
}

// ForgetInstance removes a terminated instance from the list.
type ForgetInstance struct{ ID string }

// Apply removes it, if it is terminated.
func (c ForgetInstance) Apply(tx *cloud.Tx) (cloud.None, error) {
	if !tx.Caller.Internal {
		return cloud.None{}, internalOnly()
	}
	if i, ok := Instances.Get(tx, c.ID); ok && i.State == Terminated {
		Instances.Delete(tx, i.ID)
	}
	return cloud.None{}, nil
}

func internalOnly() error {
	return cloud.Errorf(cloud.KindForbidden, "instance", "", "You are not authorized to perform this operation.")
}
