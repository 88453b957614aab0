package ssm

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/iam"
)

// RunShell is the document that holds an account's preferences.
const RunShell = "SSM-SessionManagerRunShell"

// preferences are the inputs of a Session document.
type preferences struct {
	bucket, prefix string
	idle, max      int // minutes; 0 is the default
	runAs          bool
	runAsUser      string
	profile        string
}

// preferences reads the inputs, and refuses those that are not carried out.
func (c *Content) preferences() (p preferences, err error) {
	for key, x := range c.Inputs {
		switch key {
		case "s3BucketName":
			p.bucket = text(x)
		case "s3KeyPrefix":
			p.prefix = strings.Trim(text(x), "/")
		case "s3EncryptionEnabled", "cloudWatchEncryptionEnabled", "cloudWatchStreamingEnabled":
			// Buckets count as encrypted, as all of AWS's are; the others say nothing
			// without a log group.
			_, err = boolean(key, x)
		case "kmsKeyId", "cloudWatchLogGroupName":
			if text(x) != "" {
				err = badContent("The input %s is not served by Musubi: leave it empty.", key)
			}
		case "idleSessionTimeout":
			p.idle, err = minutes(key, x, 60)
		case "maxSessionDuration":
			p.max, err = minutes(key, x, 1440)
		case "runAsEnabled":
			p.runAs, err = boolean(key, x)
		case "runAsDefaultUser":
			p.runAsUser = text(x)
		case "shellProfile":
			p.profile, err = shellProfile(x)
		default:
			err = badContent("The input %s is not known.", key)
		}
		if err != nil {
			return p, err
		}
	}
	return p, nil
}

func boolean(key string, x any) (bool, error) {
	switch text(x) {
	case "true":
		return true, nil
	case "false", "":
		return false, nil
	}
	return false, badContent("The input %s must be true or false.", key)
}

func minutes(key string, x any, most int) (int, error) {
	if text(x) == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text(x))
	if err != nil || n < 1 || n > most {
		return 0, badContent("The input %s must be a number of minutes between 1 and %d.", key, most)
	}
	return n, nil
}

func shellProfile(x any) (string, error) {
	m, ok := x.(map[string]any)
	if !ok {
		return "", badContent("The input shellProfile must have the members windows and linux.")
	}
	for key := range m {
		if key != "linux" && key != "windows" {
			return "", badContent("The input shellProfile.%s is not known.", key)
		}
	}
	return text(m["linux"]), nil
}

// user is who a session's shell runs as: the principal's own choice by its tag,
// or the preferences'. Empty is ssm-user.
func (p preferences) user(r cloud.Reader, caller cloud.Caller) (string, error) {
	if !p.runAs {
		return "", nil
	}
	role := iam.PrincipalOf(caller)
	if x, ok := iam.Roles.Get(r, caller.Account+"/"+role[strings.LastIndex(role, "/")+1:]); ok && x.Tags["SSMSessionRunAs"] != "" {
		return x.Tags["SSMSessionRunAs"], nil
	}
	if p.runAsUser == "" {
		return "", invalid("InvalidDocument", "Invalid RunAs username. Set default username in Session Manager Preferences page.")
	}
	return p.runAsUser, nil
}

// settled are the properties of a session, with parameters filled in.
func (c *Content) settled(values map[string][]string) (json.RawMessage, error) {
	if c.Properties == nil {
		return nil, nil
	}
	return json.Marshal(c.fill(c.Properties, values))
}
