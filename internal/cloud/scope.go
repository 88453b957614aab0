package cloud

import "time"

// Scope is where a resource lives: a 12-digit account and a region such as
// "ap-northeast-1". Global services (IAM, Route 53) use Region "".
type Scope struct {
	Account string
	Region  string
}

// Key is the index key of everything in a scope: "123456789012/us-east-1".
func (s Scope) Key() string { return s.Account + "/" + s.Region }

// Global is the scope of the same account's global services.
func (s Scope) Global() Scope { return Scope{Account: s.Account} }

// Caller is who asks: the account and region of the request's credential
// scope and the ARN of its principal.
type Caller struct {
	Scope
	// PrincipalARN is for example arn:aws:iam::000000000000:root.
	PrincipalARN string
	// UserID is what sts:GetCallerIdentity calls UserId.
	UserID string
	// Instance is the instance that the metadata service issued the caller's keys to.
	// The name of a session says nothing: whoever assumes a role chooses it.
	Instance string
	// Internal marks the reconciler: it may report observations that no
	// user may set.
	Internal bool
}

// Env is what a pure command may know of the outside: handed in by the engine.
type Env struct {
	Now    time.Time
	Caller Caller
	// IDs makes identifiers. It is deterministic for a given seed.
	IDs IDSource
}

// IDSource makes random-looking identifiers.
type IDSource interface {
	// Hex returns n lower-case hexadecimal digits.
	Hex(n int) string
	// Alnum returns n characters of [a-z0-9].
	Alnum(n int) string
	// Upper returns n characters of [A-Z0-9].
	Upper(n int) string
}

// TimeKey is an index key that sorts by time, to the second.
func TimeKey(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

// Tags is a resource's tag set: key to value.
type Tags map[string]string

// Clone returns a copy that may be changed; nil stays nil.
func (t Tags) Clone() Tags {
	if t == nil {
		return nil
	}
	c := make(Tags, len(t))
	for k, v := range t {
		c[k] = v
	}
	return c
}

// With returns a copy with the tags of o set over those of t.
func (t Tags) With(o Tags) Tags {
	c := make(Tags, len(t)+len(o))
	for k, v := range t {
		c[k] = v
	}
	for k, v := range o {
		c[k] = v
	}
	return c
}
