package protocol_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/model/elbv2"
	"github.com/musubi-net/musubi/internal/awsapi/model/iam"
	"github.com/musubi-net/musubi/internal/awsapi/model/route53"
	"github.com/musubi-net/musubi/internal/awsapi/model/sts"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
)

// answer makes an operation that records its input and returns out or err.
func answer[I, O any](name string, got *any, call *protocol.Call, out *O, err error) protocol.Operation {
	return protocol.Op(name, func(_ context.Context, c *protocol.Call, in *I) (*O, error) {
		*got, *call = in, *c
		return out, err
	})
}

// door makes a front door of one service and the given operations.
func door(t *testing.T, services ...protocol.Service) *protocol.Handler {
	t.Helper()
	h, err := protocol.NewHandler(protocol.Options{
		Services: services, Version: "test", Hosts: []string{".amazonaws.com"},
		Identify: func(id string) (cloud.Caller, bool) {
			return cloud.Caller{Scope: cloud.Scope{Account: "222222222222"}, PrincipalARN: "arn:aws:sts::222222222222:assumed-role/r/s", UserID: "AROA:s"}, id == "ASIAISSUED" || id == "ASIAEXPIRED"
		},
		Expired: func(id string) bool { return id == "ASIAEXPIRED" },
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func signed(method, target, service, body string) *http.Request {
	r := httptest.NewRequest(method, "http://127.0.0.1:4566"+target, strings.NewReader(body))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=111111111111/20260102/ap-northeast-1/"+service+"/aws4_request, SignedHeaders=host;x-amz-date, Signature=abc")
	if service != "route53" && method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	return r
}

func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// send returns status and body, with the request id replaced by ID.
func send(t *testing.T, h http.Handler, r *http.Request) (int, string, http.Header) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	id := w.Header().Get("x-amzn-RequestId")
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("request id %q is no UUID", id)
	}
	text := strings.ReplaceAll(string(body), id, "ID")
	return w.Code, strings.TrimPrefix(text, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"), w.Header()
}

func ec2Door(t *testing.T, got *any, call *protocol.Call, err error) *protocol.Handler {
	return door(t, protocol.Service{Model: ec2.Model(), Operations: []protocol.Operation{
		answer[ec2.CreateVpcRequest](`CreateVpc`, got, call, &ec2.CreateVpcResult{}, err),
		answer[ec2.DeleteVpcRequest](`DeleteVpc`, got, call, &ec2.DeleteVpcResult{}, err),
		answer[ec2.AuthorizeSecurityGroupIngressRequest](`AuthorizeSecurityGroupIngress`, got, call, &ec2.AuthorizeSecurityGroupIngressResult{}, err),
	}})
}

func TestRefusals(t *testing.T) {
	var got any
	var call protocol.Call
	h := ec2Door(t, &got, &call, nil)
	body := form("Action", "DeleteVpc", "Version", "2016-11-15", "VpcId", "vpc-1")
	for name, tt := range map[string]struct {
		change func(*http.Request)
		status int
		want   string
	}{
		"good":          {func(*http.Request) {}, 200, "<return>true</return>"},
		"localhost":     {func(r *http.Request) { r.Host = "ec2.localhost:4566" }, 200, "<return>"},
		"ipv6":          {func(r *http.Request) { r.Host = "[::1]:4566" }, 200, "<return>"},
		"AWS name":      {func(r *http.Request) { r.Host = "ec2.ap-northeast-1.amazonaws.com" }, 200, "<return>"},
		"same origin":   {func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:4566") }, 200, "<return>"},
		"host":          {func(r *http.Request) { r.Host = "evil.example" }, 403, "Host"},
		"host suffix":   {func(r *http.Request) { r.Host = "127.0.0.1.evil.example" }, 403, "Host"},
		"amazon suffix": {func(r *http.Request) { r.Host = "evilamazonaws.com" }, 403, "Host"},
		"lan host":      {func(r *http.Request) { r.Host = "192.168.1.2:4566" }, 403, "Host"},
		"origin":        {func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403, "origin"},
		"null origin":   {func(r *http.Request) { r.Header.Set("Origin", "null") }, 403, "origin"},
		"cross site":    {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403, "sites"},
		"unsigned":      {func(r *http.Request) { r.Header.Del("Authorization") }, 403, "<Code>MissingAuthenticationToken</Code>"},
		"basic":         {func(r *http.Request) { r.SetBasicAuth("a", "b") }, 403, "<Code>IncompleteSignature</Code>"},
		"no signature": {func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260102/us-east-1/ec2/aws4_request")
		}, 403, "requires &apos;Signature&apos;"},
		"short scope": {func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/us-east-1/ec2, SignedHeaders=host, Signature=a")
		}, 403, "exactly 5 slash-delimited"},
		"odd region": {func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260102/a:b/ec2/aws4_request, SignedHeaders=host, Signature=a")
		}, 403, "valid region"},
		"other service": {func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKID/20260102/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=a")
		}, 400, "&quot;sqs&quot; is not served"},
		"presigned": {func(r *http.Request) {
			r.Header.Del("Authorization")
			r.URL.RawQuery = form("X-Amz-Algorithm", "AWS4-HMAC-SHA256", "X-Amz-Credential", "AKID/20260102/us-east-1/ec2/aws4_request", "X-Amz-SignedHeaders", "host", "X-Amz-Signature", "a")
		}, 200, "<return>"},
	} {
		t.Run(name, func(t *testing.T) {
			r := signed("POST", "/", "ec2", body)
			tt.change(r)
			status, text, _ := send(t, h, r)
			text = strings.ReplaceAll(text, "'", "&apos;")
			if status != tt.status || !strings.Contains(text, tt.want) {
				t.Errorf("%d %s, want %d with %s", status, text, tt.status, tt.want)
			}
		})
	}
	if n := h.Unserved()["sqs:DeleteVpc"]; n != 1 {
		t.Errorf("unserved: %v", h.Unserved())
	}
}

