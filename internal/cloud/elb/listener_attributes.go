package elb

import (
	"regexp"

	"github.com/musubi-net/musubi/internal/cloud"
)

// AttrServerHeader says whether an application listener's own responses name
// their server.
const AttrServerHeader = "routing.http.response.server.enabled"

// listenerAttributes are the attributes of a listener of a protocol.
func listenerAttributes(protocol string) map[string]attribute {
	keys := map[string]attribute{}
	switch protocol {
	case "TCP":
		keys[attrIdleTimeout] = integer(60, 6000)
	case "HTTPS":
		for _, h := range []string{"x_amzn_mtls_clientcert_serial_number", "x_amzn_mtls_clientcert_issuer",
			"x_amzn_mtls_clientcert_subject", "x_amzn_mtls_clientcert_validity", "x_amzn_mtls_clientcert_leaf",
			"x_amzn_mtls_clientcert", "x_amzn_tls_version", "x_amzn_tls_cipher_suite"} {
			keys["routing.http.request."+h+".header_name"] = headerName()
		}
		fallthrough
	case "HTTP":
		keys[AttrServerHeader] = boolean()
		for h, a := range responseHeaders() {
			keys["routing.http.response."+h+".header_value"] = a
		}
	}
	return keys
}

// responseHeaders are the headers that a listener can put on responses; no value
// puts none.
func responseHeaders() map[string]attribute {
	return map[string]attribute{
		"strict_transport_security":        headerValue(),
		"access_control_allow_origin":      headerValue(),
		"access_control_allow_methods":     matching(`^(|\*|[A-Z]+( *, *[A-Z]+)*)$`, "methods, separated by commas, or *"),
		"access_control_allow_headers":     headerValue(),
		"access_control_allow_credentials": choice("", "true"),
		"access_control_expose_headers":    headerValue(),
		"access_control_max_age":           matching(`^\d*$`, "a number of seconds"),
		"content_security_policy":          headerValue(),
		"x_content_type_options":           choice("", "nosniff"),
		"x_frame_options":                  matching(`^(|DENY|SAMEORIGIN|ALLOW-FROM \S+)$`, "DENY, SAMEORIGIN or ALLOW-FROM with an origin"),
	}
}

func headerName() attribute {
	return matching(`^[-_A-Za-z0-9]{0,40}$`, "the name of a header, at most 40 characters")
}

func headerValue() attribute {
	return matching(`^[\x20-\x7e]*$`, "the value of a header, at most 1024 printable characters")
}

func matching(pattern, expect string) attribute {
	return attribute{expect: expect, legal: func(v string) bool {
		ok, err := regexp.MatchString(pattern, v)
		return err == nil && ok && len(v) <= 1024
	}}
}

func defaultListenerAttributes(protocol string) map[string]string {
	out := map[string]string{}
	for k := range listenerAttributes(protocol) {
		switch k {
		case attrIdleTimeout:
			out[k] = "350"
		case AttrServerHeader:
			out[k] = "true"
		default:
			out[k] = ""
		}
	}
	return out
}

// keepAttributes are the attributes after a change of protocol: those that the
// new one has stay as they were.
func keepAttributes(protocol string, old map[string]string) map[string]string {
	out := defaultListenerAttributes(protocol)
	for k := range out {
		if v, ok := old[k]; ok {
			out[k] = v
		}
	}
	return out
}

// ModifyListenerAttributes sets some attributes of a listener.
type ModifyListenerAttributes struct {
	ARN string
	Set []KeyValue
}

// Apply implements cloud.Command.
func (c ModifyListenerAttributes) Apply(tx *cloud.Tx) (Listener, error) {
	x, err := FindListener(tx, tx.Caller.Scope, c.ARN)
	if err != nil {
		return x, err
	}
	m, err := setAttributes(subjectListener, "Listener", listenerAttributes(x.Protocol), x.Attributes, c.Set)
	if err != nil {
		return x, err
	}
	x.Attributes = m
	Listeners.Put(tx, x)
	return x, nil
}
