package compute

import (
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// StateChange is an instance's state before and after a command.
type StateChange struct {
	ID                string
	Previous, Current InstanceState
}

// StartInstances asks stopped instances to run.
type StartInstances struct{ IDs []string }

// Apply makes them pending; the reconciler reports when they run.
func (c StartInstances) Apply(tx *cloud.Tx) ([]StateChange, error) {
	return each(tx, c.IDs, func(i *Instance) error {
		switch i.State {
		case Pending, Running:
			return nil
		case Stopped:
		default:
			return wrongState("IncorrectInstanceState", "The instance '%s' is not in a state from which it can be started.", i.ID)
		}
		if t, ok := FindInstanceType(i.InstanceType); ok && len(Interfaces(tx, i.ID)) > t.MaxInterfaces {
			return tooManyInterfaces(len(Interfaces(tx, i.ID)), t.Name)
		}
		i.State, i.LaunchTime = Pending, tx.Now
		i.Boot++
		i.StateReasonCode, i.StateReason, i.TransitionReason = "", "", ""
		for n := range vpc.NetworkInterfaces.By(tx, "instance", i.ID) {
			if err := lend(tx, n); err != nil {
				return err
			}
		}
		return nil
	})
}

// StopInstances asks running instances to stop.
type StopInstances struct{ IDs []string }

// Apply makes them stopping; the reconciler reports when they have stopped.
func (c StopInstances) Apply(tx *cloud.Tx) ([]StateChange, error) {
	return each(tx, c.IDs, func(i *Instance) error {
		switch i.State {
		case Stopping, Stopped:
			return nil
		case Pending, Running:
		default:
			return wrongState("IncorrectInstanceState", "The instance '%s' is not in a state from which it can be stopped.", i.ID)
		}
		if i.DisableAPIStop {
			return cloud.Errorf(cloud.KindProtected, "instance", "OperationNotPermitted",
				"The instance '%s' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.", i.ID)
		}
		i.State = Stopping
		userInitiated(tx, i)
		return nil
	})
}

// TerminateInstances asks instances to end for good.
type TerminateInstances struct{ IDs []string }

// Apply makes them shutting-down; the reconciler reports when they are gone.
func (c TerminateInstances) Apply(tx *cloud.Tx) ([]StateChange, error) {
	return each(tx, c.IDs, func(i *Instance) error {
		if i.State == Terminated || i.State == ShuttingDown {
			return nil
		}
		if i.DisableAPITermination {
			return cloud.Errorf(cloud.KindProtected, "instance", "OperationNotPermitted",
				"The instance '%s' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.", i.ID)
		}
		i.State = ShuttingDown
		userInitiated(tx, i)
		return nil
	})
}

// RebootInstances asks running instances to start anew; their state stays.
type RebootInstances struct{ IDs []string }

// Apply counts a new boot, by which the reconciler replaces the guest.
func (c RebootInstances) Apply(tx *cloud.Tx) (cloud.None, error) {
	_, err := each(tx, c.IDs, func(i *Instance) error {
		if i.State != Running && i.State != Pending {
			return wrongState("IncorrectState", "The instance '%s' is not in the 'running' state.", i.ID)
		}
		i.Boot++
		return nil
	})
	return cloud.None{}, err
}

// each changes instances, all or none.
func each(tx *cloud.Tx, ids []string, change func(*Instance) error) ([]StateChange, error) {
	if len(ids) == 0 {
		return nil, missing("InstanceId")
	}
	all, err := FindInstances(tx, tx.Caller.Scope, ids)
	if err != nil {
		return nil, err
	}
	var out []StateChange
	done := map[string]bool{}
	for _, i := range all {
		if done[i.ID] {
			continue
		}
		done[i.ID] = true
		before := i.State
		if err := change(&i); err != nil {
			return nil, err
		}
		Instances.Put(tx, i)
		out = append(out, StateChange{ID: i.ID, Previous: before, Current: i.State})
	}
	return out, nil
}

func userInitiated(tx *cloud.Tx, i *Instance) {
	i.StateReasonCode = "Client.UserInitiatedShutdown"
	i.StateReason = "Client.UserInitiatedShutdown: User initiated shutdown"
	i.TransitionReason = "User initiated (" + tx.Now.UTC().Format("2006-01-02 15:04:05") + " GMT)"
}
