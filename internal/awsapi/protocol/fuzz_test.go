package protocol_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/musubi-net/musubi/internal/awsapi/model"
	"github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/model/elbv2"
	"github.com/musubi-net/musubi/internal/awsapi/model/route53"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
)

// fuzzDoor serves one rich operation per protocol.
func fuzzDoor() (*protocol.Handler, error) {
	var got any
	var call protocol.Call
	return protocol.NewHandler(protocol.Options{Services: []protocol.Service{
		{Model: ec2.Model(), Operations: []protocol.Operation{
			answer[ec2.RunInstancesRequest](`RunInstances`, &got, &call, &ec2.Reservation{}, nil),
		}},
		{Model: elbv2.Model(), Operations: []protocol.Operation{
			answer[elbv2.CreateListenerInput](`CreateListener`, &got, &call, &elbv2.CreateListenerOutput{}, nil),
		}},
		{Model: route53.Model(), Operations: []protocol.Operation{
			answer[route53.ChangeResourceRecordSetsRequest](`ChangeResourceRecordSets`, &got, &call, &route53.ChangeResourceRecordSetsResponse{}, nil),
		}},
		{Model: model.Service{Name: "ssm", Protocol: "json", Version: "2014-11-06", TargetPrefix: "AmazonSSM",
			Operations: []model.Operation{{Name: "GetParameter", Status: 200, Input: "ParameterRequest", Output: "ParameterResult"}}},
			Operations: []protocol.Operation{answer[ParameterRequest](`GetParameter`, &got, &call, &ParameterResult{}, nil)}},
	}})
}

// probe sends a body; whatever it is, the answer is well-formed and no 500.
func probe(t *testing.T, h *protocol.Handler, target, service, body string) {
	t.Helper()
	r := signed("POST", target, service, body)
	if service == "ssm" {
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		r.Header.Set("X-Amz-Target", "AmazonSSM.GetParameter")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code >= 500 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if service == "ssm" {
		return
	}
	for dec := xml.NewDecoder(w.Body); ; {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func fuzz(f *testing.F, target, service string, seeds ...string) {
	h, err := fuzzDoor()
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) { probe(t, h, target, service, body) })
}

func FuzzEC2(f *testing.F) {
	fuzz(f, "/", "ec2",
		"Action=RunInstances&ImageId=ami-1&MinCount=1&MaxCount=1&NetworkInterface.1.SecurityGroupId.1=sg-1",
		"Action=RunInstances&BlockDeviceMapping.1.Ebs.VolumeSize=8&TagSpecification.1.Tag.1.Key=a&DryRun=true",
		"Action=RunInstances&MinCount=x&.=&a.=1&MaxCount.1=2&"+strings.Repeat("a.", 40)+"=1")
}

func FuzzQuery(f *testing.F) {
	fuzz(f, "/", "elasticloadbalancing",
		"Action=CreateListener&LoadBalancerArn=a&DefaultActions.member.1.Type=forward&DefaultActions.member.1.ForwardConfig.TargetGroups.member.1.Weight=1",
		"Action=CreateListener&DefaultActions=&Tags.member=x&DefaultActions.member.1.AuthenticateOidcConfig.AuthenticationRequestExtraParams.entry.1.key=k")
}

func FuzzXML(f *testing.F) {
	fuzz(f, "/2013-04-01/hostedzone/Z1/rrset/", "route53",
		`<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change><Action>UPSERT</Action><ResourceRecordSet><Name>a</Name><TTL>x</TTL></ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>`,
		`<ChangeResourceRecordSetsRequest><ChangeBatch/>`, `<a>`+strings.Repeat("<b>", 40))
}

func FuzzJSON(f *testing.F) {
	fuzz(f, "/", "ssm", `{"Name":"a","Keys":[{"Id":1}],"Since":1e300,"Blob":"!"}`, `{"Keys":{}}`, `[[[`)
}

func FuzzAuthorization(f *testing.F) {
	h, err := fuzzDoor()
	if err != nil {
		f.Fatal(err)
	}
	f.Add("AWS4-HMAC-SHA256 Credential=AKID/20260102/us-east-1/ec2/aws4_request, SignedHeaders=host, Signature=a")
	f.Add("AWS4-HMAC-SHA256 Credential=a/b/c/d/e,=,x")
	f.Fuzz(func(t *testing.T, header string) {
		r := signed("POST", "/", "ec2", "Action=RunInstances")
		r.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code == 200 || w.Code >= 500 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	})
}
