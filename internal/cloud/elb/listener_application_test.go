package elb

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/acm"
	"github.com/musubi-net/musubi/internal/cloud/iam"
)

const (
	certARN    = "arn:aws:acm:ap-northeast-1:111111111111:certificate/1"
	pendingARN = "arn:aws:acm:ap-northeast-1:111111111111:certificate/2"
	foreignARN = "arn:aws:acm:ap-northeast-1:222222222222:certificate/3"
)

// group puts a target group of any kind: its own rules are tested elsewhere.
func (w *world) group(name, protocol, version string) string {
	arn := arnPrefix(scope) + "targetgroup/" + name + "/1"
	w.change(func(tx *cloud.Tx) {
		TargetGroups.Put(tx, TargetGroup{ARN: arn, Scope: scope, Name: name, Protocol: protocol, ProtocolVersion: version, Port: 80,
			VPCID: "vpc-1", TargetType: "ip", IPAddressType: "ipv4", Attributes: map[string]string{"stickiness.enabled": "false"}})
	})
	return arn
}

// certificates puts one certificate of each kind, and n more of IAM.
func (w *world) certificates(n int) (extra []string) {
	w.change(func(tx *cloud.Tx) {
		acm.Certificates.Put(tx, acm.Certificate{ARN: certARN, Scope: scope, Status: acm.Issued})
		acm.Certificates.Put(tx, acm.Certificate{ARN: pendingARN, Scope: scope, Status: acm.PendingValidation})
		acm.Certificates.Put(tx, acm.Certificate{ARN: foreignARN, Scope: cloud.Scope{Account: "222222222222", Region: scope.Region}, Status: acm.Issued})
		for i := range n {
			c := iam.ServerCertificate{Account: scope.Account, Name: fmt.Sprintf("c%d", i), Path: "/"}
			iam.ServerCertificates.Put(tx, c)
			extra = append(extra, c.ARN())
		}
	})
	return extra
}

func fixed() []Action {
	return []Action{{Type: ActionFixed, Fixed: &FixedResponse{StatusCode: "200", ContentType: "text/plain", Body: "ok"}}}
}

func redirect(d Redirect) []Action { return []Action{{Type: ActionRedirect, Redirect: &d}} }

func TestHTTPSListener(t *testing.T) {
	w := newWorld(t)
	extra := w.certificates(maxCertificates + 1)
	l := must(w, internalALB("subnet-a", "subnet-c"))
	c := CreateListener{LoadBalancerARN: l.ARN, Protocol: "HTTPS", Port: 443, Action: fixed(), TLS: TLSParams{Certificates: []string{certARN}}}
	x := must(w, c)
	if x.SSLPolicy != defaultSSLPolicy || x.CertificateARN != certARN || x.Attributes[AttrServerHeader] != "true" || len(x.Targets) != 0 ||
		x.Actions[0].Order != 1 || !strings.Contains(x.ARN, ":listener/app/alb/") {
		t.Errorf("got %+v", x)
	}
	if again := must(w, c); again.ARN != x.ARN {
		t.Error("the same settings made another listener")
	}
	for i, arn := range extra[:maxCertificates] {
		if got := must(w, AddListenerCertificates{ListenerARN: x.ARN, Certificates: []string{arn}}); len(got.Certificates) != i+1 {
			t.Errorf("%d certificates after %d", len(got.Certificates), i+1)
		}
	}
	_, err := try(w, AddListenerCertificates{ListenerARN: x.ARN, Certificates: extra[maxCertificates:]})
	refused(t, err, "TooManyCertificates", "limit")
	if got := ListenersUsing(w.db.Snapshot(), extra[0]); !slices.Equal(got, []string{l.ARN}) {
		t.Errorf("used by %v", got)
	}
	must(w, RemoveListenerCertificates{ListenerARN: x.ARN, Certificates: extra[:1]})
	must(w, RemoveListenerCertificates{ListenerARN: x.ARN, Certificates: extra[:1]})
	if got := ListenersUsing(w.db.Snapshot(), extra[0]); len(got) != 0 {
		t.Errorf("still used by %v", got)
	}
	_, err = try(w, RemoveListenerCertificates{ListenerARN: x.ARN, Certificates: []string{certARN}})
	refused(t, err, "OperationNotPermitted", "default certificate")

	// Without TLS nothing of it stays.
	got := must(w, ModifyListener{ARN: x.ARN, Protocol: "HTTP", Port: 80, TLS: TLSParams{Policy: defaultSSLPolicy}})
	if got.Port != 80 || got.CertificateARN != "" || got.SSLPolicy != "" || got.Certificates != nil {
		t.Errorf("got %+v", got)
	}
	_, err = try(w, ModifyListener{ARN: x.ARN, Protocol: "HTTPS"})
	refused(t, err, "ValidationError", "A certificate must be specified for HTTPS listeners")
}

