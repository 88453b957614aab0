package e2e

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestWayOut: instances reach the internet that the machine has, once that is
// opened and where a route leads there, and nothing else of the machine's.
//
//	vpc 10.0.0.0/16
//	  public  10.0.0.0/24  pub (public IP), the NAT gateway
//	  private 10.0.1.0/24  priv (by NAT), later box (of an imported image)
//	  alone   10.0.2.0/24  alone, without a route
func TestWayOut(t *testing.T) {
	t.Parallel()
	h := newMachine(t, map[string][]byte{"/hello": []byte("from the internet\n"), "/pool/greet_1.0_all.deb": debianPackage(t)})
	m := prepare(t)
	h.up(m)
	l := &wayoutLab{world: h.world(m), h: h}
	l.build()
	l.closed()
	l.must("down")
	h.gone(m)
	h.up(m, "--internet", "host")
	l.api = m.api()
	l.boots()
	l.opened()
	l.keepsOut("pub")
	l.keepsOut("priv")
	l.killed()
	l.packages()
	h.onlyPublic()
	l.ends()
	h.candid()
}

// TestWayOutUser is the same in short for an ordinary user's Musubi.
func TestWayOutUser(t *testing.T) {
	t.Parallel()
	h := newMachine(t, map[string][]byte{"/hello": []byte("from the internet\n")})
	var user *syscall.Credential
	if os.Getuid() == 0 {
		user = &syscall.Credential{Uid: anybody, Gid: anybody}
	}
	m := prepareAs(t, user)
	h.up(m, "--internet", "host")
	l := &wayoutLab{world: h.world(m), h: h}
	v := l.vpc("10.0.0.0/16")
	public := l.subnet(v, "10.0.0.0/24", 0)
	l.ec2("ModifySubnetAttribute", "SubnetId", public, "MapPublicIpOnLaunch.Value", "true")
	l.table(v, []string{"GatewayId", l.gateway(v)}, public)
	l.ids = []string{l.launch("pub", public, l.open(v), "")}
	l.boots()
	l.reaches("pub")
	l.keepsOut("pub")
	h.onlyPublic()
	l.ends()
}

type wayoutLab struct {
	*world
	h       *machine
	private string // subnet
	group   string
	ids     []string
}

func (l *wayoutLab) build() {
	l.t.Helper()
	v := l.vpc("10.0.0.0/16")
	public, alone := l.subnet(v, "10.0.0.0/24", 0), l.subnet(v, "10.0.2.0/24", 0)
	l.private, l.group = l.subnet(v, "10.0.1.0/24", 0), l.open(v)
	l.ec2("ModifySubnetAttribute", "SubnetId", public, "MapPublicIpOnLaunch.Value", "true")
	l.table(v, []string{"GatewayId", l.gateway(v)}, public)
	l.ids = []string{l.launch("pub", public, l.group, ""), l.launch("priv", l.private, l.group, ""), l.launch("alone", alone, l.group, "")}
	allocation, _ := l.address()
	nat := l.natGateway(public, allocation)
	l.table(v, []string{"NatGatewayId", nat}, l.private)
	l.boots()
}

// natGateway makes one and waits until it is available.
func (w *world) natGateway(subnet, allocation string) string {
	w.t.Helper()
	nat := w.ec2("CreateNatGateway", "SubnetId", subnet, "AllocationId", allocation).text("natGateway/natGatewayId")
	w.eventually(20*time.Second, "an available NAT gateway", func() bool {
		return w.ec2("DescribeNatGateways", "NatGatewayId.1", nat).text("natGatewaySet/item/state") == "available"
	})
	return nat
}

// boots waits for the instances.
func (l *wayoutLab) boots() {
	l.t.Helper()
	for _, i := range l.running(l.ids...) {
		l.peer(i.id)
	}
}

// shows looks at what status says of the internet.
func (l *wayoutLab) shows(want string) {
	l.t.Helper()
	if got := l.must("status"); !strings.Contains(got, "  internet   "+want+"\n") {
		l.t.Errorf("status does not say that the internet is %s:\n%s", want, got)
	}
}

// fetch is what an instance gets of the web, or in curl's words why not.
func (l *wayoutLab) fetch(from, url string) string {
	out, _ := l.exec(from, "curl -sS -m 3 "+url+" 2>&1")
	return strings.TrimSpace(out)
}

func (l *wayoutLab) closed() {
	l.t.Helper()
	l.shows("closed")
	for _, from := range []string{"pub", "priv", "alone"} {
		if got := l.fetch(from, "http://"+webName+"/hello"); !strings.Contains(got, "Could not resolve host") {
			l.t.Errorf("%s resolves: %s", from, got)
		}
		l.shut(from, "tcp "+webIP+":7000", "udp "+webIP+":7000", "udp "+namesIP+":53", "tcp "+machineIP+":80", "tcp "+webIP+":80", "tcp "+webIP+":81")
	}
	if seen := append(append(l.h.seen(), l.h.heard()...), l.h.asked()...); len(seen) > 0 {
		l.t.Errorf("closed, but outside there was %v", seen)
	}
}

