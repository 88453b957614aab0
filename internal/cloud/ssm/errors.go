package ssm

import "github.com/musubi-net/musubi/internal/cloud"

func invalid(code, format string, args ...any) *cloud.Error {
	return cloud.Errorf(cloud.KindInvalid, "ssm", code, format, args...)
}

func validation(format string, args ...any) *cloud.Error {
	return invalid("ValidationException", format, args...)
}

func unsupported(format string, args ...any) *cloud.Error {
	return cloud.Errorf(cloud.KindUnsupported, "ssm", "UnsupportedOperation", format, args...)
}

func absent(subject, code, format string, args ...any) *cloud.Error {
	return cloud.Errorf(cloud.KindNotFound, subject, code, format, args...)
}

func limit(code, format string, args ...any) *cloud.Error {
	return cloud.Errorf(cloud.KindLimit, "ssm", code, format, args...)
}

// NotConnected is the refusal of a target without a connected agent: of one that
// does not exist, too.
func NotConnected(target string) *cloud.Error {
	e := cloud.Errorf(cloud.KindState, "session", "TargetNotConnected", "%s is not connected.", target)
	e.ID = target
	return e
}

func noSession(id string) *cloud.Error {
	e := absent("session", "DoesNotExistException", "Session %s does not exist", id)
	e.ID = id
	return e
}

func internalOnly(tx *cloud.Tx) error {
	if !tx.Caller.Internal {
		return cloud.Errorf(cloud.KindForbidden, "ssm", "AccessDeniedException", "Only Systems Manager reports this.")
	}
	return nil
}