func TestCertificateRefusals(t *testing.T) {
	w := newWorld(t)
	extra := w.certificates(1)
	l := must(w, internalALB("subnet-a", "subnet-c"))
	for name, x := range map[string]struct {
		tls        TLSParams
		code, part string
	}{
		"none":      {TLSParams{}, "ValidationError", "A certificate must be specified"},
		"two":       {TLSParams{Certificates: []string{certARN, extra[0]}}, "ValidationError", "Up to '1'"},
		"malformed": {TLSParams{Certificates: []string{"arn:x"}}, "ValidationError", "not valid"},
		"absent":    {TLSParams{Certificates: []string{certARN + "0"}}, "CertificateNotFound", "not found"},
		"foreign":   {TLSParams{Certificates: []string{foreignARN}}, "CertificateNotFound", "not found"},
		"no IAM":    {TLSParams{Certificates: []string{extra[0] + "x"}}, "CertificateNotFound", "not found"},
		"pending":   {TLSParams{Certificates: []string{pendingARN}}, "UnsupportedCertificate", "fully-qualified domain name"},
		"policy":    {TLSParams{Policy: "none", Certificates: []string{certARN}}, "SSLPolicyNotFound", "'none'"},
		"ALPN":      {TLSParams{ALPN: []string{"None"}, Certificates: []string{certARN}}, "ValidationError", "TLS listeners"},
		"mode": {TLSParams{Certificates: []string{certARN}, Mutual: &MutualTLS{Mode: "on"}}, "ValidationError",
			"enum value set: [off passthrough verify]"},
		"no store": {TLSParams{Certificates: []string{certARN}, Mutual: &MutualTLS{Mode: "verify"}}, "ValidationError", "trust store ARN"},
		"store": {TLSParams{Certificates: []string{certARN}, Mutual: &MutualTLS{Mode: "verify", TrustStoreARN: "arn:x"}},
			"TrustStoreNotFound", "does not exist"},
		"stray store": {TLSParams{Certificates: []string{certARN}, Mutual: &MutualTLS{Mode: "passthrough", TrustStoreARN: "arn:x"}},
			"ValidationError", "mode is 'verify'"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := try(w, CreateListener{LoadBalancerARN: l.ARN, Protocol: "HTTPS", Port: 443, Action: fixed(), TLS: x.tls})
			refused(t, err, x.code, x.part)
		})
	}
	_, err := try(w, CreateListener{LoadBalancerARN: l.ARN, Protocol: "HTTP", Port: 80, Action: fixed(), TLS: TLSParams{Certificates: []string{certARN}}})
	refused(t, err, "ValidationError", "TLS and HTTPS")
}

