package ec2

import (
	"net/http"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// errorCode derives EC2's code for refusals of the domain that have none.
func errorCode(e *cloud.Error) (string, int) {
	switch e.Kind {
	case cloud.KindMissing:
		return "MissingParameter", http.StatusBadRequest
	case cloud.KindNotFound:
		return "Invalid" + camel(e.Subject) + "ID.NotFound", http.StatusBadRequest
	case cloud.KindExists:
		return "Invalid" + camel(e.Subject) + ".Duplicate", http.StatusBadRequest
	case cloud.KindConflict:
		return "InvalidParameterCombination", http.StatusBadRequest
	case cloud.KindInUse:
		return "DependencyViolation", http.StatusBadRequest
	case cloud.KindState:
		return "IncorrectState", http.StatusBadRequest
	case cloud.KindLimit:
		return camel(e.Subject) + "LimitExceeded", http.StatusBadRequest
	case cloud.KindForbidden:
		return "UnauthorizedOperation", http.StatusForbidden
	case cloud.KindUnsupported:
		return "UnsupportedOperation", http.StatusBadRequest
	case cloud.KindProtected:
		return "OperationNotPermitted", http.StatusBadRequest
	}
	return "InvalidParameterValue", http.StatusBadRequest
}

// camel turns "route-table" into "RouteTable".
func camel(subject string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(subject, "-") {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// unserved refuses a parameter's value that AWS would accept.
func unserved(parameter, value string) error {
	return cloud.Errorf(cloud.KindUnsupported, "parameter", "UnsupportedOperation",
		"The value '%s' of the parameter %s is not served by Musubi.", value, parameter)
}

// invalidValue is AWS's refusal of a parameter's value.
func invalidValue(parameter, value, why string) error {
	return cloud.Errorf(cloud.KindInvalid, "parameter", "InvalidParameterValue",
		"Value (%s) for parameter %s is invalid. %s", value, parameter, why)
}
