package compute

import (
	"slices"
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// DeregisterImage removes an image; its instances and snapshots stay.
type DeregisterImage struct {
	ID string
	// DeleteSnapshots removes the snapshots that no other image uses.
	DeleteSnapshots bool
}

// SnapshotOutcome is what became of a snapshot of an image that is gone.
type SnapshotOutcome struct{ ID, Code string }

// Apply says what became of the snapshots, if they were to be deleted.
func (c DeregisterImage) Apply(tx *cloud.Tx) ([]SnapshotOutcome, error) {
	i, err := ownImage(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return nil, err
	}
	StoredImages.Delete(tx, i.ID)
	if !c.DeleteSnapshots {
		return nil, nil
	}
	var out []SnapshotOutcome
	for _, d := range i.Devices {
		s, ok := Snapshots.Get(tx, d.SnapshotID)
		if !ok || s.Scope != i.Scope {
			continue
		}
		if _, used := StoredImages.First(tx, "snapshot", s.ID); used {
			out = append(out, SnapshotOutcome{s.ID, "skipped"})
			continue
		}
		Snapshots.Delete(tx, s.ID)
		out = append(out, SnapshotOutcome{s.ID, "success"})
	}
	return out, nil
}

// Grants are launch permissions: for accounts, or for everybody.
type Grants struct {
	Accounts []string
	All      bool
}

// ModifyImage changes an image's description or launch permissions.
type ModifyImage struct {
	ID          string
	Description *string
	Add, Remove Grants
	// Reset takes all launch permissions away.
	Reset bool
	// IMDSv2 makes its instances require metadata tokens; it can not be taken back.
	IMDSv2 bool
}

// Apply returns the changed image.
func (c ModifyImage) Apply(tx *cloud.Tx) (Image, error) {
	i, err := ownImage(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return i, err
	}
	for _, a := range slices.Concat(c.Add.Accounts, c.Remove.Accounts) {
		if len(a) != 12 || strings.Trim(a, "0123456789") != "" {
			return i, cloud.Errorf(cloud.KindInvalid, "image", "InvalidAMIAttributeItemValue",
				`Invalid attribute item value "%s" for userId item type.`, a)
		}
	}
	if c.Description != nil {
		i.Description = *c.Description
	}
	i.IMDSv2 = i.IMDSv2 || c.IMDSv2
	if c.Reset {
		i.Public, i.SharedFor = false, nil
	}
	i.Public = (i.Public || c.Add.All) && !c.Remove.All
	shared := slices.Concat(i.SharedFor, c.Add.Accounts)
	shared = slices.DeleteFunc(shared, func(a string) bool { return slices.Contains(c.Remove.Accounts, a) })
	slices.Sort(shared)
	i.SharedFor = slices.Compact(shared)
	StoredImages.Put(tx, i)
	return i, nil
}

// SetDeprecation says from when on an image is deprecated; zero is never.
type SetDeprecation struct {
	ID string
	At time.Time
}

// Apply returns the changed image.
func (c SetDeprecation) Apply(tx *cloud.Tx) (Image, error) {
	i, err := ownImage(tx, tx.Caller.Scope, c.ID)
	if err != nil {
		return i, err
	}
	switch {
	case c.At.IsZero():
	case c.At.Before(tx.Now):
		return i, invalid("The specified date (%s) is in the past. Specify a date that is in the future.", c.At.UTC().Format(time.RFC3339))
	case c.At.After(tx.Now.AddDate(10, 0, 0)):
		return i, invalid("The specified date (%s) is more than 10 years in the future.", c.At.UTC().Format(time.RFC3339))
	}
	// AWS rounds to the minute.
	i.DeprecatedAt = c.At.Round(time.Minute)
	StoredImages.Put(tx, i)
	return i, nil
}
