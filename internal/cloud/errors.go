package cloud

import (
	"errors"
	"fmt"
)

// Kind classifies a refusal. The adapters of awsapi map a (Kind, Subject) pair
// to an AWS error code; nothing else may depend on the text.
type Kind uint8

// The kinds of refusal.
const (
	KindInvalid     Kind = iota + 1 // a value that can never be right
	KindMissing                     // a required parameter is absent
	KindNotFound                    // the subject does not exist (for this caller)
	KindExists                      // a subject with that identity exists already
	KindConflict                    // overlaps or contradicts another resource
	KindInUse                       // something depends on the subject
	KindState                       // the subject is in the wrong state
	KindLimit                       // a quota or an address pool is exhausted
	KindForbidden                   // the caller may not
	KindUnsupported                 // AWS does it, this product does not (yet)
	KindProtected                   // deletion or stop protection
)

// Error is a typed refusal. Code, when set, is the AWS error code as the facts
// document it ("InvalidSubnet.Conflict"): AWS's codes are part of the domain's
// language where one kind has several. Adapters use Code if set, else derive
// one from Kind and Subject.
type Error struct {
	Kind    Kind
	Subject string // resource type, e.g. "vpc", "subnet", "load-balancer"
	ID      string // the identifier the user gave, if any
	Code    string // AWS error code; may be empty
	Message string // AWS's sentence
}

func (e *Error) Error() string { return e.Message }

// Errorf makes an *Error with a formatted message.
func Errorf(kind Kind, subject, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Subject: subject, Code: code, Message: fmt.Sprintf(format, args...)}
}

// IsKind reports whether err is or wraps an *Error of that kind.
func IsKind(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}