func TestTLSListener(t *testing.T) {
	w := newWorld(t)
	w.certificates(0)
	l := must(w, internalNLB("subnet-a"))
	tcp, udp := w.group("tcp", "TCP", ""), w.group("udp", "UDP", "")
	tls := TLSParams{Certificates: []string{certARN}, ALPN: []string{"HTTP2Preferred"}}
	x := must(w, CreateListener{LoadBalancerARN: l.ARN, Protocol: "TLS", Port: 443, Action: forward(tcp), TLS: tls})
	if x.ALPN != "HTTP2Preferred" || x.SSLPolicy != defaultSSLPolicy || len(x.Targets) != 1 {
		t.Errorf("got %+v", x)
	}
	_, err := try(w, CreateListener{LoadBalancerARN: l.ARN, Protocol: "TLS", Port: 444, Action: forward(udp), TLS: tls})
	refused(t, err, "IncompatibleProtocols", "'UDP'")
	_, err = try(w, CreateListener{LoadBalancerARN: l.ARN, Protocol: "TLS", Port: 444, Action: forward(tcp),
		TLS: TLSParams{Certificates: []string{certARN}, ALPN: []string{"h3"}}})
	refused(t, err, "ALPNPolicyNotFound", "h3")
	_, err = try(w, CreateListener{LoadBalancerARN: l.ARN, Protocol: "TLS", Port: 444, Action: forward(tcp),
		TLS: TLSParams{Certificates: []string{certARN}, Mutual: &MutualTLS{Mode: "passthrough"}}})
	refused(t, err, "ValidationError", "HTTPS listeners")
	_, err = try(w, CreateListener{LoadBalancerARN: l.ARN, Protocol: "TCP", Port: 444, Action: fixed()})
	refused(t, err, "InvalidLoadBalancerAction", "type 'network'")
	w.change(func(tx *cloud.Tx) {
		g, _ := TargetGroups.Get(tx, tcp)
		g.ARN, g.TargetType = tcp+"alb", "alb"
		TargetGroups.Put(tx, g)
	})
	_, err = try(w, CreateListener{LoadBalancerARN: l.ARN, Protocol: "TLS", Port: 444, Action: forward(tcp + "alb"), TLS: tls})
	refused(t, err, "InvalidConfigurationRequest", "target type 'alb'")
	must(w, CreateListener{LoadBalancerARN: l.ARN, Protocol: "TCP", Port: 444, Action: forward(tcp + "alb")})
}

func TestApplicationActions(t *testing.T) {
	w := newWorld(t)
	w.certificates(0)
	l := must(w, internalALB("subnet-a", "subnet-c"))
	one, two, grpc, tcp := w.group("one", "HTTP", "HTTP1"), w.group("two", "HTTPS", "HTTP1"), w.group("grpc", "HTTP", "GRPC"), w.group("tcp", "TCP", "")
	sticky := w.group("sticky", "HTTP", "HTTP1")
	w.change(func(tx *cloud.Tx) {
		g, _ := TargetGroups.Get(tx, sticky)
		g.Attributes = map[string]string{"stickiness.enabled": "true"}
		TargetGroups.Put(tx, g)
	})
	groupSticky := forward(one, sticky)
	groupSticky[0].Forward.Sticky, groupSticky[0].Forward.StickySeconds = true, 60
	two302 := Redirect{Protocol: "HTTPS", StatusCode: "HTTP_302"}
	for name, x := range map[string]struct {
		protocol   string
		actions    []Action
		code, part string // empty: legal
	}{
		"forward":      {"HTTP", forward(one), "", ""},
		"weighted":     {"HTTP", forward(one, two), "", ""},
		"sticky":       {"HTTP", groupSticky, "", ""},
		"unsticky":     {"HTTP", forward(one, sticky), "InvalidLoadBalancerAction", "must enable group stickiness"},
		"gRPC":         {"HTTPS", forward(grpc), "", ""},
		"gRPC on HTTP": {"HTTP", forward(grpc), "InvalidConfigurationRequest", "protocol-version 'GRPC'"},
		"TCP":          {"HTTP", forward(tcp), "IncompatibleProtocols", "'TCP'"},
		"none":         {"HTTP", nil, "ValidationError", "At least one action"},
		"two":          {"HTTP", []Action{{Type: ActionForward, Order: 1}, {Type: ActionFixed, Order: 2}}, "InvalidLoadBalancerAction", "exactly one"},
		"OIDC":         {"HTTPS", []Action{{Type: "authenticate-oidc"}}, "UnsupportedOperation", "'authenticate-oidc' is not served"},
		"unknown":      {"HTTP", []Action{{Type: "drop"}}, "ValidationError", "'defaultActions.1.member.type'"},
		"redirect":     {"HTTP", redirect(two302), "", ""},
		"loop":         {"HTTP", redirect(Redirect{Port: "80", StatusCode: "HTTP_301"}), "InvalidLoadBalancerAction", "creates a loop"},
		"down":         {"HTTPS", redirect(Redirect{Protocol: "HTTP", StatusCode: "HTTP_301"}), "InvalidLoadBalancerAction", "HTTPS cannot"},
		"placeholder":  {"HTTP", redirect(Redirect{Path: "/#{user}", StatusCode: "HTTP_301"}), "InvalidLoadBalancerAction", "placeholder"},
		"path":         {"HTTP", redirect(Redirect{Path: "x", StatusCode: "HTTP_301"}), "InvalidLoadBalancerAction", "start with '/'"},
		"port":         {"HTTP", redirect(Redirect{Port: "x", StatusCode: "HTTP_301"}), "InvalidLoadBalancerAction", "port 'x'"},
		"status":       {"HTTP", redirect(Redirect{Host: "h.x", StatusCode: "HTTP_308"}), "ValidationError", "HTTP_302"},
		"fixed":        {"HTTP", []Action{{Type: ActionFixed, Fixed: &FixedResponse{StatusCode: "302"}}}, "ValidationError", "^(2|4|5)"},
		"type": {"HTTP", []Action{{Type: ActionFixed, Fixed: &FixedResponse{StatusCode: "200", ContentType: "image/png"}}},
			"InvalidLoadBalancerAction", "ContentType"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			c := CreateListener{LoadBalancerARN: l.ARN, Protocol: x.protocol, Port: 80, Action: x.actions}
			if x.protocol == "HTTPS" {
				c.TLS.Certificates = []string{certARN}
			}
			if x.code == "" {
				must(w, DeleteListener{ARN: must(w, c).ARN})
				return
			}
			_, err := try(w, c)
			refused(t, err, x.code, x.part)
		})
	}
	got := must(w, CreateListener{LoadBalancerARN: l.ARN, Protocol: "HTTP", Port: 81, Action: redirect(two302)}).Actions[0].Redirect
	if want := (Redirect{Protocol: "HTTPS", Host: "#{host}", Port: "#{port}", Path: "/#{path}", StatusCode: "HTTP_302"}); *got != want {
		t.Errorf("got %+v, want %+v", *got, want)
	}
}