// shut calls servers, all at once, and none may answer.
func (l *wayoutLab) shut(from string, calls ...string) {
	l.t.Helper()
	script := ""
	for _, c := range calls {
		script += `(echo "` + c + ` $(peer call ` + c + `)") & `
	}
	for line := range strings.Lines(l.mustExec(from, script+"wait")) {
		if f := strings.Fields(line); len(f) != 3 || f[2] != "timeout" && f[2] != "unreachable" {
			l.t.Errorf("%s calls %s", from, line)
		}
	}
}

// reaches looks at all that an instance with a way out can do.
func (l *wayoutLab) reaches(from string) {
	l.t.Helper()
	for _, url := range []string{"http://" + webName + "/hello", "http://" + webIP + "/hello"} {
		l.says(from+" gets "+url, "from the internet", func() string { return l.fetch(from, url) })
	}
	for _, network := range []string{"tcp", "udp"} {
		l.says(from+" calls by "+network, "outside hears "+machineIP+":", func() string { return l.callFrom(from, network, webIP+":7000") })
	}
	if got := l.callFrom(from, "tcp", webIP+":81"); got != "reset" {
		l.t.Errorf("%s calls a port where nobody listens: %s", from, got)
	}
	if got := l.fetch(from, "http://nobody.musubi-test.net/"); !strings.Contains(got, "Could not resolve host") {
		l.t.Errorf("%s resolves a name that does not exist: %s", from, got)
	}
}

func (l *wayoutLab) opened() {
	l.t.Helper()
	l.shows("host")
	l.reaches("pub")
	l.reaches("priv")
	// Names are everybody's, but the way is a route's.
	if got := l.mustExec("alone", "getent ahostsv4 "+webName); !strings.Contains(got, webIP) {
		l.t.Errorf("alone resolves: %s", got)
	}
	l.shut("alone", "tcp "+webIP+":7000", "udp "+webIP+":7000")
	// What begins on the internet of the cloud itself stays there.
	if c, err := l.proxy("internet")(webIP + ":7000"); err == nil {
		if line, _ := bufio.NewReader(c).ReadString('\n'); line != "" {
			l.t.Errorf("the proxy leads out of the cloud: %s", line)
		}
		_ = c.Close()
	}
	if got := l.ping("pub", webIP); got != "timeout" {
		l.t.Errorf("ping: %s", got)
	}
}

// keepsOut looks at where nobody may get: what is not of the internet, and the machine
// itself.
func (l *wayoutLab) keepsOut(from string) {
	l.t.Helper()
	own := []string{machineIP, machineOther, "93.184.216.255", "127.0.0.2", "0.0.0.0", "host.musubi-test.net", "lan.musubi-test.net"}
	all := slices.Concat(own, privately)
	// 169.254.169.254 is the instance's metadata, which asks for a token.
	script := "for a in " + strings.Join(all, " ") + `; do
  (echo "$a $(curl -s -m 2 -o /dev/null -w '%{http_code}' http://$a/)") &
  (echo "$a $(peer call udp $a:80)") &
done; wait`
	for line := range strings.Lines(l.mustExec(from, script)) {
		line = strings.TrimSpace(line)
		_, got, _ := strings.Cut(line, " ")
		if !slices.Contains([]string{"000", "timeout", "unreachable", "refused", "reset"}, got) && line != "169.254.169.254 401" {
			if !strings.Contains(got, "invalid argument") && !strings.Contains(got, "permission denied") {
				l.t.Errorf("%s calls %s", from, line)
			}
		}
	}
	api := l.status().API
	port := api[strings.LastIndex(api, ":")+1:]
	if got := l.fetch(from, "http://"+machineIP+":"+port+"/"); !strings.HasPrefix(got, "curl: ") {
		l.t.Errorf("%s reaches the API: %s", from, got)
	}
}

// killed kills the daemon while somebody downloads: what it carried ends, and the
// way is there again at once.
func (l *wayoutLab) killed() {
	l.t.Helper()
	l.mustExec("priv", "setsid sh -c 'curl -sS -m 60 -o /tmp/endless http://"+webName+"/endless; echo ended $? >/tmp/end' >/dev/null 2>&1 &")
	l.eventually(10*time.Second, "a download to be under way", func() bool {
		_, err := l.exec("priv", "[ -s /tmp/endless ] && [ ! -e /tmp/end ]")
		return err == nil
	})
	began := time.Now()
	if err := syscall.Kill(l.status().Process.Daemon, syscall.SIGKILL); err != nil {
		l.t.Fatal(err)
	}
	l.eventually(10*time.Second, "the way out to be back", func() bool {
		return l.fetch("pub", "http://"+webName+"/hello") == "from the internet"
	})
	l.t.Logf("the way out was back after %v", time.Since(began))
	l.eventually(10*time.Second, "the download to have failed", func() bool {
		got, err := l.exec("priv", "cat /tmp/end")
		return err == nil && strings.HasPrefix(got, "ended ") && got != "ended 0\n" && got != "ended 28\n"
	})
	l.reaches("priv")
}

// ends kills the supervisor: nothing of it stays in the machine's network.
func (l *wayoutLab) ends() {
	l.t.Helper()
	if n := len(l.h.brokers()); n != 1 {
		l.t.Errorf("%d processes stay in the host's network", n)
	}
	pids := l.processes()
	if err := syscall.Kill(l.status().Process.Supervisor, syscall.SIGKILL); err != nil {
		l.t.Fatal(err)
	}
	l.ended(pids)
	l.h.gone(l.musubi)
}
