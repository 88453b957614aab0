package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMappedServices: programs on the host serve S3 and CloudWatch Logs in the world.
//
//	vpc 10.0.0.0/16
//	  public  10.0.0.0/24  pub (public IP), the NAT gateway
//	  private 10.0.1.0/24  priv (by NAT)
//	  alone   10.0.2.0/24  alone, without a route
func TestMappedServices(t *testing.T) {
	t.Parallel()
	l := newMappedLab(t)
	v := l.vpc("10.0.0.0/16")
	public, private := l.subnet(v, "10.0.0.0/24", 0), l.subnet(v, "10.0.1.0/24", 0)
	only := l.subnet(v, "10.0.2.0/24", 1)
	l.ec2("ModifySubnetAttribute", "SubnetId", public, "MapPublicIpOnLaunch.Value", "true")
	l.table(v, []string{"GatewayId", l.gateway(v)}, public)
	id, _ := l.address()
	nat := l.ec2("CreateNatGateway", "SubnetId", public, "AllocationId", id).text("natGateway/natGatewayId")
	l.table(v, []string{"NatGatewayId", nat}, private)
	sg := l.open(v)
	l.running(l.launch("pub", public, sg, "", "IamInstanceProfile.Name", "stores"),
		l.launch("priv", private, sg, "", "IamInstanceProfile.Name", "stores"),
		l.launch("alone", only, sg, "", "IamInstanceProfile.Name", "stores"))
	l.notMapped(v)
	l.must("services", "map", "s3", l.s3.URL)
	l.listed()
	l.styles("pub")
	l.refusals("pub")
	l.large("priv")
	l.loopback("pub")
	l.logs(v, only, sg)
	l.killed()
	l.moved()
}

// mappedLab has a program that serves S3, and a role that may use it.
type mappedLab struct {
	*servicesLab
	s3     *buckets
	region string
}

func newMappedLab(t *testing.T) *mappedLab {
	t.Helper()
	w := newWorld(t)
	l := &mappedLab{servicesLab: &servicesLab{world: w}, s3: newBuckets(t), region: strings.TrimRight(w.zones[0], "abcdef")}
	w.profile("stores", "AmazonS3FullAccess", "CloudWatchLogsFullAccess")
	return l
}

// notMapped: what nobody serves is not there.
func (l *mappedLab) notMapped(vpc string) {
	l.t.Helper()
	name := "com.amazonaws." + l.region + ".s3"
	_, err := l.ask("ec2", "CreateVpcEndpoint", "VpcId", vpc, "ServiceName", name)
	if errorCode(err) != "InvalidServiceName" || !strings.Contains(err.Error(), "musubi services map s3 URL") {
		l.t.Errorf("an endpoint to what is not mapped: %v", err)
	}
	l.says("no name", "Could not resolve host", func() string { return l.curl("pub", "https://s3."+l.region+".amazonaws.com/") })
	for args, want := range map[string]string{
		"ec2 http://127.0.0.1:1":        "Musubi serves ec2 itself",
		"nothing http://127.0.0.1:1":    "none of AWS's services",
		"s3 ftp://127.0.0.1:1":          "no URL like http://127.0.0.1:9000",
		"s3 http://127.0.0.1:1/a/path/": "more than a scheme, a host and a port",
	} {
		out, err := l.run(l.t.Context(), nil, append([]string{"services", "map"}, strings.Fields(args)...)...)
		if err == nil || !strings.Contains(out, want) {
			l.t.Errorf("services map %s: %v %s", args, err, out)
		}
	}
}

func (l *mappedLab) listed() {
	l.t.Helper()
	out := strings.Join(strings.Fields(l.must("services")), " ")
	for _, want := range []string{"s3 " + l.s3.URL + " Interface, Gateway", "ec2 musubi Interface"} {
		if !strings.Contains(out, want) {
			l.t.Errorf("services does not list %q: %s", want, out)
		}
	}
	if strings.Contains(out, "dynamodb") || !strings.Contains(l.must("services", "--all"), "dynamodb") {
		l.t.Errorf("services lists all only if it is told to: %s", out)
	}
}

// curl is what curl prints in an instance, with the status at the end.
func (l *mappedLab) curl(from, args string) string {
	out, _ := l.exec(from, `curl -sS --max-time 3 -w ' status %{http_code}' `+args+" 2>&1")
	return out
}

