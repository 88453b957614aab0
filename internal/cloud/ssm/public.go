package ssm

import (
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

// The paths below which AWS and others publish the ids of their images.
const (
	amazonPath    = "/aws/service/ami-amazon-linux-latest/"
	canonicalPath = "/aws/service/canonical/ubuntu/server/"
	debianPath    = "/aws/service/debian/release/"
)

// Public lists the public parameters of a region: those that name the newest
// image of a family.
func Public(region string) []Parameter {
	newest := map[string]compute.Image{}
	for _, i := range compute.Images(region) {
		for _, name := range publicNames(i) {
			if old, ok := newest[name]; !ok || !i.CreatedAt.Before(old.CreatedAt) {
				newest[name] = i
			}
		}
	}
	var out []Parameter
	for name, i := range newest {
		out = append(out, Parameter{Name: name, Scope: cloud.Scope{Region: region}, Versions: []ParameterVersion{{
			Number: 1, Type: String, Value: i.ID, DataType: imageType, Tier: "Standard", ModifiedAt: i.CreatedAt,
			ModifiedBy: "arn:aws:iam::" + i.OwnerID + ":root",
		}}})
	}
	slices.SortFunc(out, func(x, y Parameter) int { return strings.Compare(x.Name, y.Name) })
	return out
}

// publicNames are the names of the parameters that may lead to an image.
func publicNames(i compute.Image) []string {
	short := "amd64"
	if i.Architecture == "arm64" {
		short = "arm64"
	}
	switch {
	case strings.HasPrefix(i.Name, "al2023-ami-"):
		return amazonNames(i)
	case strings.HasPrefix(i.Name, "amzn"):
		return []string{amazonPath + unversioned(i.Name)}
	case strings.HasPrefix(i.Name, "ubuntu/"):
		return canonicalNames(i, short)
	case strings.HasPrefix(i.Name, "debian-"):
		return []string{debianPath + strings.Split(i.Name, "-")[1] + "/latest/" + short}
	}
	return nil
}

// amazonNames are those of Amazon Linux 2023: by its kernel and, for 6.1, as the
// default.
func amazonNames(i compute.Image) []string {
	name := unversioned(i.Name)
	if !strings.Contains(name, "kernel-6.1-") {
		return []string{amazonPath + name}
	}
	return []string{amazonPath + name, amazonPath + strings.Replace(name, "kernel-6.1-", "kernel-default-", 1)}
}

// unversioned is an image's name without the part that is its version: the one
// with more than one dot.
func unversioned(name string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(name, "-"), func(part string) bool { return strings.Count(part, ".") > 1 }), "-")
}

// canonicalNames are Ubuntu's: by number and by name, for both types of volumes.
func canonicalNames(i compute.Image, arch string) (names []string) {
	// ubuntu-jammy-22.04-amd64-server-20250627
	parts := strings.Split(i.Name[strings.LastIndex(i.Name, "/")+1:], "-")
	if len(parts) < 6 {
		return nil
	}
	for _, release := range parts[1:3] {
		for _, date := range []string{"current", parts[5]} {
			for _, volume := range []string{"gp2", "gp3"} {
				names = append(names, canonicalPath+release+"/stable/"+date+"/"+arch+"/hvm/ebs-"+volume+"/ami-id")
			}
		}
	}
	return names
}

// public finds a public parameter.
func public(_ cloud.Reader, s cloud.Scope, name string) (Parameter, bool) {
	if !strings.HasPrefix(name, "/aws/service/") {
		return Parameter{}, false
	}
	for _, p := range Public(s.Region) {
		if p.Name == name {
			return p, true
		}
	}
	return Parameter{}, false
}

// ResolveImage returns the image id that RunInstances is given: resolve:ssm: and
// the name of a parameter stand for the parameter's value.
func ResolveImage(r cloud.Reader, s cloud.Scope, id string) (string, error) {
	name, ok := strings.CutPrefix(id, "resolve:ssm:")
	if !ok {
		return id, nil
	}
	f, err := FindParameter(r, s, name)
	if err != nil || f.Version.Type == SecureString || !imageValue.MatchString(f.Version.Value) {
		return "", &cloud.Error{Kind: cloud.KindInvalid, Subject: "image", ID: id, Code: "InvalidParameterValue",
			Message: "Unable to resolve the SSM parameter " + name + " to an image id. Verify that the parameter exists and that its value is the id of an image."}
	}
	return f.Version.Value, nil
}
