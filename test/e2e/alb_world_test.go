package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// account is the same lab in the hands of another account.
func (w *world) account(id string) *world {
	other := *w
	other.api = &api{url: w.url, key: id}
	return &other
}

// application makes an application load balancer.
func (w *world) application(name string, subnets []string, group string, more ...string) balancer {
	w.t.Helper()
	return w.balancer(name, subnets, append([]string{"Type", "application", "SecurityGroups.member.1", group}, more...)...)
}

// httpGroup makes a target group with quick HTTP health checks.
func (w *world) httpGroup(name, vpc, port string, more ...string) string {
	w.t.Helper()
	return w.targetGroup(name, vpc, "HTTP", port, append([]string{"HealthCheckProtocol", "HTTP", "HealthCheckPath", "/health"}, more...)...)
}

// parameters of a listener's or a rule's action.
func forward(groups ...string) []string {
	if len(groups) == 1 {
		return []string{"Type", "forward", "TargetGroupArn", groups[0]}
	}
	out := []string{"Type", "forward"}
	for i := 0; i < len(groups); i += 2 {
		p := fmt.Sprintf("ForwardConfig.TargetGroups.member.%d.", i/2+1)
		out = append(out, p+"TargetGroupArn", groups[i], p+"Weight", groups[i+1])
	}
	return out
}

func fixed(status, body string) []string {
	const p = "FixedResponseConfig."
	return []string{"Type", "fixed-response", p + "StatusCode", status, p + "ContentType", "text/plain", p + "MessageBody", body}
}

// prefixed puts a prefix before every name of a list of names and values.
func prefixed(prefix string, parameters []string) []string {
	out := make([]string, len(parameters))
	for i, p := range parameters {
		if i%2 == 0 {
			p = prefix + p
		}
		out[i] = p
	}
	return out
}

// listen makes a listener with any default action.
func (w *world) listen(lb balancer, protocol, port string, action []string, more ...string) string {
	w.t.Helper()
	parameters := append([]string{"LoadBalancerArn", lb.arn, "Protocol", protocol, "Port", port}, prefixed("DefaultActions.member.1.", action)...)
	return w.elb("CreateListener", append(parameters, more...)...).text("CreateListenerResult/Listeners/member/ListenerArn")
}

// condition is one of a rule's: a field, and the parameters of its configuration
// or its values.
func condition(field string, values ...string) []string {
	out := []string{"Field", field}
	for i, v := range values {
		out = append(out, fmt.Sprintf("Values.member.%d", i+1), v)
	}
	return out
}

func (w *world) rule(listener string, priority int, action []string, conditions ...[]string) string {
	w.t.Helper()
	parameters := append([]string{"ListenerArn", listener, "Priority", fmt.Sprint(priority)}, prefixed("Actions.member.1.", action)...)
	for i, c := range conditions {
		parameters = append(parameters, prefixed(fmt.Sprintf("Conditions.member.%d.", i+1), c)...)
	}
	return w.elb("CreateRule", parameters...).text("CreateRuleResult/Rules/member/RuleArn")
}

// setting changes an attribute of a load balancer.
func (w *world) setting(lb balancer, key, value string) {
	w.t.Helper()
	w.elb("ModifyLoadBalancerAttributes", "LoadBalancerArn", lb.arn, "Attributes.member.1.Key", key, "Attributes.member.1.Value", value)
}

// nodes are a load balancer's addresses, by zone.
func (w *world) nodes(lb balancer) map[string]string {
	w.t.Helper()
	name := lb.arn[strings.Index(lb.arn, "app/"):]
	out := map[string]string{}
	for _, e := range w.ec2("DescribeNetworkInterfaces", "Filter.1.Name", "description", "Filter.1.Value.1", "ELB "+name).all("networkInterfaceSet/item") {
		out[e.text("availabilityZone")] = e.text("privateIpAddress")
	}
	return out
}

// authority issues the certificates of a test.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  []byte
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	key := newKey(t)
	a := &authority{t: t, key: key}
	a.cert = &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a.pem = pemBlock("CERTIFICATE", der)
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// issue makes a certificate and its key. Clients have the first name as theirs.
func (a *authority) issue(serial int64, names ...string) (cert, key []byte) {
	a.t.Helper()
	k := newKey(a.t)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, k.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		a.t.Fatal(err)
	}
	return pemBlock("CERTIFICATE", der), pemBlock("PRIVATE KEY", secret)
}

// imported puts a certificate of an authority into ACM; with an ARN it replaces
// the one there.
func (w *world) imported(a *authority, arn string, serial int64, names ...string) string {
	w.t.Helper()
	cert, key := a.issue(serial, names...)
	file := func(name string, content []byte) string {
		path := filepath.Join(w.home, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			w.t.Fatal(err)
		}
		return "fileb://" + path
	}
	arguments := []string{"acm", "import-certificate", "--certificate", file("cert.pem", cert), "--private-key", file("key.pem", key),
		"--certificate-chain", file("chain.pem", a.pem)}
	if arn != "" {
		arguments = append(arguments, "--certificate-arn", arn)
	}
	return dig(w.aws(arguments...), "CertificateArn").(string)
}
