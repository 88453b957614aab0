package elb

import (
	"fmt"

	"github.com/musubi-net/musubi/internal/cloud"
)

// Subjects of this package's errors.
const (
	subjectLB       = "load-balancer"
	subjectListener = "listener"
	subjectGroup    = "target-group"
	subjectTarget   = "target"
)

func invalid(subject, format string, args ...any) error {
	return cloud.Errorf(cloud.KindInvalid, subject, "ValidationError", format, args...)
}

func badConfiguration(subject, format string, args ...any) error {
	return cloud.Errorf(cloud.KindConflict, subject, "InvalidConfigurationRequest", format, args...)
}

// notServed refuses what AWS does and this product does not.
func notServed(subject, format string, args ...any) error {
	return cloud.Errorf(cloud.KindUnsupported, subject, "UnsupportedOperation",
		"%s is not served by Musubi yet", fmt.Sprintf(format, args...))
}

func noLoadBalancer(arn string) error {
	return &cloud.Error{Kind: cloud.KindNotFound, Subject: subjectLB, ID: arn, Code: "LoadBalancerNotFound",
		Message: "One or more load balancers not found"}
}

func noListener(arn string) error {
	return &cloud.Error{Kind: cloud.KindNotFound, Subject: subjectListener, ID: arn, Code: "ListenerNotFound",
		Message: "One or more listeners not found"}
}

func noTargetGroup(arn string) error {
	return &cloud.Error{Kind: cloud.KindNotFound, Subject: subjectGroup, ID: arn, Code: "TargetGroupNotFound",
		Message: "One or more target groups not found"}
}

// checkRange is AWS's sentence for a number out of bounds; path is the
// parameter in lower camel case.
func checkRange(subject, path string, v, low, high int) error {
	var bound string
	switch {
	case v < low:
		bound = fmt.Sprintf("greater than or equal to %d", low)
	case v > high:
		bound = fmt.Sprintf("less than or equal to %d", high)
	default:
		return nil
	}
	return invalid(subject, "1 validation error detected: Value '%d' at '%s' failed to satisfy constraint: "+
		"Member must have value %s", v, path, bound)
}

// checkOneOf is AWS's sentence for a value that is not in an enumeration.
func checkOneOf(subject, path, v string, allowed ...string) error {
	for _, a := range allowed {
		if v == a {
			return nil
		}
	}
	return invalid(subject, "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: "+
		"Member must satisfy enum value set: %v", v, path, allowed)
}
