package vpc

import (
	"github.com/musubi-net/musubi/internal/cloud"
)

// CreateInterface makes an interface for a user.
type CreateInterface struct{ InterfaceParams }

// Apply returns the new interface, or the one that the same client token made.
func (c CreateInterface) Apply(tx *cloud.Tx) (NetworkInterface, error) {
	s, err := FindSubnet(tx, tx.Caller.Scope, c.SubnetID)
	if err != nil {
		return NetworkInterface{}, err
	}
	if c.ClientToken != "" {
		if n, ok := NetworkInterfaces.First(tx, "token", s.Key()+"/"+c.ClientToken); ok {
			if n.SubnetID != c.SubnetID || n.Description != c.Description {
				return NetworkInterface{}, cloud.Errorf(cloud.KindConflict, "network-interface", "IdempotentParameterMismatch",
					"The client token you have provided is associated with a different request.")
			}
			return n, nil
		}
	}
	return NewInterface(tx, c.InterfaceParams)
}

// DeleteInterface deletes a user's interface that nothing uses.
type DeleteInterface struct{ ID string }

// Apply deletes it.
func (c DeleteInterface) Apply(tx *cloud.Tx) (cloud.None, error) {
	n, err := FindInterface(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return cloud.None{}, err
	}
	if n.Attachment != nil || n.RequesterID != "" {
		return cloud.None{}, &cloud.Error{Kind: cloud.KindInUse, Subject: "network-interface", ID: n.ID, Code: "InvalidParameterValue",
			Message: "Network interface '" + n.ID + "' is currently in use."}
	}
	RemoveInterface(tx, n.ID)
	return cloud.None{}, nil
}

// ModifyInterface changes what is set.
type ModifyInterface struct {
	ID              string
	Description     *string
	GroupIDs        []string // empty: as they are
	SourceDestCheck *bool
	// AttachmentID names the attachment whose DeleteOnTermination changes.
	AttachmentID        string
	DeleteOnTermination *bool
	// LendOnStart asks for a public address with each start of the instance.
	LendOnStart *bool
}

// Apply returns the changed interface.
func (c ModifyInterface) Apply(tx *cloud.Tx) (NetworkInterface, error) {
	n, err := FindInterface(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return n, err
	}
	if n.RequesterID != "" {
		return n, notYours(n.ID)
	}
	if len(c.GroupIDs) > 0 {
		if n.GroupIDs, err = CheckGroups(tx, n.VPCID, c.GroupIDs); err != nil {
			return n, err
		}
	}
	if c.Description != nil {
		n.Description = *c.Description
	}
	if c.SourceDestCheck != nil {
		n.SourceDestCheck = *c.SourceDestCheck
	}
	if c.LendOnStart != nil {
		n.LendOnStart = *c.LendOnStart
	}
	if c.DeleteOnTermination != nil {
		if n.Attachment == nil || n.Attachment.ID != c.AttachmentID {
			return n, attachmentNotFound(c.AttachmentID)
		}
		a := *n.Attachment
		a.DeleteOnTermination = *c.DeleteOnTermination
		n.Attachment = &a
	}
	NetworkInterfaces.Put(tx, n)
	return n, nil
}

// FindInterface returns the scope's interface with that id, or AWS's refusal.
func FindInterface(r cloud.Reader, s cloud.Scope, id string) (NetworkInterface, error) {
	return findInterface(r, s, id)
}

// ByAttachment returns the scope's interface with that attachment.
func ByAttachment(r cloud.Reader, s cloud.Scope, attachmentID string) (NetworkInterface, error) {
	n, ok := NetworkInterfaces.First(r, "attachment", attachmentID)
	if !ok || n.Scope != s || n.Attachment == nil {
		return n, attachmentNotFound(attachmentID)
	}
	return n, nil
}

// Attach ties a free interface to an instance or service. It checks nothing.
func Attach(tx *cloud.Tx, n NetworkInterface, a Attachment) NetworkInterface {
	n.Attachment = newAttachment(tx, a)
	n.Status, n.DetachedID = "in-use", ""
	NetworkInterfaces.Put(tx, n)
	return n
}

// Detach frees an interface; a lent public address goes back. It checks nothing.
func Detach(tx *cloud.Tx, n NetworkInterface) NetworkInterface {
	ReleaseLent(tx, n.ID)
	if n.Attachment != nil {
		n.DetachedID = n.Attachment.ID
	}
	n.Attachment, n.Status, n.LendOnStart = nil, "available", false
	NetworkInterfaces.Put(tx, n)
	return n
}

func notYours(id string) error {
	return &cloud.Error{Kind: cloud.KindForbidden, Subject: "network-interface", ID: id, Code: "OperationNotPermitted",
		Message: "You do not have permission to access the specified resource."}
}

func attachmentNotFound(id string) error {
	return &cloud.Error{Kind: cloud.KindNotFound, Subject: "attachment", ID: id, Code: "InvalidAttachmentID.NotFound",
		Message: "The attachment ID '" + id + "' does not exist"}
}
