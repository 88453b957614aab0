package dns

import (
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// BatchError is why a batch of changes is refused: a sentence per change that
// can not be made.
type BatchError struct{ Messages []string }

func (e *BatchError) Error() string {
	return "InvalidChangeBatch: [" + strings.Join(e.Messages, ", ") + "]"
}

func noZone(id string) *cloud.Error {
	e := cloud.Errorf(cloud.KindNotFound, "hosted-zone", "NoSuchHostedZone", "No hosted zone found with ID: %s", id)
	e.ID = id
	return e
}

func notYours() *cloud.Error {
	return cloud.Errorf(cloud.KindForbidden, "hosted-zone", "AccessDenied", "User is not authorized to access this resource: the hosted zone is not owned by you")
}

func badInput(format string, args ...any) *cloud.Error {
	return cloud.Errorf(cloud.KindInvalid, "request", "InvalidInput", format, args...)
}

func unserved(what string) *cloud.Error {
	return cloud.Errorf(cloud.KindUnsupported, "record-set", "UnsupportedOperation", "%s is not served by Musubi.", what)
}
