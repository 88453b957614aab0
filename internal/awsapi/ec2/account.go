package ec2

import (
	"context"
	"slices"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func (a *API) accountOperations() []protocol.Operation {
	return []protocol.Operation{protocol.Op("DescribeAccountAttributes", a.describeAccountAttributes)}
}

func (a *API) describeAccountAttributes(_ context.Context, call *protocol.Call, in *model.DescribeAccountAttributesRequest) (*model.DescribeAccountAttributesResult, error) {
	defaultVPC := "none"
	if v, ok := vpc.VPCs.First(a.engine.Snapshot(), "default", call.Caller.Key()); ok {
		defaultVPC = v.ID
	}
	all := []struct{ name, value string }{
		{"supported-platforms", "VPC"},
		{"vpc-max-security-groups-per-interface", "5"},
		{"max-elastic-ips", "5"},
		{"max-instances", "20"},
		{"vpc-max-elastic-ips", "5"},
		{"default-vpc", defaultVPC},
	}
	for _, name := range in.AttributeNames {
		if !slices.ContainsFunc(all, func(x struct{ name, value string }) bool { return x.name == name }) {
			return nil, invalidValue("attributeName", name, "Unknown attribute.")
		}
	}
	out := &model.DescribeAccountAttributesResult{}
	for _, x := range all {
		if len(in.AttributeNames) > 0 && !slices.Contains(in.AttributeNames, x.name) {
			continue
		}
		out.AccountAttributes = append(out.AccountAttributes, model.AccountAttribute{AttributeName: new(x.name),
			AttributeValues: []model.AccountAttributeValue{{AttributeValue: new(x.value)}}})
	}
	return out, nil
}
