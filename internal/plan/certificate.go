package plan

import (
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/acm"
	"github.com/musubi-net/musubi/internal/cloud/dns"
	"github.com/musubi-net/musubi/internal/cloud/elb"
)

// Proved lists the validation records of a certificate that public hosted zones
// have as they should be, and reports whether that is all of them.
func Proved(r cloud.Reader, c acm.Certificate) (records []string, all bool) {
	all = true
	for _, v := range c.Validations {
		if proved(r, v) {
			records = append(records, v.RecordName)
		} else {
			all = false
		}
	}
	return records, all
}

func proved(r cloud.Reader, v acm.Validation) bool {
	for s := range publicRecords(r, v.RecordName) {
		if s.Type == "CNAME" && len(s.Values) == 1 && strings.EqualFold(absolute(s.Values[0]), v.RecordValue) {
			return true
		}
	}
	return false
}

// publicRecords goes through the record sets of a name in the public zones that
// are nearest to it. There may be several of the same name.
func publicRecords(r cloud.Reader, name string) func(func(dns.RecordSet) bool) {
	return func(yield func(dns.RecordSet) bool) {
		for suffix := name; suffix != ""; _, suffix, _ = strings.Cut(suffix, ".") {
			found := false
			for z := range dns.Zones.By(r, dns.ByName, suffix) {
				if z.Private {
					continue
				}
				found = true
				for s := range dns.RecordSets.By(r, dns.ByName, z.ID+"|"+name) {
					if !yield(s) {
						return
					}
				}
			}
			if found {
				return
			}
		}
	}
}

// Authorized reports whether the CAA records of a certificate's names let Amazon
// issue it; a name without any lets everybody.
func Authorized(r cloud.Reader, c acm.Certificate) bool {
	for _, n := range c.AlternativeNames {
		domain, wildcard := strings.CutPrefix(n, "*.")
		if !authorized(r, absolute(domain), wildcard) {
			return false
		}
	}
	return true
}

// authorized looks at the CAA records nearest to a name, upwards. For a wildcard
// issuewild counts, where there is one.
func authorized(r cloud.Reader, name string, wildcard bool) bool {
	for ; name != ""; _, name, _ = strings.Cut(name, ".") {
		issuers := map[string][]string{}
		found := false
		for s := range publicRecords(r, name) {
			if s.Type != "CAA" {
				continue
			}
			found = true
			for _, v := range s.Values {
				// 0 issue "amazon.com; option=value"
				if f := strings.Fields(v); len(f) >= 3 {
					issuer, _, _ := strings.Cut(strings.Trim(f[2], `"`), ";")
					issuers[strings.ToLower(f[1])] = append(issuers[strings.ToLower(f[1])], issuer)
				}
			}
		}
		if !found {
			continue
		}
		allowed, limited := issuers["issue"], len(issuers["issue"]) > 0
		if wild := issuers["issuewild"]; wildcard && len(wild) > 0 {
			allowed, limited = wild, true
		}
		if !limited {
			return true
		}
		for _, a := range allowed {
			switch strings.ToLower(a) {
			case "amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com":
				return true
			}
		}
		return false
	}
	return true
}

// Presented reports whether a listener uses a certificate: only then AWS renews
// it.
func Presented(r cloud.Reader, arn string) bool {
	_, ok := elb.Listeners.First(r, elb.ByCertificate, arn)
	return ok
}
