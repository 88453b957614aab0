package amazon

import (
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Mapping says which program on the host serves one of AWS's services, in all
// regions and for all accounts.
type Mapping struct {
	Service string // Service.Name
	URL     string // http://127.0.0.1:9000
}

// Mappings is the table of mappings.
var Mappings = cloud.NewTable("service-mapping", func(m *Mapping) string { return m.Service })

// Tables lists the tables of this package.
func Tables() []cloud.AnyTable { return []cloud.AnyTable{Mappings} }

// Available reports whether something answers for a service: this cloud, or what
// it is mapped to.
func Available(r cloud.Reader, s Service) bool {
	if s.Served {
		return true
	}
	_, ok := Mappings.Get(r, s.Name)
	return ok
}

// All lists the services that something answers for, by name.
func All(r cloud.Reader) []Service {
	out := Services()
	for _, s := range Others() {
		if Available(r, s) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b Service) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Map has a program on the host serve one of AWS's services.
type Map struct{ Service, URL string }

// Apply implements cloud.Command.
func (c Map) Apply(tx *cloud.Tx) (Mapping, error) {
	if !tx.Caller.Internal {
		return Mapping{}, refused(cloud.KindForbidden, "Only who runs Musubi may map services.")
	}
	s, ok := Lookup(c.Service)
	switch {
	case !ok:
		return Mapping{}, refused(cloud.KindNotFound, "%q is none of AWS's services with VPC endpoints that can be mapped; musubi services --all lists them", c.Service)
	case s.Served:
		return Mapping{}, refused(cloud.KindInvalid, "Musubi serves %s itself", s.Name)
	}
	target, err := checkURL(c.URL)
	if err != nil {
		return Mapping{}, err
	}
	m := Mapping{Service: s.Name, URL: target}
	Mappings.Put(tx, m)
	return m, nil
}

// checkURL refuses what no mapping can lead to, and returns the URL without a
// final slash and with its port.
func checkURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return "", refused(cloud.KindInvalid, "%q is no URL like http://127.0.0.1:9000", text)
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", refused(cloud.KindInvalid, "%q has more than a scheme, a host and a port: requests are passed on with the path that they have", text)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", refused(cloud.KindInvalid, "%q has no port", text)
	}
	return u.Scheme + "://" + net.JoinHostPort(u.Hostname(), port), nil
}

// Unmap ends a mapping. Endpoints to the service stay, and answer that nothing
// serves it.
type Unmap struct{ Service string }

// Apply implements cloud.Command.
func (c Unmap) Apply(tx *cloud.Tx) (cloud.None, error) {
	if !tx.Caller.Internal {
		return cloud.None{}, refused(cloud.KindForbidden, "Only who runs Musubi may map services.")
	}
	if _, ok := Mappings.Get(tx, c.Service); !ok {
		return cloud.None{}, refused(cloud.KindNotFound, "%s is not mapped", c.Service)
	}
	Mappings.Delete(tx, c.Service)
	return cloud.None{}, nil
}

func refused(kind cloud.Kind, format string, args ...any) error {
	return cloud.Errorf(kind, "service-mapping", "", format, args...)
}
