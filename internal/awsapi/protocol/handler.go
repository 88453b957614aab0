package protocol

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/cloud"
)

// maxBody bounds a request's body.
const maxBody = 10 << 20

// defaultAccount is the account of a key that says nothing of one.
const defaultAccount = "000000000000"

// Options are what the front door is made of.
type Options struct {
	Services []Service
	// Plain are services whose requests no model describes.
	Plain []Plain
	// Identify finds who an access key id was issued to by this cloud's own IAM
	// or STS, whether it is still good or not. May be nil.
	Identify func(accessKeyID string) (cloud.Caller, bool)
	// Expired tells whether a key that Identify knows is no longer good. May be
	// nil.
	Expired func(accessKeyID string) bool
	// Secret finds the secret and the session token of a key that Identify knows:
	// its signatures are verified. Nil verifies none.
	Secret func(accessKeyID string) (secret, token string, ok bool)
	// Authorize is asked about each operation once its caller is known and its
	// signature verified, on every way in: whether the policies of the caller let
	// it pass. If not, what is the rest of AWS's sentence: "ec2:DescribeVpcs
	// because no identity-based policy allows the ec2:DescribeVpcs action". Nil
	// lets all pass.
	Authorize func(a Access) (what string, ok bool)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Version of Musubi, for the Server header.
	Version string
	Log     *slog.Logger
	// Hosts are names to answer to besides localhost, *.localhost and loopback
	// addresses; one with a leading dot stands for all names below it.
	Hosts []string
}

// Handler is the front door: it serves all services on one port.
type Handler struct {
	services  map[string]*service // by signing name
	identify  func(string) (cloud.Caller, bool)
	expired   func(string) bool
	secret    func(string) (string, string, bool)
	authorize func(Access) (string, bool)
	now       func() time.Time
	server    string
	log       *slog.Logger
	guard     guard
	unserved  unserved
}

// NewHandler makes the front door. It fails if a service and its model
// disagree, which is a mistake in the program.
func NewHandler(o Options) (*Handler, error) {
	h := &Handler{services: map[string]*service{}, identify: o.Identify, expired: o.Expired, secret: o.Secret, authorize: o.Authorize, now: o.Now, server: "Musubi", log: o.Log, guard: guard{hosts: o.Hosts}}
	if o.Version != "" {
		h.server += "/" + o.Version
	}
	if h.now == nil {
		h.now = time.Now
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	c := shapes{}
	for _, s := range o.Services {
		n, err := newService(s, c)
		if err != nil {
			return nil, err
		}
		if h.services[n.Name] != nil {
			return nil, fmt.Errorf("service %s is there twice", n.Name)
		}
		h.services[n.Name] = n
	}
	if err := h.addPlain(o.Plain); err != nil {
		return nil, err
	}
	return h, nil
}

// Unserved returns how often each operation that is not served was asked for,
// by "service:Operation".
func (h *Handler) Unserved() map[string]int { return h.unserved.all() }

// exchange is one request on its way through.
type exchange struct {
	*Handler
	door  *Door // nil: the host's own listener
	w     http.ResponseWriter
	r     *http.Request
	start time.Time
	call  Call
	code  string // error code, for the log
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := h.exchange(w, r)
	if why := h.guard.refuse(r); why != "" {
		x.turnAway(why)
		return
	}
	if x.open() {
		return
	}
	x.answer(maxBody)
}

func (h *Handler) exchange(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{Handler: h, w: w, r: r, start: time.Now(), call: Call{RequestID: newRequestID(), Host: r.Host}}
	w.Header().Set("x-amzn-RequestId", x.call.RequestID)
	w.Header().Set("Server", h.server)
	return x
}

// turnAway refuses what is no request to AWS.
func (x *exchange) turnAway(why string) {
	x.code = "Refused"
	x.write(&response{status: http.StatusForbidden, contentType: "text/plain; charset=utf-8", body: []byte(why + "\n")})
}

// answer reads a request of at most so many bytes and serves it.
func (x *exchange) answer(most int64) {
	h, r := x.Handler, x.r
	in, bad := x.read(most)
	cred, authErr := credential{}, bad
	if bad == nil {
		cred, authErr = readCredential(r.Header, in.params)
	}
	svc := h.classify(cred.service, r, in)
	if authErr == nil && x.door != nil {
		authErr = x.scoped(svc, cred)
	}
	switch {
	case authErr != nil:
		x.refuse(svc, authErr)
	case svc.known == nil:
		h.unserved.add(cred.service, unknownOperation(r, in))
		x.call.Service = cred.service
		x.refuse(svc, &Error{Code: "UnsupportedOperation", Message: fmt.Sprintf("The AWS service %q is not served by Musubi.", cred.service)})
	default:
		x.call.Service = svc.Name
		if x.call.Caller, authErr = x.caller(svc, cred, in); authErr != nil {
			x.refuse(svc, authErr)
			return
		}
		x.serve(svc, in)
	}
}

// read reads the body and the parameters.
func (x *exchange) read(most int64) (*request, *Error) {
	in := &request{header: x.r.Header, params: url.Values{}}
	query, qerr := url.ParseQuery(x.r.URL.RawQuery)
	in.params = query
	body, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, most))
	if err != nil {
		status := http.StatusBadRequest
		if _, big := errors.AsType[*http.MaxBytesError](err); big {
			status = http.StatusRequestEntityTooLarge
		}
		return in, &Error{Code: "RequestEntityTooLarge", Message: "The body can not be read: " + err.Error(), Status: status}
	}
	in.body = body
	if qerr == nil && strings.HasPrefix(x.r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		var form url.Values
		form, qerr = url.ParseQuery(string(body))
		for k, v := range form {
			in.params[k] = append(in.params[k], v...)
		}
	}
	if qerr != nil {
		return in, &Error{Code: "MalformedQueryString", Message: "The query string contains a syntax error."}
	}
	return in, nil
}

