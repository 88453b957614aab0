package h1

import (
	"bytes"
	"errors"
)

// ErrResponse is a response that cannot be understood.
var ErrResponse = errors.New("h1: malformed response")

// Response is a parsed head.
type Response struct {
	Status int
	// Reason is the phrase behind the status.
	Reason []byte
	Minor  int
	Fields []Field
	// Length is the body's, Chunked or UntilClose, as the fields say: what has no
	// body because of the request or the status is for Body to know.
	Length int64
	// Close says that the sender closes the connection.
	Close bool
	// Upgrade says that the connection field has it.
	Upgrade bool
}

// Parse parses a head that Reader.Head returned.
func (r *Response) Parse(head []byte) error {
	*r = Response{Fields: r.Fields[:0], Length: UntilClose}
	line, rest := cutLine(head)
	if len(line) < 12 || string(line[:7]) != "HTTP/1." || !digit(line[7]) || line[8] != ' ' {
		return ErrResponse
	}
	r.Minor = int(line[7] - '0')
	status, ok := number(line[9:12])
	if !ok || status < 100 || len(line) > 12 && line[12] != ' ' {
		return ErrResponse
	}
	r.Status = int(status)
	if len(line) > 13 {
		r.Reason = line[13:]
	}
	if has(r.Reason, bad) {
		return ErrResponse
	}
	keep := false
	for len(rest) > 0 {
		if line, rest = cutLine(rest); len(line) == 0 {
			break
		}
		if err := r.field(line, &keep); err != nil {
			return err
		}
	}
	if r.Minor == 0 && !keep {
		r.Close = true
	}
	return nil
}

func (r *Response) field(line []byte, keep *bool) error {
	if line[0] == ' ' || line[0] == '\t' {
		return r.fold(line)
	}
	i := bytes.IndexByte(line, ':')
	if i <= 0 {
		return ErrResponse
	}
	f := Field{Name: line[:i], Value: trim(line[i+1:])}
	if has(line, bad) || !all(f.Name, tchar) {
		return ErrResponse
	}
	f.ID = Identify(f.Name)
	switch f.ID {
	case ContentLength:
		n, ok := number(f.Value)
		if !ok || r.Length >= 0 && r.Length != n {
			return ErrResponse
		}
		if r.Length >= 0 {
			return nil // said twice, sent once
		}
		if r.Length == UntilClose {
			r.Length = n
		}
	case TransferEncoding:
		if !Equal(f.Value, "chunked") {
			if Equal(f.Value, "identity") {
				return nil
			}
			return ErrResponse
		}
		if r.Length == Chunked {
			return ErrResponse
		}
		r.Length = Chunked
	case Connection:
		Tokens(f.Value, func(t []byte) bool {
			r.Close = r.Close || Equal(t, "close")
			*keep = *keep || Equal(t, "keep-alive")
			r.Upgrade = r.Upgrade || Equal(t, "upgrade")
			return true
		})
	}
	r.Fields = append(r.Fields, f)
	return nil
}

// fold joins a continued line to its field.
func (r *Response) fold(line []byte) error {
	if len(r.Fields) == 0 || has(line, bad) {
		return ErrResponse
	}
	f := &r.Fields[len(r.Fields)-1]
	if f.ID == ContentLength || f.ID == TransferEncoding {
		return ErrResponse
	}
	f.Value = append(append(append([]byte{}, f.Value...), ' '), trim(line)...)
	return nil
}

// Body returns the length of the body that follows, for a request's method.
func (r *Response) Body(head bool) int64 {
	if head || r.Status < 200 || r.Status == 204 || r.Status == 304 {
		return 0
	}
	return r.Length
}

func cutLine(s []byte) (line, rest []byte) {
	i := bytes.IndexByte(s, '\n')
	if i < 0 {
		return s, nil
	}
	line, rest = s[:i], s[i+1:]
	if len(line) > 0 && line[len(line)-1] == '\r' {
		line = line[:len(line)-1]
	}
	return line, rest
}
