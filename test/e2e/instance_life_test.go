package e2e

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// lifeLab is a VPC with a gateway: instances there have public addresses.
type lifeLab struct {
	*world
	subnet, other, open string
	in                  instance
}

// TestInstanceLife: what instances keep, and what they lose.
func TestInstanceLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.vpc("10.0.0.0/16")
	l := &lifeLab{world: w, subnet: w.subnet(v, "10.0.0.0/24", 0), other: w.subnet(v, "10.0.1.0/24", 0), open: w.open(v)}
	w.ec2("ModifySubnetAttribute", "SubnetId", l.subnet, "MapPublicIpOnLaunch.Value", "true")
	w.table(v, []string{"GatewayId", w.gateway(v)}, l.subnet)
	client := w.launch("client", l.subnet, l.open, "")
	l.in = w.running(w.launch("server", l.subnet, l.open, webServer, "MetadataOptions.HttpPutResponseHopLimit", "1",
		"MetadataOptions.InstanceMetadataTags", "enabled"))[0]
	w.running(client)
	w.peer(l.in.id, "81")
	w.peer(client)
	for _, step := range []func(){l.statuses, l.publicAddress, l.elasticAddress, l.protected, l.hotPlugged, l.metadataTags, l.metadataHops, l.resized} {
		if step(); t.Failed() {
			t.FailNow()
		}
	}
}

// refusedWith checks the code and the whole sentence of a refusal.
func (l *lifeLab) refusedWith(code, message, action string, parameters ...string) {
	l.t.Helper()
	_, err := l.ask("ec2", action, parameters...)
	e, ok := errors.AsType[*apiError](err)
	if !ok || e.code != code || e.message != message {
		l.t.Errorf("%s %v: %v, want %s: %s", action, parameters, err, code, message)
	}
}

func (l *lifeLab) modify(name, value string) {
	l.t.Helper()
	l.ec2("ModifyInstanceAttribute", "InstanceId", l.in.id, name, value)
}

func (l *lifeLab) stop() {
	l.t.Helper()
	l.ec2("StopInstances", "InstanceId.1", l.in.id)
	l.waitState(l.in.id, "stopped")
}

func (l *lifeLab) start() instance {
	l.t.Helper()
	l.ec2("StartInstances", "InstanceId.1", l.in.id)
	return l.running(l.in.id)[0]
}

func (l *lifeLab) statuses() {
	get := func(more ...string) element {
		l.t.Helper()
		return l.ec2("DescribeInstanceStatus", append([]string{"InstanceId.1", l.in.id}, more...)...)
	}
	l.eventually(30*time.Second, "checks to pass", func() bool {
		e := get()
		return e.text("instanceStatusSet/item/systemStatus/status") == "ok" && e.text("instanceStatusSet/item/instanceStatus/status") == "ok"
	})
	if e := get(); e.text("instanceStatusSet/item/instanceState/name") != "running" || e.text("instanceStatusSet/item/instanceStatus/details/item/name") != "reachability" ||
		e.text("instanceStatusSet/item/instanceStatus/details/item/status") != "passed" || e.text("instanceStatusSet/item/availabilityZone") != l.zones[0] {
		l.t.Errorf("the status: %+v", e)
	}
	l.stop()
	if e := get(); len(e.all("instanceStatusSet/item")) != 0 {
		l.t.Errorf("a stopped instance has a status: %+v", e)
	}
	if e := get("IncludeAllInstances", "true"); e.text("instanceStatusSet/item/instanceState/name") != "stopped" ||
		e.text("instanceStatusSet/item/instanceStatus/status") != "not-applicable" {
		l.t.Errorf("all statuses: %+v", e)
	}
	was := l.in
	l.in = l.start()
	if l.in.ip != was.ip || l.in.eni != was.eni || l.in.public == was.public || l.in.public == "" {
		l.t.Errorf("after stop and start: %+v, was %+v", l.in, was)
	}
}

