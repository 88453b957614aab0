package privatelink

import (
	"fmt"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Subjects of this package's errors.
const (
	subjectService      = "vpc-endpoint-service"
	subjectEndpoint     = "vpc-endpoint"
	subjectNotification = "connection-notification"
)

// Unsuccessful is one failed item of a batch that as a whole succeeds.
type Unsuccessful struct{ ID, Code, Message string }

func invalid(subject, format string, args ...any) error {
	return cloud.Errorf(cloud.KindInvalid, subject, "InvalidParameter", format, args...)
}

// notServed refuses what AWS does and this product does not.
func notServed(subject, format string, args ...any) error {
	return cloud.Errorf(cloud.KindUnsupported, subject, "UnsupportedOperation",
		"%s is not served by Musubi yet", fmt.Sprintf(format, args...))
}

func noService(id string) error {
	return &cloud.Error{Kind: cloud.KindNotFound, Subject: subjectService, ID: id, Code: "InvalidVpcEndpointServiceId.NotFound",
		Message: "The VpcEndpointService Id '" + id + "' does not exist"}
}

// noServiceName does not tell a service that is absent from one that the caller
// may not use.
func noServiceName(name string) error {
	return &cloud.Error{Kind: cloud.KindNotFound, Subject: subjectService, ID: name, Code: "InvalidServiceName",
		Message: "The Vpc Endpoint Service '" + name + "' does not exist"}
}

func noEndpoint(id string) error {
	return &cloud.Error{Kind: cloud.KindNotFound, Subject: subjectEndpoint, ID: id, Code: "InvalidVpcEndpointId.NotFound",
		Message: "The VpcEndPoint ID '" + id + "' does not exist"}
}

func tokenMismatch(subject string) error {
	return cloud.Errorf(cloud.KindConflict, subject, "IdempotentParameterMismatch",
		"The client token has been used before with different parameters.")
}
