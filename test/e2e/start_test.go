package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// stopped is a Musubi that was never started.
func stopped(t *testing.T, dir ...string) *musubi {
	t.Helper()
	home, err := os.MkdirTemp("", "musubi-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	m := &musubi{t: t, bin: binary(t), dir: filepath.Join(append([]string{home}, append(dir, "state")...)...), home: home}
	t.Cleanup(m.finish)
	return m
}

// refused runs a command that must fail with one line that says all of want.
func (m *musubi) refused(arguments []string, want ...string) {
	m.t.Helper()
	out, err := m.run(m.t.Context(), nil, arguments...)
	if err == nil {
		m.t.Fatalf("musubi %v: not refused: %s", arguments, out)
	}
	if strings.Count(out, "\n") != 1 || !strings.HasPrefix(out, "musubi: ") {
		m.t.Errorf("musubi %v says more, or less, than a line: %s", arguments, out)
	}
	for _, w := range want {
		if !strings.Contains(out, w) {
			m.t.Errorf("musubi %v says %q, without %q", arguments, out, w)
		}
	}
}

var upDetached = []string{"up", "--detach", "--listen", "127.0.0.1:0"}

func TestStartRefusals(t *testing.T) {
	t.Parallel()
	m := start(t)
	port := strings.TrimPrefix(m.status().API, "http://")
	other := stopped(t)
	other.refused([]string{"up", "--detach", "--listen", port}, port, "in use", "--listen")
	other.refused([]string{"up", "--detach", "--listen", "0.0.0.0:0"}, "0.0.0.0", "loopback")
	other.refused([]string{"up", "--detach", "--listen", "[::]:0"}, "loopback")
	other.refused([]string{"up", "--detach", "--listen", "nonsense"}, "nonsense", "127.0.0.1:4566")
	other.refused([]string{"status"}, other.dir, "musubi up")
	other.refused([]string{"exec", "x", "--", "true"}, other.dir)
	other.refused([]string{"logs"}, other.dir)
	other.refused([]string{"env"}, other.dir)
	other.refused([]string{"frobnicate"}, "frobnicate")
	other.refused([]string{"up", "--frobnicate"}, "--frobnicate")
	m.refused(upDetached, m.dir, "already", "musubi down")
	if out := other.must("down"); !strings.Contains(out, other.dir) {
		t.Errorf("down where nothing runs: %s", out)
	}
	// The refusals left the running one alone.
	m.aws("ec2", "describe-vpcs")
	for name, want := range map[string]fs.FileMode{".": 0o700, "state.db": 0o600, "supervisor.sock": 0o600, "daemon.sock": 0o600, "musubi.log": 0o600, "lock": 0o600} {
		info, err := os.Stat(filepath.Join(m.dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want %v", name, info.Mode().Perm(), err, want)
		}
	}
}

// TestStartDamaged: a state file that can not be read stays as it is.
func TestStartDamaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.vpc("10.0.0.0/16")
	w.must("down")
	file := filepath.Join(w.dir, "state.db")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	newer := func(b []byte) {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := bbolt.Open(file, 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx *bbolt.Tx) error {
			return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
				if v := b.Get([]byte("format")); v != nil {
					next := bytes.Clone(v)
					next[len(next)-1]++
					return b.Put([]byte("format"), next)
				}
				return nil
			})
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		spoil func()
		want  string
	}{
		"truncated": {func() { _ = os.WriteFile(file, good[:12<<10], 0o600) }, "damaged"},
		"empty":     {func() { _ = os.WriteFile(file, make([]byte, len(good)), 0o600) }, "damaged"},
		"text":      {func() { _ = os.WriteFile(file, []byte("not a state file\n"), 0o600) }, "damaged"},
		"flipped": {func() {
			b := bytes.Clone(good)
			for i := 4096; i < len(b); i += 7 {
				b[i] ^= 0x55
			}
			_ = os.WriteFile(file, b, 0o600)
		}, "damaged"},
		"newer": {func() { newer(good) }, "newer"},
	} {
		c.spoil()
		before, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		w.refused(upDetached, file, c.want)
		if after, err := os.ReadFile(file); err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s: the file was changed (%v)", name, err)
		}
	}
	if err := os.WriteFile(file, good, 0o600); err != nil {
		t.Fatal(err)
	}
	w.must(upDetached...)
	if n := w.status().Resources["vpc"]; n != 1 {
		t.Errorf("%d VPCs", n)
	}
}

