package protocol

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"strings"
)

// unsignedPayload stands for the hash of a body that is not signed.
const unsignedPayload = "UNSIGNED-PAYLOAD"

// ErrMismatch ends a body that is not what its sender stated. Whoever passes it on
// has not got its end, and is to drop what was begun.
var ErrMismatch = errors.New("the provided 'x-amz-content-sha256' header does not match what was computed")

// watch has a body with a stated hash compared as it passes. What is signed in
// chunks is verified by whoever gets them.
func (x *foreign) watch(stated string) *Error {
	if stated == unsignedPayload || strings.HasPrefix(stated, "STREAMING-") {
		return nil
	}
	want, err := hex.DecodeString(stated)
	if err != nil || len(want) != sha256.Size {
		return &Error{Code: "InvalidArgument", Status: http.StatusBadRequest,
			Message: "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, or a valid sha256 value."}
	}
	x.r.Body = &watched{body: x.r.Body, hash: sha256.New(), want: want}
	return nil
}

// watched is a body of which the last part is held back until the hash of all of it
// is known to be right.
type watched struct {
	body io.ReadCloser
	hash hash.Hash
	want []byte

	next []byte // read and not yet given
	rest []byte // the part of it that is being given
	end  error
}

const watchedChunk = 16 << 10

func (b *watched) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		if b.end != nil {
			return 0, b.end
		}
		b.advance()
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// advance reads the next chunk and gives the one before; the last one only if the
// hash is right.
func (b *watched) advance() {
	chunk := make([]byte, watchedChunk)
	n, err := io.ReadFull(b.body, chunk)
	_, _ = b.hash.Write(chunk[:n]) // never fails
	b.rest, b.next = b.next, chunk[:n]
	if err == nil {
		return
	}
	if b.end = err; err == io.EOF || err == io.ErrUnexpectedEOF {
		b.end = io.EOF
		if subtle.ConstantTimeCompare(b.hash.Sum(nil), b.want) != 1 {
			b.end = ErrMismatch
			return
		}
	}
	b.rest, b.next = append(b.rest, b.next...), nil
}

func (b *watched) Close() error { return b.body.Close() }

// elsewhere refuses a request that is signed for another region or service. Clients
// of s3 read from it which region is right, and try again.
func (x *foreign) elsewhere(c credential) *Error {
	e := &Error{Code: "AuthorizationHeaderMalformed", Message: "The authorization header is malformed; ", Status: http.StatusBadRequest}
	if c.presigned {
		e.Code, e.Message = "AuthorizationQueryParametersError", "Error parsing the X-Amz-Credential parameter; "
	}
	if c.service != x.f.Sign {
		e.Message += "incorrect service \"" + c.service + "\". This endpoint belongs to \"" + x.f.Sign + "\"."
		return e
	}
	x.expected = x.f.Region
	e.Message += "the region '" + c.region + "' is wrong; expecting '" + x.f.Region + "'"
	return e
}

// s3Error is an error in the envelope of s3, and with its codes. region is the one
// to sign for, if that was wrong.
func s3Error(e *Error, path, requestID, region string) *response {
	code, message, status := e.Code, e.Message, e.Status
	switch code {
	case "InvalidClientTokenId", "UnrecognizedClientException":
		code, message, status = "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", http.StatusForbidden
	case "AccessDeniedException", "MissingAuthenticationToken":
		code, status = "AccessDenied", http.StatusForbidden
	case "InvalidSignatureException":
		code, status = "SignatureDoesNotMatch", http.StatusForbidden
	case "IncompleteSignature":
		code, status = "AuthorizationHeaderMalformed", http.StatusBadRequest
	case "ServiceUnavailable":
		status = http.StatusServiceUnavailable
	}
	if status == 0 {
		status = http.StatusBadRequest
	}
	w := &xmlWriter{}
	w.root("Error", "")
	w.leaf("Code", code)
	w.leaf("Message", message)
	if region != "" {
		w.leaf("Region", region)
	}
	w.leaf("Resource", path)
	w.leaf("RequestId", requestID)
	w.close("Error")
	return &response{status: status, contentType: "application/xml", header: http.Header{"X-Amz-Request-Id": {requestID}}, body: w.Bytes()}
}
