package elb

import (
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/acm"
	"github.com/musubi-net/musubi/internal/cloud/iam"
)

// maxCertificates of a load balancer, without the default ones.
const maxCertificates = 25

// checkCertificate says whether listeners of a scope may present a certificate
// of ACM or IAM.
func checkCertificate(r cloud.Reader, scope cloud.Scope, arn string) error {
	switch {
	case strings.HasPrefix(arn, "arn:aws:acm:"):
		c, ok := acm.Certificates.Get(r, arn)
		if !ok || c.Scope != scope {
			return noCertificate(arn)
		}
		if c.Status != acm.Issued {
			return &cloud.Error{Kind: cloud.KindState, Subject: "certificate", ID: arn, Code: "UnsupportedCertificate",
				Message: "The certificate '" + arn + "' must have a fully-qualified domain name, a supported signature, and a supported key size."}
		}
		return nil
	case strings.HasPrefix(arn, "arn:aws:iam:"):
		c, ok := iam.ServerCertificates.First(r, iam.ByARN, arn)
		if !ok || c.Account != scope.Account {
			return noCertificate(arn)
		}
		return nil
	}
	return invalid("certificate", "Certificate ARN '%s' is not valid", arn)
}

func noCertificate(arn string) error {
	return &cloud.Error{Kind: cloud.KindNotFound, Subject: "certificate", ID: arn, Code: "CertificateNotFound",
		Message: "Certificate '" + arn + "' not found"}
}

// ListenersUsing lists the ARNs of the load balancers that present a
// certificate, sorted.
func ListenersUsing(r cloud.Reader, certificateARN string) []string {
	var out []string
	for x := range Listeners.By(r, ByCertificate, certificateARN) {
		out = append(out, x.LoadBalancerARN)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// AddListenerCertificates adds a certificate that a listener chooses by SNI.
type AddListenerCertificates struct {
	ListenerARN  string
	Certificates []string
}

// Apply implements cloud.Command.
func (c AddListenerCertificates) Apply(tx *cloud.Tx) (Listener, error) {
	x, err := certified(tx, c.ListenerARN, c.Certificates)
	if err != nil {
		return x, err
	}
	for _, arn := range c.Certificates {
		if err := checkCertificate(tx, x.Scope, arn); err != nil {
			return x, err
		}
		if !slices.Contains(x.Certificates, arn) {
			x.Certificates = append(slices.Clone(x.Certificates), arn)
		}
	}
	all := map[string]bool{}
	for other := range Listeners.By(tx, ByLB, x.LoadBalancerARN) {
		if other.ARN == x.ARN {
			other = x
		}
		for _, arn := range other.Certificates {
			all[arn] = true
		}
	}
	if len(all) > maxCertificates {
		return x, cloud.Errorf(cloud.KindLimit, subjectListener, "TooManyCertificates",
			"You've reached the limit on the number of certificates per load balancer")
	}
	Listeners.Put(tx, x)
	return x, nil
}

// RemoveListenerCertificates removes certificates from a listener's list; those
// that it has not are no error.
type RemoveListenerCertificates struct {
	ListenerARN  string
	Certificates []string
}

// Apply implements cloud.Command.
func (c RemoveListenerCertificates) Apply(tx *cloud.Tx) (cloud.None, error) {
	x, err := certified(tx, c.ListenerARN, c.Certificates)
	if err != nil {
		return cloud.None{}, err
	}
	for _, arn := range c.Certificates {
		if arn == x.CertificateARN && !slices.Contains(x.Certificates, arn) {
			return cloud.None{}, cloud.Errorf(cloud.KindForbidden, subjectListener, "OperationNotPermitted",
				"The default certificate '%s' cannot be removed from the listener", arn)
		}
		x.Certificates = slices.DeleteFunc(slices.Clone(x.Certificates), func(have string) bool { return have == arn })
	}
	Listeners.Put(tx, x)
	return cloud.None{}, nil
}

// certified finds a listener that may have more certificates. A request names
// one.
func certified(tx *cloud.Tx, listenerARN string, certificates []string) (Listener, error) {
	x, err := FindListener(tx, tx.Caller.Scope, listenerARN)
	switch {
	case err != nil:
		return x, err
	case !endsTLS(x.Protocol):
		return x, invalid(subjectListener, "Certificates can only be specified for TLS and HTTPS listeners")
	case len(certificates) == 0:
		return x, invalid(subjectListener, "A certificate must be specified")
	case len(certificates) > 1:
		return x, invalid(subjectListener, "Up to '1' certificate can be specified, but '%d' were specified", len(certificates))
	}
	return x, nil
}
