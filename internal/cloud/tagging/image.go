package tagging

import (
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

// imageFamily are a scope's own images. On AWS an account can also tag images
// that others share with it; that is refused here.
func imageFamily() family {
	f := makeFamily("ami-", "image", accessor[compute.Image]{table: compute.StoredImages, notFound: "InvalidAMIID.NotFound", noun: "image ID",
		scope: func(v *compute.Image) cloud.Scope { return v.Scope },
		id:    func(v *compute.Image) string { return v.ID }, tags: func(v *compute.Image) *cloud.Tags { return &v.Tags }})
	own := f.get
	f.get = func(r cloud.Reader, s cloud.Scope, id string) (cloud.Tags, error) {
		i, err := compute.FindImage(r, s, id)
		if err != nil {
			return nil, err
		}
		if i.Scope != s {
			return nil, &cloud.Error{Kind: cloud.KindUnsupported, Subject: "image", ID: id, Code: "UnsupportedOperation",
				Message: "Tags of images of other accounts are not served: " + id}
		}
		return own(r, s, id)
	}
	return f
}
