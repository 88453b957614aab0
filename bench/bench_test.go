package main

import (
	"encoding/json"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestJobs runs every kind of client against the server on the loopback.
func TestJobs(t *testing.T) {
	at := netip.MustParseAddr("127.0.53.9")
	in, stop := io.Pipe()
	ready, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serve(at, in, out) }()
	if b := make([]byte, 6); true {
		if _, err := io.ReadFull(ready, b); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range cells() {
		b, err := json.Marshal(job{Do: c.do, Address: at, Count: c.count, Warm: time.Millisecond, Time: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		if err := perform(string(b), nil, &text); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var o outcome
		if err := json.Unmarshal([]byte(text.String()), &o); err != nil {
			t.Fatal(err)
		}
		if o.Seconds < .05 || (o.Operations == 0) == (o.Bytes == 0) || (c.do == doRequests) != (o.P99 >= o.P50 && o.P50 > 0) {
			t.Errorf("%s: %+v", c.name, o)
		}
	}
	_ = stop.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := perform(`{"do":"nothing","address":"127.0.53.9"}`, nil, io.Discard); err == nil {
		t.Error("an unknown job was done")
	}
}

func TestParse(t *testing.T) {
	o, err := parse([]string{"-rounds", "7", "--time=2s", "--json"})
	if err != nil || o != (options{rounds: 7, time: 2 * time.Second, json: true}) {
		t.Errorf("%+v %v", o, err)
	}
	if o, err = parse([]string{"-quick"}); err != nil || o.rounds != 2 {
		t.Errorf("%+v %v", o, err)
	}
	for _, bad := range []string{"-rounds=0", "-time=1h", "more"} {
		if _, err := parse([]string{bad}); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestProxiesStandWhereTheLoadBalancerStands(t *testing.T) {
	at, server := netip.MustParseAddr("240.0.0.5"), netip.MustParseAddr("10.0.2.10")
	for name, text := range map[string]string{
		haproxy: haproxyConfig(at, server),
		nginx:   nginxConfig("load_module x;\n", "/run/x", at, server),
	} {
		for _, want := range []string{"240.0.0.5:7000", "240.0.0.5:7001", "10.0.2.10:7000", "10.0.2.10:7001", nodeAddr.String()} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %s in\n%s", name, want, text)
			}
		}
	}
}
