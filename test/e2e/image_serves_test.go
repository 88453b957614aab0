package e2e

import (
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/musubi-net/musubi/internal/control"
)

// imageLab has two servers of images that are busybox alone, one of an image that
// is a Go program alone, and callers of the built-in image.
//
//	vpc 10.0.0.0/16, a gateway                      vpc 10.0.0.0/16, a gateway endpoint
//	  10.0.0.0/24  saved, served, caller              10.0.0.0/24  consumer
//	  10.0.1.0/24  laid                               interface endpoint to the NLB
type imageLab struct {
	*world
	saved, laid, pulled, broken string // AMIs
	vpc                         string
	subnets                     []string
	one, two, web               instance
	caller                      string
}

const imageUserData = `#!/bin/sh
mkdir -p /www
echo "$(cat /made) on $(hostname)" >/www/index.html
busybox httpd -p 80 -h /www
echo once >>/root/said
`

// TestImages: images of containers become AMIs whose instances are like others.
func TestImages(t *testing.T) {
	t.Parallel()
	l := &imageLab{world: newWorld(t)}
	l.bring()
	l.described()
	l.launchAll()
	l.contained()
	l.balanced()
	l.session()
	l.again()
	l.downAndUp()
	l.gone()
}

// bring imports what docker save wrote and an OCI layout, and pulls from a
// registry.
func (l *imageLab) bring() {
	shell := v1.ConfigFile{Config: v1.Config{Cmd: []string{"sh"}, Env: []string{"PATH=/bin"}}}
	// The names that lead out stay in: a file system's root has no parent.
	files := append(busyboxFiles(l.t, "saved"), entry{path: "../escaped", text: "in"}, entry{path: "kept/first"}, entry{path: "out", link: "../../../../kept"},
		entry{path: "out/through", text: "in"})
	l.saved = l.importImage(l.dockerSave(containerImage(l.t, shell, files...), "example/busybox:1.0"))
	l.laid = l.importImage(l.ociLayout(containerImage(l.t, shell, busyboxFiles(l.t, "laid")...), "layout"), "--name", "by layout", "--private", "--description", "A test")
	// Its link leads to a directory of the host that is none of the image.
	l.broken = l.importImage(l.dockerSave(containerImage(l.t, shell, entry{path: "out", link: l.home}, entry{path: "out/through", text: "in"}), "example/broken:1"))
	program, err := probeProgram()
	if err != nil {
		l.t.Fatal(err)
	}
	hub := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer hub.Close()
	reference := strings.TrimPrefix(hub.URL, "http://") + "/team/web:2"
	alone := v1.ConfigFile{Config: v1.Config{Entrypoint: []string{"/web"}, Cmd: []string{"serve", "scratch"}}}
	if err := crane.Push(containerImage(l.t, alone, entry{path: "web", text: string(program)}), reference); err != nil {
		l.t.Fatal(err)
	}
	l.pulled = amiID(l.musubi, l.must("image", "pull", "--insecure", reference, "--name", "team/web"))
}

// rows are what musubi image ls shows, by id.
func (l *imageLab) rows() map[string]control.Image {
	l.t.Helper()
	var all []control.Image
	if err := json.Unmarshal([]byte(l.must("image", "ls", "--json")), &all); err != nil {
		l.t.Fatal(err)
	}
	rows := map[string]control.Image{}
	for _, i := range all {
		rows[i.ID] = i
	}
	return rows
}

func (l *imageLab) described() {
	rows := l.rows()
	if r := rows[l.saved]; len(rows) != 4 || r.Name != "example/busybox-1.0" || r.Source != "example/busybox:1.0" || !r.Public || r.Size < 1<<19 ||
		rows[l.laid].Public || rows[l.laid].Description != "A test" || rows[l.pulled].Name != "team/web" || r.Account != "000000000000" {
		l.t.Errorf("images: %+v", rows)
	}
	self, _ := l.aws("ec2", "describe-images", "--owners", "self")["Images"].([]any)
	var names []string
	for _, i := range self {
		names = append(names, at(i, "Name").(string))
		if at(i, "State") != "available" || at(i, "RootDeviceType") != "ebs" || at(i, "BlockDeviceMappings", 0, "Ebs", "SnapshotId") == nil {
			l.t.Errorf("described: %v", i)
		}
	}
	slices.Sort(names)
	if want := []string{"by layout", "example/broken-1", "example/busybox-1.0", "team/web"}; !slices.Equal(names, want) {
		l.t.Errorf("--owners self: %v, want %v", names, want)
	}
	others := l.in("111111111111", "")
	if got := others.ec2("DescribeImages", "Owner.1", "000000000000").all("imagesSet/item"); len(got) != 3 {
		l.t.Errorf("another account sees %d images, want the three public ones", len(got))
	}
	if _, err := others.ask("ec2", "DescribeImages", "ImageId.1", l.laid); errorCode(err) != "InvalidAMIID.NotFound" {
		l.t.Errorf("another account sees a private image: %v", err)
	}
	if out := l.must("image", "ls"); strings.Count(out, "\n") != 5 || !strings.Contains(out, "by layout") {
		l.t.Errorf("image ls:\n%s", out)
	}
}

