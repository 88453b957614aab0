package ec2

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
)

func (a *API) instanceAttributeOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("DescribeInstanceAttribute", a.describeInstanceAttribute),
		protocol.Op("ModifyInstanceAttribute", a.modifyInstanceAttribute),
		protocol.Op("DescribeInstanceCreditSpecifications", a.describeCredits),
		protocol.Op("ModifyInstanceCreditSpecification", a.modifyCredits),
		protocol.Op("ModifyInstanceMetadataOptions", a.modifyMetadata),
		protocol.Op("ModifyInstanceMaintenanceOptions", a.modifyMaintenance),
		protocol.Op("ModifyPrivateDnsNameOptions", a.modifyNames),
	}
}

func (a *API) describeInstanceAttribute(_ context.Context, call *protocol.Call, in *model.DescribeInstanceAttributeRequest) (*model.InstanceAttribute, error) {
	r := a.engine.Snapshot()
	i, err := compute.FindInstance(r, call.Caller.Scope, val(in.InstanceId))
	if err != nil {
		return nil, err
	}
	out := &model.InstanceAttribute{InstanceId: &i.ID}
	yes := func(b bool) *model.AttributeBooleanValue { return &model.AttributeBooleanValue{Value: &b} }
	str := func(s string) *model.AttributeValue { return &model.AttributeValue{Value: text(s)} }
	switch name := val(in.Attribute); name {
	case "instanceType":
		out.InstanceType = str(i.InstanceType)
	case "userData":
		out.UserData = str(base64.StdEncoding.EncodeToString(i.UserData))
	case "disableApiTermination":
		out.DisableApiTermination = yes(i.DisableAPITermination)
	case "disableApiStop":
		out.DisableApiStop = yes(i.DisableAPIStop)
	case "instanceInitiatedShutdownBehavior":
		out.InstanceInitiatedShutdownBehavior = str(i.ShutdownBehavior)
	case "rootDeviceName":
		out.RootDeviceName = str(i.RootDeviceName)
	case "blockDeviceMapping":
		out.BlockDeviceMappings = instanceView(r, i).BlockDeviceMappings
	case "sourceDestCheck":
		out.SourceDestCheck = &model.AttributeBooleanValue{Value: instanceView(r, i).SourceDestCheck}
	case "groupSet":
		out.Groups = instanceView(r, i).SecurityGroups
	case "ebsOptimized":
		out.EbsOptimized = yes(i.EBSOptimized)
	case "enaSupport":
		out.EnaSupport = yes(true)
	case "enclaveOptions":
		out.EnclaveOptions = &model.EnclaveOptions{Enabled: new(false)}
	case "kernel", "ramdisk", "productCodes", "sriovNetSupport":
	default:
		return nil, invalidValue("attribute", name, "Unknown attribute.")
	}
	return out, nil
}

func (a *API) modifyInstanceAttribute(ctx context.Context, call *protocol.Call, in *model.ModifyInstanceAttributeRequest) (*model.ModifyInstanceAttributeResult, error) {
	c := compute.ModifyInstance{ID: val(in.InstanceId), GroupIDs: in.Groups}
	flag := func(v *model.AttributeBooleanValue) *bool {
		if v == nil {
			return nil
		}
		return new(val(v.Value))
	}
	c.SourceDestCheck, c.DisableAPITermination = flag(in.SourceDestCheck), flag(in.DisableApiTermination)
	c.DisableAPIStop, c.EBSOptimized = flag(in.DisableApiStop), flag(in.EbsOptimized)
	if in.InstanceType != nil {
		c.InstanceType = new(val(in.InstanceType.Value))
	}
	if in.InstanceInitiatedShutdownBehavior != nil {
		c.ShutdownBehavior = new(val(in.InstanceInitiatedShutdownBehavior.Value))
	}
	if in.UserData != nil {
		c.UserData = append([]byte{}, in.UserData.Value...)
	}
	if err := olderAttribute(&c, val(in.Attribute), in.Value); err != nil {
		return nil, err
	}
	for _, m := range in.BlockDeviceMappings {
		if m.NoDevice != nil || m.VirtualName != nil || m.Ebs == nil || m.Ebs.DeleteOnTermination == nil {
			return nil, unserved("BlockDeviceMapping", "other than Ebs.DeleteOnTermination")
		}
		if c.DeleteOnTermination == nil {
			c.DeleteOnTermination = map[string]bool{}
		}
		c.DeleteOnTermination[val(m.DeviceName)] = *m.Ebs.DeleteOnTermination
	}
	_, err := do(ctx, a, call, c)
	return &model.ModifyInstanceAttributeResult{}, err
}

