package elb

import (
	"github.com/musubi-net/musubi/internal/cloud"
)

// TLSParams are the parameters of listeners that end TLS; what is empty is not
// given.
type TLSParams struct {
	Policy       string
	Certificates []string // ARNs
	ALPN         []string
	Mutual       *MutualTLS
}

// endsTLS reports whether a listener of a protocol needs a certificate.
func endsTLS(protocol string) bool { return protocol == "HTTPS" || protocol == "TLS" }

// setTLS checks and applies parameters; what they leave out stays or gets its
// default, and what the listener's protocol does not have goes.
func (x *Listener) setTLS(r cloud.Reader, l LoadBalancer, p TLSParams) error {
	if !endsTLS(x.Protocol) {
		x.SSLPolicy, x.CertificateARN, x.Certificates, x.ALPN, x.Mutual = "", "", nil, "", nil
		return p.none()
	}
	if p.Policy != "" {
		x.SSLPolicy = p.Policy
	}
	x.SSLPolicy = orDefault(x.SSLPolicy, defaultSSLPolicy)
	policy, err := FindSSLPolicy(x.SSLPolicy)
	if err != nil {
		return err
	}
	if !policy.supports(l.Type) {
		return badConfiguration(subjectListener, "SSL policy '%s' is not supported on load balancers with type '%s'", policy.Name, l.Type)
	}
	if err := x.setDefaultCertificate(r, p.Certificates); err != nil {
		return err
	}
	if err := x.setALPN(p.ALPN); err != nil {
		return err
	}
	return x.setMutual(r, p.Mutual)
}

// none refuses parameters that only listeners that end TLS have.
func (p TLSParams) none() error {
	switch {
	case len(p.Certificates) > 0:
		return invalid(subjectListener, "Certificates can only be specified for TLS and HTTPS listeners")
	case p.Policy != "":
		return invalid(subjectListener, "An SSL policy can only be specified for TLS and HTTPS listeners")
	case len(p.ALPN) > 0:
		return invalid(subjectListener, "An ALPN policy can only be specified for TLS listeners")
	case p.Mutual != nil:
		return invalid(subjectListener, "Mutual authentication can only be specified for HTTPS listeners")
	}
	return nil
}

func (x *Listener) setDefaultCertificate(r cloud.Reader, arns []string) error {
	if len(arns) > 1 {
		return invalid(subjectListener, "Up to '1' certificate can be specified, but '%d' were specified", len(arns))
	}
	if len(arns) == 1 {
		if err := checkCertificate(r, x.Scope, arns[0]); err != nil {
			return err
		}
		x.CertificateARN = arns[0]
	}
	if x.CertificateARN == "" {
		return invalid(subjectListener, "A certificate must be specified for %s listeners", x.Protocol)
	}
	return nil
}

func (x *Listener) setALPN(policies []string) error {
	if x.Protocol != "TLS" {
		x.ALPN = ""
		return TLSParams{ALPN: policies}.none()
	}
	if len(policies) > 1 {
		return invalid(subjectListener, "Up to '1' ALPN policy can be specified, but '%d' were specified", len(policies))
	}
	if len(policies) == 0 {
		return nil
	}
	switch policies[0] {
	case "HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred", "None":
		x.ALPN = policies[0]
		return nil
	}
	return cloud.Errorf(cloud.KindInvalid, subjectListener, "ALPNPolicyNotFound", "The specified ALPN policy is not supported: '%s'", policies[0])
}

func (x *Listener) setMutual(r cloud.Reader, m *MutualTLS) error {
	if x.Protocol != "HTTPS" {
		x.Mutual = nil
		return TLSParams{Mutual: m}.none()
	}
	if m == nil {
		return nil
	}
	if err := checkOneOf(subjectListener, "mutualAuthentication.mode", m.Mode, "off", "passthrough", "verify"); err != nil {
		return err
	}
	if m.Mode != "verify" {
		if m.TrustStoreARN != "" || m.IgnoreExpired || m.AdvertiseCAs == "on" {
			return invalid(subjectListener, "A trust store and its settings can only be specified when mutual authentication mode is 'verify'")
		}
		x.Mutual = &MutualTLS{Mode: m.Mode}
		if m.Mode == "off" {
			x.Mutual = nil
		}
		return nil
	}
	if m.TrustStoreARN == "" {
		return invalid(subjectListener, "A trust store ARN must be specified when mutual authentication mode is 'verify'")
	}
	t, err := FindTrustStore(r, x.Scope, m.TrustStoreARN)
	if err != nil {
		return err
	}
	if t.Status != TrustStoreActive {
		return cloud.Errorf(cloud.KindState, subjectTrustStore, "TrustStoreNotReady", "The specified trust store is not active: '%s'", t.ARN)
	}
	v := *m
	v.AdvertiseCAs = orDefault(v.AdvertiseCAs, "off")
	if err := checkOneOf(subjectListener, "mutualAuthentication.advertiseTrustStoreCaNames", v.AdvertiseCAs, "on", "off"); err != nil {
		return err
	}
	x.Mutual = &v
	return nil
}
