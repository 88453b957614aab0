package privatelink

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/musubi-net/musubi/internal/cloud"
)

// VerificationState is how far the verification of a private name is.
type VerificationState string

// The states of verification.
const (
	PendingVerification VerificationState = "pendingVerification"
	Verified            VerificationState = "verified"
	VerificationFailed  VerificationState = "failed"
)

// PrivateDNS is the private name of a service and the TXT record that proves
// that the domain is the provider's.
type PrivateDNS struct {
	Name  string // empty: none
	State VerificationState
	// Token is the record's first label, Value what it says.
	Token, Value string
	// Asked is set while the provider waits for an answer: then a record that is
	// not there is a failure.
	Asked bool
	// Lapsed is set when a name that was verified is not any more.
	Lapsed bool
}

const maxName = 255

var privateName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
})

// newPrivateDNS gives a service a private name, to be verified.
func newPrivateDNS(tx *cloud.Tx, name string) (PrivateDNS, error) {
	if len(name) > maxName || !privateName().MatchString(name) {
		return PrivateDNS{}, invalid(subjectService, "The private DNS name '%s' is not valid.", name)
	}
	return PrivateDNS{Name: name, State: PendingVerification, Token: "_" + tx.IDs.Alnum(20),
		Value: "vpce:" + tx.IDs.Alnum(10) + tx.IDs.Upper(10)}, nil
}

// Domain is the domain of a private name: without the wildcard.
func (p PrivateDNS) Domain() string { return strings.TrimPrefix(p.Name, "*.") }

// Records are the names at which the TXT record may stand: below the domain or
// a parent of it, and where such a name is not possible, at the domain itself.
func (p PrivateDNS) Records() []string {
	if p.Name == "" {
		return nil
	}
	var out []string
	for d := p.Domain(); strings.Contains(d, "."); _, d, _ = strings.Cut(d, ".") {
		out = append(out, p.Token+"."+d+".", d+".")
	}
	return out
}

// StartVerification asks for a new look at the TXT record.
type StartVerification struct{ ServiceID string }

// Apply implements cloud.Command.
func (c StartVerification) Apply(tx *cloud.Tx) (cloud.None, error) {
	s, err := FindService(tx, tx.Caller.Scope, c.ServiceID)
	if err != nil {
		return cloud.None{}, err
	}
	if s.PrivateDNS.Name == "" {
		return cloud.None{}, invalid(subjectService, "The VPC endpoint service %s does not have a private DNS name.", s.ID)
	}
	s.PrivateDNS.State, s.PrivateDNS.Asked = PendingVerification, true
	Services.Put(tx, s)
	return cloud.None{}, nil
}

// ReportPrivateDNS says whether the TXT record of a service's private name was
// found, and for which name and token that holds.
type ReportPrivateDNS struct {
	ServiceID   string
	Name, Token string
	Found       bool
}

// Apply implements cloud.Command.
func (c ReportPrivateDNS) Apply(tx *cloud.Tx) (cloud.None, error) {
	if err := onlyInternal(tx); err != nil {
		return cloud.None{}, err
	}
	s, ok := Services.Get(tx, c.ServiceID)
	p := &s.PrivateDNS
	if !ok || p.Name == "" || p.Name != c.Name || p.Token != c.Token {
		return cloud.None{}, nil
	}
	if to := p.After(c.Found); to != p.State || p.Asked {
		p.Lapsed = to == VerificationFailed && (p.Lapsed || p.State == Verified)
		p.State, p.Asked = to, false
		Services.Put(tx, s)
	}
	return cloud.None{}, nil
}

// After is the state after a look at the record. A name that waits becomes
// verified when the record appears; only a look that was asked for fails for
// want of it, and so does a verified name that lost it.
func (p PrivateDNS) After(found bool) VerificationState {
	switch {
	case p.State == VerificationFailed:
		return VerificationFailed
	case found:
		return Verified
	case p.State == Verified || p.Asked:
		return VerificationFailed
	}
	return p.State
}

// setRegions checks and sets the regions from which the service can be reached.
func (s *Service) setRegions(regions []string) error {
	known := cloud.Regions()
	s.SupportedRegions = nil
	for _, r := range regions {
		if !slices.Contains(known, r) {
			return invalid(subjectService, "The supported Region '%s' is not valid.", r)
		}
		if r != s.Region && !slices.Contains(s.SupportedRegions, r) {
			s.SupportedRegions = append(s.SupportedRegions, r)
		}
	}
	slices.Sort(s.SupportedRegions)
	return nil
}

// ReachableFrom reports whether endpoints in a region can use the service.
func (s *Service) ReachableFrom(region string) bool {
	return region == s.Region || slices.Contains(s.SupportedRegions, region)
}
