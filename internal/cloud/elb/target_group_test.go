package elb

import "testing"

func TestTargetGroup(t *testing.T) {
	w := newWorld(t)
	g := must(w, tcpGroup("tg"))
	want := HealthCheck{Protocol: "TCP", Port: "traffic-port", IntervalSeconds: 30, TimeoutSeconds: 10, HealthyThreshold: 5, UnhealthyThreshold: 2}
	if g.HealthCheck != want || g.TargetType != "instance" || g.IPAddressType != "ipv4" {
		t.Errorf("got %+v", g)
	}
	if again := must(w, tcpGroup("tg")); again.ARN != g.ARN {
		t.Error("the same settings made another group")
	}
	c := tcpGroup("tg")
	c.Port = 81
	_, err := try(w, c)
	refused(t, err, "DuplicateTargetGroupName", "exists, but with different settings")

	g = must(w, ModifyTargetGroup{ARN: g.ARN, HealthCheck: HealthCheckParams{Protocol: "HTTP", TimeoutSeconds: 6}})
	if h := g.HealthCheck; h.Path != "/" || h.Matcher != "200-399" || h.TimeoutSeconds != 6 {
		t.Errorf("health check %+v", h)
	}
	g = must(w, ModifyTargetGroup{ARN: g.ARN, HealthCheck: HealthCheckParams{Protocol: "TCP"}})
	if h := g.HealthCheck; h.Path != "" || h.Matcher != "" {
		t.Errorf("health check %+v", h)
	}
	must(w, DeleteTargetGroup{ARN: g.ARN})
	must(w, DeleteTargetGroup{ARN: g.ARN})
}

func TestTargetGroupRefusals(t *testing.T) {
	for name, x := range map[string]struct {
		change     func(*CreateTargetGroup)
		code, part string
	}{
		"GENEVE":   {func(c *CreateTargetGroup) { c.Protocol = "GENEVE" }, "UnsupportedOperation", "'GENEVE' is not served"},
		"lambda":   {func(c *CreateTargetGroup) { c.TargetType = "lambda" }, "UnsupportedOperation", "'lambda' is not served"},
		"alb HTTP": {func(c *CreateTargetGroup) { c.TargetType, c.Protocol = "alb", "HTTP" }, "ValidationError", "target type 'alb'"},
		"alb ipv6": {func(c *CreateTargetGroup) { c.TargetType, c.IPAddressType = "alb", "ipv6" }, "ValidationError", "target type 'alb'"},
		"alb TCP check": {func(c *CreateTargetGroup) { c.TargetType, c.HealthCheck.Protocol = "alb", "TCP" }, "ValidationError",
			"'TCP' is not supported for target groups with target type 'alb'"},
		"HTTP TCP check": {func(c *CreateTargetGroup) { c.Protocol, c.HealthCheck.Protocol = "HTTP", "TCP" }, "ValidationError",
			"'TCP' is not supported for target groups with protocol 'HTTP'"},
		"version of TCP": {func(c *CreateTargetGroup) { c.ProtocolVersion = "HTTP1" }, "ValidationError", "Protocol version cannot be"},
		"version":        {func(c *CreateTargetGroup) { c.Protocol, c.ProtocolVersion = "HTTP", "HTTP3" }, "ValidationError", "'HTTP3'"},
		"gRPC matcher":   {func(c *CreateTargetGroup) { c.Protocol, c.HealthCheck.GRPCMatcher = "HTTP", "0" }, "ValidationError", "gRPC code matcher"},
		"HTTP matcher of gRPC": {func(c *CreateTargetGroup) {
			c.Protocol, c.ProtocolVersion, c.HealthCheck.Matcher = "HTTP", "GRPC", "200"
		}, "ValidationError", "HTTP code matcher"},
		"gRPC code": {func(c *CreateTargetGroup) {
			c.Protocol, c.ProtocolVersion, c.HealthCheck.GRPCMatcher = "HTTP", "GRPC", "100"
		}, "ValidationError", "'0-99'"},
		"HTTP code": {func(c *CreateTargetGroup) { c.Protocol, c.HealthCheck.Matcher = "HTTP", "200-500" }, "ValidationError", "'200-499'"},
		"HTTP timeout": {func(c *CreateTargetGroup) { c.Protocol, c.HealthCheck.IntervalSeconds = "HTTP", 5 }, "ValidationError",
			"interval must be greater"},
		"VPC":      {func(c *CreateTargetGroup) { c.VPCID = "vpc-x" }, "ValidationError", "'vpc-x' is not found"},
		"no VPC":   {func(c *CreateTargetGroup) { c.VPCID = "" }, "ValidationError", "VPC ID must be"},
		"no port":  {func(c *CreateTargetGroup) { c.Port = 0 }, "ValidationError", "port must be"},
		"name":     {func(c *CreateTargetGroup) { c.Name = "a b" }, "ValidationError", "target group name"},
		"disabled": {func(c *CreateTargetGroup) { c.HealthCheck.Enabled = new(false) }, "ValidationError", "enabled must be true"},
		"interval": {func(c *CreateTargetGroup) { c.HealthCheck.IntervalSeconds = 4 }, "ValidationError", "greater than or equal to 5"},
		"timeout": {func(c *CreateTargetGroup) { c.HealthCheck.IntervalSeconds, c.HealthCheck.TimeoutSeconds = 5, 6 },
			"ValidationError", "interval must be greater"},
		"threshold":  {func(c *CreateTargetGroup) { c.HealthCheck.HealthyThreshold = 11 }, "ValidationError", "less than or equal to 10"},
		"UDP check":  {func(c *CreateTargetGroup) { c.HealthCheck.Protocol = "UDP" }, "ValidationError", "'UDP' is not supported"},
		"TCP path":   {func(c *CreateTargetGroup) { c.HealthCheck.Path = "/x" }, "ValidationError", "protocol 'TCP'"},
		"check port": {func(c *CreateTargetGroup) { c.HealthCheck.Port = "eighty" }, "ValidationError", "'eighty'"},
		"matcher": {func(c *CreateTargetGroup) { c.HealthCheck.Protocol, c.HealthCheck.Matcher = "HTTP", "100-200" },
			"ValidationError", "'200-599'"},
		"path": {func(c *CreateTargetGroup) { c.HealthCheck.Protocol, c.HealthCheck.Path = "HTTP", "x" }, "ValidationError", "start with '/'"},
	} {
		t.Run(name, func(t *testing.T) {
			c := tcpGroup("tg")
			x.change(&c)
			_, err := try(newWorld(t), c)
			refused(t, err, x.code, x.part)
		})
	}
}

