package ssm

import (
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/sessionwire"
)

// Register is what an agent says of itself. It may speak of its own instance
// only: the one that its keys were issued to.
type Register struct{ Agent sessionwire.Agent }

// Apply remembers the agent; what is known already changes nothing.
func (c Register) Apply(tx *cloud.Tx) (Node, error) {
	if err := Own(tx, tx.Caller, c.Agent.InstanceID); err != nil {
		return Node{}, err
	}
	n, ok := Nodes.Get(tx, c.Agent.InstanceID)
	if ok && n.Agent == c.Agent && n.Scope == tx.Caller.Scope {
		return n, nil
	}
	if !ok {
		n = Node{RegisteredAt: tx.Now}
	}
	n.Scope, n.Agent, n.UpdatedAt = tx.Caller.Scope, c.Agent, tx.Now
	Nodes.Put(tx, n)
	return n, nil
}

// Own refuses who does not speak for an instance with its role's keys.
func Own(r cloud.Reader, caller cloud.Caller, instanceID string) error {
	i, found := compute.Instances.Get(r, instanceID)
	if caller.Instance != instanceID || !found || i.Scope != caller.Scope {
		return cloud.Errorf(cloud.KindForbidden, "instance", "AccessDeniedException",
			"User: %s is not authorized to perform: ssm:UpdateInstanceInformation on resource: arn:aws:ec2:%s:%s:instance/%s",
			caller.PrincipalARN, caller.Region, caller.Account, instanceID)
	}
	return nil
}

// Managed is a managed instance of a scope with its instance. One that was
// terminated is none.
func Managed(r cloud.Reader, s cloud.Scope, id string) (Node, compute.Instance, bool) {
	n, ok := Nodes.Get(r, id)
	i, found := compute.Instances.Get(r, id)
	return n, i, ok && found && n.Scope == s && i.Scope == s && i.State != compute.Terminated && i.State != compute.ShuttingDown
}

// reachable reports whether an instance of a scope may have an agent at all.
func reachable(r cloud.Reader, s cloud.Scope, id string) bool {
	_, i, ok := Managed(r, s, id)
	return ok && i.State == compute.Running
}
