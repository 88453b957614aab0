package protocol

import (
	"fmt"
	"strings"
)

// faultKind is what is wrong with a parameter.
type faultKind uint8

const (
	faultUnknown   faultKind = iota // AWS has no such parameter
	faultUnserved                   // AWS has it, Musubi does not serve it
	faultMalformed                  // not a value of its type
	faultMissing                    // required, but not there
	faultLimit                      // against a constraint
	faultSyntax                     // the body itself can not be read
)

// fault is a parameter that can not be accepted. Its wording depends on the
// protocol.
type fault struct {
	kind  faultKind
	path  string // as the protocol writes it
	value string
	limit string // faultLimit: AWS's sentence; faultSyntax: what is wrong
	want  kind   // faultMalformed
}

// faults is what is wrong with a request. It is an error only if not empty.
type faults []fault

func (f faults) Error() string { return fmt.Sprintf("%d faults, first at %q", len(f), f[0].path) }

// answer puts the faults into the words of a protocol.
func (f faults) answer(p Protocol, op string) *Error {
	first := f[0]
	if first.kind == faultUnserved {
		return &Error{Code: "UnsupportedOperation", Message: fmt.Sprintf("The parameter %s of %s is not served by Musubi.", first.path, op)}
	}
	switch p {
	case EC2:
		return first.ec2()
	case Query:
		return f.query("ValidationError", "MalformedInput")
	case RESTXML:
		return f.query("InvalidInput", "InvalidInput")
	}
	return f.query("ValidationException", "SerializationException")
}

func (f fault) ec2() *Error {
	switch f.kind {
	case faultUnknown:
		return &Error{Code: "UnknownParameter", Message: fmt.Sprintf("The parameter %s is not recognized", f.path)}
	case faultMissing:
		return &Error{Code: "MissingParameter", Message: fmt.Sprintf("The request must contain the parameter %s", f.path)}
	case faultSyntax:
		return &Error{Code: "MalformedQueryString", Message: "The query string contains a syntax error."}
	}
	return &Error{Code: "InvalidParameterValue", Message: fmt.Sprintf("Value (%s) for parameter %s is invalid. %s", f.value, f.path, f.want.expected())}
}

// query is the wording that all but EC2 share, with the codes for what breaks
// the model and for what can not even be read.
func (f faults) query(invalid, malformed string) *Error {
	first := f[0]
	switch first.kind {
	case faultUnknown:
		return &Error{Code: invalid, Message: fmt.Sprintf("The parameter %s is not recognized", first.path)}
	case faultMalformed:
		return &Error{Code: malformed, Message: fmt.Sprintf("Value (%s) for parameter %s is invalid. %s", first.value, first.path, first.want.expected())}
	case faultSyntax:
		return &Error{Code: malformed, Message: first.limit}
	}
	sentences := make([]string, len(f))
	for i, x := range f {
		value := "null"
		if x.kind == faultLimit {
			value = "'" + x.value + "'"
		}
		sentences[i] = fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: %s", value, x.path, x.limit)
	}
	noun := "error"
	if len(f) > 1 {
		noun = "errors"
	}
	return &Error{Code: invalid, Message: fmt.Sprintf("%d validation %s detected: %s", len(f), noun, strings.Join(sentences, "; "))}
}

// expected says in a sentence what a value of the kind looks like.
func (k kind) expected() string {
	switch k {
	case kindBool:
		return "It must be true or false."
	case kindInt:
		return "It must be an integer."
	case kindFloat:
		return "It must be a number."
	case kindTime:
		return "It must be a time in ISO 8601 format."
	case kindBlob:
		return "It must be base64-encoded."
	case kindStruct:
		return "It must be a structure."
	case kindList:
		return "It must be a list."
	case kindMap:
		return "It must be a map."
	}
	return "It must be a string."
}
