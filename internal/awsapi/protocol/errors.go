package protocol

import (
	"errors"
	"net/http"

	"github.com/musubi-net/musubi/internal/cloud"
)

// translate puts an error into the service's terms. known is false if it is
// nothing that a client may be told.
func (s *service) translate(err error) (e *Error, known bool) {
	if errors.Is(err, ErrDryRun) {
		return &Error{Code: "DryRunOperation", Message: "Request would have succeeded, but DryRun flag is set.", Status: http.StatusPreconditionFailed}, true
	}
	if own, ok := errors.AsType[*Error](err); ok {
		e := *own
		if e.Status == 0 {
			e.Status = s.statusOf(e.Code, 0)
		}
		return &e, true
	}
	if domain, ok := errors.AsType[*cloud.Error](err); ok {
		return s.domain(domain), true
	}
	code := "InternalFailure"
	if s.Protocol == EC2 {
		code = "InternalError"
	}
	return &Error{Code: code, Message: "An internal error has occurred", Status: http.StatusInternalServerError}, false
}

// domain translates a refusal of the domain: its own code if it has one, else
// the service's mapping, else the usual code of the kind.
func (s *service) domain(d *cloud.Error) *Error {
	e := &Error{Code: d.Code, Message: d.Message}
	if e.Code == "" && s.ErrorCode != nil {
		e.Code, e.Status = s.ErrorCode(d)
	}
	if e.Code == "" {
		e.Code = s.codeOf(d)
	}
	if e.Status == 0 {
		e.Status = s.statusOf(e.Code, d.Kind)
	}
	return e
}

// statusOf is the HTTP status of an error code: the model's, where it has one.
func (s *service) statusOf(code string, kind cloud.Kind) int {
	if status := s.statuses[code]; status != 0 {
		return status
	}
	switch code {
	case "UnauthorizedOperation", "AuthFailure", "AccessDenied", "OptInRequired", "MissingAuthenticationToken",
		"IncompleteSignature", "InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken":
		return http.StatusForbidden
	case "DryRunOperation":
		return http.StatusPreconditionFailed
	case "RequestLimitExceeded", "InsufficientInstanceCapacity", "Unavailable":
		return http.StatusServiceUnavailable
	case "InternalError", "InternalFailure", "ServiceFailure":
		return http.StatusInternalServerError
	}
	// EC2 and Route 53 answer 400 to all but the codes above.
	if kind == cloud.KindForbidden && s.Protocol != RESTXML && s.Protocol != EC2 {
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

// codeOf derives an error code from kind and subject.
func (s *service) codeOf(d *cloud.Error) string {
	switch {
	case s.Protocol == EC2:
		return ec2Code(d)
	case s.Name == "iam" || s.Name == "sts":
		return iamCode(d)
	case s.Protocol == RESTXML:
		return route53Code(d)
	case s.Protocol == JSON11:
		return jsonCode(d)
	}
	return queryCode(d)
}

func ec2Code(d *cloud.Error) string {
	stem := ec2Stem(d.Subject)
	switch d.Kind {
	case cloud.KindMissing:
		return "MissingParameter"
	case cloud.KindNotFound:
		if d.Subject == "natgateway" || d.Subject == "nat-gateway" {
			return "NatGatewayNotFound"
		}
		return "Invalid" + stem + ".NotFound"
	case cloud.KindExists:
		return "Invalid" + stem + ".Duplicate"
	case cloud.KindConflict:
		return "Invalid" + camel(d.Subject) + ".Conflict"
	case cloud.KindInUse:
		return "DependencyViolation"
	case cloud.KindState:
		return "IncorrectState"
	case cloud.KindLimit:
		return camel(d.Subject) + "LimitExceeded"
	case cloud.KindForbidden:
		return "UnauthorizedOperation"
	case cloud.KindUnsupported:
		return "UnsupportedOperation"
	case cloud.KindProtected:
		return "OperationNotPermitted"
	}
	return "InvalidParameterValue"
}

// ec2Stem is what stands between Invalid and .NotFound: EC2 follows no rule.
func ec2Stem(subject string) string {
	switch subject {
	case "security-group":
		return "Group"
	case "security-group-rule":
		return "SecurityGroupRuleId"
	case "elastic-ip", "address":
		return "AllocationID"
	case "image":
		return "AMIID"
	case "key-pair":
		return "KeyPair"
	case "volume":
		return "Volume"
	case "dhcp-options":
		return "DhcpOptionID"
	case "vpc-endpoint", "vpc-endpoint-service", "vpc-endpoint-connection":
		return camel(subject) + "Id"
	case "network-acl", "internet-gateway", "network-interface", "route-table", "instance", "subnet", "vpc":
		return camel(subject) + "ID"
	}
	return camel(subject) + "ID"
}

func iamCode(d *cloud.Error) string {
	switch d.Kind {
	case cloud.KindNotFound:
		return "NoSuchEntity"
	case cloud.KindExists:
		return "EntityAlreadyExists"
	case cloud.KindConflict, cloud.KindInUse:
		return "DeleteConflict"
	case cloud.KindState, cloud.KindProtected:
		return "UnmodifiableEntity"
	case cloud.KindLimit:
		return "LimitExceeded"
	case cloud.KindForbidden:
		return "AccessDenied"
	case cloud.KindUnsupported:
		return "UnsupportedOperation"
	case cloud.KindMissing:
		return "ValidationError"
	}
	return "InvalidInput"
}

func route53Code(d *cloud.Error) string {
	switch d.Kind {
	case cloud.KindNotFound:
		return "NoSuch" + camel(d.Subject)
	case cloud.KindExists:
		return camel(d.Subject) + "AlreadyExists"
	case cloud.KindConflict:
		return "ConflictingDomainExists"
	case cloud.KindInUse:
		return camel(d.Subject) + "NotEmpty"
	case cloud.KindState:
		return "PriorRequestNotComplete"
	case cloud.KindLimit:
		return "LimitsExceeded"
	case cloud.KindForbidden:
		return "AccessDenied"
	case cloud.KindUnsupported:
		return "UnsupportedOperation"
	}
	return "InvalidInput"
}

func jsonCode(d *cloud.Error) string {
	switch d.Kind {
	case cloud.KindNotFound:
		return "ResourceNotFoundException"
	case cloud.KindExists, cloud.KindConflict:
		return "ResourceAlreadyExistsException"
	case cloud.KindInUse, cloud.KindState, cloud.KindProtected:
		return "ResourceInUseException"
	case cloud.KindLimit:
		return "LimitExceededException"
	case cloud.KindForbidden:
		return "AccessDeniedException"
	case cloud.KindUnsupported:
		return "UnsupportedOperationException"
	}
	return "ValidationException"
}

// queryCode is for Elastic Load Balancing.
func queryCode(d *cloud.Error) string {
	name := camel(d.Subject)
	switch d.Kind {
	case cloud.KindNotFound:
		return name + "NotFound"
	case cloud.KindExists:
		return "Duplicate" + name
	case cloud.KindConflict:
		return "InvalidConfigurationRequest"
	case cloud.KindInUse:
		return "ResourceInUse"
	case cloud.KindState:
		return "InvalidConfigurationRequest"
	case cloud.KindLimit:
		return "TooMany" + name + "s"
	case cloud.KindForbidden:
		return "AccessDenied"
	case cloud.KindUnsupported:
		return "UnsupportedOperation"
	case cloud.KindProtected:
		return "OperationNotPermitted"
	}
	return "ValidationError"
}
