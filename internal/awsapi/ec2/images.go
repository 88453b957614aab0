package ec2

import (
	"context"
	"slices"
	"strconv"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

func (a *API) imageOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("DescribeImages", a.describeImages),
		protocol.Op("RegisterImage", a.registerImage),
		protocol.Op("CreateImage", a.createImage),
		protocol.Op("CopyImage", a.copyImage),
		protocol.Op("DeregisterImage", a.deregisterImage),
		protocol.Op("DescribeImageAttribute", a.describeImageAttribute),
		protocol.Op("ModifyImageAttribute", a.modifyImageAttribute),
		protocol.Op("ResetImageAttribute", a.resetImageAttribute),
		protocol.Op("EnableImageDeprecation", a.enableDeprecation),
		protocol.Op("DisableImageDeprecation", a.disableDeprecation),
	}
}

func (a *API) describeImages(_ context.Context, call *protocol.Call, in *model.DescribeImagesRequest) (*model.DescribeImagesResult, error) {
	r := a.engine.Snapshot()
	var all []compute.Image
	if len(in.ImageIds) > 0 {
		for _, id := range in.ImageIds {
			i, err := compute.FindImage(r, call.Caller.Scope, id)
			if err != nil {
				return nil, err
			}
			all = append(all, i)
		}
	} else {
		all = slices.DeleteFunc(compute.VisibleImages(r, call.Caller.Scope), func(i compute.Image) bool {
			return !val(in.IncludeDeprecated) && a.hidden(call, i)
		})
	}
	w := imageWish{caller: call.Caller.Account, owners: in.Owners, users: in.ExecutableUsers}
	all = slices.DeleteFunc(all, func(i compute.Image) bool { return !w.owned(i) || !w.executable(i) })
	all, err := selectItems(all, in.Filters, imageFields(), func(i compute.Image) cloud.Tags { return tagsFor(call, i) })
	if err != nil {
		return nil, err
	}
	all, next, err := page(all, func(i compute.Image) string { return i.ID }, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeImagesResult{NextToken: next}
	for _, i := range all {
		v := imageView(i)
		v.Tags = tagList(tagsFor(call, i))
		if i.Account != call.Caller.Account {
			v.LastLaunchedTime, v.SourceInstanceId = nil, nil
		}
		out.Images = append(out.Images, v)
	}
	return out, nil
}

// hidden reports whether an image is left out of lists because it is deprecated.
// Those built in never are: there are no newer ones.
func (a *API) hidden(call *protocol.Call, i compute.Image) bool {
	return len(i.Devices) > 0 && i.Account != call.Caller.Account && !i.DeprecatedAt.IsZero() && i.DeprecatedAt.Before(a.now())
}

// tagsFor are the tags that the caller sees: those of its own images.
func tagsFor(call *protocol.Call, i compute.Image) cloud.Tags {
	if i.Account != call.Caller.Account {
		return nil
	}
	return i.Tags
}

// imageWish says whose images an account asks for: of which owners, and for which
// users.
type imageWish struct {
	caller        string
	owners, users []string
}

func (w imageWish) owned(i compute.Image) bool {
	return len(w.owners) == 0 || slices.Contains(w.owners, i.OwnerID) || i.OwnerAlias != "" && slices.Contains(w.owners, i.OwnerAlias) ||
		i.OwnerID == w.caller && slices.Contains(w.owners, "self")
}

// executable says whether one of the users was given the image explicitly.
func (w imageWish) executable(i compute.Image) bool {
	return len(w.users) == 0 || slices.ContainsFunc(w.users, func(u string) bool {
		switch u {
		case "all":
			return i.Public
		case "self", w.caller:
			return slices.Contains(i.SharedFor, w.caller)
		}
		return i.OwnerID == w.caller && slices.Contains(i.SharedFor, u)
	})
}

func imageFields() filterFields[compute.Image] {
	type image = compute.Image
	always := func(value string) func(image) []string { return func(image) []string { return []string{value} } }
	devices := func(get func(compute.LaunchVolume) string) func(image) []string {
		return func(i image) []string {
			var out []string
			for _, d := range i.Mapping() {
				out = append(out, get(d))
			}
			return out
		}
	}
	return filterFields[image]{
		"architecture": one(func(i image) string { return i.Architecture }),
		"block-device-mapping.delete-on-termination": devices(func(d compute.LaunchVolume) string {
			return strconv.FormatBool(d.DeleteOnTermination == nil || *d.DeleteOnTermination)
		}),
		"block-device-mapping.device-name": devices(func(d compute.LaunchVolume) string { return d.DeviceName }),
		"block-device-mapping.encrypted":   devices(func(d compute.LaunchVolume) string { return strconv.FormatBool(d.Encrypted) }),
		"block-device-mapping.snapshot-id": devices(func(d compute.LaunchVolume) string { return d.SnapshotID }),
		"block-device-mapping.volume-size": devices(func(d compute.LaunchVolume) string { return strconv.Itoa(d.SizeGiB) }),
		"block-device-mapping.volume-type": devices(func(d compute.LaunchVolume) string { return d.Type }),
		"boot-mode":                        one(func(i image) string { return i.BootMode }),
		"creation-date":                    one(func(i image) string { return i.CreatedAt.UTC().Format(imageTime) }),
		"description":                      one(func(i image) string { return i.Description }),
		"ena-support":                      yesNo(func(i image) bool { return i.ENA }),
		"hypervisor":                       always("xen"),
		"image-id":                         one(func(i image) string { return i.ID }),
		"image-type":                       always("machine"),
		"imds-support":                     one(func(i image) string { return val(imdsSupport(i)) }),
		"is-public":                        yesNo(func(i image) bool { return i.Public }),
		"manifest-location":                one(imageLocation),
		"name":                             one(func(i image) string { return i.Name }),
		"owner-alias":                      one(func(i image) string { return i.OwnerAlias }),
		"owner-id":                         one(func(i image) string { return i.OwnerID }),
		"platform":                         func(image) []string { return nil },
		"platform-details":                 always("Linux/UNIX"),
		"root-device-name":                 one(func(i image) string { return i.RootDeviceName }),
		"root-device-type":                 always("ebs"),
		"source-image-id":                  one(func(i image) string { return i.SourceImageID }),
		"source-image-region":              one(func(i image) string { return i.SourceRegion }),
		"source-instance-id":               one(func(i image) string { return i.SourceInstanceID }),
		"sriov-net-support":                one(func(i image) string { return val(sriov(i)) }),
		"state":                            one(func(i image) string { return string(i.State) }),
		"state-reason-code":                one(func(i image) string { return reasonCode(i.StateReason) }),
		"state-reason-message":             one(func(i image) string { return i.StateReason }),
		"tpm-support":                      one(func(i image) string { return i.TPM }),
		"usage-operation":                  always("RunInstances"),
		"virtualization-type":              one(func(i image) string { return i.Virtualization }),
	}
}