// publicAddress: it is for one run, and leads there.
func (l *lifeLab) publicAddress() {
	l.reaches(l.in.public)
	l.mustExec(l.in.id, "touch /run/here")
	l.ec2("RebootInstances", "InstanceId.1", l.in.id)
	l.eventually(30*time.Second, "the reboot", func() bool {
		out, err := l.exec(l.in.id, "ls /run/here 2>/dev/null; echo new")
		return err == nil && out == "new\n"
	})
	l.running(l.in.id)
	if now := l.describe(l.in.id); now != l.in {
		l.t.Errorf("after a reboot: %+v, was %+v", now, l.in)
	}
	l.stop()
	if now := l.describe(l.in.id); now.public != "" || now.ip != l.in.ip {
		l.t.Errorf("a stopped instance has %+v", now)
	}
	l.in = l.start()
}

// reaches waits until the client reaches the server at an address.
func (l *lifeLab) reaches(address string) {
	l.t.Helper()
	l.eventually(20*time.Second, "the client to reach "+address, func() bool {
		out, err := l.exec("client", "curl -s -m 2 http://"+address+"/")
		return err == nil && strings.TrimSpace(out) == "hello"
	})
}

// elasticAddress takes the place of the other one, and stays.
func (l *lifeLab) elasticAddress() {
	id, ip := l.address()
	association := l.ec2("AssociateAddress", "AllocationId", id, "InstanceId", l.in.id).text("associationId")
	was := l.in.public
	if now := l.describe(l.in.id); now.public != ip || was == ip {
		l.t.Errorf("with an Elastic IP: %+v", now)
	}
	l.reaches(ip)
	l.stop()
	if now := l.describe(l.in.id); now.public != ip {
		l.t.Errorf("a stopped instance lost its Elastic IP: %+v", now)
	}
	if now := l.start(); now.public != ip {
		l.t.Errorf("a started instance lost its Elastic IP: %+v", now)
	}
	l.reaches(ip)
	if got := l.meta(l.in.id, "public-ipv4"); got != ip {
		l.t.Errorf("the metadata has %q for %s", got, ip)
	}
	l.ec2("DisassociateAddress", "AssociationId", association)
	l.in = l.describe(l.in.id)
	if l.in.public == ip || l.in.public == was {
		l.t.Errorf("without the Elastic IP: %+v", l.in)
	}
}

func (l *lifeLab) protected() {
	l.modify("DisableApiTermination.Value", "true")
	l.refusedWith("OperationNotPermitted", "The instance '"+l.in.id+"' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.",
		"TerminateInstances", "InstanceId.1", l.in.id)
	l.modify("DisableApiStop.Value", "true")
	l.refusedWith("OperationNotPermitted", "The instance '"+l.in.id+"' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.",
		"StopInstances", "InstanceId.1", l.in.id)
	l.modify("DisableApiStop.Value", "false")
	// Protection is against the API alone.
	l.modify("InstanceInitiatedShutdownBehavior.Value", "stop")
	_, _ = l.exec(l.in.id, "shutdown -h now")
	l.waitState(l.in.id, "stopped")
	l.in = l.start()
	l.modify("DisableApiTermination.Value", "false")
}