func TestMatcher(t *testing.T) {
	for m, want := range map[string]bool{"200": true, "200,302": true, "200-299": true, "200-399,404": true,
		"199": false, "200-600": false, "300-200": false, "": false, "ok": false} {
		if got := validMatcher(m, 200, 599); got != want {
			t.Errorf("%q: %v", m, got)
		}
	}
}

func TestGroupAttributes(t *testing.T) {
	w := newWorld(t)
	tcp := must(w, tcpGroup("tcp"))
	c := tcpGroup("ip-tcp")
	c.TargetType = "ip"
	ipTCP := must(w, c)
	c.Name, c.Protocol = "ip-udp", "UDP"
	ipUDP := must(w, c)
	if !PreservesClient(tcp) || PreservesClient(ipTCP) || !PreservesClient(ipUDP) || !EndsOnDeregister(ipUDP) || EndsOnDeregister(tcp) {
		t.Error("wrong defaults")
	}
	_, err := try(w, ModifyTargetGroupAttributes{ARN: ipUDP.ARN, Set: []KeyValue{{attrPreserveClient, "false"}}})
	refused(t, err, "InvalidConfigurationRequest", "cannot be disabled")
	_, err = try(w, ModifyTargetGroupAttributes{ARN: ipUDP.ARN, Set: []KeyValue{{attrProxyProtocol, "true"}}})
	refused(t, err, "UnsupportedOperation", attrProxyProtocol)
	_, err = try(w, ModifyTargetGroupAttributes{ARN: tcp.ARN, Set: []KeyValue{{"slow_start.duration_seconds", "30"}}})
	refused(t, err, "ValidationError", "not recognized")
	_, err = try(w, ModifyTargetGroupAttributes{ARN: tcp.ARN, Set: []KeyValue{{attrDrainUnhealthy, "60"}}})
	refused(t, err, "UnsupportedOperation", attrDrainUnhealthy)

	on := LoadBalancer{Attributes: map[string]string{attrCrossZone: "true"}}
	off := LoadBalancer{Attributes: map[string]string{attrCrossZone: "false"}}
	for value, want := range map[string][2]bool{"use_load_balancer_configuration": {true, false}, "true": {true, true}, "false": {false, false}} {
		g := must(w, ModifyTargetGroupAttributes{ARN: tcp.ARN, Set: []KeyValue{{attrCrossZone, value}}})
		if CrossZone(on, g) != want[0] || CrossZone(off, g) != want[1] {
			t.Errorf("%s: %v %v", value, CrossZone(on, g), CrossZone(off, g))
		}
	}
}
