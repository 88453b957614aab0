package reconcile

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/musubi-net/musubi/internal/ca"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/acm"
	"github.com/musubi-net/musubi/internal/cloud/dns"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/engine"
)

const certificateARN = "arn:aws:acm:eu-west-1:111111111111:certificate/1"

// certifying is a lab whose reconciler issues certificates, at a time that the
// test sets.
type certifying struct {
	*lab
	now    atomic.Int64 // Unix seconds
	issued atomic.Int32
	refuse atomic.Bool
}

func newCertifying(t *testing.T, c acm.Certificate) *certifying {
	l := &certifying{lab: newLab(t, nil)}
	l.now.Store(time.Now().Unix())
	c.ARN, c.Type, c.CreatedAt, c.AlternativeNames = certificateARN, acm.AmazonIssued, time.Now(), []string{"a.example.com", "b.example.com"}
	for _, n := range c.AlternativeNames {
		c.Validations = append(c.Validations, acm.Validation{Domain: n, RecordName: "_1." + n + ".", RecordValue: "_2.acm-validations.aws.", Status: "PENDING_VALIDATION"})
	}
	l.do(func(tx *cloud.Tx) {
		acm.Certificates.Put(tx, c)
		dns.Zones.Put(tx, dns.Zone{ID: "Z", Name: "example.com."})
	})
	return l
}

func (l *certifying) start() {
	l.t.Helper()
	authority, err := ca.Open(l.t.TempDir(), time.Now())
	if err != nil {
		l.t.Fatal(err)
	}
	l.r = New(Options{Engine: l.engine, World: l.world, Guests: l.guests,
		Watch: func() (Watch, *cloud.Snapshot) { return l.engine.Watch() },
		Now:   func() time.Time { return time.Unix(l.now.Load(), 0) },
		Issue: func(_ context.Context, names []string, _ string) (Certificate, error) {
			if l.refuse.Swap(false) {
				return Certificate{}, errors.New("the fake authority refuses")
			}
			l.issued.Add(1)
			x, err := authority.Issue(ca.Request{Names: names, KeyAlgorithm: "EC_prime256v1", Now: time.Unix(l.now.Load(), 0)})
			return Certificate{Body: x.Certificate, Chain: x.Chain, Key: x.Key}, err
		}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.r.Run(ctx) }()
	l.t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			l.t.Errorf("Run ended with %v", err)
		}
	})
}

func (l *certifying) prove(names ...string) {
	l.do(func(tx *cloud.Tx) {
		for _, n := range names {
			dns.RecordSets.Put(tx, dns.RecordSet{ZoneID: "Z", Name: "_1." + n + ".", Type: "CNAME", Values: []string{"_2.acm-validations.aws."}})
		}
	})
}

func certificate(s *cloud.Snapshot) acm.Certificate {
	c, _ := acm.Certificates.Get(s, certificateARN)
	return c
}

func TestIssuedOnceProved(t *testing.T) {
	l := newCertifying(t, acm.Certificate{Status: acm.PendingValidation})
	l.refuse.Store(true) // once: it is tried again
	l.start()
	l.prove("a.example.com")
	l.until("one name proved", func(s *cloud.Snapshot) bool {
		c := certificate(s)
		return c.Status == acm.PendingValidation && c.Validations[0].Status == "SUCCESS" && c.Validations[1].Status == "PENDING_VALIDATION"
	})
	l.prove("b.example.com")
	l.until("issued", func(s *cloud.Snapshot) bool {
		c := certificate(s)
		return c.Status == acm.Issued && c.Body != "" && c.PrivateKey != "" && c.KeyAlgorithm == "EC_prime256v1"
	})
	if n := l.issued.Load(); n != 1 {
		t.Errorf("issued %d times", n)
	}
}

func TestPendingBeforeTheStart(t *testing.T) {
	l := newCertifying(t, acm.Certificate{Status: acm.PendingValidation})
	l.prove("a.example.com", "b.example.com")
	l.start()
	l.until("issued", func(s *cloud.Snapshot) bool { return certificate(s).Status == acm.Issued })
}

func TestNotAuthorized(t *testing.T) {
	l := newCertifying(t, acm.Certificate{Status: acm.PendingValidation})
	l.do(func(tx *cloud.Tx) {
		dns.RecordSets.Put(tx, dns.RecordSet{ZoneID: "Z", Name: "example.com.", Type: "CAA", Values: []string{`0 issue "letsencrypt.org"`}})
	})
	l.start()
	l.prove("a.example.com", "b.example.com")
	l.until("failed", func(s *cloud.Snapshot) bool {
		c := certificate(s)
		return c.Status == acm.Failed && c.FailureReason == "CAA_ERROR"
	})
}

func TestRenewed(t *testing.T) {
	l := newCertifying(t, acm.Certificate{Status: acm.Issued, Serial: "old", NotAfter: time.Now().AddDate(0, 0, 59)})
	l.do(func(tx *cloud.Tx) {
		elb.Listeners.Put(tx, elb.Listener{ARN: "arn:listener", LoadBalancerARN: "arn:lb", CertificateARN: certificateARN})
	})
	l.start()
	l.until("the renewal waits for the records", func(s *cloud.Snapshot) bool {
		c := certificate(s)
		return c.Serial == "old" && c.Renewal != nil && c.Renewal.Status == acm.RenewalPendingValidation
	})
	l.prove("a.example.com", "b.example.com")
	l.until("renewed", func(s *cloud.Snapshot) bool {
		c := certificate(s)
		return c.Serial != "old" && c.Renewal.Status == acm.RenewalSuccess && !c.RenewedAt.IsZero()
	})
}

func TestNotRenewedUnused(t *testing.T) {
	l := newCertifying(t, acm.Certificate{Status: acm.Issued, NotAfter: time.Now().AddDate(0, 0, 59)})
	l.prove("a.example.com", "b.example.com")
	l.start()
	if err := l.r.processCertificate(t.Context(), certificateARN); err != nil {
		t.Fatal(err)
	}
	if n := l.issued.Load(); n != 0 {
		t.Errorf("issued %d times", n)
	}
	if _, err := engine.Do(t.Context(), l.engine, cloud.Caller{Scope: cloud.Scope{}}, acm.DeleteCertificate{ARN: certificateARN,
		UsedBy: func(cloud.Reader, string) []string { return nil }}); err != nil {
		t.Fatal(fmt.Errorf("delete: %w", err))
	}
	if err := l.r.processCertificate(t.Context(), certificateARN); err != nil {
		t.Fatal(err)
	}
}