// classify finds the service of a request: the signing scope says it. Without a
// scope, other marks tell which envelope the refusal is to have. The result has
// no known operations if the service is not served.
func (h *Handler) classify(scope string, r *http.Request, in *request) *service {
	if s := h.services[scope]; s != nil {
		return s
	}
	target := r.Header.Get("X-Amz-Target")
	if scope == "" {
		prefix, _, _ := strings.Cut(target, ".")
		for _, s := range h.services {
			switch s.Protocol {
			case JSON11:
				if target != "" && prefix == s.TargetPrefix {
					return s
				}
			case RESTXML:
				if strings.HasPrefix(r.URL.Path, "/"+s.Version+"/") {
					return s
				}
			default:
				if in.params.Get("Version") == s.Version {
					return s
				}
			}
		}
	}
	if target != "" || strings.Contains(r.Header.Get("Content-Type"), "json") {
		return &service{Service: Service{Protocol: JSON11}}
	}
	return &service{Service: Service{Protocol: Query}}
}

// unknownOperation names what was asked of a service that is not served.
func unknownOperation(r *http.Request, in *request) string {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return target[strings.LastIndexByte(target, '.')+1:]
	}
	if action := in.params.Get("Action"); action != "" {
		return action
	}
	return r.Method
}

// serve runs the operation.
func (x *exchange) serve(svc *service, in *request) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p)
		}
		x.log.Error("panic in an operation", "service", svc.Name, "operation", x.call.Operation, "panic", p, "stack", string(debug.Stack()))
		x.refuse(svc, errors.New("panic"))
	}()
	if svc.plain != nil {
		x.servePlain(svc, in)
		return
	}
	name, bad := svc.name(x.r, in)
	x.call.Operation = name
	var op *operation
	if bad == nil {
		op, bad = svc.find(name)
	}
	if bad != nil {
		x.unserved.add(svc.Name, name)
		x.refuse(svc, bad)
		return
	}
	if denied := x.denied(svc, in); denied != nil {
		x.refuse(svc, denied)
		return
	}
	resp, err := op.run(x.r.Context(), &x.call, in)
	if err != nil {
		x.refuse(svc, err)
		return
	}
	x.write(resp)
}

// refuse answers with an error in the service's envelope.
func (x *exchange) refuse(svc *service, err error) {
	resp, code, internal := svc.refusal(err, x.call.RequestID)
	x.code = code
	if internal != nil && !errors.Is(internal, context.Canceled) {
		x.log.Error("request failed", "service", svc.Name, "operation", x.call.Operation, "requestId", x.call.RequestID, "error", internal)
	}
	x.write(resp)
}

func (x *exchange) write(resp *response) {
	header := x.w.Header()
	for k, v := range resp.header {
		header[k] = v
	}
	header.Set("Content-Type", resp.contentType)
	header.Set("Content-Length", strconv.Itoa(len(resp.body)))
	x.w.WriteHeader(resp.status)
	_, err := x.w.Write(resp.body) // a client that has gone is no fault of ours
	x.log.Debug("request", "service", x.call.Service, "operation", x.call.Operation, "account", x.call.Caller.Account,
		"region", x.call.Caller.Region, "status", resp.status, "code", x.code, "duration", time.Since(x.start), "gone", err != nil)
}

// newRequestID makes a random UUID.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
