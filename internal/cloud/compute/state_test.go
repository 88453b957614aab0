package compute_test

import (
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func TestLifeOfAnInstance(t *testing.T) {
	l := newLab(t)
	i := must(l, l.launch(func(c *compute.RunInstances) { c.Interfaces[0].SubnetID = l.public.ID }))[0]
	ids := []string{i.ID}
	want := func(i compute.Instance, s compute.InstanceState, boot uint32, lent int) {
		t.Helper()
		if i.State != s || i.Boot != boot || l.lent(i.ID) != lent {
			t.Fatalf("%s boot %d with %d public addresses, want %s %d %d", i.State, i.Boot, l.lent(i.ID), s, boot, lent)
		}
	}
	want(l.report(i, 0, compute.Running), compute.Pending, 1, 1) // an older boot
	want(l.report(i, 1, compute.Running), compute.Running, 1, 1)
	must(l, compute.RebootInstances{IDs: ids})
	want(l.report(i, 1, compute.Stopped), compute.Running, 2, 1) // the guest that is replaced
	changes := must(l, compute.StopInstances{IDs: ids})
	if changes[0] != (compute.StateChange{ID: i.ID, Previous: compute.Running, Current: compute.Stopping}) {
		t.Errorf("change: %+v", changes)
	}
	if got := refused(l, "IncorrectInstanceState", compute.StartInstances{IDs: ids}); !strings.Contains(got, "can be started") {
		t.Error(got)
	}
	want(l.report(i, 2, compute.Stopped), compute.Stopped, 2, 0)
	must(l, compute.StartInstances{IDs: ids})
	want(l.get(i.ID), compute.Pending, 3, 1)
	want(l.report(i, 3, compute.Running), compute.Running, 3, 1)
	want(l.report(i, 3, compute.Stopped), compute.Stopped, 3, 0) // the guest powered off
	if got := l.get(i.ID).StateReasonCode; got != "Client.InstanceInitiatedShutdown" {
		t.Error(got)
	}
	must(l, compute.TerminateInstances{IDs: ids})
	want(l.get(i.ID), compute.ShuttingDown, 3, 0)
	refused(l, "IncorrectInstanceState", compute.StopInstances{IDs: ids})
	want(l.report(i, 3, compute.Terminated), compute.Terminated, 3, 0)
	for range vpc.NetworkInterfaces.By(l.db.Snapshot(), vpc.BySubnet, l.public.ID) {
		t.Error("an interface outlives its instance")
	}
	for range compute.Volumes.All(l.db.Snapshot()) {
		t.Error("a volume outlives its instance")
	}
	must(l, compute.TerminateInstances{IDs: ids})
	l.caller.Internal = true
	must(l, compute.ForgetInstance{ID: i.ID})
	l.caller.Internal = false
	refused(l, "InvalidInstanceID.NotFound", compute.StartInstances{IDs: ids})
}

func TestFailedStart(t *testing.T) {
	l := newLab(t)
	i := must(l, l.launch(nil))[0]
	if i = l.report(i, 1, compute.Stopped); i.State != compute.Terminated || i.StateReasonCode != "Server.InternalError" {
		t.Errorf("after a failed launch: %+v", i)
	}
}

func TestProtection(t *testing.T) {
	l := newLab(t)
	i := must(l, l.launch(func(c *compute.RunInstances) { c.DisableAPITermination, c.DisableAPIStop = true, true }))[0]
	ids := []string{i.ID}
	if got := refused(l, "OperationNotPermitted", compute.TerminateInstances{IDs: ids}); got !=
		"The instance '"+i.ID+"' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again." {
		t.Error(got)
	}
	refused(l, "OperationNotPermitted", compute.StopInstances{IDs: ids})
	must(l, compute.ModifyInstance{ID: i.ID, DisableAPITermination: new(false), DisableAPIStop: new(false)})
	must(l, compute.TerminateInstances{IDs: ids})
	refused(l, "", compute.ReportInstance{ID: i.ID, Boot: 1, State: compute.Terminated})
	refused(l, "", compute.ForgetInstance{ID: i.ID})
	refused(l, "InvalidInstanceID.Malformed", compute.StartInstances{IDs: []string{"x"}})
	if got := refused(l, "InvalidInstanceID.NotFound", compute.StartInstances{IDs: []string{"i-1", "i-2"}}); got != "The instance IDs 'i-1, i-2' do not exist" {
		t.Error(got)
	}
}

func TestModify(t *testing.T) {
	l := newLab(t)
	i := must(l, l.launch(nil))[0]
	i = l.report(i, 1, compute.Running)
	refused(l, "IncorrectInstanceState", compute.ModifyInstance{ID: i.ID, InstanceType: new("t3.small")})
	refused(l, "IncorrectInstanceState", compute.ModifyInstance{ID: i.ID, UserData: []byte("x")})
	must(l, compute.ModifyInstance{ID: i.ID, SourceDestCheck: new(false), ShutdownBehavior: new("terminate"),
		DeleteOnTermination: map[string]bool{"/dev/xvda": false}})
	refused(l, "InvalidInstanceAttributeValue", compute.ModifyInstance{ID: i.ID, DeleteOnTermination: map[string]bool{"/dev/none": true}})
	must(l, compute.StopInstances{IDs: []string{i.ID}})
	l.report(i, 1, compute.Stopped)
	refused(l, "InvalidParameterValue", compute.ModifyInstance{ID: i.ID, InstanceType: new("t4g.micro")})
	got := must(l, compute.ModifyInstance{ID: i.ID, InstanceType: new("m5.large"), UserData: []byte("x")})
	if got.InstanceType != "m5.large" || got.CreditSpecification != "" || string(got.UserData) != "x" || got.SourceDestCheck {
		t.Errorf("instance: %+v", got)
	}
	must(l, compute.StartInstances{IDs: []string{i.ID}})
	l.report(i, 2, compute.Running)
	if end := l.report(i, 2, compute.Stopped); end.State != compute.Terminated {
		t.Errorf("shutdown behaviour terminate leaves it %s", end.State)
	}
	if v, ok := compute.Volumes.Get(l.db.Snapshot(), i.RootVolumeID); !ok || v.State != "available" {
		t.Errorf("a volume that should stay: %+v", v)
	}
}

func TestAttachDetach(t *testing.T) {
	l := newLab(t)
	i := must(l, l.launch(nil))[0]
	l.report(i, 1, compute.Running)
	n := must(l, vpc.CreateInterface{InterfaceParams: vpc.InterfaceParams{SubnetID: l.private.ID}})
	far := must(l, vpc.CreateInterface{InterfaceParams: vpc.InterfaceParams{SubnetID: l.public.ID}})
	refused(l, "InvalidParameterCombination", compute.AttachInterface{InterfaceID: far.ID, InstanceID: i.ID, DeviceIndex: 1})
	refused(l, "InvalidParameterValue", compute.AttachInterface{InterfaceID: n.ID, InstanceID: i.ID})
	n = must(l, compute.AttachInterface{InterfaceID: n.ID, InstanceID: i.ID, DeviceIndex: 1})
	if n.Attachment.DeleteOnTermination || n.Status != "in-use" {
		t.Errorf("attached: %+v", n)
	}
	refused(l, "InvalidInstanceID", compute.ModifyInstance{ID: i.ID, SourceDestCheck: new(false)})
	primary, _ := compute.PrimaryInterface(l.db.Snapshot(), i.ID)
	refused(l, "OperationNotPermitted", compute.DetachInterface{AttachmentID: primary.Attachment.ID})
	if n = must(l, compute.DetachInterface{AttachmentID: n.Attachment.ID}); n.Attachment != nil || n.Status != "available" {
		t.Errorf("detached: %+v", n)
	}
	refused(l, "InvalidAttachmentID.NotFound", compute.DetachInterface{AttachmentID: "eni-attach-0"})
	refused(l, "InvalidAttachmentID.NotFound", compute.DetachInterface{AttachmentID: n.DetachedID})
}

func TestProfiles(t *testing.T) {
	l := newLab(t)
	i := must(l, l.launch(nil))[0]
	first := must(l, compute.AssociateProfile{InstanceID: i.ID, Name: "web"}).ProfileAssociationID
	refused(l, "IncorrectState", compute.AssociateProfile{InstanceID: i.ID, Name: "web"})
	second := must(l, compute.ReplaceProfile{AssociationID: first, ARN: "arn:aws:iam::111122223333:instance-profile/web"}).ProfileAssociationID
	refused(l, "InvalidAssociationID.NotFound", compute.DisassociateProfile{AssociationID: first})
	refused(l, "InvalidParameterValue", compute.ReplaceProfile{AssociationID: second, ARN: "arn:aws:iam::999999999999:instance-profile/web"})
	must(l, compute.DisassociateProfile{AssociationID: second})
	if got := l.get(i.ID); got.ProfileARN != "" {
		t.Errorf("profile %s stays", got.ProfileARN)
	}
}

func TestModifyVolume(t *testing.T) {
	l := newLab(t)
	i := must(l, l.launch(func(c *compute.RunInstances) { c.VolumeTags = cloud.Tags{"a": "b"} }))[0]
	refused(l, "InvalidParameterValue", compute.ModifyVolume{ID: i.RootVolumeID, SizeGiB: 4})
	refused(l, "InvalidVolume.NotFound", compute.ModifyVolume{ID: "vol-0", SizeGiB: 4})
	v := must(l, compute.ModifyVolume{ID: i.RootVolumeID, SizeGiB: 20, IOPS: 4000})
	if v.SizeGiB != 20 || v.IOPS != 4000 || v.Throughput != 125 || v.Modification.OriginalSizeGiB != 8 || v.Tags["a"] != "b" {
		t.Errorf("volume: %+v", v)
	}
}