// of launches an instance of an image.
func (l *imageLab) of(image, name, subnet, group, data string, more ...string) string {
	l.t.Helper()
	w := *l.world
	w.image = image
	return w.launch(name, subnet, group, data, more...)
}

func (l *imageLab) launchAll() {
	l.managedRole()
	l.vpc = l.world.vpc("10.0.0.0/16")
	l.subnets = []string{l.subnet(l.vpc, "10.0.0.0/24", 0), l.subnet(l.vpc, "10.0.1.0/24", 1)}
	l.ec2("ModifySubnetAttribute", "SubnetId", l.subnets[0], "MapPublicIpOnLaunch.Value", "true")
	l.table(l.vpc, []string{"GatewayId", l.gateway(l.vpc)}, l.subnets[0])
	open := l.open(l.vpc)
	one := l.of(l.saved, "one", l.subnets[0], open, imageUserData, "IamInstanceProfile.Name", "managed")
	two := l.of(l.laid, "two", l.subnets[1], open, imageUserData)
	web := l.of(l.pulled, "web", l.subnets[0], open, "")
	broken := l.of(l.broken, "broken", l.subnets[0], open, "")
	l.caller = l.launch("caller", l.subnets[0], open, "")
	in := l.running(one, two, l.caller)
	l.one, l.two = in[0], in[1]
	l.waitState(web, "running")
	l.web = l.describe(web)
	l.waitState(broken, "terminated")
	reason := l.ec2("DescribeInstances", "InstanceId.1", broken).text("reservationSet/item/instancesSet/item/stateReason/message")
	if !strings.HasPrefix(reason, "Server.InternalError") {
		l.t.Errorf("an image that cannot be unpacked: %s", reason)
	}
	if _, err := os.Stat(filepath.Join(l.home, "through")); err == nil {
		l.t.Error("a file came out of an image")
	}
}

// contained: what runs is the image's, and nothing of the host is there.
func (l *imageLab) contained() {
	for _, c := range []struct{ instance, script, want string }{
		{"one", "cat /made /root/said /escaped /out/through; ls /bin/sh; readlink /bin/sh", "savedonce\ninin/bin/sh\nbusybox\n"},
		{"one", "hostname; ls /usr/bin/aws /usr/lib/python3* /lib64 2>/dev/null; cat /proc/1/comm", l.one.dns + "\nguest\n"},
		{"two", "cat /made; cloud-init status", "laidstatus: done\n"},
	} {
		if out, err := l.exec(c.instance, c.script); err != nil || out != c.want {
			l.t.Errorf("%s: %s: %q %v, want %q", c.instance, c.script, out, err, c.want)
		}
	}
	if out, err := l.run(l.t.Context(), []byte("cat /made\nexit 3\n"), "shell", "one"); err == nil || !strings.Contains(out, "saved") {
		l.t.Errorf("musubi shell: %v %s", err, out)
	}
	if out, err := l.run(l.t.Context(), nil, "exec", "web", "--", "/web"); err == nil || !strings.Contains(out, "probe serve NAME") {
		l.t.Errorf("a program of an image without a shell: %v %s", err, out)
	}
	if out, err := l.run(l.t.Context(), nil, "exec", "web", "--", "/bin/sh"); err == nil || !strings.Contains(out, "/bin/sh") {
		l.t.Errorf("a shell that is not there: %v %s", err, out)
	}
}

// balanced: they are targets, by instance and by address, and are called through
// a load balancer and over PrivateLink.
func (l *imageLab) balanced() {
	byID, byIP := l.targetGroup("byid", l.vpc, "TCP", "80"), l.targetGroup("byip", l.vpc, "TCP", "80", "TargetType", "ip", "HealthCheckProtocol", "HTTP")
	l.register(byID, l.one.id, l.two.id)
	l.register(byIP, l.two.ip, l.web.ip)
	lb := l.balancer("lb", l.subnets)
	l.listener(lb, "TCP", "80", byID)
	l.listener(lb, "TCP", "81", byIP)
	consumer := l.world.vpc("10.0.0.0/16")
	there := l.subnet(consumer, "10.0.0.0/24", 0)
	open := l.open(consumer)
	id := l.launch("consumer", there, open, "")
	l.waitHealth(byID, "healthy", l.one.id, l.two.id)
	l.waitHealth(byIP, "healthy", l.two.ip, l.web.ip)
	l.waitActive(lb)
	l.setting(lb, "load_balancing.cross_zone.enabled", "true")
	_, name := l.service(lb)
	e := l.endpoint(consumer, name, []string{there}, open)
	l.running(id)
	l.answered(l.caller, lb.dns, "saved on", "laid on")
	l.answered(l.caller, lb.dns+":81", `"Name":"scratch"`, "laid on")
	l.answered("consumer", e.names[0], "saved on", "laid on")
}