// styles: a bucket's name in the host's or in the path, signed and anonymous.
func (l *mappedLab) styles(from string) {
	l.t.Helper()
	host := "s3." + l.region + ".amazonaws.com"
	l.says("the name", "data", func() string { return l.curl(from, "https://"+host+"/") })
	l.mustExec(from, "echo hello > /tmp/hello; printf '[default]\\ns3 =\\n  addressing_style = path\\n' > /tmp/path")
	l.until("upload:", from, "s3 cp /tmp/hello s3://data/a/hello")
	if got := l.s3.last("PUT"); got.host != "data."+host || got.uri != "/a/hello" || got.size != 6 || string(l.s3.object("data/a/hello")) != "hello\n" {
		l.t.Errorf("the upload came as %+v", got)
	}
	l.asSent(l.s3.last("PUT"))
	l.until("hello", from, "s3 ls s3://data/a/", "AWS_CONFIG_FILE=/tmp/path")
	if got := l.s3.last("GET"); got.host != host || !strings.HasPrefix(got.uri, "/data?list-type=2&") {
		l.t.Errorf("path style came as %+v", got)
	}
	l.until("hello", from, "s3 cp s3://data/a/hello -")
	for _, url := range []string{"https://" + host + "/data/a/hello", "https://data." + host + "/a/hello", "http://data." + host + "/a/hello", "https://data.s3.amazonaws.com/a/hello"} {
		if got := l.curl(from, url); got != "hello\n status 200" {
			l.t.Errorf("curl %s: %s", url, got)
		}
	}
	if got := l.s3.last("GET"); got.header.Get("Authorization") != "" {
		l.t.Errorf("an anonymous request came as %+v", got)
	}
	if got := l.curl(from, "https://data."+host+"/none"); !strings.Contains(got, "NoSuchKey") || !strings.HasSuffix(got, "status 404") {
		l.t.Errorf("the program's refusal: %s", got)
	}
}

// asSent: a request has nothing that the client did not send.
func (l *mappedLab) asSent(got seen) {
	l.t.Helper()
	if !strings.Contains(got.header.Get("Authorization"), "/"+l.region+"/s3/aws4_request") || got.header.Get("X-Amz-Security-Token") == "" ||
		!strings.HasPrefix(got.header.Get("User-Agent"), "aws-cli/") || !strings.HasPrefix(got.from, "127.0.0.1:") {
		l.t.Errorf("a signed request came as %+v", got)
	}
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded", "Via"} {
		if v := got.header.Get(name); v != "" {
			l.t.Errorf("%s: %s came along", name, v)
		}
	}
}

// refusals: only keys that were issued here are good, and roles have to allow it.
func (l *mappedLab) refusals(from string) {
	l.t.Helper()
	before := l.s3.count()
	const list = "s3api list-objects-v2 --bucket data --query Contents[].Key"
	l.until("InvalidAccessKeyId", from, list, "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=x")
	id, _, token := l.keys(from, "stores")
	l.until("SignatureDoesNotMatch", from, list, "AWS_ACCESS_KEY_ID="+id, "AWS_SECRET_ACCESS_KEY=wrong", "AWS_SESSION_TOKEN="+token)
	elsewhere := " --region us-west-2 --endpoint-url https://s3." + l.region + ".amazonaws.com"
	l.until("AuthorizationHeaderMalformed", from, "s3api list-buckets"+elsewhere)
	policy := []string{"RoleName", "stores", "PolicyArn", "arn:aws:iam::aws:policy/AmazonS3FullAccess"}
	l.call("iam", "DetachRolePolicy", policy...)
	l.until("AccessDenied", from, list)
	if n := l.s3.count(); n != before {
		l.t.Errorf("the program got %d requests that were to be refused", n-before)
	}
	l.call("iam", "AttachRolePolicy", policy...)
	l.until("a/hello", from, list)
	l.until("a/hello", from, list+elsewhere) // the client is told the right region
}