// TestStartDeep: the directory's name may be longer than that of a socket.
func TestStartDeep(t *testing.T) {
	t.Parallel()
	m := stopped(t, strings.Repeat("a-long-name/", 20), "with a blank")
	m.must(upDetached...)
	m.aws("ec2", "describe-vpcs")
	if out := m.must("env", "--dir", m.dir); !strings.Contains(out, "AWS_ENDPOINT_URL") {
		t.Errorf("env: %s", out)
	}
	m.must("logs")
}

// TestStartForeground: up without --detach runs until it is interrupted, or its
// terminal is gone.
func TestStartForeground(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		m := stopped(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		c := m.command(ctx, "up", "--listen", "127.0.0.1:0")
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		hello, err := bufio.NewReader(out).ReadString('\n')
		if err != nil || !strings.HasPrefix(hello, "Musubi is up: http://127.0.0.1:") {
			t.Fatalf("musubi up: %v %s", err, hello)
		}
		pids := m.processes()
		if err := c.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err != nil && s != syscall.SIGKILL {
			t.Errorf("up, after %v: %v", s, err)
		}
		m.ended(pids)
		m.must(upDetached...) // what a killed one left is no obstacle
	}
}

// TestStartBeside: two Musubis with the same ranges do not meet.
func TestStartBeside(t *testing.T) {
	t.Parallel()
	var worlds []*world
	for i := range 2 {
		w := newWorld(t)
		v := w.vpc("10.0.0.0/16")
		s := w.subnet(v, "10.0.0.0/24", 0)
		w.ec2("ModifySubnetAttribute", "SubnetId", s, "MapPublicIpOnLaunch.Value", "true")
		w.table(v, []string{"GatewayId", w.gateway(v)}, s)
		w.running(w.launch("box", s, w.open(v), fmt.Sprintf("#!/bin/sh\necho %d >/root/which\n", i), "PrivateIpAddress", "10.0.0.10"))
		worlds = append(worlds, w)
	}
	for i, w := range worlds {
		if out := w.mustExec("box", "cat /root/which"); strings.TrimSpace(out) != fmt.Sprint(i) {
			t.Errorf("Musubi %d's box is %s", i, out)
		}
	}
	if a, b := worlds[0].status(), worlds[1].status(); a.API == b.API || a.Process.Supervisor == b.Process.Supervisor {
		t.Errorf("they share: %+v %+v", a.Process, b.Process)
	}
	// One that ends leaves the other alone.
	worlds[0].must("down")
	if out := worlds[1].mustExec("box", "cat /root/which"); strings.TrimSpace(out) != "1" {
		t.Errorf("the other one's box: %s", out)
	}
}