// answered calls until each of the texts was among the answers.
func (l *imageLab) answered(from, url string, texts ...string) {
	l.t.Helper()
	var all string
	l.eventually(30*time.Second, from+" to hear from "+url, func() bool {
		out, _ := l.exec(from, "for i in 1 2 3 4 5 6; do curl -s -m 3 http://"+url+"/; done")
		all += out
		return !slices.ContainsFunc(texts, func(t string) bool { return !strings.Contains(all, t) })
	})
	if l.t.Failed() {
		l.t.Logf("answers: %s", tail(all, 1000))
	}
}

// session: the agent comes online, and gives a shell of the image's.
func (l *imageLab) session() {
	l.waitPing(l.one.id, "Online")
	s := l.startSession("--target", l.one.id)
	s.expect(`[$#] `)
	if out := s.run("cat /made; echo; readlink /bin/sh"); out != "saved\nbusybox" {
		l.t.Errorf("the session: %q", out)
	}
	s.typed("exit\r")
	if err := s.ended(); err != nil {
		l.t.Errorf("the session ends: %v", err)
	}
}

// again imports under a name that there is: the old AMI goes, its instances stay.
func (l *imageLab) again() {
	shell := v1.ConfigFile{Config: v1.Config{Cmd: []string{"sh"}}}
	file := l.ociLayout(containerImage(l.t, shell, busyboxFiles(l.t, "newer")...), "newer")
	next := l.importImage(file, "--name", "example/busybox-1.0")
	if same := l.importImage(file, "--name", "example/busybox-1.0"); next == l.saved || same != next {
		l.t.Errorf("imported again: %s, then %s and %s", l.saved, next, same)
	}
	if _, err := l.ask("ec2", "DescribeImages", "ImageId.1", l.saved); errorCode(err) != "InvalidAMIID.NotFound" {
		l.t.Errorf("the replaced image: %v", err)
	}
	// An instance outlives its image, also when it is stopped and started.
	l.must("image", "rm", "by layout")
	if rows := l.rows(); len(rows) != 3 {
		l.t.Errorf("images: %+v", rows)
	}
	for _, id := range []string{l.one.id, l.two.id} {
		l.ec2("StopInstances", "InstanceId.1", id)
	}
	for _, id := range []string{l.one.id, l.two.id} {
		l.waitState(id, "stopped")
		l.ec2("StartInstances", "InstanceId.1", id)
	}
	l.running(l.one.id, l.two.id)
	for name, made := range map[string]string{"one": "saved", "two": "laid"} {
		if out := l.mustExec(name, "cat /made /root/said"); out != made+"once\n" {
			l.t.Errorf("%s after stop and start: %q", name, out)
		}
	}
	l.saved, l.laid = next, ""
}

// downAndUp: images are kept, and instances of them boot again, also of those
// whose AMI is gone.
func (l *imageLab) downAndUp() {
	before := l.rows()
	l.must("down")
	l.must("up", "--detach", "--listen", "127.0.0.1:0")
	l.api = l.musubi.api()
	if after := l.rows(); len(after) != len(before) || after[l.pulled] != before[l.pulled] {
		l.t.Errorf("images after down and up: %+v, before: %+v", after, before)
	}
	l.running(l.one.id, l.two.id, l.caller)
	l.waitState(l.web.id, "running")
	for name, made := range map[string]string{"one": "saved", "two": "laid"} {
		if out := l.mustExec(name, "cat /made"); out != made {
			l.t.Errorf("%s after down and up: %q", name, out)
		}
	}
	l.answered(l.caller, l.web.ip, `"Name":"scratch"`)
}

// gone: the last instance takes what is left of an image with it.
func (l *imageLab) gone() {
	blobs := len(l.stored())
	for _, id := range []string{l.one.id, l.two.id, l.web.id} {
		l.ec2("TerminateInstances", "InstanceId.1", id)
	}
	for ami := range l.rows() {
		l.must("image", "rm", ami)
	}
	l.eventually(30*time.Second, "an empty store of images", func() bool { return len(l.stored()) == 0 })
	if left := l.stored(); len(left) > 0 || blobs == 0 {
		l.t.Errorf("%d files are left of %d: %v", len(left), blobs, left)
	}
}
