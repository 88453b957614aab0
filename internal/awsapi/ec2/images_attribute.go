package ec2

import (
	"context"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

func (a *API) describeImageAttribute(_ context.Context, call *protocol.Call, in *model.DescribeImageAttributeRequest) (*model.ImageAttribute, error) {
	i, err := compute.FindImage(a.engine.Snapshot(), call.Caller.Scope, val(in.ImageId))
	if err != nil {
		return nil, err
	}
	v := imageView(i)
	out := &model.ImageAttribute{ImageId: &i.ID}
	switch name := val(in.Attribute); name {
	case "description":
		out.Description = &model.AttributeValue{Value: v.Description}
	case "bootMode":
		out.BootMode = &model.AttributeValue{Value: v.BootMode}
	case "imdsSupport":
		out.ImdsSupport = &model.AttributeValue{Value: v.ImdsSupport}
	case "sriovNetSupport":
		out.SriovNetSupport = &model.AttributeValue{Value: v.SriovNetSupport}
	case "tpmSupport":
		out.TpmSupport = &model.AttributeValue{Value: v.TpmSupport}
	case "lastLaunchedTime":
		out.LastLaunchedTime = &model.AttributeValue{Value: v.LastLaunchedTime}
	case "blockDeviceMapping":
		out.BlockDeviceMappings = v.BlockDeviceMappings
	case "deregistrationProtection":
		out.DeregistrationProtection = &model.AttributeValue{Value: new("disabled")}
	case "launchPermission":
		out.LaunchPermissions, err = launchPermissions(call, i)
	case "kernel", "ramdisk", "productCodes", "uefiData":
	default:
		return nil, invalidValue("attribute", name, "Unknown attribute.")
	}
	return out, err
}

// launchPermissions are for the image's owner to see.
func launchPermissions(call *protocol.Call, i compute.Image) ([]model.LaunchPermission, error) {
	if i.Account != call.Caller.Account {
		return nil, cloud.Errorf(cloud.KindForbidden, "image", "AuthFailure", "Not authorized for image:%s", i.ID)
	}
	var out []model.LaunchPermission
	if i.Public {
		out = append(out, model.LaunchPermission{Group: new("all")})
	}
	for _, account := range i.SharedFor {
		out = append(out, model.LaunchPermission{UserId: &account})
	}
	return out, nil
}

func (a *API) modifyImageAttribute(ctx context.Context, call *protocol.Call, in *model.ModifyImageAttributeRequest) (*model.ModifyImageAttributeResult, error) {
	c := compute.ModifyImage{ID: val(in.ImageId)}
	if in.Description != nil {
		c.Description = new(val(in.Description.Value))
	}
	if in.ImdsSupport != nil {
		if v := val(in.ImdsSupport.Value); v != "v2.0" {
			return nil, invalidValue("imdsSupport", v, "Valid values: v2.0.")
		}
		c.IMDSv2 = true
	}
	if p := in.LaunchPermission; p != nil {
		var err error
		if c.Add, err = grants(p.Add); err != nil {
			return nil, err
		}
		if c.Remove, err = grants(p.Remove); err != nil {
			return nil, err
		}
	}
	if err := olderForm(&c, in); err != nil {
		return nil, err
	}
	_, err := do(ctx, a, call, c)
	return nil, err
}

// olderForm takes over the parameters of the API's first version, which clients
// still send.
func olderForm(c *compute.ModifyImage, in *model.ModifyImageAttributeRequest) error {
	switch name := val(in.Attribute); name {
	case "":
	case "description":
		if in.Value != nil {
			c.Description = in.Value
		}
	case "launchPermission":
		if val(in.OperationType) == "" && in.LaunchPermission != nil {
			return nil
		}
		g := compute.Grants{Accounts: in.UserIds}
		for _, group := range in.UserGroups {
			if group != "all" {
				return badGroup(group)
			}
			g.All = true
		}
		switch operation := val(in.OperationType); operation {
		case "add":
			c.Add = g
		case "remove":
			c.Remove = g
		default:
			return invalidValue("operationType", operation, "Valid values: add, remove.")
		}
	default:
		return invalidValue("attribute", name, "Only launchPermission, description and imdsSupport can be modified.")
	}
	return nil
}

func badGroup(group string) error {
	return cloud.Errorf(cloud.KindInvalid, "image", "InvalidAMIAttributeItemValue", `Invalid attribute item value "%s" for userGroup item type.`, group)
}

func grants(list []model.LaunchPermission) (compute.Grants, error) {
	var g compute.Grants
	for _, p := range list {
		switch {
		case p.OrganizationArn != nil || p.OrganizationalUnitArn != nil:
			return g, unserved("LaunchPermission.OrganizationArn", val(p.OrganizationArn)+val(p.OrganizationalUnitArn))
		case val(p.Group) == "all":
			g.All = true
		case p.Group != nil:
			return g, badGroup(val(p.Group))
		default:
			g.Accounts = append(g.Accounts, val(p.UserId))
		}
	}
	return g, nil
}

func (a *API) resetImageAttribute(ctx context.Context, call *protocol.Call, in *model.ResetImageAttributeRequest) (*model.ResetImageAttributeResult, error) {
	if name := val(in.Attribute); name != "launchPermission" {
		return nil, invalidValue("attribute", name, "Only launchPermission can be reset.")
	}
	_, err := do(ctx, a, call, compute.ModifyImage{ID: val(in.ImageId), Reset: true})
	return nil, err
}
