package acm

import "github.com/musubi-net/musubi/internal/cloud"

const subject = "certificate"

func invalid(format string, args ...any) *cloud.Error {
	return cloud.Errorf(cloud.KindInvalid, subject, "ValidationException", format, args...)
}

func invalidParameter(format string, args ...any) *cloud.Error {
	return cloud.Errorf(cloud.KindInvalid, subject, "InvalidParameterException", format, args...)
}

func unsupported(format string, args ...any) *cloud.Error {
	return cloud.Errorf(cloud.KindUnsupported, subject, "UnsupportedOperation", format, args...)
}

func limit(format string, args ...any) *cloud.Error {
	return cloud.Errorf(cloud.KindLimit, subject, "LimitExceededException", format, args...)
}

func notFound(s cloud.Scope, arn string) *cloud.Error {
	e := cloud.Errorf(cloud.KindNotFound, subject, "ResourceNotFoundException", "Could not find certificate %s in account %s.", arn, s.Account)
	e.ID = arn
	return e
}

func inUse(c Certificate) *cloud.Error {
	e := cloud.Errorf(cloud.KindInUse, subject, "ResourceInUseException", "Certificate %s in account %s is in use.", c.ARN, c.Account)
	e.ID = c.ARN
	return e
}

func internalOnly(tx *cloud.Tx) error {
	if !tx.Caller.Internal {
		return cloud.Errorf(cloud.KindForbidden, subject, "AccessDeniedException", "Certificates are issued by ACM only.")
	}
	return nil
}
