package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// webServer is user data that counts its runs.
const webServer = `#!/bin/bash
dnf install -y httpd
systemctl enable --now httpd
echo hello > /var/www/html/index.html
echo ran >> /root/ran
`

type lifecycle struct {
	*world
	vpc, subnet, group string
	in                 instance
}

// TestLifecycle takes instances through their states.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := &lifecycle{world: w, vpc: w.vpc("10.0.0.0/16")}
	l.subnet, l.group = w.subnet(l.vpc, "10.0.0.0/24", 0), w.open(l.vpc)
	l.in = w.running(w.launch("web", l.subnet, l.group, webServer))[0]
	for _, step := range []func(){l.console, l.stopAndStart, l.reboots, l.powerOff, l.ends, l.names} {
		if step(); t.Failed() {
			t.FailNow()
		}
	}
}

// serves waits until the instance's service answers.
func (l *lifecycle) serves() {
	l.t.Helper()
	l.eventually(30*time.Second, "httpd", func() bool {
		out, err := l.exec(l.in.id, "curl -s -m 2 http://"+l.in.ip+"/")
		return err == nil && strings.TrimSpace(out) == "hello"
	})
}

// mark leaves a file on the disk, and one that does not outlive a boot.
func (l *lifecycle) mark(name string) {
	l.t.Helper()
	l.mustExec(l.in.id, "echo "+name+" >/root/"+name+" && echo "+name+" >/run/"+name)
}

// booted waits until the instance has booted since mark, and looks at its disk.
func (l *lifecycle) booted(name string) {
	l.t.Helper()
	l.eventually(30*time.Second, "the boot after "+name, func() bool {
		out, err := l.exec(l.in.id, "test -e /run/"+name+" && echo old || echo new")
		return err == nil && strings.TrimSpace(out) == "new"
	})
	l.serves()
	l.mustExec(l.in.id, "cloud-init status --wait >/dev/null")
	if out := l.mustExec(l.in.id, "cat /root/"+name+" /root/ran"); out != name+"\nran\n" {
		l.t.Errorf("after %s the disk has %q", name, out)
	}
	if got := l.describe(l.in.id); got != l.in {
		l.t.Errorf("after %s: %+v, was %+v", name, got, l.in)
	}
}

// console: what an instance writes is in its console output and its log.
func (l *lifecycle) console() {
	l.serves()
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	c := l.command(ctx, "logs", "--follow", "web")
	out, err := c.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		l.t.Fatal(err)
	}
	read := func(want string) {
		l.t.Helper()
		var seen []byte
		for buf := make([]byte, 4096); !bytes.Contains(seen, []byte(want)); {
			n, err := out.Read(buf)
			if seen = append(seen, buf[:n]...); err != nil {
				l.t.Fatalf("logs --follow ended without %q: %v\n%s", want, err, seen)
			}
		}
	}
	read("httpd")
	l.mustExec(l.in.id, "echo something new >/dev/console")
	read("something new")
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		l.t.Error(err)
	}
	if err := c.Wait(); err != nil {
		l.t.Errorf("logs --follow, interrupted: %v", err)
	}
	v := l.aws("ec2", "get-console-output", "--instance-id", l.in.id)
	if text, _ := v["Output"].(string); !strings.Contains(text, "something new") {
		l.t.Errorf("get-console-output: %s", text)
	}
}

func (l *lifecycle) stopAndStart() {
	l.mark("stop")
	v := l.aws("ec2", "stop-instances", "--instance-ids", l.in.id)
	if s := dig(v, "StoppingInstances", 0, "CurrentState", "Name"); s != "stopping" {
		l.t.Errorf("stop-instances says %v", s)
	}
	l.waitState(l.in.id, "stopped")
	if out, err := l.exec(l.in.id, "true"); err == nil || !strings.Contains(out, "not running") {
		l.t.Errorf("exec in a stopped instance: %v %s", err, out)
	}
	if got := l.describe(l.in.id); got.ip != l.in.ip || got.eni != l.in.eni {
		l.t.Errorf("stopped: %+v", got)
	}
	v = l.aws("ec2", "start-instances", "--instance-ids", l.in.id)
	if s := dig(v, "StartingInstances", 0, "PreviousState", "Name"); s != "stopped" {
		l.t.Errorf("start-instances says %v", s)
	}
	l.waitState(l.in.id, "running")
	l.booted("stop")
}