// hotPlugged: interfaces and addresses come to a running instance, and go.
func (l *lifeLab) hotPlugged() {
	eni := l.ec2("CreateNetworkInterface", "SubnetId", l.other, "SecurityGroupId.1", l.open, "SecondaryPrivateIpAddressCount", "1")
	id, ip := eni.text("networkInterface/networkInterfaceId"), eni.text("networkInterface/privateIpAddress")
	second := eni.all("networkInterface/privateIpAddressesSet/item")[1].text("privateIpAddress")
	before := l.mustExec(l.in.id, "ls /sys/class/net | sort | tr '\\n' ' '")
	attachment := l.ec2("AttachNetworkInterface", "InstanceId", l.in.id, "NetworkInterfaceId", id, "DeviceIndex", "1").text("attachmentId")
	l.eventually(20*time.Second, "the interface to appear", func() bool {
		out, err := l.exec(l.in.id, "grep -c ens6: /proc/net/dev")
		return err == nil && out == "1\n"
	})
	l.reaches(ip)
	mac := l.ec2("DescribeNetworkInterfaces", "NetworkInterfaceId.1", id).text("networkInterfaceSet/item/macAddress")
	if got := l.meta(l.in.id, "network/interfaces/macs/"+mac+"/local-ipv4s"); got != ip+"\n"+second {
		l.t.Errorf("the metadata's addresses of the second interface: %q", got)
	}
	third := l.ec2("AssignPrivateIpAddresses", "NetworkInterfaceId", l.in.eni, "SecondaryPrivateIpAddressCount", "1").
		text("assignedPrivateIpAddressesSet/item/privateIpAddress")
	l.reaches(third)
	one := l.ec2("CreateNetworkInterface", "SubnetId", l.other, "SecurityGroupId.1", l.open).text("networkInterface/networkInterfaceId")
	l.refusedWith("AttachmentLimitExceeded", "Interface count 3 exceeds the limit for t3.micro", "AttachNetworkInterface", "InstanceId", l.in.id, "NetworkInterfaceId", one, "DeviceIndex", "2")
	l.ec2("DetachNetworkInterface", "AttachmentId", attachment)
	l.eventually(20*time.Second, "the interface to go", func() bool {
		out, err := l.exec(l.in.id, "ls /sys/class/net | sort | tr '\\n' ' '")
		return err == nil && out == before
	})
	l.ec2("UnassignPrivateIpAddresses", "NetworkInterfaceId", l.in.eni, "PrivateIpAddress.1", third)
	l.reaches(l.in.ip)
}

func (l *lifeLab) metadataTags() {
	if got := l.meta(l.in.id, "tags/instance/Name"); got != "server" {
		l.t.Errorf("the tag Name is %q", got)
	}
	l.ec2("CreateTags", "ResourceId.1", l.in.id, "Tag.1.Key", "Stage", "Tag.1.Value", "test")
	l.eventually(20*time.Second, "the new tag in the metadata", func() bool { return l.meta(l.in.id, "tags/instance/Stage") == "test" })
	if got := l.meta(l.in.id, "tags/instance"); got != "Name\nStage" {
		l.t.Errorf("the tags are %q", got)
	}
	if got := l.meta("client", "tags/instance"); got != "" {
		l.t.Errorf("tags where they are not enabled: %q", got)
	}
	l.ec2("ModifyInstanceMetadataOptions", "InstanceId", l.in.id, "InstanceMetadataTags", "disabled")
	l.eventually(20*time.Second, "no tags in the metadata", func() bool { return l.meta(l.in.id, "tags/instance") == "" })
}

// metadataHops: the limit is the TTL of the answer to who asks for a token.
func (l *lifeLab) metadataHops() {
	if got := l.hops(l.in.id); got != "1" {
		l.t.Errorf("an answer within 1 hop has the TTL %s", got)
	}
	l.ec2("ModifyInstanceMetadataOptions", "InstanceId", l.in.id, "HttpPutResponseHopLimit", "7")
	l.eventually(20*time.Second, "a TTL of 7", func() bool { return l.hops(l.in.id) == "7" })
	l.ec2("ModifyInstanceMetadataOptions", "InstanceId", l.in.id, "HttpEndpoint", "disabled")
	var code string
	l.eventually(20*time.Second, "no metadata", func() bool {
		code, _ = l.exec(l.in.id, "curl -s -m 3 -o /dev/null -w '%{http_code}' -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://"+metadataService+"/latest/api/token")
		return strings.HasPrefix(code, "403")
	})
	if l.t.Failed() {
		l.t.Logf("the disabled endpoint answers %q", code)
	}
	l.ec2("ModifyInstanceMetadataOptions", "InstanceId", l.in.id, "HttpEndpoint", "enabled")
	l.eventually(20*time.Second, "metadata", func() bool { return l.meta(l.in.id, "instance-id") == l.in.id })
}

// resized: another type is taken while the instance is stopped.
func (l *lifeLab) resized() {
	l.refusedWith("IncorrectInstanceState", "The instance '"+l.in.id+"' is not in the 'stopped' state.",
		"ModifyInstanceAttribute", "InstanceId", l.in.id, "InstanceType.Value", "t3.small")
	l.stop()
	l.modify("InstanceType.Value", "t3.small")
	l.in = l.start()
	if got := l.meta(l.in.id, "instance-type"); got != "t3.small" {
		l.t.Errorf("the type is %q", got)
	}
}
