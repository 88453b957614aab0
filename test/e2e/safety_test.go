package e2e

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSafetyAPI: what a web page, or a program that is no AWS client, can send
// does not reach the API.
func TestSafetyAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	signed := http.Header{"Authorization": {w.signature("ec2")}}
	form := url.Values{"Action": {"CreateVpc"}, "Version": {apiVersions["ec2"]}, "CidrBlock": {"10.0.0.0/16"}}
	query := "/?" + form.Encode()
	presigned := query + "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=000000000000%2F20260101%2Fap-northeast-1%2Fec2%2Faws4_request&X-Amz-SignedHeaders=host&X-Amz-Signature=00"
	at := strings.TrimPrefix(w.url, "http://")
	_, port, err := net.SplitHostPort(at)
	if err != nil {
		t.Fatal(err)
	}
	with := func(more ...string) http.Header {
		h := signed.Clone()
		for i := 0; i < len(more); i += 2 {
			h.Set(more[i], more[i+1])
		}
		return h
	}
	vpcs := 0
	for _, c := range []struct {
		name, method, path, host string
		header                   http.Header
		want                     int
		code                     string
	}{
		{"signed", "POST", "/", at, signed, 200, ""},
		{"signed, localhost", "POST", "/", "localhost:" + port, signed, 200, ""},
		{"signed, a name of its own", "POST", "/", "ec2.localhost:" + port, signed, 200, ""},
		{"unsigned", "POST", "/", at, nil, 403, "MissingAuthenticationToken"},
		{"a GET", "GET", query, at, nil, 403, "MissingAuthenticationToken"},
		{"a page's GET", "GET", "/", at, http.Header{"Accept": {"text/html"}, "User-Agent": {"Mozilla/5.0"}}, 403, "MissingAuthenticationToken"},
		{"another scheme", "POST", "/", at, http.Header{"Authorization": {"Basic YTpi"}}, 403, "IncompleteSignature"},
		{"a half signature", "POST", "/", at, http.Header{"Authorization": {"AWS4-HMAC-SHA256 Credential=x"}}, 403, "IncompleteSignature"},
		{"rebinding", "POST", "/", "evil.example:" + port, signed, 403, ""},
		{"rebinding to a private address", "POST", "/", "192.168.1.1:" + port, signed, 403, ""},
		{"rebinding, presigned", "GET", presigned, "evil.example:" + port, nil, 403, ""},
		{"a name that ends alike", "POST", "/", "evil-localhost:" + port, signed, 403, ""},
		{"an origin", "POST", "/", at, with("Origin", "https://evil.example"), 403, ""},
		{"an opaque origin", "POST", "/", at, with("Origin", "null"), 403, ""},
		{"another port's page", "POST", "/", at, with("Origin", "http://127.0.0.1:1"), 403, ""},
		{"an origin, presigned", "GET", presigned, at, http.Header{"Origin": {"https://evil.example"}}, 403, ""},
		{"an image, presigned", "GET", presigned, at, http.Header{"Sec-Fetch-Site": {"cross-site"}, "Sec-Fetch-Mode": {"no-cors"}}, 403, ""},
		{"a preflight", "OPTIONS", "/", at, http.Header{"Origin": {"https://evil.example"}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"authorization"}}, 403, ""},
	} {
		body := ""
		if c.method == http.MethodPost {
			body = form.Encode()
		}
		req, err := http.NewRequestWithContext(t.Context(), c.method, w.url+c.path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = c.host
		for k, v := range c.header {
			req.Header[k] = v
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		resp, err := w.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text := make([]byte, 4096)
		n, _ := resp.Body.Read(text)
		_ = resp.Body.Close()
		if resp.StatusCode != c.want || !strings.Contains(string(text[:n]), c.code) {
			t.Errorf("%s: %d, want %d %s\n%s", c.name, resp.StatusCode, c.want, c.code, text[:n])
		}
		for k := range resp.Header {
			if strings.HasPrefix(k, "Access-Control-") {
				t.Errorf("%s: a header %s", c.name, k)
			}
		}
		if c.want == 200 {
			vpcs++
		}
	}
	if got := len(w.ids("DescribeVpcs", "vpcSet/item", "vpcId")); got != vpcs {
		t.Errorf("%d VPCs, want %d", got, vpcs)
	}
	if out, err := w.tryAWS("ec2", "frobnicate"); err == nil {
		t.Errorf("frobnicate: %s", out)
	}
	if _, err := w.ask("ec2", "CreateFleet"); errorCode(err) != "InvalidAction" && !strings.Contains(fmt.Sprint(err), "CreateFleet") {
		t.Errorf("an action that is not served: %v", err)
	}
}

// TestSafetyGuest: root in an instance has the instance.
func TestSafetyGuest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secret := filepath.Join(w.home, "secret")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// A public subnet of one VPC, and another VPC with the same range.
	v, other := w.vpc("10.0.0.0/16"), w.vpc("10.0.0.0/16")
	s, there := w.subnet(v, "10.0.0.0/24", 0), w.subnet(other, "10.0.0.0/24", 0)
	w.ec2("ModifySubnetAttribute", "SubnetId", s, "MapPublicIpOnLaunch.Value", "true")
	w.table(v, []string{"GatewayId", w.gateway(v)}, s)
	in := w.running(w.launch("a", s, w.open(v), "", "PrivateIpAddress", "10.0.0.10"),
		w.launch("b", s, w.open2(v), "", "PrivateIpAddress", "10.0.0.11"),
		w.launch("c", there, w.open(other), "", "PrivateIpAddress", "10.0.0.12"))
	for _, i := range in {
		w.peer(i.id, "80")
	}
	_, port, err := net.SplitHostPort(strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}

	// Files, users and processes. Each must print nothing.
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range []string{
		"cat " + secret, "ls -d " + w.home + " " + w.dir, "cat /proc/1/root" + secret,
		"grep -r s3cret /root /home /tmp /var /run /mnt /srv /opt 2>/dev/null",
		"grep -e " + w.home + " -e " + w.dir + " /proc/self/mountinfo /proc/1/mountinfo /proc/mounts",
		"grep -l -a -e __dae[m]on -e __super[v]isor /proc/[0-9]*/cmdline",
		"tr '\\0' '\\n' </proc/1/environ | grep -e MUSUBI -e AWS_ -e " + w.home + " | grep -vx AWS_CA_BUNDLE=/etc/pki/tls/certs/ca-bundle.crt",
		"hostname | grep -x " + host,
		"ls /proc/1/fd -l | grep -e " + w.home + " -e state.db",
		"find /dev -type b", "find /dev -name 'sd*' -o -name 'vd*' -o -name kvm -o -name vsock -o -name fuse -o -name mem",
		"ls /sys/class /sys/kernel",
	} {
		out, _ := w.run(t.Context(), nil, "exec", "a", "--", "/bin/sh", "-c", "("+script+") 2>/dev/null")
		if strings.TrimSpace(out) != "" {
			t.Errorf("%s: %s", script, tail(out, 400))
		}
	}
	for _, user := range hostUsers(t) {
		if out, _ := w.exec("a", "grep '^"+user+":' /etc/passwd /etc/group"); out != "" {
			t.Errorf("the host's user %s is known: %s", user, out)
		}
	}

	// The network. What the host, the router and others have is out of reach.
	reach := []string{"127.0.0.1:" + port, "10.0.0.1:" + port, "10.0.0.2:" + port, "169.254.169.254:" + port, "169.254.169.253:22",
		"[::1]:" + port, "10.0.0.1:22", "10.0.0.12:80", "240.0.0.1:80", "244.0.0.1:80", "248.0.0.1:80"}
	for _, a := range hostAddresses(t) {
		reach = append(reach, net.JoinHostPort(a, port))
	}
	for _, a := range reach {
		if got := w.callFrom("a", "tcp", a); got != "timeout" && got != "unreachable" && got != "refused" {
			t.Errorf("an instance reaches %s: %s", a, got)
		}
	}
	if out, err := w.exec("a", "curl -s -m 2 http://127.0.0.1:"+port+"/"); err == nil {
		t.Errorf("an instance reaches the API: %s", out)
	}
	// Addresses that are not its own.
	if got := w.callFrom("a", "udp", "10.0.0.11:80"); !strings.Contains(got, "hears 10.0.0.10:") {
		t.Errorf("a calls b: %s", got)
	}
	foreign := []string{"10.0.0.12", "10.0.0.1", "10.0.99.99", "169.254.169.254", "198.18.0.1", "240.0.0.1", "8.8.8.8"}
	for _, source := range append(foreign, "10.0.0.10") {
		w.mustExec("a", "peer spoof "+source+" 10.0.0.11")
	}
	var heard string
	w.eventually(10*time.Second, "b to hear a's own datagram", func() bool {
		heard = w.mustExec("b", "systemctl status peer")
		return strings.Contains(heard, "hears 10.0.0.10:9999")
	})
	for _, source := range foreign {
		if strings.Contains(heard, source+":") {
			t.Errorf("a sent as %s:\n%s", source, heard)
		}
	}

	// Rights.
	for file, want := range map[string]string{"CapEff": "200425fb", "CapBnd": "200425fb", "CapAmb": "00000000", "Seccomp": "2"} {
		if out := w.mustExec("a", "grep ^"+file+": /proc/self/status"); !strings.HasSuffix(strings.TrimSpace(out), want) {
			t.Errorf("%s, want %s", strings.TrimSpace(out), want)
		}
	}
	for _, script := range []string{
		"mount -t tmpfs none /mnt", "unshare -Ur true", "mknod /tmp/x b 8 0", "dmesg | grep .", "echo 1 >/proc/sys/kernel/sysrq",
		"echo 1 >/proc/sys/net/ipv4/ip_forward", "date -s 2001-01-01", "hostname other", "nsenter -t 1 -n true",
		"ip link set lo down || busybox ip link set lo down", "kill -9 1; sleep 60 & kill -0 1 && false",
	} {
		if out, err := w.exec("a", "("+script+") >/dev/null 2>&1"); err == nil {
			t.Errorf("%s succeeded: %s", script, out)
		}
	}
}

// hostUsers are the users of this machine that are no system's.
func hostUsers(t *testing.T) (names []string) {
	t.Helper()
	b, err := os.ReadFile("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) > 6 && len(f[2]) == 4 && f[0] != "ec2-user" && f[0] != "ssm-user" {
			names = append(names, f[0])
		}
	}
	return names
}

// hostAddresses are this machine's own addresses.
func hostAddresses(t *testing.T) (out []string) {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			out = append(out, n.IP.String())
		}
	}
	return out
}
