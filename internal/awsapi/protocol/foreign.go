package protocol

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/sync/semaphore"

	"github.com/musubi-net/musubi/internal/cloud"
)

// maxForeign bounds the body of a request that is read to verify its signature.
const maxForeign = 16 << 20

// Foreign is one of AWS's services that a program outside serves. Its requests are
// verified and judged here, and handed on as they came.
type Foreign struct {
	Name string // for people: logs
	// Sign is the name that requests are signed for, Region the region; any region
	// is good if it is empty.
	Sign, Region string
	// Open lets requests pass that are not signed, or by other means.
	Open bool
	// S3 requests are signed, refused and streamed as s3's are: their bodies are not
	// read.
	S3 bool
	// Room bounds the bodies that are held in memory, in bytes.
	Room *semaphore.Weighted
	// Wants tells what a request wants, one thing or several.
	Wants func(a Access) []Want
	// Allow is asked about each request after the policies of its caller: whether
	// the way that it came by lets it pass, or why not.
	Allow func(r *http.Request, a Access) (why string, ok bool)
	// Serve gets what may pass.
	Serve http.Handler
}

// Want is an action and the ARNs that it is about.
type Want struct {
	Action    string
	Resources []string
}

// Pass verifies and judges a request to a foreign service, and hands it over.
func (h *Handler) Pass(w http.ResponseWriter, r *http.Request, f Foreign) {
	x := &foreign{exchange: h.exchange(w, r), f: f, s: &service{Service: Service{Name: f.Name, Protocol: envelope(r)}}}
	x.call.Service = f.Name
	in, bad := x.admit()
	if bad != nil {
		x.refuseForeign(bad)
		return
	}
	if in.release != nil {
		defer in.release()
	}
	for _, own := range []string{"Server", "X-Amzn-Requestid"} {
		w.Header().Del(own) // whoever serves it has its own
	}
	x.log.Debug("request", "service", f.Name, "operation", x.call.Operation, "account", x.call.Caller.Account, "region", x.call.Caller.Region)
	f.Serve.ServeHTTP(w, r)
}

// envelope is the protocol in which a refusal is best understood.
func envelope(r *http.Request) Protocol {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") || r.URL.Query().Has("Action") {
		return Query
	}
	return JSON11
}

// foreign is one request to a foreign service on its way through.
type foreign struct {
	*exchange
	f Foreign
	s *service

	expected string // the region that a request of s3 was to be signed for
}

// held is a request whose body may be in memory.
type held struct {
	request
	release func()
}

// admit reads, verifies and judges the request.
func (x *foreign) admit() (in held, bad error) {
	in = held{request: request{header: x.r.Header, params: x.r.URL.Query()}}
	cred, anonymous, err := x.credential(in.params)
	if err != nil {
		return in, err
	}
	if !x.f.S3 {
		if in.body, in.release, err = x.hold(); err != nil {
			return in, err
		}
		defer func() {
			if bad != nil {
				in.release()
			}
		}()
		if envelope(x.r) == Query {
			if form, qerr := url.ParseQuery(string(in.body)); qerr == nil {
				for k, v := range form {
					in.params[k] = append(in.params[k], v...)
				}
			}
		}
	}
	if !anonymous {
		if err := x.identified(cred, &in.request); err != nil {
			return in, err
		}
	}
	if denied := x.judged(&in.request); denied != nil {
		return in, denied
	}
	return in, nil
}

// credential reads the credential; there is none in a request that may be
// anonymous.
func (x *foreign) credential(params url.Values) (c credential, anonymous bool, bad *Error) {
	auth := x.r.Header.Get("Authorization")
	signed := strings.HasPrefix(auth, "AWS") || params.Has("X-Amz-Algorithm") || params.Has("AWSAccessKeyId")
	if x.f.Open && !signed && (auth == "" || !x.f.S3) {
		return c, true, nil
	}
	c, bad = readCredential(x.r.Header, params)
	switch {
	case bad != nil:
		return c, false, bad
	case x.f.S3 && (c.service != x.f.Sign || x.f.Region != "" && c.region != x.f.Region):
		return c, false, x.elsewhere(c)
	case c.service != x.f.Sign:
		return c, false, x.s.badSignature("Credential should be scoped to correct service: '%s'.", x.f.Sign)
	case x.f.Region != "" && c.region != x.f.Region:
		return c, false, x.s.badSignature("Credential should be scoped to a valid region.")
	}
	return c, false, nil
}

// hold reads the body.
func (x *foreign) hold() (body []byte, release func(), bad *Error) {
	n := x.r.ContentLength
	if n < 0 || n > maxForeign {
		n = maxForeign
	}
	n += 4 << 10
	if x.f.Room.Acquire(x.r.Context(), n) != nil {
		return nil, nil, &Error{Code: "ServiceUnavailable", Message: "Too many requests are under way.", Status: http.StatusServiceUnavailable}
	}
	release = func() { x.f.Room.Release(n) }
	body, err := io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, maxForeign))
	if err != nil {
		release()
		return nil, nil, &Error{Code: "RequestEntityTooLarge", Message: "The body can not be read: " + err.Error(), Status: http.StatusRequestEntityTooLarge}
	}
	x.r.Body, x.r.ContentLength, x.r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	return body, release, nil
}

