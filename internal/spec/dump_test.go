package spec

import (
	"net/netip"
	"testing"
)

func TestDump(t *testing.T) {
	a := netip.MustParseAddr
	tests := []struct {
		name string
		v    any
		want string
	}{
		{"nil", (*VPC)(nil), "none\n"},
		{"nested", &VPC{ID: "vpc-1", Number: 7, Local: []netip.Addr{a("10.0.0.1"), a("10.0.0.2")},
			Groups:   []Group{{ID: "sg-1", Ingress: []Rule{{Protocol: 6, From: 80, To: 80, Peer: netip.MustParsePrefix("10.0.0.0/8")}}}, {ID: "sg-2"}},
			Internet: &InternetGateway{}},
			"VPC ID=vpc-1 Number=7 Local=[10.0.0.1 10.0.0.2]\n" +
				"  Groups ID=sg-1\n" +
				"    Ingress Protocol=6 From=80 To=80 Peer=10.0.0.0/8\n" +
				"  Groups ID=sg-2\n" +
				"  Internet\n"},
		{"map", &Public{Names: map[string][]netip.Addr{"b.": {a("10.0.0.2")}, "a.": {a("10.0.0.1")}}},
			"Public\n  Names[a.] 10.0.0.1\n  Names[b.] 10.0.0.2\n"},
		{"bytes", Guest{InstanceID: "i-1", UserData: []byte("#!/bin/sh\n")}, "Guest InstanceID=i-1 UserData=\"#!/bin/sh\\n\"\n"},
		{"slice", []HealthCheck{{Key: "a"}, {Key: "b"}}, "HealthCheck Key=a\nHealthCheck Key=b\n"},
		{"values", []Metadata{{VPC: "v", Values: map[string]string{"user-data": "a b"}}}, "Metadata VPC=v\n  Values[user-data] \"a b\"\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Dump(tt.v); got != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
		})
	}
}