func (l *lifecycle) reboots() {
	l.mark("reboot")
	l.aws("ec2", "reboot-instances", "--instance-ids", l.in.id)
	l.booted("reboot")
	if s := l.state(l.in.id); s != "running" {
		l.t.Errorf("after a reboot: %s", s)
	}
	l.mark("inside")
	_, _ = l.exec(l.in.id, "reboot")
	l.booted("inside")
	if s := l.state(l.in.id); s != "running" {
		l.t.Errorf("after a reboot from inside: %s", s)
	}
	// The API's reboot after one from inside.
	l.mark("again")
	l.aws("ec2", "reboot-instances", "--instance-ids", l.in.id)
	l.booted("again")
}

func (l *lifecycle) powerOff() {
	l.mark("poweroff")
	_, _ = l.exec(l.in.id, "poweroff")
	l.waitState(l.in.id, "stopped")
	v := l.aws("ec2", "describe-instances", "--instance-ids", l.in.id)
	if r := dig(v, "Reservations", 0, "Instances", 0, "StateReason", "Code"); r != "Client.InstanceInitiatedShutdown" {
		l.t.Errorf("state reason after poweroff: %v", r)
	}
	l.ec2("StartInstances", "InstanceId.1", l.in.id)
	l.waitState(l.in.id, "running")
	l.booted("poweroff")
}

// ends: instances that end for good, from outside and from inside.
func (l *lifecycle) ends() {
	brief := l.launch("brief", l.subnet, l.group, "", "InstanceInitiatedShutdownBehavior", "terminate", "PrivateIpAddress", "10.0.0.99")
	in := l.running(brief)[0]
	_, _ = l.exec(brief, "shutdown -h now")
	l.waitState(brief, "terminated")
	l.released(in)
	brief = l.launch("brief", l.subnet, l.group, "", "PrivateIpAddress", "10.0.0.99")
	in = l.running(brief)[0]
	v := l.aws("ec2", "terminate-instances", "--instance-ids", brief)
	if s := dig(v, "TerminatingInstances", 0, "CurrentState", "Name"); s != "shutting-down" {
		l.t.Errorf("terminate-instances says %v", s)
	}
	l.waitState(brief, "terminated")
	l.released(in)
	if out, err := l.exec(brief, "true"); err == nil {
		l.t.Errorf("exec in a terminated instance: %s", out)
	}
	if _, err := l.ask("ec2", "StartInstances", "InstanceId.1", brief); errorCode(err) != "IncorrectInstanceState" {
		l.t.Errorf("start a terminated instance: %v", err)
	}
	l.eventually(10*time.Second, "the guests to be gone", func() bool { return l.status().World.Guests == 1 })
}

// released: nothing of an instance's network is left.
func (l *lifecycle) released(in instance) {
	l.t.Helper()
	if _, err := l.ask("ec2", "DescribeNetworkInterfaces", "NetworkInterfaceId.1", in.eni); errorCode(err) != "InvalidNetworkInterfaceID.NotFound" {
		l.t.Errorf("the interface of a terminated instance: %v", err)
	}
	if got := l.describe(in.id); got.ip != "" {
		l.t.Errorf("a terminated instance has the address %s", got.ip)
	}
}

// names: two instances of one name must be told apart by their ids.
func (l *lifecycle) names() {
	a, b := l.launch("twin", l.subnet, l.group, ""), l.launch("twin", l.subnet, l.group, "")
	l.running(a, b)
	out, err := l.exec("twin", "true")
	if err == nil || !strings.Contains(out, a) || !strings.Contains(out, b) || strings.Count(out, "\n") != 1 {
		l.t.Errorf("exec by an ambiguous name: %v %s", err, out)
	}
	l.ec2("TerminateInstances", "InstanceId.1", b)
	l.waitState(b, "terminated")
	if got := strings.TrimSpace(l.mustExec("twin", "curl -s -H \"X-aws-ec2-metadata-token: $("+token+")\" http://169.254.169.254/latest/meta-data/instance-id")); got != a {
		l.t.Errorf("the only one left by that name is %s, want %s", got, a)
	}
	out, err = l.exec("nobody", "true")
	if err == nil || !strings.Contains(out, "nobody") || strings.Count(out, "\n") != 1 {
		l.t.Errorf("exec by an unknown name: %v %s", err, out)
	}
	out = l.must("__complete", "exec", "")
	if !strings.Contains(out, "web\t"+l.in.id) || !strings.Contains(out, l.in.id+"\tweb") {
		l.t.Errorf("completion offers:\n%s", out)
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if out := l.must("completion", shell); !strings.Contains(out, "musubi") {
			l.t.Errorf("completion %s: %s", shell, tail(out, 200))
		}
	}
}

