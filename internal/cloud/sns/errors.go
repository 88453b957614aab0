package sns

import "github.com/musubi-net/musubi/internal/cloud"

const subjectTopic = "topic"

func invalid(format string, args ...any) error {
	return cloud.Errorf(cloud.KindInvalid, subjectTopic, "InvalidParameter", "Invalid parameter: "+format, args...)
}

func noTopic(arn string) error {
	return &cloud.Error{Kind: cloud.KindNotFound, Subject: subjectTopic, ID: arn, Code: "NotFound", Message: "Topic does not exist"}
}

// noResource is noTopic as the operations on tags say it.
func noResource(arn string) error {
	return &cloud.Error{Kind: cloud.KindNotFound, Subject: subjectTopic, ID: arn, Code: "ResourceNotFound", Message: "Resource does not exist"}
}

func notAuthorized(c cloud.Caller, action, arn string) error {
	return cloud.Errorf(cloud.KindForbidden, subjectTopic, "AuthorizationError",
		"User: %s is not authorized to perform: SNS:%s on resource: %s because no resource-based policy allows the SNS:%s action",
		c.PrincipalARN, action, arn, action)
}

// notServed refuses what AWS does and this product does not.
func notServed(format string, args ...any) error {
	return cloud.Errorf(cloud.KindUnsupported, subjectTopic, "InvalidParameter", "Invalid parameter: "+format+" is not served by Musubi", args...)
}
