package compute

import (
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// FindImage returns the image with that id that the scope's account may launch in
// its region, or AWS's refusal.
func FindImage(r cloud.Reader, s cloud.Scope, id string) (Image, error) {
	if !strings.HasPrefix(id, "ami-") {
		return Image{}, &cloud.Error{Kind: cloud.KindInvalid, Subject: "image", ID: id, Code: "InvalidAMIID.Malformed",
			Message: `Invalid id: "` + id + `" (expecting "ami-...")`}
	}
	for _, i := range Images(s.Region) {
		if i.ID == id {
			return i, nil
		}
	}
	if i, ok := StoredImages.Get(r, id); ok && i.Region == s.Region && i.VisibleTo(s.Account) {
		return i, nil
	}
	return Image{}, &cloud.Error{Kind: cloud.KindNotFound, Subject: "image", ID: id, Code: "InvalidAMIID.NotFound",
		Message: "The image id '[" + id + "]' does not exist"}
}

// VisibleImages lists the images that the scope's account may launch in its
// region: those built in, its own, the public ones and those shared with it.
func VisibleImages(r cloud.Reader, s cloud.Scope) []Image {
	out := Images(s.Region)
	for i := range StoredImages.By(r, "region", s.Region) {
		if i.VisibleTo(s.Account) {
			out = append(out, i)
		}
	}
	return out
}

// availableImage is FindImage for an image that is to be used.
func availableImage(r cloud.Reader, s cloud.Scope, id string) (Image, error) {
	i, err := FindImage(r, s, id)
	if err != nil || i.State == ImageAvailable {
		return i, err
	}
	return i, &cloud.Error{Kind: cloud.KindState, Subject: "image", ID: id, Code: "InvalidAMIID.Unavailable",
		Message: "The image ID '" + id + "' is not available"}
}

// ownImage is FindImage for an image that its owner changes.
func ownImage(r cloud.Reader, s cloud.Scope, id string) (Image, error) {
	i, err := FindImage(r, s, id)
	if err == nil && i.Account != s.Account {
		err = &cloud.Error{Kind: cloud.KindForbidden, Subject: "image", ID: id, Code: "AuthFailure", Message: "Not authorized for image:" + id}
	}
	return i, err
}

// checkImageName refuses a name that AWS refuses or that another image of the
// scope has.
func checkImageName(tx *cloud.Tx, name string) error {
	if name == "" {
		return missing("name")
	}
	if len(name) < 3 || len(name) > 128 || strings.ContainsFunc(name, func(c rune) bool { return !imageNameRune(c) }) {
		return &cloud.Error{Kind: cloud.KindInvalid, Subject: "image", ID: name, Code: "InvalidAMIName.Malformed",
			Message: "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', '-', '/' and '_'"}
	}
	if i, ok := StoredImages.First(tx, "name", tx.Caller.Key()+"/"+name); ok {
		return &cloud.Error{Kind: cloud.KindExists, Subject: "image", ID: i.ID, Code: "InvalidAMIName.Duplicate",
			Message: "AMI name " + name + " is already in use by AMI " + i.ID}
	}
	return nil
}

func imageNameRune(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("()[] ./-'@_", c)
}
