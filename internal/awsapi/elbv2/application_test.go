package elbv2

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"math/big"
	"strings"
	"testing"
)

// alb makes a load balancer with an HTTP and an HTTPS listener.
func (c *client) alb() (lb, http, https string) {
	c.t.Helper()
	lb = field(c.t, c.ok([]string{"<Type>application</Type>", "internal-alb-", "<SecurityGroups><member>sg-1<"}, "CreateLoadBalancer", "Name=alb",
		"Scheme=internal", "Subnets.member.1=subnet-0", "Subnets.member.2=subnet-1"), "LoadBalancerArn")
	http = field(c.t, c.ok(nil, "CreateListener", "LoadBalancerArn="+lb, "Protocol=HTTP", "Port=80", "DefaultActions.member.1.Type=redirect",
		"DefaultActions.member.1.RedirectConfig.Protocol=HTTPS", "DefaultActions.member.1.RedirectConfig.StatusCode=HTTP_301"), "ListenerArn")
	https = field(c.t, c.ok(nil, "CreateListener", "LoadBalancerArn="+lb, "Protocol=HTTPS", "Port=443",
		"Certificates.member.1.CertificateArn="+certificate, "DefaultActions.member.1.Type=fixed-response",
		"DefaultActions.member.1.FixedResponseConfig.StatusCode=404"), "ListenerArn")
	return lb, http, https
}

func TestApplicationOnTheWire(t *testing.T) {
	c := newClient(t)
	_, http, https := c.alb()
	c.ok([]string{"<Query>#{query}</Query>", "<Path>/#{path}</Path>", "<StatusCode>HTTP_301</StatusCode>"}, "DescribeListeners", "ListenerArns.member.1="+http)
	body := c.ok([]string{"<SslPolicy>ELBSecurityPolicy-2016-08</SslPolicy>", "<Mode>off</Mode>", "<CertificateArn>" + certificate},
		"DescribeListeners", "ListenerArns.member.1="+https)
	if strings.Contains(body, "AlpnPolicy") {
		t.Errorf("shows an ALPN policy: %s", body)
	}
	c.ok([]string{"<IsDefault>true</IsDefault>"}, "DescribeListenerCertificates", "ListenerArn="+https)
	c.ok([]string{"<IsDefault>false</IsDefault>"}, "AddListenerCertificates", "ListenerArn="+https, "Certificates.member.1.CertificateArn="+certificate)
	c.ok(nil, "RemoveListenerCertificates", "ListenerArn="+https, "Certificates.member.1.CertificateArn="+certificate)
	c.ok([]string{"<Key>routing.http.response.server.enabled</Key><Value>true<", "x_amzn_tls_version"}, "DescribeListenerAttributes", "ListenerArn="+https)
	c.ok([]string{"<Name>TLS_AES_128_GCM_SHA256</Name><Priority>1<"}, "DescribeSSLPolicies", "Names.member.1=ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09")
	c.refused("ValidationError", "IsDefault", "AddListenerCertificates", "ListenerArn="+https, "Certificates.member.1.CertificateArn="+certificate,
		"Certificates.member.1.IsDefault=true")
	c.refused("CertificateNotFound", "not found", "AddListenerCertificates", "ListenerArn="+https, "Certificates.member.1.CertificateArn="+certificate+"0")
	c.refused("ValidationError", "'RedirectConfig'", "ModifyListener", "ListenerArn="+http, "DefaultActions.member.1.Type=fixed-response",
		"DefaultActions.member.1.RedirectConfig.StatusCode=HTTP_301")
	c.refused("UnsupportedOperation", "authenticate-oidc", "ModifyListener", "ListenerArn="+https, "DefaultActions.member.1.Type=authenticate-oidc")
}

