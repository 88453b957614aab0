package protocol

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/musubi-net/musubi/internal/awsapi/model"
)

// service is a Service with its operations compiled.
type service struct {
	Service
	served   map[string]*operation
	known    map[string]bool // all operation names that AWS has
	routes   []route         // rest protocols
	statuses map[string]int  // HTTP status by error code
	plain    *Plain          // nil: a model describes it
}

func newService(s Service, c shapes) (*service, error) {
	if s.Model.Name == "" {
		return nil, fmt.Errorf("service %q has no Model", s.Name)
	}
	fillFromModel(&s)
	n := &service{Service: s, served: map[string]*operation{}, known: map[string]bool{}, statuses: map[string]int{}}
	for _, e := range s.Model.Errors {
		n.statuses[e.Code] = e.Status
	}
	models := map[string]model.Operation{}
	for _, m := range s.Model.Operations {
		models[m.Name] = m
		n.learn(m)
	}
	for _, m := range s.Model.Unserved {
		n.learn(m)
	}
	for _, op := range s.Operations {
		m, ok := models[op.Name]
		if !ok {
			return nil, fmt.Errorf("%s: operation %s is not in the served lists", s.Name, op.Name)
		}
		if n.served[op.Name] != nil {
			return nil, fmt.Errorf("%s: operation %s is there twice", s.Name, op.Name)
		}
		o, err := newOperation(n, m, op, c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		n.served[op.Name] = o
	}
	return n, nil
}

func fillFromModel(s *Service) {
	for dst, src := range map[*string]string{
		&s.Name: s.Model.Name, &s.Version: s.Model.Version, &s.Namespace: s.Model.Namespace, &s.TargetPrefix: s.Model.TargetPrefix,
		(*string)(&s.Protocol): s.Model.Protocol,
	} {
		if *dst == "" {
			*dst = src
		}
	}
}

func (s *service) learn(m model.Operation) {
	s.known[m.Name] = true
	if s.Protocol == RESTXML && m.URI != "" {
		s.routes = append(s.routes, newRoute(m))
	}
}

// route is a method and a path with labels.
type route struct {
	name, method string
	segments     []string // "{Id}" is a label
	literals     int
}

func newRoute(m model.Operation) route {
	path, _, _ := strings.Cut(m.URI, "?")
	r := route{name: m.Name, method: m.Method, segments: strings.Split(strings.Trim(path, "/"), "/")}
	for _, s := range r.segments {
		if !strings.HasPrefix(s, "{") {
			r.literals++
		}
	}
	return r
}

// match returns the labels of a path that the route fits.
func (r route) match(segments []string) (map[string]string, bool) {
	if len(segments) != len(r.segments) {
		return nil, false
	}
	labels := map[string]string{}
	for i, want := range r.segments {
		got, err := url.PathUnescape(segments[i])
		switch {
		case err != nil || got == "":
			return nil, false
		case strings.HasPrefix(want, "{"):
			labels[strings.Trim(want, "{}+")] = got
		case got != want:
			return nil, false
		}
	}
	return labels, true
}

// routeREST finds the operation of a path. A slash at the end is of no account.
func (s *service) routeREST(r *http.Request) (name string, labels map[string]string) {
	segments := strings.Split(strings.Trim(r.URL.EscapedPath(), "/"), "/")
	best := -1
	for _, route := range s.routes {
		if route.method != r.Method || route.literals <= best {
			continue
		}
		if l, ok := route.match(segments); ok {
			name, labels, best = route.name, l, route.literals
		}
	}
	return name, labels
}

// name finds the operation that a request asks for, served or not.
func (s *service) name(r *http.Request, in *request) (string, *Error) {
	switch s.Protocol {
	case RESTXML:
		name, labels := s.routeREST(r)
		in.labels = labels
		if name == "" {
			return "", &Error{Code: "UnknownOperationException", Message: fmt.Sprintf("There is no operation at %s %s.", r.Method, r.URL.Path), Status: http.StatusNotFound}
		}
		return name, nil
	case JSON11:
		prefix, name, ok := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if !ok || prefix != s.TargetPrefix {
			return "", &Error{Code: "UnknownOperationException", Message: "The X-Amz-Target header names no operation of " + s.Name + "."}
		}
		return name, nil
	}
	if v := in.params.Get("Version"); v != "" && v != s.Version {
		return in.params.Get("Action"), &Error{Code: "NoSuchVersion", Message: fmt.Sprintf("The requested version (%s) of service %s is not served by Musubi, only %s is.", v, s.Name, s.Version)}
	}
	name := in.params.Get("Action")
	if name == "" {
		return "", &Error{Code: "MissingAction", Message: "The request must contain the parameter Action"}
	}
	return name, nil
}

// find returns the operation of that name, or why there is none.
func (s *service) find(name string) (*operation, *Error) {
	if o := s.served[name]; o != nil {
		return o, nil
	}
	if s.known[name] {
		return nil, &Error{Code: "UnsupportedOperation", Message: fmt.Sprintf("The operation %s of %s is not served by Musubi.", name, s.Name)}
	}
	switch s.Protocol {
	case EC2:
		return nil, &Error{Code: "InvalidAction", Message: fmt.Sprintf("The action %s is not valid for this web service.", name)}
	case Query:
		return nil, &Error{Code: "InvalidAction", Message: fmt.Sprintf("Could not find operation %s for version %s", name, s.Version)}
	}
	return nil, &Error{Code: "UnknownOperationException", Message: fmt.Sprintf("The operation %s is not known.", name)}
}
