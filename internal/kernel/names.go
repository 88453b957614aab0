package kernel

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"

	"github.com/musubi-net/musubi/internal/spec"
)

// Names of the namespaces that are there once. The others are named by their
// VPC's or instance's id.
const (
	InternetNS = "internet"
	FabricNS   = "fabric"
)

const (
	vpcPrefix   = "vpc-"
	guestPrefix = "i-"
)

// MACs of the router's ends of links. Each link has two ends only, so that one
// address serves for all.
const (
	routerMAC   = "0a:00:00:00:00:01"
	fabVPCMAC   = "0a:00:00:00:00:02"
	fabricMAC   = "0a:00:00:00:00:03"
	inetVPCMAC  = "0a:00:00:00:00:04"
	internetMAC = "0a:00:00:00:00:05"
)

// InternetAddress is the internet namespace's own address (TEST-NET-1).
func InternetAddress() netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, 1}) }

// fabricRouter6 is the fabric's own IPv6 address on each link.
func fabricRouter6() netip.Addr { return spec.RouterAddress6(0) }

// fabricEnd and internetEnd are the far ends of a VPC's links.
func fabricEnd(number uint32) string   { return fmt.Sprintf("f%x", number) }
func internetEnd(number uint32) string { return fmt.Sprintf("n%x", number) }

// identifier makes a name that nftables takes of any string.
func identifier(s string) string {
	ok := len(s) <= 100
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		ok = false
		return '_'
	}, s)
	if ok {
		return clean
	}
	sum := sha256.Sum256([]byte(s))
	return clean[:min(len(clean), 60)] + "_" + hex.EncodeToString(sum[:6])
}

func host(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }
