package e2e

import (
	"fmt"
	"testing"
	"time"
)

func TestImageResources(t *testing.T) {
	t.Parallel()
	l := newResourceLab(t, "images")
	l.tf.env = append(l.tf.env, fmt.Sprintf("TF_VAR_year=%d", time.Now().Year()+2))
	l.create()
	if got, want := l.tf.output("found"), "map[copied:true first:true images:3 root:[10] size:10 snapshots:4]"; got != want {
		t.Errorf("found: %s, want %s", got, want)
	}
	w := &world{musubi: l.musubi, api: l.api()}
	l.launched(w)
	others := w.in("111111111111", "")
	if got := others.ids("DescribeImages", "imagesSet/item", "name"); got["registered"] != 1 || got["copied"] != 0 || got["whole"] != 0 {
		t.Errorf("another account sees %v", got)
	}
	l.change(0, 0)
	l.remove()
	if left := w.ids("DescribeSnapshots", "snapshotSet/item", "snapshotId"); len(left) > 0 {
		t.Errorf("snapshots are left: %v", left)
	}
	if out := l.must("image", "ls", "--json"); out != "[]\n" {
		t.Errorf("images are left: %s", out)
	}
	l.eventually(20*time.Second, "an empty store of images", func() bool { return len(l.stored()) == 0 })
}

// launched: an image that was registered of a snapshot has what the disk had.
func (l *resourceLab) launched(w *world) {
	l.t.Helper()
	source := w.ec2("DescribeInstances", "Filter.1.Name", "tag:Name", "Filter.1.Value.1", "source").all("reservationSet/item/instancesSet/item")[0]
	for _, i := range w.ec2("DescribeImages", "Owner.1", "self").all("imagesSet/item") {
		w.image = i.text("imageId")
		id := w.launch(i.text("name"), source.text("subnetId"), source.text("groupSet/item/groupId"), "")
		w.running(id)
		if out := l.mustExec(id, "cat /root/written"); out != "written\n" {
			l.t.Errorf("%s: %q", i.text("name"), out)
		}
		w.ec2("TerminateInstances", "InstanceId.1", id)
		w.waitState(id, "terminated")
	}
}
