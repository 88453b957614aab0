package e2e

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// createdLab is an instance and images of it.
type createdLab struct {
	*world
	subnet, open, source string
}

// TestCreateImage: what an instance has written is in the instances of an image
// of it.
func TestCreateImage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.vpc("10.0.0.0/16")
	l := &createdLab{world: w, subnet: w.subnet(v, "10.0.0.0/24", 0), open: w.open(v)}
	l.source = w.launch("source", l.subnet, l.open, "#!/bin/sh\necho first >>/root/said\n")
	l.running(l.source)
	l.mustExec("source", "mkdir -p /data && echo kept >/data/file && echo changed >>/etc/motd && rm /etc/issue; echo temporary >/run/gone; "+
		"dd if=/dev/zero of=/data/large bs=1M count=20 2>/dev/null; sleep 1000 </dev/null >/dev/null 2>&1 &")
	whole, quick := l.rebooting(), l.notRebooting()
	stopped := l.stopped()
	l.written("of-whole", whole)
	l.written("of-quick", quick)
	l.written("of-stopped", stopped)
	l.chain(whole)
	l.kept()
}

// sleeps tells whether the process that was started in the source still runs.
func (l *createdLab) sleeps() bool {
	l.t.Helper()
	return l.mustExec("source", "grep -l sleep /proc/[0-9]*/comm 2>/dev/null | wc -l") != "0\n"
}

func (l *createdLab) image(name string, more ...string) string {
	l.t.Helper()
	e := l.ec2("CreateImage", append([]string{"InstanceId", l.source, "Name", name}, more...)...)
	id := e.text("imageId")
	state := func() string { return l.ec2("DescribeImages", "ImageId.1", id).text("imagesSet/item/imageState") }
	l.eventually(30*time.Second, name+" to be available", func() bool { return state() == "available" })
	return id
}

func (l *createdLab) rebooting() string {
	if !l.sleeps() {
		l.t.Fatal("the source has no process to lose")
	}
	id := l.image("whole", "Description", "Whole", "TagSpecification.1.ResourceType", "image",
		"TagSpecification.1.Tag.1.Key", "Name", "TagSpecification.1.Tag.1.Value", "whole",
		"TagSpecification.2.ResourceType", "snapshot", "TagSpecification.2.Tag.1.Key", "Name", "TagSpecification.2.Tag.1.Value", "of whole")
	l.eventually(30*time.Second, "the source to be back without its processes", func() bool {
		out, err := l.exec("source", "cloud-init status --wait >/dev/null; grep -l sleep /proc/[0-9]*/comm 2>/dev/null | wc -l")
		return err == nil && out == "0\n"
	})
	i := l.ec2("DescribeImages", "ImageId.1", id).all("imagesSet/item")[0]
	snapshot := i.text("blockDeviceMapping/item/ebs/snapshotId")
	s := l.ec2("DescribeSnapshots", "SnapshotId.1", snapshot).all("snapshotSet/item")[0]
	if i.text("tagSet/item/value") != "whole" || i.text("sourceInstanceId") != l.source || i.text("sourceImageId") != l.world.image || i.text("isPublic") != "false" ||
		s.text("tagSet/item/value") != "of whole" || s.text("status") != "completed" || s.text("progress") != "100%" ||
		s.text("description") != "Created by CreateImage("+l.source+") for "+id {
		l.t.Errorf("image %+v, snapshot %+v", i, s)
	}
	_, err := l.ask("ec2", "DeleteSnapshot", "SnapshotId", snapshot)
	if e, ok := errors.AsType[*apiError](err); !ok || e.code != "InvalidSnapshot.InUse" || e.message != "The snapshot "+snapshot+" is currently in use by "+id {
		l.t.Errorf("a snapshot in use: %v", err)
	}
	_, err = l.ask("ec2", "CreateImage", "InstanceId", l.source, "Name", "whole")
	if e, ok := errors.AsType[*apiError](err); !ok || e.code != "InvalidAMIName.Duplicate" || !strings.Contains(e.message, "AMI name whole is already in use by AMI "+id) {
		l.t.Errorf("a name in use: %v", err)
	}
	return id
}

func (l *createdLab) notRebooting() string {
	l.mustExec("source", "echo temporary >/run/gone; sleep 1000 </dev/null >/dev/null 2>&1 &")
	id := l.image("quick", "NoReboot", "true")
	if !l.sleeps() {
		l.t.Error("the instance was rebooted with NoReboot")
	}
	return id
}

func (l *createdLab) stopped() string {
	l.ec2("StopInstances", "InstanceId.1", l.source)
	l.waitState(l.source, "stopped")
	id := l.image("stopped")
	if s := l.state(l.source); s != "stopped" {
		l.t.Errorf("the source is %s", s)
	}
	return id
}

// written launches an instance of an image and looks for what the source wrote.
func (l *createdLab) written(name, image string) {
	l.t.Helper()
	w := *l.world
	w.image = image
	id := w.launch(name, l.subnet, l.open, "#!/bin/sh\necho second >>/root/said\n")
	i := l.running(id)[0]
	out := l.mustExec(id, "cat /data/file /root/said; tail -1 /etc/motd; cat /etc/issue /run/gone 2>/dev/null; wc -c </data/large; hostname; cat /var/lib/cloud/data/instance-id")
	if want := "kept\nfirst\nsecond\nchanged\n20971520\n" + i.dns + "\n" + id + "\n"; out != want {
		l.t.Errorf("%s: %q, want %q", name, out, want)
	}
}

// chain makes an image of an instance of an image, in which both have written.
func (l *createdLab) chain(image string) {
	c := *l
	c.source = l.idOf("of-whole")
	l.mustExec(c.source, "echo deeper >/data/deep; rm /data/large")
	id := c.image("deep")
	copied := l.ec2("CopyImage", "SourceRegion", "ap-northeast-1", "SourceImageId", id, "Name", "copy").text("imageId")
	for _, d := range []string{id, image} {
		l.ec2("DeregisterImage", "ImageId", d)
	}
	l.eventually(30*time.Second, "the copy", func() bool {
		return l.ec2("DescribeImages", "ImageId.1", copied).text("imagesSet/item/imageState") == "available"
	})
	w := *l.world
	w.image = copied
	l.running(w.launch("deep", l.subnet, l.open, ""))
	if out := l.mustExec("deep", "cat /data/file /data/deep /root/said; ls /data"); out != "kept\ndeeper\nfirst\nsecond\ndeep\nfile\n" {
		l.t.Errorf("an image of an instance of an image: %q", out)
	}
}

// kept: images and snapshots outlive down and up, and their instances boot again
// with what is in the image.
func (l *createdLab) kept() {
	images, snapshots := l.ids("DescribeImages", "imagesSet/item", "imageId"), l.ids("DescribeSnapshots", "snapshotSet/item", "snapshotId")
	l.must("down")
	l.must("up", "--detach", "--listen", "127.0.0.1:0")
	l.api = l.musubi.api()
	for id := range images {
		if l.ids("DescribeImages", "imagesSet/item", "imageId")[id] == 0 {
			l.t.Errorf("the image %s is gone after down and up", id)
		}
	}
	for id := range snapshots {
		if l.ids("DescribeSnapshots", "snapshotSet/item", "snapshotId")[id] == 0 {
			l.t.Errorf("the snapshot %s is gone after down and up", id)
		}
	}
	deep := l.idOf("deep")
	l.running(deep)
	if out := l.mustExec(deep, "cat /data/file /data/deep"); out != "kept\ndeeper\n" {
		l.t.Errorf("an instance of a created image after down and up: %q", out)
	}
}
