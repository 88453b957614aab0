package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const route53NS = `xmlns="https://route53.amazonaws.com/doc/2013-04-01/"`

// recordOf is a batch that creates one record: name and type, then elements.
func recordOf(name, kind, elements string) string {
	return fmt.Sprintf("<ChangeResourceRecordSetsRequest %s><ChangeBatch><Changes><Change><Action>CREATE</Action><ResourceRecordSet><Name>%s</Name><Type>%s</Type>%s</ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>",
		route53NS, name, kind, elements)
}

// routed is the order of the elements that AWS's schema asks for.
func routed(policy, value string) string {
	return policy + "<TTL>60</TTL><ResourceRecords><ResourceRecord><Value>" + value + "</Value></ResourceRecord></ResourceRecords>"
}

func checkOf(reference, configuration string) string {
	return fmt.Sprintf("<CreateHealthCheckRequest %s><CallerReference>%s</CallerReference><HealthCheckConfig>%s</HealthCheckConfig></CreateHealthCheckRequest>",
		route53NS, reference, configuration)
}

func TestNameRefusals(t *testing.T) {
	t.Parallel()
	m := start(t)
	w := m.wire()
	n := names{"vpc": w.must("ec2", "CreateVpc CidrBlock=10.0.0.0/16", "vpcId"), "other-vpc": w.as("111111111111").must("ec2", "CreateVpc CidrBlock=10.0.0.0/16", "vpcId")}
	idOf := func(line, body string) string {
		t.Helper()
		a := w.rest(n.expand(line), n.expand(body))
		if a.status != http.StatusCreated && a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", line, a.status, a.body)
		}
		_, element, _ := strings.Cut(line, " ")
		begin := map[string]string{"hostedzone": "<HostedZone>", "healthcheck": "<HealthCheck>"}[element]
		return strings.TrimPrefix(textOf(a.body[strings.Index(a.body, begin):], "Id"), "/hostedzone/")
	}
	zone := func(name, vpc string) string {
		return fmt.Sprintf("<CreateHostedZoneRequest %s><Name>%s</Name>%s<CallerReference>%s</CallerReference></CreateHostedZoneRequest>", route53NS, name, vpc, name)
	}
	vpcOf := func(root, vpc string) string {
		return fmt.Sprintf("<%s %s><VPC><VPCRegion>ap-northeast-1</VPCRegion><VPCId>%s</VPCId></VPC></%s>", root, route53NS, vpc, root)
	}
	n["public"] = idOf("POST hostedzone", zone("a.test", ""))
	n["private"] = idOf("POST hostedzone", zone("b.test", "<VPC><VPCRegion>ap-northeast-1</VPCRegion><VPCId>{vpc}</VPCId></VPC>"))
	n["check"] = idOf("POST healthcheck", checkOf("one", "<IPAddress>52.1.2.3</IPAddress><Port>80</Port><Type>TCP</Type>"))
	n["parent"] = idOf("POST healthcheck", checkOf("two", "<Type>CALCULATED</Type><HealthThreshold>1</HealthThreshold><ChildHealthChecks><ChildHealthCheck>{check}</ChildHealthCheck></ChildHealthChecks>"))
	records := "POST hostedzone/{public}/rrset/"
	weighted := routed("<SetIdentifier>one</SetIdentifier><Weight>1</Weight>", "192.0.2.1")
	for kind, body := range map[string]string{
		"weighted":    recordOf("weighted.a.test", "A", weighted),
		"failover":    recordOf("failover.a.test", "A", routed("<SetIdentifier>one</SetIdentifier><Failover>PRIMARY</Failover>", "192.0.2.1")),
		"geolocation": recordOf("geo.a.test", "A", routed("<SetIdentifier>one</SetIdentifier><GeoLocation><CountryCode>JP</CountryCode></GeoLocation>", "192.0.2.1")),
		"simple":      recordOf("simple.a.test", "A", routed("", "192.0.2.1")),
	} {
		if a := w.rest(n.expand(records), body); a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", kind, a.status, a.body)
		}
	}
	for _, r := range []struct {
		apiRefusal
		body string
	}{
		// Records with routing policies.
		{apiRefusal{records, 0, "InvalidChangeBatch", "[RRSet with DNS name weighted.a.test., type A, SetIdentifier two cannot be created as other RRSets exist with the same name and type.]"}, recordOf("weighted.a.test", "A", routed("<SetIdentifier>two</SetIdentifier><Region>us-east-1</Region>", "192.0.2.2"))},
		{apiRefusal{records, 0, "InvalidChangeBatch", "[RRSet with DNS name simple.a.test., type A, SetIdentifier two cannot be created as other RRSets exist with the same name and type.]"}, recordOf("simple.a.test", "A", routed("<SetIdentifier>two</SetIdentifier><Weight>1</Weight>", "192.0.2.2"))},
		{apiRefusal{records, 0, "InvalidChangeBatch", "[RRSet with DNS name weighted.a.test., type A, SetIdentifier null cannot be created as other RRSets exist with the same name and type.]"}, recordOf("weighted.a.test", "A", routed("", "192.0.2.2"))},
		{apiRefusal{records, 0, "InvalidChangeBatch", "[Tried to create resource record set …"}, recordOf("weighted.a.test", "A", weighted)},
		{apiRefusal{records, 0, "InvalidChangeBatch", "…"}, recordOf("failover.a.test", "A", routed("<SetIdentifier>two</SetIdentifier><Failover>PRIMARY</Failover>", "192.0.2.2"))},
		{apiRefusal{records, 0, "InvalidChangeBatch", "…"}, recordOf("geo.a.test", "A", routed("<SetIdentifier>two</SetIdentifier><GeoLocation><CountryCode>JP</CountryCode></GeoLocation>", "192.0.2.2"))},
		{apiRefusal{records, 0, "InvalidInput", "…"}, recordOf("x.a.test", "A", routed("<Weight>1</Weight>", "192.0.2.2"))},
		{apiRefusal{records, 0, "InvalidInput", "…"}, recordOf("x.a.test", "A", routed("<SetIdentifier>one</SetIdentifier>", "192.0.2.2"))},
		{apiRefusal{records, 0, "InvalidInput", "…"}, recordOf("x.a.test", "A", routed("<SetIdentifier>one</SetIdentifier><Weight>256</Weight>", "192.0.2.2"))},
		{apiRefusal{records, 0, "InvalidInput", "…"}, recordOf("x.a.test", "A", routed("<SetIdentifier>one</SetIdentifier><Weight>1</Weight><Region>us-east-1</Region>", "192.0.2.2"))},
		{apiRefusal{records, 0, "InvalidInput", "…"}, recordOf("x.a.test", "A", routed("<SetIdentifier>one</SetIdentifier><Failover>TERTIARY</Failover>", "192.0.2.2"))},
		{apiRefusal{records, 404, "NoSuchHealthCheck", "The specified health check does not exist: nothing"}, recordOf("x.a.test", "A", "<SetIdentifier>one</SetIdentifier><Weight>1</Weight><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>192.0.2.2</Value></ResourceRecord></ResourceRecords><HealthCheckId>nothing</HealthCheckId>")},
		{apiRefusal{records, 0, "InvalidChangeBatch", "[Tried to create an alias that targets none.a.test., type A in zone {public}, but that target was not found]"}, recordOf("x.a.test", "A", "<AliasTarget><HostedZoneId>{public}</HostedZoneId><DNSName>none.a.test</DNSName><EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>")},
		{apiRefusal{records, 0, "InvalidChangeBatch", "[Tried to create an alias that targets simple.a.test., type AAAA in zone {public}, but that target was not found]"}, recordOf("x.a.test", "AAAA", "<AliasTarget><HostedZoneId>{public}</HostedZoneId><DNSName>simple.a.test</DNSName><EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget>")},
		{apiRefusal{records, 0, "InvalidChangeBatch", "[RRSet of type CNAME with DNS name simple.a.test. is not permitted as it conflicts with other records with the same DNS name in zone a.test.]"}, recordOf("simple.a.test", "CNAME", routed("", "x.test"))},

		// Zones in VPCs and in other accounts.
		{apiRefusal{"POST hostedzone/{private}/associatevpc", 401, "NotAuthorizedException", "…"}, vpcOf("AssociateVPCWithHostedZoneRequest", "{other-vpc}")},
		{apiRefusal{"POST hostedzone/{public}/associatevpc", 0, "PublicZoneVPCAssociation", "…"}, vpcOf("AssociateVPCWithHostedZoneRequest", "{vpc}")},
		{apiRefusal{"POST hostedzone/{private}/associatevpc", 0, "ConflictingDomainExists", "…"}, vpcOf("AssociateVPCWithHostedZoneRequest", "{vpc}")},
		{apiRefusal{"POST hostedzone/{private}/disassociatevpc", 0, "LastVPCAssociation", "Cannot remove last VPC association for the private zone"}, vpcOf("DisassociateVPCFromHostedZoneRequest", "{vpc}")},
		{apiRefusal{"POST hostedzone/{private}/disassociatevpc", 404, "VPCAssociationNotFound", "…"}, vpcOf("DisassociateVPCFromHostedZoneRequest", "{other-vpc}")},
		{apiRefusal{"POST hostedzone/{public}/authorizevpcassociation", 0, "InvalidInput", "…"}, vpcOf("CreateVPCAssociationAuthorizationRequest", "{other-vpc}")},
		{apiRefusal{"POST hostedzone/{private}/authorizevpcassociation", 0, "InvalidVPCId", "…"}, vpcOf("CreateVPCAssociationAuthorizationRequest", "vpc-0123456789abcdef0")},
		{apiRefusal{"POST hostedzone/{private}/deauthorizevpcassociation", 404, "VPCAssociationAuthorizationNotFound", "…"}, vpcOf("DeleteVPCAssociationAuthorizationRequest", "{other-vpc}")},

		// Health checks.
		{apiRefusal{"GET healthcheck/nothing", 404, "NoSuchHealthCheck", "…"}, ""},
		{apiRefusal{"POST healthcheck", 409, "HealthCheckAlreadyExists", "…"}, checkOf("one", "<IPAddress>52.1.2.4</IPAddress><Port>80</Port><Type>TCP</Type>")},
		{apiRefusal{"POST healthcheck", 0, "InvalidInput", "…"}, checkOf("x", "<IPAddress>127.0.0.1</IPAddress><Port>80</Port><Type>TCP</Type>")},
		{apiRefusal{"POST healthcheck", 0, "InvalidInput", "…"}, checkOf("x", "<IPAddress>52.1.2.3</IPAddress><Port>80</Port><Type>PING</Type>")},
		{apiRefusal{"POST healthcheck", 0, "InvalidInput", "…"}, checkOf("x", "<IPAddress>52.1.2.3</IPAddress><Port>80</Port><Type>HTTP_STR_MATCH</Type>")},
		{apiRefusal{"POST healthcheck", 0, "InvalidInput", "…"}, checkOf("x", "<IPAddress>52.1.2.3</IPAddress><Port>80</Port><Type>TCP</Type><RequestInterval>20</RequestInterval>")},
		{apiRefusal{"POST healthcheck", 0, "InvalidInput", "…"}, checkOf("x", "<Type>CALCULATED</Type><HealthThreshold>1</HealthThreshold><ChildHealthChecks><ChildHealthCheck>{parent}</ChildHealthCheck></ChildHealthChecks>")},
		{apiRefusal{"POST healthcheck", 0, "UnsupportedOperation", "…"}, checkOf("x", "<Type>CLOUDWATCH_METRIC</Type>")},
	} {
		n.check(t, r.apiRefusal, w.rest(n.expand(r.request), n.expand(r.body)))
	}
	// The owner of the VPC needs the owner of the zone.
	n.check(t, apiRefusal{"POST hostedzone/{private}/associatevpc", 401, "NotAuthorizedException", "The VPC: {other-vpc} has not authorized to associate with your hosted zone."},
		w.as("111111111111").rest(n.expand("POST hostedzone/{private}/associatevpc"), n.expand(vpcOf("AssociateVPCWithHostedZoneRequest", "{other-vpc}"))))
}
