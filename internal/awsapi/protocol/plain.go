package protocol

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Plain is a service whose requests no model describes: a handler answers them
// once their signature is verified and the policies let them pass. It may take
// the connection over, for a WebSocket. Its refusals are those of the json
// protocol.
type Plain struct {
	Name string // signing name
	// Operation names what a request asks for; "" is nothing that the service has.
	Operation func(r *http.Request) string
	// Open tells whether a request that is not signed may pass: it identifies its
	// sender by other means. Nil lets none pass.
	Open func(r *http.Request) bool
	// Handle answers. The caller of an open request is nobody. An error is
	// answered here; whoever returns one has written nothing.
	Handle func(w http.ResponseWriter, r *http.Request, call *Call) error
}

// addPlain adds the services that no model describes.
func (h *Handler) addPlain(list []Plain) error {
	for _, p := range list {
		if p.Name == "" || p.Operation == nil || p.Handle == nil {
			return fmt.Errorf("service %q is not whole", p.Name)
		}
		if h.services[p.Name] != nil {
			return fmt.Errorf("service %s is there twice", p.Name)
		}
		h.services[p.Name] = &service{Service: Service{Name: p.Name, Protocol: JSON11}, known: map[string]bool{}, statuses: map[string]int{}, plain: &p}
	}
	return nil
}

// open serves a request that needs no signature, if it is one. Requests of web
// pages never are.
func (x *exchange) open() bool {
	if len(x.r.Header.Values("Authorization")) > 0 || x.r.URL.Query().Has("X-Amz-Algorithm") {
		return false
	}
	for _, s := range x.services {
		if s.plain == nil || s.plain.Open == nil || !s.plain.Open(x.r) {
			continue
		}
		if x.door != nil {
			if name, _, ok := x.door.Host(x.r); !ok || name != s.Name {
				continue
			}
		}
		if len(x.r.Header.Values("Origin")) > 0 {
			x.turnAway("Requests of web pages are refused.")
			return true
		}
		x.r.Body = http.MaxBytesReader(x.w, x.r.Body, maxInside)
		x.call.Service, x.call.Operation = s.Name, s.plain.Operation(x.r)
		x.hand(s)
		return true
	}
	return false
}

// servePlain asks the policies about a signed request and hands it over.
func (x *exchange) servePlain(s *service, in *request) {
	x.call.Operation = s.plain.Operation(x.r)
	if x.call.Operation == "" {
		x.unserved.add(s.Name, unknownOperation(x.r, in))
		x.refuse(s, &Error{Code: "UnknownOperationException", Message: fmt.Sprintf("There is no operation at %s %s.", x.r.Method, x.r.URL.Path), Status: http.StatusNotFound})
		return
	}
	if denied := x.denied(s, in); denied != nil {
		x.refuse(s, denied)
		return
	}
	x.r.Body = io.NopCloser(bytes.NewReader(in.body))
	x.hand(s)
}

// hand gives the request to the service's handler.
func (x *exchange) hand(s *service) {
	if err := s.plain.Handle(x.w, x.r, &x.call); err != nil {
		x.refuse(s, err)
		return
	}
	x.log.Debug("request", "service", x.call.Service, "operation", x.call.Operation, "account", x.call.Caller.Account,
		"region", x.call.Caller.Region, "duration", time.Since(x.start))
}