// TestStartKilled: the daemon is killed in a storm of changes. What it
// acknowledged is there afterwards, and nothing is there by half.
func TestStartKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mu sync.Mutex
	acknowledged := map[string]string{} // VPC to the subnet in it
	deleted := map[string]bool{}
	var done atomic.Bool
	var storm sync.WaitGroup
	for worker := range 4 {
		storm.Go(func() {
			for n := 0; !done.Load(); n++ {
				cidr := fmt.Sprintf("10.%d.0.0/16", n%200)
				e, err := w.ask("ec2", "CreateVpc", "CidrBlock", cidr, "TagSpecification.1.ResourceType", "vpc",
					"TagSpecification.1.Tag.1.Key", "Name", "TagSpecification.1.Tag.1.Value", fmt.Sprint(worker))
				if refusal(err) {
					t.Errorf("CreateVpc: %v", err)
				}
				if err != nil {
					continue
				}
				id := e.text("vpc/vpcId")
				mu.Lock()
				acknowledged[id] = ""
				mu.Unlock()
				if n%3 == 2 {
					if _, err := w.ask("ec2", "DeleteVpc", "VpcId", id); err == nil {
						mu.Lock()
						deleted[id] = true
						mu.Unlock()
					} else {
						mu.Lock()
						delete(acknowledged, id) // it may be gone or not
						mu.Unlock()
					}
					continue
				}
				e, err = w.ask("ec2", "CreateSubnet", "VpcId", id, "CidrBlock", cidr)
				if refusal(err) {
					t.Errorf("CreateSubnet: %v", err)
				}
				if err == nil {
					mu.Lock()
					acknowledged[id] = e.text("subnet/subnetId")
					mu.Unlock()
				}
			}
		})
	}
	v := w.vpc("172.16.0.0/16")
	subnet, tokens := w.subnet(v, "172.16.0.0/24", 0), 4
	acknowledged[v] = subnet
	storm.Go(func() { // instances in pairs, asked for until they are acknowledged
		for n := range tokens {
			for {
				_, err := w.ask("ec2", "RunInstances", "ImageId", w.image, "InstanceType", "t3.micro", "MinCount", "2", "MaxCount", "2",
					"SubnetId", subnet, "ClientToken", fmt.Sprint("token-", n))
				if refusal(err) {
					t.Errorf("RunInstances: %v", err)
				}
				if err == nil || t.Context().Err() != nil {
					break
				}
			}
		}
	})
	kills := 0
	for kills < 4 {
		mu.Lock()
		before := len(acknowledged)
		mu.Unlock()
		more := 10 + rand.IntN(30)
		w.eventually(20*time.Second, "more acknowledgements", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(acknowledged) >= before+more
		})
		pid := w.status().Process.Daemon
		if pid == 0 {
			continue
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		kills++
		w.eventually(10*time.Second, "the daemon to be back", func() bool {
			_, err := w.ask("sts", "GetCallerIdentity")
			return err == nil
		})
	}
	done.Store(true)
	storm.Wait()
	t.Logf("%d VPCs acknowledged, %d deleted, %d kills", len(acknowledged), len(deleted), kills)
	there := w.ids("DescribeVpcs", "vpcSet/item", "vpcId")
	subnets := w.ids("DescribeSubnets", "subnetSet/item", "subnetId")
	for vpc, subnet := range acknowledged {
		switch {
		case deleted[vpc] && there[vpc] > 0:
			t.Errorf("%s was deleted and is there", vpc)
		case !deleted[vpc] && there[vpc] == 0:
			t.Errorf("%s was acknowledged and is gone", vpc)
		case subnet != "" && subnets[subnet] == 0:
			t.Errorf("%s was acknowledged and is gone", subnet)
		}
	}
	if n := len(w.ids("DescribeInstances", "reservationSet/item/instancesSet/item", "instanceId")); n != 2*tokens {
		t.Errorf("%d instances, want %d", n, 2*tokens)
	}
	// Each VPC has just what it was made with.
	for action, path := range map[string]string{
		"DescribeSecurityGroups": "securityGroupInfo/item", "DescribeRouteTables": "routeTableSet/item", "DescribeNetworkAcls": "networkAclSet/item",
	} {
		if got := w.ids(action, path, "vpcId"); !maps.Equal(got, there) {
			t.Errorf("%s: %d VPCs, want %d, once each", action, len(got), len(there))
		}
	}
	w.eventually(30*time.Second, "the world to follow", func() bool {
		s := w.status()
		return s.Ready && s.World.VPCs == len(there) && s.World.Guests == 2*tokens
	})
	if s := w.status(); s.World.LastError != "" {
		t.Errorf("the world: %s", s.World.LastError)
	}
}

// refusal tells a refused request from a connection that broke.
func refusal(err error) bool {
	e, ok := errors.AsType[*apiError](err)
	return ok && e.status < 500
}

// ids counts the values of a field over all items.
func (w *world) ids(action, path, field string) map[string]int {
	w.t.Helper()
	out := map[string]int{}
	for _, i := range w.ec2(action).all(path) {
		out[i.text(field)]++
	}
	return out
}

// TestStartAtOnce: of several that start in one directory, one does; and what a
// killed supervisor leaves is no obstacle.
func TestStartAtOnce(t *testing.T) {
	t.Parallel()
	m := stopped(t)
	var started atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			out, err := m.run(t.Context(), nil, upDetached...)
			switch {
			case err == nil:
				started.Add(1)
			case strings.Count(out, "\n") != 1 || !strings.Contains(out, "already"):
				t.Errorf("up, at once: %s", out)
			}
		})
	}
	all.Wait()
	if n := started.Load(); n != 1 {
		t.Errorf("%d were started", n)
	}
	w := newWorldIn(t, m)
	v := w.vpc("10.0.0.0/16")
	w.running(w.launch("box", w.subnet(v, "10.0.0.0/24", 0), w.open(v), ""))
	pids := m.processes()
	if err := syscall.Kill(m.status().Process.Supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	m.ended(pids)
	m.refused([]string{"status"}, m.dir, "musubi up")
	m.must(upDetached...)
	m.mustExec("box", "true")
}

// TestStartElsewhere: the port of a Musubi that is gone is free again.
func TestStartElsewhere(t *testing.T) {
	t.Parallel()
	m := start(t)
	at := strings.TrimPrefix(m.status().API, "http://")
	m.must("down")
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	m.refused([]string{"up", "--detach", "--listen", at}, at, "in use")
	_ = l.Close()
	m.must("up", "--detach", "--listen", at)
}