// identified finds who signed the request, which must be with a key that was issued
// here, and verifies the signature.
func (x *foreign) identified(c credential, in *request) *Error {
	if x.identify == nil || x.secret == nil {
		return x.s.unknownKey()
	}
	who, known := x.identify(c.keyID)
	if !known {
		return x.s.unknownKey()
	}
	who.Region, who.Internal = c.region, false
	x.call.Caller = who
	if !x.f.S3 {
		return x.verify(x.s, c, in)
	}
	return x.verifyS3(c)
}

// verifyS3 verifies a request of s3, whose body comes later: the signature is made
// over what the client states of it, and a hash is compared as the body passes.
func (x *foreign) verifyS3(c credential) *Error {
	if x.expired != nil && x.expired(c.keyID) {
		return &Error{Code: "ExpiredToken", Message: "The provided token has expired.", Status: http.StatusBadRequest}
	}
	secret, token, ok := x.secret(c.keyID)
	given := x.r.Header.Get("X-Amz-Security-Token")
	if c.presigned {
		given = x.r.URL.Query().Get("X-Amz-Security-Token")
	}
	if !ok {
		return x.s.unknownKey()
	}
	if !hmac.Equal([]byte(given), []byte(token)) {
		return &Error{Code: "InvalidToken", Message: "The provided token is malformed or otherwise invalid.", Status: http.StatusBadRequest}
	}
	g := signed{credential: c, r: x.r, stated: x.r.Header.Get("X-Amz-Content-Sha256")}
	if g.stated == "" && c.presigned {
		g.stated = unsignedPayload
	}
	if g.stated == "" {
		return &Error{Code: "InvalidRequest", Message: "Missing required header for this request: x-amz-content-sha256", Status: http.StatusBadRequest}
	}
	if bad := g.inTime(x.s, x.now()); bad != nil {
		return late(c)
	}
	if bad := g.check(x.s, secret); bad != nil {
		return bad
	}
	return x.watch(g.stated)
}

// late is what s3 says of a request that is too old.
func late(c credential) *Error {
	if c.presigned {
		return &Error{Code: "AccessDenied", Message: "Request has expired", Status: http.StatusForbidden}
	}
	return &Error{Code: "RequestTimeTooSkewed", Message: "The difference between the request time and the current time is too large.", Status: http.StatusForbidden}
}

// judged asks the policies of the caller and of the way.
func (x *foreign) judged(in *request) error {
	for i, want := range x.f.Wants(Access{Call: x.call, Params: in.params, Request: x.r, Body: in.body}) {
		a := Access{Call: x.call, Action: want.Action, Params: in.params, Request: x.r, Body: in.body, Resources: want.Resources}
		if _, a.Operation, _ = strings.Cut(a.Action, ":"); i == 0 {
			x.call.Operation = a.Operation
		}
		if err := x.may(a); err != nil {
			return err
		}
	}
	return nil
}

// may asks about one thing.
func (x *foreign) may(a Access) error {
	if a.Resources == nil {
		a.Resources = []string{} // none is known
	}
	if x.authorize != nil && x.call.Caller != (cloud.Caller{}) {
		if what, ok := x.authorize(a); !ok {
			return x.s.accessDenied(a.Caller.PrincipalARN, what)
		}
	}
	why, ok := x.f.Allow(x.r, a)
	if ok {
		return nil
	}
	what := a.Action
	if len(a.Resources) > 0 {
		what += " on resource: \"" + a.Resources[0] + "\""
	}
	return x.s.accessDenied(cmp.Or(a.Caller.PrincipalARN, "anonymous"), what+" "+why)
}

// refuseForeign answers with an error in the service's envelope.
func (x *foreign) refuseForeign(err error) {
	if !x.f.S3 {
		x.refuse(x.s, err)
		return
	}
	_, code, _ := x.s.refusal(err, x.call.RequestID)
	x.code = code
	e, _ := x.s.translate(err)
	x.write(s3Error(e, x.r.URL.Path, x.call.RequestID, x.expected))
}

// Mismatch answers a request to a foreign service whose body is not what its sender
// stated.
func (h *Handler) Mismatch(w http.ResponseWriter, r *http.Request, f Foreign) {
	h.answerForeign(w, r, f, &Error{Code: "XAmzContentSHA256Mismatch", Message: "The provided 'x-amz-content-sha256' header does not match what was computed.",
		Status: http.StatusBadRequest})
}

// Unavailable answers for a foreign service that can not be reached.
func (h *Handler) Unavailable(w http.ResponseWriter, r *http.Request, f Foreign, why string) {
	h.answerForeign(w, r, f, &Error{Code: "ServiceUnavailable", Message: why, Status: http.StatusServiceUnavailable})
}

func (h *Handler) answerForeign(w http.ResponseWriter, r *http.Request, f Foreign, e *Error) {
	x := &foreign{exchange: h.exchange(w, r), f: f, s: &service{Service: Service{Name: f.Name, Protocol: envelope(r)}}}
	x.refuseForeign(e)
}
