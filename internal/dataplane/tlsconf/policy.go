package tlsconf

import (
	"crypto/tls"
	"fmt"
)

// policy is a security policy as far as crypto/tls can express it.
type policy struct {
	min, max uint16
	suites   []uint16 // up to TLS 1.2
	curves   []tls.CurveID
}

// The cipher suites of AWS's policies, in groups. crypto/tls chooses the order by
// itself, and has no DHE, no ECDHE with AES-256-CBC and SHA-384, no RSA with
// AES-256-CBC and SHA-256 and no DES: policies with those offer the others.
var (
	suitesGCM = []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	}
	suitesCBC = []uint16{ // forward secrecy, SHA-2
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
	}
	suitesSHA = []uint16{ // forward secrecy, SHA-1
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
	}
	suitesRSA = []uint16{ // no forward secrecy, TLS 1.2 only
		tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_CBC_SHA256,
	}
	suitesRSASHA = []uint16{
		tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_256_CBC_SHA,
	}
)

var (
	curves     = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}
	curvesFIPS = []tls.CurveID{tls.CurveP256, tls.CurveP384, tls.CurveP521}
	hybrids    = []tls.CurveID{tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024}
)

// policyNamed returns AWS's security policy of a name. The empty name is what AWS
// takes for listeners that name none.
func policyNamed(name string) (policy, error) {
	if name == "" {
		name = DefaultPolicy
	}
	if p, ok := legacyPolicy(name); ok {
		return p, nil
	}
	if p, ok := modernPolicy(name); ok {
		return p, nil
	}
	return policy{}, fmt.Errorf("unknown security policy %q", name)
}

// DefaultPolicy is the policy of listeners that were made without one.
const DefaultPolicy = "ELBSecurityPolicy-2016-08"

// legacyPolicy knows the policies up to TLS 1.2.
func legacyPolicy(name string) (policy, bool) {
	forward := join(suitesGCM, suitesCBC, suitesSHA)
	all := join(forward, suitesRSA, suitesRSASHA)
	p := policy{min: tls.VersionTLS10, max: tls.VersionTLS12, suites: all, curves: curves}
	switch name {
	case "ELBSecurityPolicy-2016-08", "ELBSecurityPolicy-2015-05", "ELBSecurityPolicy-TLS-1-0-2015-04":
		// The last of these also has DES-CBC3-SHA.
	case "ELBSecurityPolicy-TLS-1-1-2017-01":
		p.min = tls.VersionTLS11
	case "ELBSecurityPolicy-TLS-1-2-2017-01":
		p.min, p.suites = tls.VersionTLS12, join(suitesGCM, suitesCBC, suitesRSA)
	case "ELBSecurityPolicy-TLS-1-2-Ext-2018-06":
		p.min = tls.VersionTLS12
	case "ELBSecurityPolicy-FS-2018-06":
		p.suites = forward
	case "ELBSecurityPolicy-FS-1-1-2019-08":
		p.min, p.suites = tls.VersionTLS11, forward
	case "ELBSecurityPolicy-FS-1-2-2019-08":
		p.min, p.suites = tls.VersionTLS12, forward
	case "ELBSecurityPolicy-FS-1-2-Res-2019-08":
		p.min, p.suites = tls.VersionTLS12, join(suitesGCM, suitesCBC)
	case "ELBSecurityPolicy-FS-1-2-Res-2020-10":
		p.min, p.suites = tls.VersionTLS12, suitesGCM
	default:
		return policy{}, false
	}
	return p, true
}

// modernPolicy knows the policies with TLS 1.3, whose names say what is in them:
// ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09. crypto/tls always offers all
// its TLS 1.3 suites, the one of ChaCha20 too, which the FIPS policies lack.
func modernPolicy(name string) (policy, bool) {
	m, ok := modern(name)
	if !ok {
		return policy{}, false
	}
	p := policy{max: tls.VersionTLS13, curves: curves}
	if m.fips {
		p.curves = curvesFIPS
	}
	if m.quantum {
		p.curves = append(append([]tls.CurveID{}, hybrids...), p.curves...)
	}
	switch m.least {
	case "1-3":
		p.min = tls.VersionTLS13
		return p, true
	case "1-2":
		p.min = tls.VersionTLS12
	case "1-1":
		p.min, m.suites = tls.VersionTLS11, "Ext2"
	case "1-0":
		p.min, m.suites = tls.VersionTLS10, "Ext2"
	}
	switch m.suites {
	case "Res":
		p.suites = suitesGCM
	case "":
		p.suites = join(suitesGCM, suitesCBC)
	case "Ext0":
		p.suites = join(suitesGCM, suitesCBC, suitesSHA)
	case "Ext1":
		p.suites = join(suitesGCM, suitesCBC, suitesRSA)
	case "Ext2":
		p.suites = join(suitesGCM, suitesCBC, suitesSHA, suitesRSA, suitesRSASHA)
	}
	return p, true
}

func join(groups ...[]uint16) []uint16 {
	var out []uint16
	for _, g := range groups {
		out = append(out, g...)
	}
	return out
}