// TestExec: what runs in an instance is as if it ran here.
func TestExec(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.vpc("10.0.0.0/16")
	w.running(w.launch("box", w.subnet(v, "10.0.0.0/24", 0), w.open(v), ""))
	run := func(stdin io.Reader, arguments ...string) (stdout, stderr string, code int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		c := w.command(ctx, append([]string{"exec", "box", "--"}, arguments...)...)
		var out, errs bytes.Buffer
		c.Stdin, c.Stdout, c.Stderr = stdin, &out, &errs
		err := c.Run()
		exit, ok := errors.AsType[*exec.ExitError](err)
		if err != nil && !ok {
			t.Fatal(err)
		}
		if ok {
			code = exit.ExitCode()
		}
		return out.String(), errs.String(), code
	}
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "exit 255": 255, "kill -TERM $$": 143, "no-such-program": 127} {
		if _, _, code := run(nil, "sh", "-c", script); code != want {
			t.Errorf("%s: %d, want %d", script, code, want)
		}
	}
	if out, errs, code := run(nil, "no-such-program"); code != 127 || out != "" || strings.Count(errs, "\n") != 1 {
		t.Errorf("a program that is not there: %d %q %q", code, out, errs)
	}
	if _, _, code := run(nil, "/etc/hosts"); code != 126 {
		t.Errorf("a file that is no program: %d", code)
	}
	if out, errs, _ := run(nil, "sh", "-c", "echo out; echo err >&2"); out != "out\n" || errs != "err\n" {
		t.Errorf("streams: %q %q", out, errs)
	}
	if out, _, _ := run(nil, "printf", "%s|", "a b", "$HOME", "-x", "--"); out != "a b|$HOME|-x|--|" {
		t.Errorf("arguments: %q", out)
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	if out, _, code := run(bytes.NewReader(big), "cat"); code != 0 || out != string(big) {
		t.Errorf("4 MiB through cat: code %d, %d bytes", code, len(out))
	}
	if out, _, _ := run(bytes.NewReader(big), "head", "-c", "3"); out != "012" {
		t.Errorf("a program that does not read all: %q", out)
	}
	if out, _, _ := run(nil, "sh", "-c", "whoami; pwd; echo $HOME; tty"); out != "root\n/root\n/root\nnot a tty\n" {
		t.Errorf("surroundings: %q", out)
	}
	shellOnTerminal(t, w)
	status := w.status()
	if status.World.Guests != 1 || status.Resources["instance"] != 1 || !status.Ready {
		t.Errorf("status: %+v", status)
	}
}

// shellOnTerminal sits at a terminal and uses musubi shell.
func shellOnTerminal(t *testing.T, w *world) {
	t.Helper()
	master, slave := terminal(t)
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 99}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := w.command(ctx, "shell", "box")
	c.Env = append(c.Env, "TERM=xterm", "PS1=")
	c.Stdin, c.Stdout, c.Stderr = slave, slave, slave
	if c.SysProcAttr == nil {
		c.SysProcAttr = &syscall.SysProcAttr{}
	}
	c.SysProcAttr.Setsid, c.SysProcAttr.Setctty = true, true
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	_ = slave.Close()
	text := make(chan string, 64)
	go func() {
		defer close(text)
		for buf := make([]byte, 4096); ; {
			n, err := master.Read(buf)
			if n > 0 {
				text <- string(buf[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	var seen strings.Builder
	await := func(want string) {
		t.Helper()
		limit := time.NewTimer(20 * time.Second)
		defer limit.Stop()
		for !strings.Contains(seen.String(), want) {
			select {
			case s, ok := <-text:
				if !ok {
					t.Fatalf("the shell ended without %q:\n%s", want, seen.String())
				}
				seen.WriteString(s)
			case <-limit.C:
				t.Fatalf("no %q on the terminal:\n%s", want, seen.String())
			}
		}
		seen.Reset()
	}
	typed := func(s string) {
		t.Helper()
		if _, err := io.WriteString(master, s); err != nil {
			t.Fatal(err)
		}
	}
	typed("echo size-$(stty size | tr ' ' x) tty-$(tty)\n")
	await("size-33x99 tty-/dev/pts/")
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 44, Col: 111}); err != nil {
		t.Fatal(err)
	}
	typed("until [ \"$(stty size)\" = '44 111' ]; do :; done; echo re''sized\n")
	await("resized")
	typed("sleep 1000; echo woken\n")
	w.eventually(10*time.Second, "sleep in the foreground", func() bool {
		_, err := w.exec("box", "grep -qx sleep /proc/[0-9]*/comm")
		return err == nil
	})
	typed("\x03")
	await("^C")
	typed("echo inter''rupted\n")
	await("interrupted")
	typed("exit 3\n")
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	err := error(nil)
	for waiting := true; waiting; {
		select {
		case s := <-text:
			seen.WriteString(s)
		case err = <-ended:
			waiting = false
		}
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 3 {
		t.Errorf("the shell's exit code: %v\n%s", err, seen.String())
	}
}

// terminal opens a new terminal of this machine.
func terminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// TestDownAndUp: what was built is there again.
func TestDownAndUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.vpc("10.0.0.0/16")
	var subnets, ids []string
	g := w.open(v)
	for i := range 2 {
		subnets = append(subnets, w.subnet(v, fmt.Sprintf("10.0.%d.0/24", i), i))
		ids = append(ids, w.launch(fmt.Sprintf("web%d", i), subnets[i], g, webServer))
	}
	client, stopped := w.launch("client", subnets[0], g, ""), w.launch("stopped", subnets[0], g, "")
	tg := w.targetGroup("web", v, "TCP", "80")
	lb := w.balancer("lb", subnets)
	w.listener(lb, "TCP", "80", tg)
	w.running(append(ids, client, stopped)...)
	w.register(tg, ids...)
	w.waitHealth(tg, "healthy", ids...)
	w.ec2("StopInstances", "InstanceId.1", stopped)
	w.waitState(stopped, "stopped")
	before := w.everything()
	call := func() bool {
		out, err := w.exec("client", "curl -s -m 2 http://"+lb.dns+"/")
		return err == nil && strings.TrimSpace(out) == "hello"
	}
	w.eventually(20*time.Second, "the service", call)

	pids := w.processes()
	w.must("down")
	w.ended(pids)
	if out, err := w.run(t.Context(), nil, "status"); err == nil || strings.Count(out, "\n") != 1 || !strings.Contains(out, "musubi up") {
		t.Errorf("status after down: %v %s", err, out)
	}
	w.must("up", "--detach", "--listen", "127.0.0.1:0")
	w.api = w.musubi.api()
	w.running(append(ids, client)...)
	if after := w.everything(); after != before {
		t.Errorf("after down and up:\n%s\nbefore:\n%s", after, before)
	}
	w.eventually(30*time.Second, "the service after up", call)
	w.waitHealth(tg, "healthy", ids...)
	if s := w.state(stopped); s != "stopped" {
		t.Errorf("the stopped instance is %s", s)
	}
	// What is made now does not collide with what was.
	w.ec2("StartInstances", "InstanceId.1", stopped)
	w.running(stopped, w.launch("new", subnets[1], g, ""))
}

// everything is what the API says of what must not change, as text.
func (w *world) everything() string {
	w.t.Helper()
	var out []string
	for _, action := range []string{"DescribeVpcs", "DescribeSubnets", "DescribeSecurityGroups", "DescribeRouteTables", "DescribeNetworkInterfaces"} {
		e := w.ec2(action)
		var items []string
		for _, c := range e.Children {
			for _, i := range c.all("item") {
				b, err := json.Marshal(i)
				if err != nil {
					w.t.Fatal(err)
				}
				items = append(items, string(b))
			}
		}
		slices.Sort(items)
		out = append(out, items...)
	}
	return strings.Join(out, "\n")
}
