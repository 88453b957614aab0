package iam

import "github.com/musubi-net/musubi/internal/cloud"

func noRole(name string) *cloud.Error {
	e := cloud.Errorf(cloud.KindNotFound, "role", "NoSuchEntity", "The role with name %s cannot be found.", name)
	e.ID = name
	return e
}

func noPolicy(arn string) *cloud.Error {
	e := cloud.Errorf(cloud.KindNotFound, "policy", "NoSuchEntity", "Policy %s was not found.", arn)
	e.ID = arn
	return e
}

func noAttachable(arn string) *cloud.Error {
	e := cloud.Errorf(cloud.KindNotFound, "policy", "NoSuchEntity", "Policy %s does not exist or is not attachable.", arn)
	e.ID = arn
	return e
}

func noVersion(arn, version string) *cloud.Error {
	e := cloud.Errorf(cloud.KindNotFound, "policy-version", "NoSuchEntity", "Policy %s version %s does not exist or is not attachable.", arn, version)
	e.ID = version
	return e
}

func noProfile(name string) *cloud.Error {
	e := cloud.Errorf(cloud.KindNotFound, "instance-profile", "NoSuchEntity", "Instance Profile %s cannot be found.", name)
	e.ID = name
	return e
}

func exists(subject, format string, args ...any) *cloud.Error {
	return cloud.Errorf(cloud.KindExists, subject, "EntityAlreadyExists", format, args...)
}

func conflict(subject, format string, args ...any) *cloud.Error {
	return cloud.Errorf(cloud.KindInUse, subject, "DeleteConflict", format, args...)
}

func limit(subject, format string, args ...any) *cloud.Error {
	return cloud.Errorf(cloud.KindLimit, subject, "LimitExceeded", format, args...)
}

func invalid(subject, format string, args ...any) *cloud.Error {
	return cloud.Errorf(cloud.KindInvalid, subject, "ValidationError", format, args...)
}

func malformed(format string, args ...any) *cloud.Error {
	return cloud.Errorf(cloud.KindInvalid, "policy-document", "MalformedPolicyDocument", format, args...)
}

func denied(format string, args ...any) *cloud.Error {
	return cloud.Errorf(cloud.KindForbidden, "session", "AccessDenied", format, args...)
}
