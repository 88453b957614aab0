package e2e

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// zoneOf makes a private hosted zone for a VPC, and returns its id.
func (w *world) zoneOf(name, vpc string) string {
	w.t.Helper()
	v := w.aws("route53", "create-hosted-zone", "--name", name, "--caller-reference", name+vpc, "--vpc", "VPCRegion=ap-northeast-1,VPCId="+vpc)
	return dig(v, "HostedZone", "Id").(string)
}

// record adds a record to a zone.
func (w *world) record(zone, name, kind string, values ...string) {
	w.t.Helper()
	var records []map[string]string
	for _, v := range values {
		records = append(records, map[string]string{"Value": v})
	}
	batch, err := json.Marshal(map[string]any{"Changes": []any{map[string]any{"Action": "UPSERT",
		"ResourceRecordSet": map[string]any{"Name": name, "Type": kind, "TTL": 30, "ResourceRecords": records}}}})
	if err != nil {
		w.t.Fatal(err)
	}
	w.aws("route53", "change-resource-record-sets", "--hosted-zone-id", zone, "--change-batch", string(batch))
}

// resolves waits until an instance's look-up prints just this.
func (w *world) resolves(instance, question, want string) {
	w.t.Helper()
	var got string
	w.eventually(10*time.Second, question+" to be "+want, func() bool {
		got, _ = w.exec(instance, "dig +short +time=1 +tries=1 "+question)
		got = strings.Join(strings.Fields(got), " ")
		return got == want
	})
	if got != want {
		w.t.Errorf("%s resolves %s to %q, want %q", instance, question, got, want)
	}
}

// answers waits until an instance's look-up has this status.
func (w *world) answers(instance, question, status string) {
	w.t.Helper()
	var got string
	w.eventually(10*time.Second, question+" to answer "+status, func() bool {
		got, _ = w.exec(instance, "dig +time=1 +tries=1 "+question)
		return strings.Contains(got, status)
	})
	if !strings.Contains(got, status) {
		w.t.Errorf("%s asks %s, want %s:\n%s", instance, question, status, got)
	}
}

func TestWorldNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v, other := w.vpc("10.0.0.0/16"), w.vpc("10.0.0.0/16")
	s, there := w.subnet(v, "10.0.0.0/24", 0), w.subnet(other, "10.0.0.0/24", 0)
	in := w.running(w.launch("a", s, w.open(v), "", "PrivateIpAddress", "10.0.0.10"),
		w.launch("b", s, w.open2(v), "", "PrivateIpAddress", "10.0.0.11", "PrivateDnsNameOptions.EnableResourceNameDnsARecord", "true"),
		w.launch("c", there, w.open(other), "", "PrivateIpAddress", "10.0.0.12"))
	lb := w.balancer("lb", []string{s})
	w.waitActive(lb)

	w.resolves("a", "ip-10-0-0-11.ap-northeast-1.compute.internal", "10.0.0.11")
	w.resolves("a", in[1].id+".ap-northeast-1.compute.internal", "10.0.0.11")
	w.resolves("a", "-x 10.0.0.11", "ip-10-0-0-11.ap-northeast-1.compute.internal.")
	w.answers("c", "ip-10-0-0-11.ap-northeast-1.compute.internal", "NXDOMAIN")
	if out, err := w.exec("a", "getent hosts ip-10-0-0-11"); err != nil || !strings.Contains(out, "10.0.0.11") {
		t.Errorf("the search domain: %v %s", err, out)
	}
	w.resolves("c", "@169.254.169.253 ip-10-0-0-12.ap-northeast-1.compute.internal", "10.0.0.12")
	w.answers("a", "no-such-host.example.com", "NXDOMAIN")

	zone := w.zoneOf("example.test", v)
	w.record(zone, "www.example.test", "A", "192.0.2.1")
	w.record(zone, "*.wild.example.test", "A", "192.0.2.2")
	w.record(zone, "alias.example.test", "CNAME", "www.example.test")
	w.record(zone, "text.example.test", "TXT", `"hello world"`)
	w.resolves("a", "www.example.test", "192.0.2.1")
	w.resolves("a", "any.wild.example.test", "192.0.2.2")
	w.resolves("a", "alias.example.test", "www.example.test. 192.0.2.1")
	w.resolves("a", "TXT text.example.test", `"hello world"`)
	w.resolves("a", "+tcp www.example.test", "192.0.2.1")
	w.answers("a", "missing.example.test", "NXDOMAIN")
	w.answers("a", "AAAA www.example.test", "NOERROR")
	w.answers("c", "www.example.test", "NXDOMAIN")
	w.record(zone, "www.example.test", "A", "192.0.2.3")
	w.resolves("a", "www.example.test", "192.0.2.3")
	w.aws("route53", "associate-vpc-with-hosted-zone", "--hosted-zone-id", zone, "--vpc", "VPCRegion=ap-northeast-1,VPCId="+other)
	w.resolves("c", "www.example.test", "192.0.2.3")

	// A zone that matches never falls through, be the name known to everybody.
	node := strings.TrimSpace(w.mustExec("c", "dig +short "+lb.dns))
	w.resolves("a", lb.dns, node)
	w.zoneOf("amazonaws.com", v)
	w.answers("a", lb.dns, "NXDOMAIN")
	w.resolves("c", lb.dns, node)

	w.ec2("ModifyVpcAttribute", "VpcId", v, "EnableDnsHostnames.Value", "false")
	w.answers("a", "www.example.test", "NXDOMAIN")
	w.resolves("a", lb.dns, node)
	w.ec2("ModifyVpcAttribute", "VpcId", v, "EnableDnsHostnames.Value", "true")
	w.resolves("a", "www.example.test", "192.0.2.3")
	w.ec2("ModifyVpcAttribute", "VpcId", v, "EnableDnsHostnames.Value", "false")
	w.ec2("ModifyVpcAttribute", "VpcId", v, "EnableDnsSupport.Value", "false")
	w.answers("a", "www.example.test", "no servers could be reached")
	w.ec2("ModifyVpcAttribute", "VpcId", v, "EnableDnsSupport.Value", "true")
	w.ec2("ModifyVpcAttribute", "VpcId", v, "EnableDnsHostnames.Value", "true")
	w.resolves("a", "www.example.test", "192.0.2.3")
}