func TestCaller(t *testing.T) {
	var got any
	var call protocol.Call
	h := ec2Door(t, &got, &call, nil)
	for key, want := range map[string]cloud.Caller{
		"123456789012": {Scope: cloud.Scope{Account: "123456789012", Region: "eu-west-1"}, PrincipalARN: "arn:aws:iam::123456789012:root", UserID: "123456789012"},
		"AKIAOTHER":    {Scope: cloud.Scope{Account: "000000000000", Region: "eu-west-1"}, PrincipalARN: "arn:aws:iam::000000000000:root", UserID: "000000000000"},
		"ASIAISSUED":   {Scope: cloud.Scope{Account: "222222222222", Region: "eu-west-1"}, PrincipalARN: "arn:aws:sts::222222222222:assumed-role/r/s", UserID: "AROA:s"},
	} {
		r := signed("POST", "/", "ec2", form("Action", "DeleteVpc", "VpcId", "vpc-1"))
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20260102/eu-west-1/ec2/aws4_request,SignedHeaders=host,Signature=a")
		if status, text, _ := send(t, h, r); status != 200 || call.Caller != want {
			t.Errorf("%s: %+v, want %+v (%s)", key, call.Caller, want, text)
		}
	}
}

func TestBadKeys(t *testing.T) {
	var got any
	var call protocol.Call
	ec2Service := ec2Door(t, &got, &call, nil)
	stsService := door(t, protocol.Service{Model: sts.Model(), Operations: []protocol.Operation{
		answer[sts.GetCallerIdentityRequest](`GetCallerIdentity`, &got, &call, &sts.GetCallerIdentityResponse{}, nil)}})
	for _, tt := range []struct {
		door         *protocol.Handler
		service, key string
		status       int
		want         string
	}{
		{stsService, "sts", "ASIAEXPIRED", 403, "<Code>ExpiredToken</Code><Message>The security token included in the request is expired</Message>"},
		{stsService, "sts", "ASIAUNKNOWN", 403, "<Code>InvalidClientTokenId</Code><Message>The security token included in the request is invalid.</Message>"},
		{ec2Service, "ec2", "ASIAEXPIRED", 400, "<Code>RequestExpired</Code><Message>Request has expired.</Message>"},
		{ec2Service, "ec2", "ASIAUNKNOWN", 401, "<Code>AuthFailure</Code><Message>AWS was not able to validate the provided access credentials</Message>"},
	} {
		got = nil
		action := map[string]string{"sts": "GetCallerIdentity", "ec2": "DeleteVpc"}[tt.service]
		r := signed("POST", "/", tt.service, form("Action", action, "VpcId", "vpc-1"))
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+tt.key+"/20260102/eu-west-1/"+tt.service+"/aws4_request,SignedHeaders=host,Signature=a")
		if status, text, _ := send(t, tt.door, r); status != tt.status || !strings.Contains(text, tt.want) {
			t.Errorf("%s with %s: %d %s", tt.service, tt.key, status, text)
		}
		if got != nil {
			t.Errorf("%s with %s: the operation ran", tt.service, tt.key)
		}
	}
}

