package protocol

import (
	"encoding/json"
	"net/http"
	"strings"
)

// encodeError puts an error into the envelope of a protocol.
func encodeError(p Protocol, namespace string, e *Error, requestID string) *response {
	r := &response{status: e.Status, contentType: "text/xml"}
	if r.status == 0 {
		r.status = http.StatusBadRequest
	}
	switch p {
	case EC2:
		r.contentType = "text/xml;charset=UTF-8"
		r.body = ec2Error(e, requestID)
	case JSON11:
		r.contentType = "application/x-amz-json-1.1"
		r.header = http.Header{"X-Amzn-Errortype": {headerText(e.Code)}}
		// Strings always marshal.
		r.body, _ = json.Marshal(map[string]string{"__type": e.Code, "message": e.Message})
	default:
		r.body = queryError(namespace, e, r.status, requestID)
	}
	return r
}

func ec2Error(e *Error, requestID string) []byte {
	w := &xmlWriter{}
	w.root("Response", "")
	w.open("Errors")
	w.open("Error")
	w.leaf("Code", e.Code)
	w.leaf("Message", e.Message)
	w.close("Error")
	w.close("Errors")
	w.leaf("RequestID", requestID)
	w.close("Response")
	return w.Bytes()
}

// queryError is the envelope that the query and rest-xml services share.
func queryError(namespace string, e *Error, status int, requestID string) []byte {
	w := &xmlWriter{}
	w.root("ErrorResponse", namespace)
	w.open("Error")
	if status >= http.StatusInternalServerError {
		w.leaf("Type", "Receiver")
	} else {
		w.leaf("Type", "Sender")
	}
	w.leaf("Code", e.Code)
	w.leaf("Message", e.Message)
	w.close("Error")
	w.leaf("RequestId", requestID)
	w.close("ErrorResponse")
	return w.Bytes()
}

// refusal turns whatever a handler returned into a response and the error code
// to log. internal is the cause if the fault is not the client's.
func (s *service) refusal(err error, requestID string) (r *response, code string, internal error) {
	e, known := s.translate(err)
	if !known {
		internal = err
	}
	return encodeError(s.Protocol, s.Namespace, e, requestID), e.Code, internal
}

// camel turns "load-balancer" into "LoadBalancer".
func camel(subject string) string {
	var b strings.Builder
	for part := range strings.FieldsFuncSeq(subject, func(r rune) bool { return r == '-' || r == '_' || r == ' ' }) {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}