// open2 is open under another name.
func (w *world) open2(vpc string) string {
	w.t.Helper()
	g := w.group(vpc, "open too")
	w.allow(g, "-1", "-1", "-1", "0.0.0.0/0")
	return g
}

const trustEC2 = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

func TestWorldMetadata(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.vpc("10.0.0.0/16")
	s := w.subnet(v, "10.0.0.0/24", 0)
	g := w.open(v)
	w.call("iam", "CreateRole", "RoleName", "app", "AssumeRolePolicyDocument", trustEC2)
	w.call("iam", "CreateInstanceProfile", "InstanceProfileName", "app")
	w.call("iam", "AddRoleToInstanceProfile", "InstanceProfileName", "app", "RoleName", "app")
	const userData = "#!/bin/sh\necho $(id -u) >/root/who\n"
	in := w.running(w.launch("a", s, g, userData, "IamInstanceProfile.Name", "app"), w.launch("b", s, g, ""))
	const base = "http://169.254.169.254/latest/"
	code := func(instance, arguments string) string {
		out, _ := w.exec(instance, "curl -s -m 5 -o /dev/null -w '%{http_code}' "+arguments)
		return strings.TrimSpace(out)
	}
	for arguments, want := range map[string]string{
		base + "meta-data/":            "401",
		"-X PUT " + base + "api/token": "400",
		"-H 'X-aws-ec2-metadata-token: made-up' " + base + "meta-data/":                                             "401",
		"-X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' -H 'X-Forwarded-For: 10.0.0.1' " + base + "api/token": "403",
		"-X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 30000' " + base + "api/token":                             "400",
		"-H \"X-aws-ec2-metadata-token: $(" + token + ")\" " + base + "meta-data/no-such-thing":                     "404",
		"-X DELETE -H \"X-aws-ec2-metadata-token: $(" + token + ")\" " + base + "meta-data/":                        "405",
	} {
		if got := code("a", arguments); got != want {
			t.Errorf("curl %s: %s, want %s", arguments, got, want)
		}
	}
	get := func(instance, path string) string {
		out, _ := w.exec(instance, "curl -s -m 5 -f -H \"X-aws-ec2-metadata-token: $("+token+")\" "+base+path)
		return strings.TrimSpace(out)
	}
	for path, want := range map[string]string{
		"meta-data/instance-id":                 in[0].id,
		"meta-data/local-ipv4":                  in[0].ip,
		"meta-data/placement/availability-zone": w.zones[0],
		"meta-data/iam/security-credentials/":   "app",
		"user-data":                             strings.TrimSpace(userData),
		"meta-data/security-groups":             "open",
	} {
		if got := get("a", path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := get("b", "meta-data/instance-id"); got != in[1].id {
		t.Errorf("b is told %q", got)
	}
	if got := get("b", "meta-data/iam/security-credentials/"); got != "" {
		t.Errorf("b has no role, and is told %q", got)
	}
	// A token is of the instance that asked for it.
	foreign := strings.TrimSpace(w.mustExec("a", token))
	if got := code("b", "-H 'X-aws-ec2-metadata-token: "+foreign+"' "+base+"meta-data/instance-id"); got != "401" {
		t.Errorf("b uses a's token: %s", got)
	}
	if got := w.mustExec("a", "cat /root/who"); strings.TrimSpace(got) != "0" {
		t.Errorf("user data ran as %s", got)
	}

	// The role's credentials work from anywhere.
	var c struct{ Code, AccessKeyId, SecretAccessKey, Token string }
	if err := json.Unmarshal([]byte(get("a", "meta-data/iam/security-credentials/app")), &c); err != nil || c.Code != "Success" {
		t.Fatalf("credentials: %v %+v", err, c)
	}
	cli := exec.CommandContext(t.Context(), "aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text")
	cli.Env = append(append(cleanEnv(), w.awsEnv()...), "AWS_ACCESS_KEY_ID="+c.AccessKeyId, "AWS_SECRET_ACCESS_KEY="+c.SecretAccessKey, "AWS_SESSION_TOKEN="+c.Token)
	out, err := cli.CombinedOutput()
	if want := "arn:aws:sts::000000000000:assumed-role/app/" + in[0].id; err != nil || strings.TrimSpace(string(out)) != want {
		t.Errorf("identity: %v %s, want %s", err, out, want)
	}

	// The options change while it runs.
	w.aws("ec2", "modify-instance-metadata-options", "--instance-id", in[1].id, "--http-tokens", "optional")
	w.eventually(10*time.Second, "IMDSv1 to answer", func() bool { return code("b", base+"meta-data/instance-id") == "200" })
	w.aws("ec2", "modify-instance-metadata-options", "--instance-id", in[1].id, "--http-endpoint", "disabled")
	w.eventually(10*time.Second, "IMDS to be off", func() bool { return code("b", base+"meta-data/instance-id") == "403" })
	if got := code("a", "-H \"X-aws-ec2-metadata-token: $("+token+")\" "+base+"meta-data/instance-id"); got != "200" {
		t.Errorf("a's metadata after b's was turned off: %s", got)
	}
}

// token asks for a session token, in an instance's shell.
const token = "curl -s -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token"
