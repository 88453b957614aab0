package elb

import (
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// defaultSSLPolicy is the policy of listeners that are made without one.
const defaultSSLPolicy = "ELBSecurityPolicy-2016-08"

// SSLPolicy is a predefined security policy of listeners that end TLS.
type SSLPolicy struct {
	Name      string
	Protocols []string
	Ciphers   []string // the preferred first
	Types     []string // of load balancers
}

// FindSSLPolicy returns the policy of a name.
func FindSSLPolicy(name string) (SSLPolicy, error) {
	for _, p := range SSLPolicies() {
		if p.Name == name {
			return p, nil
		}
	}
	return SSLPolicy{}, &cloud.Error{Kind: cloud.KindNotFound, Subject: "ssl-policy", ID: name, Code: "SSLPolicyNotFound",
		Message: "SSL policy '" + name + "' not found"}
}

// Families of ciphers, as letters, so that a policy is written as a word:
// t is TLS 1.3, c its ChaCha20; g ECDHE with GCM, s ECDHE with SHA-2, a ECDHE
// with SHA-1; r RSA with GCM or SHA-2, o RSA with SHA-1; d triple DES.
const (
	cipherStrict  = "g"
	cipherForward = "gs"
	cipherOld     = "gsa"
	cipherRSA     = "gsr"
	cipherAll     = "gsaro"
)

// ciphers lists all ciphers in AWS's order, with their families.
func ciphers() [][2]string {
	return [][2]string{
		{"t", "TLS_AES_128_GCM_SHA256"}, {"t", "TLS_AES_256_GCM_SHA384"}, {"c", "TLS_CHACHA20_POLY1305_SHA256"},
		{"g", "ECDHE-ECDSA-AES128-GCM-SHA256"}, {"g", "ECDHE-RSA-AES128-GCM-SHA256"},
		{"s", "ECDHE-ECDSA-AES128-SHA256"}, {"s", "ECDHE-RSA-AES128-SHA256"},
		{"a", "ECDHE-ECDSA-AES128-SHA"}, {"a", "ECDHE-RSA-AES128-SHA"},
		{"g", "ECDHE-ECDSA-AES256-GCM-SHA384"}, {"g", "ECDHE-RSA-AES256-GCM-SHA384"},
		{"s", "ECDHE-ECDSA-AES256-SHA384"}, {"s", "ECDHE-RSA-AES256-SHA384"},
		{"a", "ECDHE-ECDSA-AES256-SHA"}, {"a", "ECDHE-RSA-AES256-SHA"},
		{"r", "AES128-GCM-SHA256"}, {"r", "AES128-SHA256"}, {"o", "AES128-SHA"},
		{"r", "AES256-GCM-SHA384"}, {"r", "AES256-SHA256"}, {"o", "AES256-SHA"}, {"d", "DES-CBC3-SHA"},
	}
}

// SSLPolicies lists the predefined policies.
func SSLPolicies() []SSLPolicy {
	out := legacyPolicies()
	for _, x := range []struct{ version, extension, families string }{
		{"1-3", "", ""}, {"1-2", "", cipherForward}, {"1-2", "-Res", cipherStrict}, {"1-2", "-Ext0", cipherOld},
		{"1-2", "-Ext1", cipherRSA}, {"1-2", "-Ext2", cipherAll}, {"1-1", "", cipherAll}, {"1-0", "", cipherAll},
	} {
		name := "ELBSecurityPolicy-TLS13-" + x.version + x.extension
		if x.extension != "-Ext0" {
			out = append(out, sslPolicy(name+"-2021-06", x.version, "1-3", "tc"+x.families))
		}
		out = append(out, sslPolicy(name+"-FIPS-2023-04", x.version, "1-3", "t"+x.families))
		if x.version == "1-1" {
			continue // has no post-quantum ones
		}
		if x.extension != "-Ext0" {
			out = append(out, sslPolicy(name+"-PQ-2025-09", x.version, "1-3", "tc"+x.families))
		}
		out = append(out, sslPolicy(name+"-FIPS-PQ-2025-09", x.version, "1-3", "t"+x.families))
	}
	return out
}

// legacyPolicies are those without TLS 1.3.
func legacyPolicies() []SSLPolicy {
	old := []SSLPolicy{
		sslPolicy("ELBSecurityPolicy-TLS-1-0-2015-04", "1-0", "1-2", cipherAll+"d"),
		sslPolicy("ELBSecurityPolicy-2015-05", "1-0", "1-2", cipherAll),
	}
	for i := range old {
		old[i].Types = []string{typeApplication}
	}
	return append(old,
		sslPolicy(defaultSSLPolicy, "1-0", "1-2", cipherAll),
		sslPolicy("ELBSecurityPolicy-TLS-1-1-2017-01", "1-1", "1-2", cipherAll),
		sslPolicy("ELBSecurityPolicy-TLS-1-2-2017-01", "1-2", "1-2", cipherRSA),
		sslPolicy("ELBSecurityPolicy-TLS-1-2-Ext-2018-06", "1-2", "1-2", cipherAll),
		sslPolicy("ELBSecurityPolicy-FS-2018-06", "1-0", "1-2", cipherOld),
		sslPolicy("ELBSecurityPolicy-FS-1-1-2019-08", "1-1", "1-2", cipherOld),
		sslPolicy("ELBSecurityPolicy-FS-1-2-2019-08", "1-2", "1-2", cipherOld),
		sslPolicy("ELBSecurityPolicy-FS-1-2-Res-2019-08", "1-2", "1-2", cipherForward),
		sslPolicy("ELBSecurityPolicy-FS-1-2-Res-2020-10", "1-2", "1-2", cipherStrict))
}

func sslPolicy(name, least, most, families string) SSLPolicy {
	p := SSLPolicy{Name: name, Types: []string{typeApplication, typeNetwork}}
	for _, v := range [][2]string{{"1-0", "TLSv1"}, {"1-1", "TLSv1.1"}, {"1-2", "TLSv1.2"}, {"1-3", "TLSv1.3"}} {
		if v[0] >= least && v[0] <= most {
			p.Protocols = append(p.Protocols, v[1])
		}
	}
	for _, c := range ciphers() {
		if strings.Contains(families, c[0]) {
			p.Ciphers = append(p.Ciphers, c[1])
		}
	}
	return p
}

// supports reports whether load balancers of a type have the policy.
func (p SSLPolicy) supports(lbType string) bool { return slices.Contains(p.Types, lbType) }
