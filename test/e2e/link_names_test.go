package e2e

import (
	"encoding/json"
	"strings"
)

// notifies lets the service tell a topic of its connections.
func (l *linkLab) notifies() {
	l.t.Helper()
	topic := l.world.call("sns", "CreateTopic", "Name", "events").text("CreateTopicResult/TopicArn")
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"vpce.amazonaws.com"},"Action":"SNS:Publish","Resource":"` + topic + `"}]}`
	l.world.call("sns", "SetTopicAttributes", "TopicArn", topic, "AttributeName", "Policy", "AttributeValue", policy)
	l.ec2("CreateVpcEndpointConnectionNotification", "ServiceId", l.service, "ConnectionNotificationArn", topic,
		"ConnectionEvents.1", "Accept", "ConnectionEvents.2", "Connect", "ConnectionEvents.3", "Delete", "ConnectionEvents.4", "Reject")
}

// notifications: what the topic heard in all, in order.
func (l *linkLab) notifications() {
	want := "Connect Accept Reject Delete Connect"
	l.says("the events", want, func() string {
		var n struct {
			Messages []struct{ Message string }
		}
		out := l.must("notifications", "events", "--json")
		if err := json.Unmarshal([]byte(out), &n); err != nil {
			return err.Error() + out
		}
		var events []string
		for _, m := range n.Messages {
			var e struct{ ConnectionEvent, ServiceId, VpcEndpointOwner string }
			if err := json.Unmarshal([]byte(m.Message), &e); err != nil {
				return err.Error() + out
			}
			if e.ServiceId != l.service || e.VpcEndpointOwner != linkConsumer {
				return "of another: " + m.Message
			}
			events = append(events, e.ConnectionEvent)
		}
		return strings.Join(events, " ")
	})
}

const privateDomain = "api.link.example"

// privateName: a name that the provider proves to be its own leads to the
// endpoint in the consumer's VPC.
func (l *linkLab) privateName() {
	enable := []string{"VpcEndpointId", l.endpoint.id, "PrivateDnsEnabled", "true"}
	refuses := func(what, part string) {
		l.t.Helper()
		l.consumer.refuses(what, "InvalidParameter", part, "ModifyVpcEndpoint", enable...)
	}
	refuses("a service without a name", "Private DNS can't be enabled because the service "+l.name+" does not provide a private DNS name.")
	l.ec2("ModifyVpcEndpointServiceConfiguration", "ServiceId", l.service, "PrivateDnsName", privateDomain)
	refuses("a name that is not verified", "Private DNS can't be enabled because the service "+l.name+" has not verified the private DNS name.")
	l.verify()

	l.consumer.ec2("ModifyVpcAttribute", "VpcId", l.vpc, "EnableDnsHostnames.Value", "false")
	refuses("a VPC without DNS hostnames", "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for "+l.vpc)
	l.consumer.ec2("ModifyVpcAttribute", "VpcId", l.vpc, "EnableDnsHostnames.Value", "true")

	zone := func(reference string) (string, error) {
		out, err := l.consumer.cli("route53", "create-hosted-zone", "--name", privateDomain, "--caller-reference", reference, "--vpc", "VPCRegion=ap-northeast-1,VPCId="+l.vpc)
		var v struct{ HostedZone struct{ Id string } }
		if err == nil {
			err = json.Unmarshal([]byte(out), &v)
		}
		if err != nil {
			return out, err
		}
		return v.HostedZone.Id, nil
	}
	id, err := zone("before")
	if err != nil {
		l.t.Fatalf("a private zone: %v %s", err, id)
	}
	refuses("a private zone of that name", "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "+privateDomain+" in the VPC "+l.vpc)
	if out, err := l.consumer.cli("route53", "delete-hosted-zone", "--id", id); err != nil {
		l.t.Fatalf("delete the zone: %v %s", err, out)
	}

	l.consumer.ec2("ModifyVpcEndpoint", enable...)
	l.consumer.endpointBecomes(l.endpoint.id, "available")
	l.says("the private name", "hears", l.call(privateDomain))
	e := l.consumer.ec2("DescribeVpcEndpoints", "VpcEndpointId.1", l.endpoint.id)
	names := e.all("vpcEndpointSet/item/dnsEntrySet/item")
	if last := names[len(names)-1].text("dnsName"); last != privateDomain {
		l.t.Errorf("the last of the endpoint's names is %s", last)
	}
	if out, err := zone("after"); err == nil || !strings.Contains(out, "ConflictingDomainExists") {
		l.t.Errorf("a private zone of a private name: %v %s", err, out)
	}
	l.consumer.ec2("ModifyVpcEndpoint", "VpcEndpointId", l.endpoint.id, "PrivateDnsEnabled", "false")
	l.consumer.endpointBecomes(l.endpoint.id, "available")
	l.resolves("client", privateDomain, "") // the public zone has but the proof
	l.says("the endpoint's own name stays", "hears", l.call(l.endpoint.names[0]))
}

// verify proves the private name with a record of a public zone.
func (l *linkLab) verify() {
	proof := func() element {
		return l.ec2("DescribeVpcEndpointServiceConfigurations", "ServiceId.1", l.service).
			all("serviceConfigurationSet/item/privateDnsNameConfiguration")[0]
	}
	state := func() string { return proof().text("state") }
	if got := state(); got != "pendingVerification" {
		l.t.Errorf("a new name is %s", got)
	}
	l.ec2("StartVpcEndpointServicePrivateDnsVerification", "ServiceId", l.service)
	l.says("without the record", "failed", state)
	p := proof()
	if p.text("type") != "TXT" || !strings.HasPrefix(p.text("name"), "_") || !strings.HasPrefix(p.text("value"), "vpce:") {
		l.t.Errorf("the record that is asked for: %v", p)
	}
	v := l.aws("route53", "create-hosted-zone", "--name", "link.example", "--caller-reference", "link")
	l.record(dig(v, "HostedZone", "Id").(string), p.text("name")+"."+privateDomain, "TXT", `"`+p.text("value")+`"`)
	l.ec2("StartVpcEndpointServicePrivateDnsVerification", "ServiceId", l.service)
	l.says("with the record", "verified", state)
}