// olderAttribute takes over an attribute in the form of the API's first version,
// by its name.
func olderAttribute(c *compute.ModifyInstance, name string, value *string) error {
	if name == "" || value == nil {
		return nil // with the name alone, the value comes in its own parameter
	}
	flags := map[string]**bool{"disableApiTermination": &c.DisableAPITermination, "disableApiStop": &c.DisableAPIStop,
		"ebsOptimized": &c.EBSOptimized, "sourceDestCheck": &c.SourceDestCheck}
	if to, ok := flags[name]; ok {
		on, err := strconv.ParseBool(strings.ToLower(*value))
		if err != nil {
			return invalidValue(name, *value, "Valid values: true, false.")
		}
		*to = &on
		return nil
	}
	switch name {
	case "instanceType":
		c.InstanceType = value
	case "instanceInitiatedShutdownBehavior":
		c.ShutdownBehavior = value
	case "userData":
		data, err := decodeUserData(*value)
		c.UserData = append([]byte{}, data...)
		return err
	default:
		return unserved("Attribute", name)
	}
	return nil
}

func (a *API) describeCredits(_ context.Context, call *protocol.Call, in *model.DescribeInstanceCreditSpecificationsRequest) (*model.DescribeInstanceCreditSpecificationsResult, error) {
	r := a.engine.Snapshot()
	l := instanceListing(r)
	all, err := l.list(r, call.Caller.Scope, in.InstanceIds, in.Filters)
	if err != nil {
		return nil, err
	}
	var shown []compute.Instance
	for _, i := range all {
		switch {
		case i.CreditSpecification != "" && (i.State != compute.Terminated || len(in.InstanceIds) > 0):
			shown = append(shown, i)
		case i.CreditSpecification == "" && len(in.InstanceIds) > 0:
			return nil, cloud.Errorf(cloud.KindInvalid, "instance", "InstanceCreditSpecification.NotSupported",
				"The instance '%s' is not a burstable performance instance.", i.ID)
		}
	}
	shown, next, err := page(shown, l.key, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeInstanceCreditSpecificationsResult{NextToken: next}
	for _, i := range shown {
		out.InstanceCreditSpecifications = append(out.InstanceCreditSpecifications,
			model.InstanceCreditSpecification{InstanceId: &i.ID, CpuCredits: &i.CreditSpecification})
	}
	return out, nil
}

// modifyCredits changes each instance on its own, as AWS does: a refusal is
// part of the answer.
func (a *API) modifyCredits(ctx context.Context, call *protocol.Call, in *model.ModifyInstanceCreditSpecificationRequest) (*model.ModifyInstanceCreditSpecificationResult, error) {
	out := &model.ModifyInstanceCreditSpecificationResult{}
	for _, s := range in.InstanceCreditSpecifications {
		_, err := do(ctx, a, call, compute.ModifyCredits{ID: val(s.InstanceId), Credits: val(s.CpuCredits)})
		var refused *cloud.Error
		switch {
		case errors.As(err, &refused):
			out.UnsuccessfulInstanceCreditSpecifications = append(out.UnsuccessfulInstanceCreditSpecifications,
				model.UnsuccessfulInstanceCreditSpecificationItem{InstanceId: s.InstanceId, Error: &model.UnsuccessfulInstanceCreditSpecificationItemError{
					Code: &refused.Code, Message: &refused.Message}})
		case err != nil:
			return nil, err
		default:
			out.SuccessfulInstanceCreditSpecifications = append(out.SuccessfulInstanceCreditSpecifications,
				model.SuccessfulInstanceCreditSpecificationItem{InstanceId: s.InstanceId})
		}
	}
	return out, nil
}

func (a *API) modifyMetadata(ctx context.Context, call *protocol.Call, in *model.ModifyInstanceMetadataOptionsRequest) (*model.ModifyInstanceMetadataOptionsResult, error) {
	i, err := do(ctx, a, call, compute.ModifyMetadata{ID: val(in.InstanceId), Change: compute.MetadataChange{HTTPTokens: val(in.HttpTokens),
		HopLimit: int(val(in.HttpPutResponseHopLimit)), HTTPEndpoint: val(in.HttpEndpoint), InstanceTags: val(in.InstanceMetadataTags),
		HTTPIPv6: val(in.HttpProtocolIpv6)}})
	return &model.ModifyInstanceMetadataOptionsResult{InstanceId: in.InstanceId, InstanceMetadataOptions: metadataView(i)}, err
}

func (a *API) modifyMaintenance(ctx context.Context, call *protocol.Call, in *model.ModifyInstanceMaintenanceOptionsRequest) (*model.ModifyInstanceMaintenanceOptionsResult, error) {
	i, err := do(ctx, a, call, compute.ModifyMaintenance{ID: val(in.InstanceId), AutoRecovery: val(in.AutoRecovery)})
	return &model.ModifyInstanceMaintenanceOptionsResult{InstanceId: in.InstanceId, AutoRecovery: &i.AutoRecovery}, err
}

func (a *API) modifyNames(ctx context.Context, call *protocol.Call, in *model.ModifyPrivateDnsNameOptionsRequest) (*model.ModifyPrivateDnsNameOptionsResult, error) {
	_, err := do(ctx, a, call, compute.ModifyNames{ID: val(in.InstanceId), Names: compute.NameOptions{HostnameType: val(in.PrivateDnsHostnameType),
		ResourceNameDNSA: in.EnableResourceNameDnsARecord, ResourceNameDNSAAAA: in.EnableResourceNameDnsAAAARecord}})
	return &model.ModifyPrivateDnsNameOptionsResult{Return: new(true)}, err
}
