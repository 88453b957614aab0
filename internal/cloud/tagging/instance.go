package tagging

import (
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

// instanceFamily are a scope's instances. Those that show their tags in their
// metadata can have fewer keys.
func instanceFamily() family {
	f := makeFamily("i-", "instance", accessor[compute.Instance]{table: compute.Instances, notFound: "InvalidInstanceID.NotFound", noun: "instance ID",
		scope: func(v *compute.Instance) cloud.Scope { return v.Scope },
		id:    func(v *compute.Instance) string { return v.ID }, tags: func(v *compute.Instance) *cloud.Tags { return &v.Tags }})
	f.check = func(r cloud.Reader, id string, tags cloud.Tags) error {
		i, ok := compute.Instances.Get(r, id)
		if !ok {
			return nil
		}
		return i.CheckTags(tags)
	}
	return f
}
