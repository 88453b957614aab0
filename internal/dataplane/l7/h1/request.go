package h1

import (
	"bytes"
	"errors"
)

// Tier is how AWS's desync mitigation classifies a request.
type Tier uint8

// The tiers, in order of severity.
const (
	Compliant Tier = iota
	Acceptable
	Ambiguous
	Severe
)

// String is the tier as in access logs.
func (t Tier) String() string {
	return [...]string{"Compliant", "Acceptable", "Ambiguous", "Severe"}[t]
}

// Errors of parsing a request that no mode lets pass.
var (
	ErrMalformed = errors.New("h1: malformed request")
	ErrVersion   = errors.New("h1: version not supported")
	// ErrEncoding is a transfer encoding other than chunked and identity.
	ErrEncoding = errors.New("h1: transfer encoding not supported")
)

// Chunked is the length of a body in chunks, UntilClose that of one that ends with
// the connection.
const (
	Chunked    = -1
	UntilClose = -2
)

// Request is a parsed head.
type Request struct {
	Method, Target []byte
	// Minor is the y of HTTP/1.y.
	Minor  int
	Fields []Field
	// Tier is the classification, Reason AWS's word for it.
	Tier   Tier
	Reason string
	// Length is the body's, or Chunked.
	Length int64
	// Close says that the client wants the connection closed after the response.
	Close bool
	// Continue says that the client waits for 100 Continue.
	Continue bool
	// Upgrade is the protocol that the client wants to change to, if any.
	Upgrade []byte

	lengths, encodings int // fields seen, with those that are only similar
	length             int64
	badLength, sized   bool
	chunked, encoded   bool
	badEncoding        bool
	keepAlive          bool
	upgrading          bool
	noBody             bool // GET or HEAD
	err                error
}

// Parse parses a head that Reader.Head returned. It changes the head where lines
// are folded.
func (r *Request) Parse(head []byte) error {
	*r = Request{Fields: r.Fields[:0]}
	for len(head) > 0 && (head[0] == '\r' || head[0] == '\n') {
		head = head[1:] // empty lines before a request are to be ignored
	}
	line, rest := r.line(head)
	if err := r.requestLine(line); err != nil {
		return err
	}
	r.noBody = string(r.Method) == "GET" || string(r.Method) == "HEAD"
	for len(rest) > 0 {
		line, rest = r.line(rest)
		if len(line) == 0 {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if err := r.fold(line); err != nil {
				return err
			}
			continue
		}
		if err := r.field(line); err != nil {
			return err
		}
	}
	return r.finish()
}

// upgrade raises the tier.
func (r *Request) upgrade(t Tier, reason string) {
	if t > r.Tier {
		r.Tier, r.Reason = t, reason
	}
}

// line cuts a line off, and notes one that does not end as it should.
func (r *Request) line(s []byte) (line, rest []byte) {
	i := bytes.IndexByte(s, '\n')
	if i < 0 {
		return s, nil
	}
	line, rest = s[:i], s[i+1:]
	if len(line) > 0 && line[len(line)-1] == '\r' {
		return line[:len(line)-1], rest
	}
	r.upgrade(Acceptable, "NonCrLfLineTermination")
	return line, rest
}

func (r *Request) requestLine(line []byte) error {
	i := bytes.IndexByte(line, ' ')
	if i <= 0 {
		return ErrMalformed
	}
	r.Method = line[:i]
	end := trimRight(line)
	j := bytes.LastIndexByte(end, ' ')
	if j <= i {
		return ErrMalformed // HTTP/0.9, or a target is missing
	}
	r.Target = trim(line[i+1 : j])
	if len(r.Target) == 0 {
		return ErrMalformed
	}
	if !all(r.Method, tchar) {
		r.upgrade(Severe, "BadMethod")
	}
	if err := r.version(end[j+1:], len(end) != len(line)); err != nil {
		return err
	}
	if !all(r.Target, uri) {
		r.target()
	}
	return nil
}

