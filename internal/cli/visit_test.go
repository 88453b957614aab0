package cli

import "testing"

func TestSplitPort(t *testing.T) {
	for in, want := range map[string]struct {
		name string
		port uint16
	}{
		"web:80":            {"web", 80},
		"[2001:db8::1]:443": {"2001:db8::1", 443},
		"arn:aws:elasticloadbalancing:us-east-1:0:loadbalancer/net/x/1:8080": {"arn:aws:elasticloadbalancing:us-east-1:0:loadbalancer/net/x/1", 8080},
		"web": {}, ":80": {}, "web:0": {}, "web:65536": {}, "web:http": {},
	} {
		name, port, err := splitPort(in)
		if name != want.name || port != want.port || (err == nil) != (want.name != "") {
			t.Errorf("%s: %q %d %v", in, name, port, err)
		}
	}
}

func TestLocalPort(t *testing.T) {
	for _, c := range []struct {
		port uint16
		args []string
		want string
	}{{80, nil, "8080"}, {443, nil, "8443"}, {8080, nil, "8080"}, {80, []string{"0"}, "0"}, {80, []string{"9"}, "9"}, {80, []string{"x"}, ""}, {80, []string{"70000"}, ""}} {
		if got, err := localPort(c.port, c.args); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%d %v: %s %v", c.port, c.args, got, err)
		}
	}
}

func TestListenLoopback(t *testing.T) {
	for _, at := range []string{"0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:0", "example.com:0", "127.0.0.1"} {
		if l, err := listenLoopback(t.Context(), at); err == nil {
			_ = l.Close()
			t.Errorf("%s: listens", at)
		}
	}
	l, err := listenLoopback(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if taken, err := listenLoopback(t.Context(), l.Addr().String()); err == nil {
		_ = taken.Close()
		t.Error("listens twice")
	}
}
