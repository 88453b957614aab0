package compute

import (
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

func invalid(format string, args ...any) error {
	return cloud.Errorf(cloud.KindInvalid, "instance", "InvalidParameterValue", format, args...)
}

func combination(format string, args ...any) error {
	return cloud.Errorf(cloud.KindInvalid, "instance", "InvalidParameterCombination", format, args...)
}

func missing(parameter string) error {
	return cloud.Errorf(cloud.KindMissing, "", "MissingParameter", "The request must contain the parameter %s", parameter)
}

// oneOf refuses a value that is not in a closed set.
func oneOf(parameter, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return invalid("Value (%s) for parameter %s is invalid. Valid values: %s.", value, parameter, strings.Join(allowed, ", "))
}

func userDataTooLong() error { return invalid("User data is limited to %d bytes", maxUserData) }

func tooManyInterfaces(n int, kind string) error {
	return cloud.Errorf(cloud.KindLimit, "network-interface", "AttachmentLimitExceeded",
		"Interface count %d exceeds the limit for %s", n, kind)
}

func wrongState(code, format string, args ...any) error {
	return cloud.Errorf(cloud.KindState, "instance", code, format, args...)
}

func keyNotFound(name string) error {
	return &cloud.Error{Kind: cloud.KindNotFound, Subject: "key-pair", ID: name, Code: "InvalidKeyPair.NotFound",
		Message: "The key pair '" + name + "' does not exist"}
}

// FindInstance returns the scope's instance with that id, or AWS's refusal.
func FindInstance(r cloud.Reader, s cloud.Scope, id string) (Instance, error) {
	all, err := FindInstances(r, s, []string{id})
	if err != nil {
		return Instance{}, err
	}
	return all[0], nil
}

// FindInstances returns the scope's instances with those ids, or AWS's refusal
// that names all that are not there.
func FindInstances(r cloud.Reader, s cloud.Scope, ids []string) ([]Instance, error) {
	var out []Instance
	var gone []string
	for _, id := range ids {
		if !strings.HasPrefix(id, "i-") {
			return nil, &cloud.Error{Kind: cloud.KindInvalid, Subject: "instance", ID: id, Code: "InvalidInstanceID.Malformed",
				Message: `Invalid id: "` + id + `" (expecting "i-...")`}
		}
		i, ok := Instances.Get(r, id)
		if !ok || i.Scope != s {
			gone = append(gone, id)
			continue
		}
		out = append(out, i)
	}
	if len(gone) == 0 {
		return out, nil
	}
	message := "The instance ID '" + gone[0] + "' does not exist"
	if len(gone) > 1 {
		message = "The instance IDs '" + strings.Join(gone, ", ") + "' do not exist"
	}
	return nil, &cloud.Error{Kind: cloud.KindNotFound, Subject: "instance", ID: gone[0], Code: "InvalidInstanceID.NotFound", Message: message}
}