// target classifies a request target that has something unusual.
func (r *Request) target() {
	for _, c := range r.Target {
		switch {
		case class[c]&uri != 0:
		case class[c]&bad != 0:
			r.upgrade(Severe, "BadUri")
		case c == ' ':
			r.upgrade(Acceptable, "SpaceInUri")
		default:
			r.upgrade(Ambiguous, "AmbiguousUri")
		}
	}
}

func (r *Request) version(v []byte, space bool) error {
	if len(v) != 8 || string(v[:5]) != "HTTP/" || v[6] != '.' || !digit(v[5]) || !digit(v[7]) {
		r.upgrade(Severe, "BadVersion")
		r.Minor = 1
		return nil
	}
	if v[5] != '1' {
		return ErrVersion
	}
	r.Minor = int(v[7] - '0')
	if space || r.Minor > 1 {
		r.upgrade(Acceptable, "NonCompliantVersion")
	}
	return nil
}

// field parses a line that begins a field.
func (r *Request) field(line []byte) error {
	i := bytes.IndexByte(line, ':')
	if i < 0 {
		return ErrMalformed
	}
	f := Field{Name: line[:i], Value: trim(line[i+1:])}
	f.Tier = r.check(f.Name, tchar)
	if t := r.check(f.Value, value); t > f.Tier {
		f.Tier = t
	}
	if t := trim(f.Name); len(t) == 0 {
		f.Tier = Bad
		r.upgrade(Ambiguous, "EmptyHeader")
	} else {
		f.ID = Identify(f.Name)
	}
	r.known(&f)
	r.Fields = append(r.Fields, f)
	return nil
}

// check classifies the bytes of a name or a value.
func (r *Request) check(s []byte, want byte) FieldTier {
	if all(s, want) {
		return Fine
	}
	if has(s, bad) {
		r.upgrade(Severe, "BadHeader")
		return Bad
	}
	r.upgrade(Acceptable, "NonCompliantHeader")
	return Odd
}

// known takes what matters from a field.
func (r *Request) known(f *Field) {
	switch f.ID {
	case ContentLength:
		r.contentLength(f)
	case TransferEncoding:
		r.transferEncoding(f)
	case Connection:
		Tokens(f.Value, func(t []byte) bool {
			r.Close = r.Close || Equal(t, "close")
			r.keepAlive = r.keepAlive || Equal(t, "keep-alive")
			r.upgrading = r.upgrading || Equal(t, "upgrade")
			return true
		})
	case Upgrade:
		r.Upgrade = f.Value
	case Expect:
		r.Continue = Equal(f.Value, "100-continue")
	case Other:
		r.suspicious(f)
	}
}

// suspicious notes names that some servers could take for those that frame.
func (r *Request) suspicious(f *Field) {
	switch {
	case similar(f.Name, "transfer-encoding"):
		r.transferEncoding(f)
	case similar(f.Name, "content-length"):
		r.contentLength(f)
	default:
		return
	}
	if f.Tier != Bad {
		f.Tier = Odd
		r.upgrade(Ambiguous, "SuspiciousHeader")
	}
}

// fold joins a line to the field before it: one line is what everybody reads alike.
func (r *Request) fold(line []byte) error {
	if len(r.Fields) == 0 {
		return ErrMalformed
	}
	f := &r.Fields[len(r.Fields)-1]
	if f.ID == ContentLength || f.ID == TransferEncoding || f.ID == Host {
		return ErrMalformed
	}
	if f.ID != ContentType {
		r.upgrade(Ambiguous, "MultilineHeader")
	}
	if t := r.check(line, value); t > f.Tier {
		f.Tier = t
	}
	joined := make([]byte, 0, len(f.Value)+len(line)+1)
	joined = append(append(append(joined, f.Value...), ' '), trim(line)...)
	f.Value = joined
	return nil
}

func trimRight(s []byte) []byte {
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
