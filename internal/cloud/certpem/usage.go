package certpem

import "crypto/x509"

// KeyUsages lists what a certificate's key is for, as ACM spells it.
func KeyUsages(c *x509.Certificate) []string {
	var out []string
	for _, u := range []struct {
		bit  x509.KeyUsage
		name string
	}{
		{x509.KeyUsageDigitalSignature, "DIGITAL_SIGNATURE"}, {x509.KeyUsageContentCommitment, "NON_REPUDIATION"},
		{x509.KeyUsageKeyEncipherment, "KEY_ENCIPHERMENT"}, {x509.KeyUsageDataEncipherment, "DATA_ENCIPHERMENT"},
		{x509.KeyUsageKeyAgreement, "KEY_AGREEMENT"}, {x509.KeyUsageCertSign, "CERTIFICATE_SIGNING"},
		{x509.KeyUsageCRLSign, "CRL_SIGNING"}, {x509.KeyUsageEncipherOnly, "ENCIPHER_ONLY"},
		{x509.KeyUsageDecipherOnly, "DECIPHER_ONLY"},
	} {
		if c.KeyUsage&u.bit != 0 {
			out = append(out, u.name)
		}
	}
	return out
}

// ExtendedKeyUsages lists what a certificate is for, as ACM spells it.
func ExtendedKeyUsages(c *x509.Certificate) []string {
	var out []string
	for _, u := range c.ExtKeyUsage {
		if name := extendedName(u); name != "" {
			out = append(out, name)
		}
	}
	for range c.UnknownExtKeyUsage {
		out = append(out, "CUSTOM")
	}
	return out
}

func extendedName(u x509.ExtKeyUsage) string {
	switch u {
	case x509.ExtKeyUsageAny:
		return "ANY"
	case x509.ExtKeyUsageServerAuth:
		return "TLS_WEB_SERVER_AUTHENTICATION"
	case x509.ExtKeyUsageClientAuth:
		return "TLS_WEB_CLIENT_AUTHENTICATION"
	case x509.ExtKeyUsageCodeSigning:
		return "CODE_SIGNING"
	case x509.ExtKeyUsageEmailProtection:
		return "EMAIL_PROTECTION"
	case x509.ExtKeyUsageIPSECEndSystem:
		return "IPSEC_END_SYSTEM"
	case x509.ExtKeyUsageIPSECTunnel:
		return "IPSEC_TUNNEL"
	case x509.ExtKeyUsageIPSECUser:
		return "IPSEC_USER"
	case x509.ExtKeyUsageTimeStamping:
		return "TIME_STAMPING"
	case x509.ExtKeyUsageOCSPSigning:
		return "OCSP_SIGNING"
	}
	return "CUSTOM"
}

// ExtendedOID is the object identifier behind a name of ExtendedKeyUsages; empty
// for CUSTOM.
func ExtendedOID(name string) string {
	switch name {
	case "ANY":
		return "2.5.29.37.0"
	case "TLS_WEB_SERVER_AUTHENTICATION":
		return "1.3.6.1.5.5.7.3.1"
	case "TLS_WEB_CLIENT_AUTHENTICATION":
		return "1.3.6.1.5.5.7.3.2"
	case "CODE_SIGNING":
		return "1.3.6.1.5.5.7.3.3"
	case "EMAIL_PROTECTION":
		return "1.3.6.1.5.5.7.3.4"
	case "IPSEC_END_SYSTEM":
		return "1.3.6.1.5.5.7.3.5"
	case "IPSEC_TUNNEL":
		return "1.3.6.1.5.5.7.3.6"
	case "IPSEC_USER":
		return "1.3.6.1.5.5.7.3.7"
	case "TIME_STAMPING":
		return "1.3.6.1.5.5.7.3.8"
	case "OCSP_SIGNING":
		return "1.3.6.1.5.5.7.3.9"
	}
	return ""
}
