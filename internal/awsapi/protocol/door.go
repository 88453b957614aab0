package protocol

import (
	"fmt"
	"net/http"
	"net/url"
)

// maxInside bounds the body of a request from inside the world: guests are not to
// fill the host's memory.
const maxInside = 1 << 20

// Door is a way into the front door from inside the world. There, a Host header
// is one of AWS's names, and only keys that were issued here are good.
type Door struct {
	// Host finds the service (its signing name) and the region that a request is
	// addressed to; false refuses it.
	Host func(r *http.Request) (service, region string, ok bool)
	// Allow is asked about each operation of a known caller: whether the way that
	// the request came by lets it pass, or why not. Nil lets all pass.
	Allow func(r *http.Request, a Access) (why string, ok bool)
}

// Access is what a request wants.
type Access struct {
	Call
	// Action is ec2:DescribeVpcs.
	Action string
	// Params are those of the query and ec2 protocols, and of the query string.
	Params url.Values
	// Request is the request, Body what it carries: its own has been read.
	Request *http.Request
	Body    []byte
	// Resources are the ARNs that it is about, where a foreign service's request
	// tells them.
	Resources []string
}

// Door returns the handler of requests that come by a door.
func (h *Handler) Door(d Door) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := h.exchange(w, r)
		x.door = &d
		x.call.Inside = true
		if _, _, ok := d.Host(r); !ok {
			x.turnAway("The Host header names no service that answers here.")
			return
		}
		if x.open() {
			return
		}
		x.answer(maxInside)
	})
}

// scoped refuses a request that was signed for another service or region than
// the one that it was sent to.
func (x *exchange) scoped(s *service, c credential) *Error {
	service, region, _ := x.door.Host(x.r)
	switch {
	case c.service != service:
		return s.badSignature("Credential should be scoped to correct service: '%s'.", service)
	case c.region != region:
		return s.badSignature("Credential should be scoped to a valid region.")
	}
	return nil
}

// denied asks the policies of the caller and the door about an operation.
func (x *exchange) denied(s *service, in *request) error {
	a := Access{Call: x.call, Action: s.Name + ":" + x.call.Operation, Params: in.params, Request: x.r, Body: in.body}
	if x.authorize != nil {
		if what, ok := x.authorize(a); !ok {
			return s.accessDenied(a.Caller.PrincipalARN, what)
		}
	}
	if x.door == nil || x.door.Allow == nil {
		return nil
	}
	why, ok := x.door.Allow(x.r, a)
	if ok {
		return nil
	}
	what := a.Action
	if s.Protocol != EC2 && s.Protocol != JSON11 {
		what += " on resource: *"
	}
	return s.accessDenied(a.Caller.PrincipalARN, what+" "+why)
}

// accessDenied refuses what a policy does not allow: what is the action, the
// resource where AWS names it, and why.
func (s *service) accessDenied(principal, what string) *Error {
	text := fmt.Sprintf("User: %s is not authorized to perform: %s", principal, what)
	switch {
	case s.Protocol == EC2:
		return &Error{Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation. " + text, Status: http.StatusForbidden}
	case s.Protocol == JSON11:
		return &Error{Code: "AccessDeniedException", Message: text, Status: http.StatusBadRequest}
	case s.Name == "sns":
		return &Error{Code: "AuthorizationError", Message: text, Status: http.StatusForbidden}
	}
	return &Error{Code: "AccessDenied", Message: text, Status: http.StatusForbidden}
}
