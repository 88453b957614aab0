package compute

import (
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/iam"
)

// profile is an instance profile as an instance remembers it.
type profile struct{ arn, id string }

// set gives the instance the profile under a new association; the caller
// stores the instance.
func (p profile) set(tx *cloud.Tx, i *Instance) {
	i.ProfileARN, i.ProfileID = p.arn, p.id
	i.ProfileAssociationID = "iip-assoc-" + tx.IDs.Hex(17)
}

// findProfile finds the caller's profile by name or ARN.
func findProfile(r *cloud.Tx, name, arn string) (profile, error) {
	bad := func(field, value, what string) error {
		return cloud.Errorf(cloud.KindInvalid, "instance-profile", "InvalidParameterValue",
			"Value (%s) for parameter iamInstanceProfile.%s is invalid. Invalid IAM Instance Profile %s", value, field, what)
	}
	if name != "" && arn != "" {
		return profile{}, combination("The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'")
	}
	if name == "" {
		name = arn[strings.LastIndex(arn, "/")+1:]
	}
	p, ok := iam.InstanceProfiles.Get(r, r.Caller.Account+"/"+name)
	switch {
	case arn != "" && (!ok || p.ARN() != arn):
		return profile{}, bad("arn", arn, "ARN")
	case !ok:
		return profile{}, bad("name", name, "name")
	}
	return profile{arn: p.ARN(), id: p.ID}, nil
}

// AssociateProfile gives an instance that has none an instance profile.
type AssociateProfile struct{ InstanceID, Name, ARN string }

// Apply returns the changed instance.
func (c AssociateProfile) Apply(tx *cloud.Tx) (Instance, error) {
	i, err := FindInstance(tx, tx.Caller.Scope, c.InstanceID)
	if err != nil {
		return i, err
	}
	if i.State == Terminated || i.State == ShuttingDown {
		return i, wrongState("IncorrectInstanceState", "The instance '%s' is not in the 'running' or 'stopped' state.", i.ID)
	}
	if i.ProfileARN != "" {
		return i, wrongState("IncorrectState", "There is an existing association for instance %s", i.ID)
	}
	p, err := findProfile(tx, c.Name, c.ARN)
	if err != nil {
		return i, err
	}
	p.set(tx, &i)
	Instances.Put(tx, i)
	return i, nil
}

// DisassociateProfile ends an association.
type DisassociateProfile struct{ AssociationID string }

// Apply returns the instance as it was before.
func (c DisassociateProfile) Apply(tx *cloud.Tx) (Instance, error) {
	before, err := byAssociation(tx, c.AssociationID)
	if err != nil {
		return before, err
	}
	i := before
	i.ProfileARN, i.ProfileID, i.ProfileAssociationID = "", "", ""
	Instances.Put(tx, i)
	return before, nil
}

// ReplaceProfile ends an association and begins another for the same instance.
type ReplaceProfile struct{ AssociationID, Name, ARN string }

// Apply returns the changed instance.
func (c ReplaceProfile) Apply(tx *cloud.Tx) (Instance, error) {
	i, err := byAssociation(tx, c.AssociationID)
	if err != nil {
		return i, err
	}
	p, err := findProfile(tx, c.Name, c.ARN)
	if err != nil {
		return i, err
	}
	p.set(tx, &i)
	Instances.Put(tx, i)
	return i, nil
}

func byAssociation(tx *cloud.Tx, id string) (Instance, error) {
	if id != "" {
		for i := range Instances.By(tx, ByScope, tx.Caller.Key()) {
			if i.ProfileAssociationID == id {
				return i, nil
			}
		}
	}
	return Instance{}, &cloud.Error{Kind: cloud.KindNotFound, Subject: "association", ID: id, Code: "InvalidAssociationID.NotFound",
		Message: "An invalid association-id of '" + id + "' was given"}
}