func TestListenerAttributes(t *testing.T) {
	w := newWorld(t)
	l := must(w, internalALB("subnet-a", "subnet-c"))
	x := must(w, CreateListener{LoadBalancerARN: l.ARN, Protocol: "HTTP", Port: 80, Action: fixed()})
	const prefix = "routing.http.response."
	x = must(w, ModifyListenerAttributes{ARN: x.ARN, Set: []KeyValue{{AttrServerHeader, "false"},
		{prefix + "strict_transport_security.header_value", "max-age=1"}, {prefix + "x_frame_options.header_value", "DENY"}}})
	if x.Attributes[AttrServerHeader] != "false" || x.Attributes[prefix+"x_frame_options.header_value"] != "DENY" {
		t.Errorf("got %v", x.Attributes)
	}
	for _, a := range []KeyValue{{prefix + "x_frame_options.header_value", "MAYBE"}, {prefix + "access_control_max_age.header_value", "x"},
		{prefix + "content_security_policy.header_value", "a\r\nb: c"}, {"tcp.idle_timeout.seconds", "60"},
		{"routing.http.request.x_amzn_tls_version.header_name", "X-V"}} {
		_, err := try(w, ModifyListenerAttributes{ARN: x.ARN, Set: []KeyValue{a}})
		refused(t, err, "ValidationError", a.Key)
	}
}

func TestSSLPolicies(t *testing.T) {
	all := SSLPolicies()
	seen := map[string]bool{}
	for _, p := range all {
		if seen[p.Name] || len(p.Protocols) == 0 || len(p.Ciphers) == 0 {
			t.Errorf("policy %+v", p)
		}
		seen[p.Name] = true
	}
	for name, want := range map[string]int{defaultSSLPolicy: 18, "ELBSecurityPolicy-TLS13-1-3-2021-06": 3, "ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04": 2,
		"ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09": 7, "ELBSecurityPolicy-TLS-1-0-2015-04": 19, "ELBSecurityPolicy-TLS13-1-2-2021-06": 11} {
		if p, err := FindSSLPolicy(name); err != nil || len(p.Ciphers) != want {
			t.Errorf("%s: %d ciphers, want %d, %v", name, len(p.Ciphers), want, err)
		}
	}
	for _, name := range []string{"ELBSecurityPolicy-TLS13-1-1-PQ-2025-09", "ELBSecurityPolicy-TLS13-1-2-Ext0-2021-06"} {
		if seen[name] {
			t.Errorf("AWS has no %s", name)
		}
	}
}