func TestErrors(t *testing.T) {
	const sender = `<ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender</Type>`
	var got any
	var call protocol.Call
	for name, tt := range map[string]struct {
		err     error
		service string
		status  int
		want    string
	}{
		"ec2 code": {cloud.Errorf(cloud.KindConflict, "subnet", "InvalidSubnet.Conflict", "a < b"), "ec2", 400,
			`<Response><Errors><Error><Code>InvalidSubnet.Conflict</Code><Message>a &lt; b</Message></Error></Errors><RequestID>ID</RequestID></Response>`},
		"ec2 kind": {cloud.Errorf(cloud.KindNotFound, "vpc", "", "m"), "ec2", 400,
			`<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>m</Message></Error></Errors><RequestID>ID</RequestID></Response>`},
		"ec2 forbidden": {&protocol.Error{Code: "UnauthorizedOperation", Message: "m"}, "ec2", 403,
			`<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>m</Message></Error></Errors><RequestID>ID</RequestID></Response>`},
		"ec2 not permitted": {cloud.Errorf(cloud.KindForbidden, "security-group", "CannotDelete", "m"), "ec2", 400,
			`<Response><Errors><Error><Code>CannotDelete</Code><Message>m</Message></Error></Errors><RequestID>ID</RequestID></Response>`},
		"ec2 internal": {errors.New("secret"), "ec2", 500,
			`<Response><Errors><Error><Code>InternalError</Code><Message>An internal error has occurred</Message></Error></Errors><RequestID>ID</RequestID></Response>`},
		"route53 code": {cloud.Errorf(cloud.KindNotFound, "hosted-zone", "", "No hosted zone found with ID: Z1"), "route53", 404,
			sender + `<Code>NoSuchHostedZone</Code><Message>No hosted zone found with ID: Z1</Message></Error><RequestId>ID</RequestId></ErrorResponse>`},
		"route53 internal": {errors.New("secret"), "route53", 500,
			strings.Replace(sender, "Sender", "Receiver", 1) + `<Code>InternalFailure</Code><Message>An internal error has occurred</Message></Error><RequestId>ID</RequestId></ErrorResponse>`},
	} {
		t.Run(name, func(t *testing.T) {
			h, r := ec2Door(t, &got, &call, tt.err), signed("POST", "/", "ec2", form("Action", "DeleteVpc", "VpcId", "vpc-1"))
			if tt.service == "route53" {
				h = door(t, protocol.Service{Model: route53.Model(), Operations: []protocol.Operation{
					answer[route53.GetHostedZoneRequest](`GetHostedZone`, &got, &call, &route53.GetHostedZoneResponse{}, tt.err),
				}})
				r = signed("GET", "/2013-04-01/hostedzone/Z1", "route53", "")
			}
			if status, text, _ := send(t, h, r); status != tt.status || text != tt.want {
				t.Errorf("%d %s\nwant %d %s", status, text, tt.status, tt.want)
			}
		})
	}
}

func TestPanicIsInternalError(t *testing.T) {
	h := door(t, protocol.Service{Model: sts.Model(), Operations: []protocol.Operation{
		protocol.Op("GetCallerIdentity", func(context.Context, *protocol.Call, *sts.GetCallerIdentityRequest) (*sts.GetCallerIdentityResponse, error) {
			panic("oops")
		}),
	}})
	status, text, _ := send(t, h, signed("POST", "/", "sts", form("Action", "GetCallerIdentity")))
	if status != 500 || !strings.Contains(text, "<Code>InternalFailure</Code>") || strings.Contains(text, "oops") {
		t.Errorf("%d %s", status, text)
	}
}

func TestWiringMistakes(t *testing.T) {
	var got any
	var call protocol.Call
	for name, s := range map[string]protocol.Service{
		"no model":   {Name: "ec2"},
		"not listed": {Model: iam.Model(), Operations: []protocol.Operation{answer[iam.GetRoleRequest](`GetRolf`, &got, &call, &iam.GetRoleResponse{}, nil)}},
		"wrong type": {Model: elbv2.Model(), Operations: []protocol.Operation{answer[elbv2.AddTagsInput](`RemoveTags`, &got, &call, &elbv2.RemoveTagsOutput{}, nil)}},
		"without Op": {Model: iam.Model(), Operations: []protocol.Operation{{Name: "GetRole"}}},
	} {
		if _, err := protocol.NewHandler(protocol.Options{Services: []protocol.Service{s}}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