func TestRulesOnTheWire(t *testing.T) {
	c := newClient(t)
	_, http, _ := c.alb()
	action := []string{"ListenerArn=" + http, "Actions.member.1.Type=fixed-response", "Actions.member.1.FixedResponseConfig.StatusCode=200"}
	rule := func(params ...string) []string { return append(append([]string{}, action...), params...) }
	arn := field(t, c.ok([]string{"<Values><member>/a*</member></Values>", "<PathPatternConfig><Values><member>/a*<"}, "CreateRule",
		rule("Priority=9", "Conditions.member.1.Field=path-pattern", "Conditions.member.1.Values.member.1=/a*")...), "RuleArn")
	c.ok([]string{"<Key>k</Key><Value>v</Value>", "<HttpHeaderName>X-A</HttpHeaderName>"}, "CreateRule", rule("Priority=7",
		"Conditions.member.1.Field=query-string", "Conditions.member.1.QueryStringConfig.Values.member.1.Key=k",
		"Conditions.member.1.QueryStringConfig.Values.member.1.Value=v", "Conditions.member.2.Field=http-header",
		"Conditions.member.2.HttpHeaderConfig.HttpHeaderName=X-A", "Conditions.member.2.HttpHeaderConfig.Values.member.1=b")...)
	var seen []string
	marker := ""
	for {
		body := c.ok(nil, "DescribeRules", "ListenerArn="+http, "PageSize=1", "Marker="+marker)
		seen = append(seen, field(t, body, "Priority"))
		if !strings.Contains(body, "<NextMarker>") {
			break
		}
		marker = field(t, body, "NextMarker")
	}
	if got := strings.Join(seen, " "); got != "7 9 default" {
		t.Errorf("pages held %s", got)
	}
	c.ok([]string{"<Priority>1</Priority>"}, "SetRulePriorities", "RulePriorities.member.1.RuleArn="+arn, "RulePriorities.member.1.Priority=1")
	c.ok(nil, "AddTags", "ResourceArns.member.1="+arn, "Tags.member.1.Key=a", "Tags.member.1.Value=b")
	c.ok([]string{"<Key>a</Key>"}, "DescribeTags", "ResourceArns.member.1="+arn)
	condition := []string{"Priority=20", "Conditions.member.1.Field=path-pattern"}
	for _, x := range []struct{ code, part, param string }{
		{"UnsupportedOperation", "RegexValues", "Conditions.member.1.PathPatternConfig.RegexValues.member.1=^x"},
		{"ValidationError", "'HostHeaderConfig'", "Conditions.member.1.HostHeaderConfig.Values.member.1=a.b"},
		{"UnsupportedOperation", "Transforms", "Transforms.member.1.Type=url-rewrite"},
	} {
		c.refused(x.code, x.part, "CreateRule", rule(append(condition, x.param)...)...)
	}
	c.ok(nil, "DeleteRule", "RuleArn="+arn)
	c.refused("RuleNotFound", "not found", "DescribeRules", "RuleArns.member.1="+arn)
}

func TestTrustStoresOnTheWire(t *testing.T) {
	c := newClient(t)
	bucket := []string{"Name=ts", "CaCertificatesBundleS3Bucket=bundles"}
	arn := field(t, c.ok([]string{"<NumberOfCaCertificates>1<", "<Status>ACTIVE<"}, "CreateTrustStore",
		append(bucket, "CaCertificatesBundleS3Key=ca.pem")...), "TrustStoreArn")
	for key, code := range map[string]string{"none.pem": noBundle, "../ca.pem": noBundle, "text": "InvalidCaCertificatesBundle"} {
		c.refused(code, "", "CreateTrustStore", append([]string{"Name=other"}, append(bucket[1:], "CaCertificatesBundleS3Key="+key)...)...)
	}
	c.refused("UnsupportedOperation", "S3ObjectVersion", "CreateTrustStore", append(bucket, "CaCertificatesBundleS3Key=ca.pem",
		"CaCertificatesBundleS3ObjectVersion=1")...)
	_, _, https := c.alb()
	c.ok([]string{"<TrustStoreArn>" + arn, "<AdvertiseTrustStoreCaNames>on<", "<IgnoreClientCertificateExpiry>false<"}, "ModifyListener",
		"ListenerArn="+https, "MutualAuthentication.Mode=verify", "MutualAuthentication.TrustStoreArn="+arn,
		"MutualAuthentication.AdvertiseTrustStoreCaNames=on")
	c.ok([]string{"<ResourceArn>arn:aws:elasticloadbalancing:ap-northeast-1:111111111111:loadbalancer/app/alb/"}, "DescribeTrustStoreAssociations", "TrustStoreArn="+arn)
	c.refused("TrustStoreInUse", "in use", "DeleteTrustStore", "TrustStoreArn="+arn)
	c.refused("RevocationContentNotFound", "", "AddTrustStoreRevocations", "TrustStoreArn="+arn,
		"RevocationContents.member.1.S3Bucket=bundles", "RevocationContents.member.1.S3Key=none")
	c.ok([]string{"<DescribeTrustStoreRevocationsResult"}, "DescribeTrustStoreRevocations", "TrustStoreArn="+arn)
	c.ok([]string{"<Name>ts</Name>"}, "DescribeTrustStores", "Names.member.1=ts")
	c.refused("TrustStoreNotFound", "not found", "DescribeTrustStores", "Names.member.1=x")
}

// objects are the objects of the test's buckets.
func objects(files map[string]string) func(bucket, key string) ([]byte, error) {
	return func(bucket, key string) ([]byte, error) {
		if text, ok := files[bucket+"/"+key]; ok {
			return []byte(text), nil
		}
		return nil, fs.ErrNotExist
	}
}

// bundle is a bundle of one certificate.
func bundle(t *testing.T) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