// large: 50 MB go up and down by the NAT gateway, in parts and as one, unchanged.
func (l *mappedLab) large(from string) {
	l.t.Helper()
	data := make([]byte, 50<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	sum := sha256.Sum256(data)
	want := hex.EncodeToString(sum[:])
	l.s3.put("data/large", data)
	l.until("download:", from, "s3 cp --no-progress s3://data/large /tmp/large")
	if got := l.mustExec(from, "sha256sum </tmp/large"); !strings.HasPrefix(got, want) {
		l.t.Errorf("down came %s", got)
	}
	l.until("upload:", from, "s3 cp --no-progress /tmp/large s3://data/parts")
	l.until("None", from, "s3api put-object --bucket data --key one --body /tmp/large --query VersionId")
	for _, name := range []string{"data/parts", "data/one"} {
		if got := sha256.Sum256(l.s3.object(name)); got != sum {
			l.t.Errorf("%s is another: %d bytes", name, len(l.s3.object(name)))
		}
	}
	if got := l.s3.last("PUT"); got.size != len(data) || got.uri != "/one" {
		l.t.Errorf("the upload of one came as %s of %d bytes", got.uri, got.size)
	}
}

// loopback: it is Musubi that calls the program; instances can not.
func (l *mappedLab) loopback(from string) {
	l.t.Helper()
	before := l.s3.count()
	for _, host := range []string{"127.0.0.1", "10.0.0.1", "169.254.169.254", "198.18.0.10"} {
		if got := l.curl(from, "--max-time 1 http://"+host+":"+l.s3.port()+"/"); strings.Contains(got, "status 200") {
			l.t.Errorf("%s answers: %s", host, got)
		}
	}
	if n := l.s3.count(); n != before {
		l.t.Error("an instance reached the host's loopback")
	}
}

// logs maps a service with a JSON protocol, which is reached by an interface
// endpoint, and whose role and endpoint policies know its actions.
func (l *mappedLab) logs(vpc, subnet, sg string) {
	l.t.Helper()
	targets := make(chan string, 100)
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		targets <- r.Host + " " + r.Header.Get("X-Amz-Target") + " " + string(body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, `{"logGroups":[{"logGroupName":"of the program"}]}`)
	}))
	l.t.Cleanup(back.Close)
	l.must("services", "map", "logs", back.URL)
	const describe = "logs describe-log-groups --log-group-name-prefix x --query logGroups[].logGroupName"
	l.until(noWay, "alone", describe)
	e := l.endpoint(vpc, "com.amazonaws."+l.region+".logs", []string{subnet}, sg)
	l.until("of the program", "alone", describe)
	if got, want := <-targets, "logs."+l.region+`.amazonaws.com Logs_20140328.DescribeLogGroups {"logGroupNamePrefix": "x"}`; got != want {
		l.t.Errorf("it came as %s, want %s", got, want)
	}
	l.until("of the program", "alone", describe+" --endpoint-url https://"+e.names[0])
	l.ec2("ModifyVpcEndpoint", "VpcEndpointId", e.id, "PolicyDocument", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"logs:PutLogEvents","Resource":"*"}]}`)
	l.until("because no VPC endpoint policy allows the logs:DescribeLogGroups action", "alone", describe)
	l.ec2("ModifyVpcEndpoint", "VpcEndpointId", e.id, "ResetPolicy", "true")
	l.until("of the program", "alone", describe)
	// The endpoint outlives the mapping.
	l.must("services", "unmap", "logs")
	l.until("musubi services map logs URL", "alone", describe)
	l.must("services", "map", "logs", back.URL)
	l.until("of the program", "alone", describe)
}

// killed: mappings last.
func (l *mappedLab) killed() {
	l.t.Helper()
	if err := syscall.Kill(l.status().Process.Daemon, syscall.SIGKILL); err != nil {
		l.t.Fatal(err)
	}
	l.eventually(10*time.Second, "the daemon to be back", func() bool {
		_, err := l.ask("sts", "GetCallerIdentity")
		return err == nil
	})
	l.listed()
	l.says("after kill -9", "hello\n status 200", func() string { return l.curl("priv", "https://data.s3."+l.region+".amazonaws.com/a/hello") })
}

// moved: another program takes over, and none.
func (l *mappedLab) moved() {
	l.t.Helper()
	other := newBuckets(l.t)
	other.put("data/a/hello", []byte("of the other"))
	url := "https://data.s3." + l.region + ".amazonaws.com/a/hello"
	l.must("services", "map", "s3", other.URL)
	if got := l.curl("pub", url); got != "of the other status 200" {
		l.t.Errorf("of the other program: %s", got)
	}
	other.Close()
	if got := l.curl("pub", url); !strings.Contains(got, "does not answer") || !strings.Contains(got, "status 503") {
		l.t.Errorf("of a program that has ended: %s", got)
	}
	l.must("services", "unmap", "s3")
	l.says("no name any more", "Could not resolve host", func() string { return l.curl("pub", url) })
	if out, err := l.run(l.t.Context(), nil, "services", "unmap", "s3"); err == nil || !strings.Contains(out, "s3 is not mapped") {
		l.t.Errorf("unmap again: %v %s", err, out)
	}
}
