package elbv2

import (
	"context"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/elbv2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud/elb"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
)

func (a *API) loadBalancerOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateLoadBalancer", a.createLoadBalancer),
		protocol.Op("DeleteLoadBalancer", a.deleteLoadBalancer),
		protocol.Op("DescribeLoadBalancers", a.describeLoadBalancers),
		protocol.Op("DescribeLoadBalancerAttributes", a.describeLoadBalancerAttributes),
		protocol.Op("ModifyLoadBalancerAttributes", a.modifyLoadBalancerAttributes),
		protocol.Op("DescribeCapacityReservation", a.describeCapacityReservation),
		protocol.Op("SetSubnets", a.setSubnets),
		protocol.Op("SetSecurityGroups", a.setSecurityGroups),
		protocol.Op("SetIpAddressType", a.setIPAddressType),
	}
}

func (a *API) createLoadBalancer(ctx context.Context, call *protocol.Call, in *model.CreateLoadBalancerInput) (*model.CreateLoadBalancerOutput, error) {
	mappings, err := mappingsIn(in.Subnets, in.SubnetMappings)
	if err != nil {
		return nil, err
	}
	if err := noSourceNAT(in.EnablePrefixForIpv6SourceNat); err != nil {
		return nil, err
	}
	tags, err := tagsIn(in.Tags)
	if err != nil {
		return nil, err
	}
	l, err := run(ctx, a, call, elb.CreateLoadBalancer{Name: text(in.Name), Type: text(in.Type), Scheme: text(in.Scheme),
		IPAddressType: text(in.IpAddressType), Subnets: mappings, GroupIDs: in.SecurityGroups, Tags: tags})
	if err != nil {
		return nil, err
	}
	return &model.CreateLoadBalancerOutput{LoadBalancers: []model.LoadBalancer{loadBalancerOut(l)}}, nil
}

// mappingsIn joins the two forms in which subnets are given.
func mappingsIn(subnets []string, list []model.SubnetMapping) ([]elb.SubnetMapping, error) {
	if len(subnets) > 0 && len(list) > 0 {
		return nil, validation("You cannot specify both subnets and subnet mappings")
	}
	out := elb.Mappings(subnets)
	for _, m := range list {
		v4, err := address(m.PrivateIPv4Address, "private IPv4 address")
		if err != nil {
			return nil, err
		}
		v6, err := address(m.IPv6Address, "IPv6 address")
		if err != nil {
			return nil, err
		}
		out = append(out, elb.SubnetMapping{SubnetID: text(m.SubnetId), AllocationID: text(m.AllocationId), PrivateIPv4: v4, IPv6: v6})
	}
	return out, nil
}

func noSourceNAT(v *string) error {
	if text(v) == "on" {
		return &protocol.Error{Code: "UnsupportedOperation", Message: "EnablePrefixForIpv6SourceNat 'on' is not served by Musubi yet"}
	}
	return nil
}

func (a *API) deleteLoadBalancer(ctx context.Context, call *protocol.Call, in *model.DeleteLoadBalancerInput) (*model.DeleteLoadBalancerOutput, error) {
	if !strings.Contains(text(in.LoadBalancerArn), ":loadbalancer/") {
		return nil, validation("'" + text(in.LoadBalancerArn) + "' is not a valid load balancer ARN")
	}
	_, err := run(ctx, a, call, elb.DeleteLoadBalancer{ARN: text(in.LoadBalancerArn)})
	return nil, err
}

func (a *API) describeLoadBalancers(_ context.Context, call *protocol.Call, in *model.DescribeLoadBalancersInput) (*model.DescribeLoadBalancersOutput, error) {
	list, err := a.findLoadBalancers(call, in)
	if err != nil {
		return nil, err
	}
	list, next, err := page(list, func(l elb.LoadBalancer) string { return l.ARN }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &model.DescribeLoadBalancersOutput{NextMarker: next}
	for _, l := range list {
		out.LoadBalancers = append(out.LoadBalancers, loadBalancerOut(l))
	}
	return out, nil
}

func (a *API) findLoadBalancers(call *protocol.Call, in *model.DescribeLoadBalancersInput) ([]elb.LoadBalancer, error) {
	r, scope := a.engine.Snapshot(), call.Caller.Scope
	if len(in.LoadBalancerArns) > 0 && len(in.Names) > 0 {
		return nil, validation("Load balancer names and load balancer ARNs cannot be specified at the same time")
	}
	var list []elb.LoadBalancer
	for _, arn := range in.LoadBalancerArns {
		if !strings.Contains(arn, ":loadbalancer/") {
			return nil, validation("'" + arn + "' is not a valid load balancer ARN")
		}
		l, err := elb.Find(r, scope, arn)
		if err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	for _, name := range in.Names {
		l, ok := elb.LoadBalancers.First(r, elb.ByName, scope.Key()+"/"+name)
		if !ok {
			return nil, &protocol.Error{Code: "LoadBalancerNotFound", Message: "Load balancers '[" + name + "]' not found"}
		}
		list = append(list, l)
	}
	if len(in.LoadBalancerArns)+len(in.Names) == 0 {
		for l := range elb.LoadBalancers.By(r, elb.ByScope, scope.Key()) {
			list = append(list, l)
		}
	}
	return list, nil
}

func (a *API) describeLoadBalancerAttributes(_ context.Context, call *protocol.Call, in *model.DescribeLoadBalancerAttributesInput) (*model.DescribeLoadBalancerAttributesOutput, error) {
	l, err := elb.Find(a.engine.Snapshot(), call.Caller.Scope, text(in.LoadBalancerArn))
	if err != nil {
		return nil, err
	}
	return &model.DescribeLoadBalancerAttributesOutput{Attributes: lbAttributesOut(l.Attributes)}, nil
}

func (a *API) modifyLoadBalancerAttributes(ctx context.Context, call *protocol.Call, in *model.ModifyLoadBalancerAttributesInput) (*model.ModifyLoadBalancerAttributesOutput, error) {
	c := elb.ModifyLoadBalancerAttributes{ARN: text(in.LoadBalancerArn)}
	for _, x := range in.Attributes {
		c.Set = append(c.Set, elb.KeyValue{Key: text(x.Key), Value: text(x.Value)})
	}
	l, err := run(ctx, a, call, c)
	if err != nil {
		return nil, err
	}
	return &model.ModifyLoadBalancerAttributesOutput{Attributes: lbAttributesOut(l.Attributes)}, nil
}

func lbAttributesOut(m map[string]string) []model.LoadBalancerAttribute {
	var out []model.LoadBalancerAttribute
	for _, kv := range elb.Sorted(m) {
		out = append(out, model.LoadBalancerAttribute{Key: new(kv.Key), Value: new(kv.Value)})
	}
	return out
}

// describeCapacityReservation answers that there is none: capacity is not
// something that a load balancer here can run out of.
func (a *API) describeCapacityReservation(_ context.Context, call *protocol.Call, in *model.DescribeCapacityReservationInput) (*model.DescribeCapacityReservationOutput, error) {
	_, err := elb.Find(a.engine.Snapshot(), call.Caller.Scope, text(in.LoadBalancerArn))
	return &model.DescribeCapacityReservationOutput{}, err
}

func (a *API) setSubnets(ctx context.Context, call *protocol.Call, in *model.SetSubnetsInput) (*model.SetSubnetsOutput, error) {
	mappings, err := mappingsIn(in.Subnets, in.SubnetMappings)
	if err != nil {
		return nil, err
	}
	if err := noSourceNAT(in.EnablePrefixForIpv6SourceNat); err != nil {
		return nil, err
	}
	l, err := run(ctx, a, call, elb.SetSubnets{ARN: text(in.LoadBalancerArn), Subnets: mappings,
		IPAddressType: text(in.IpAddressType), InUse: privatelink.ZoneInUse})
	if err != nil {
		return nil, err
	}
	v := loadBalancerOut(l)
	return &model.SetSubnetsOutput{AvailabilityZones: v.AvailabilityZones, IpAddressType: v.IpAddressType}, nil
}

func (a *API) setSecurityGroups(ctx context.Context, call *protocol.Call, in *model.SetSecurityGroupsInput) (*model.SetSecurityGroupsOutput, error) {
	l, err := run(ctx, a, call, elb.SetSecurityGroups{ARN: text(in.LoadBalancerArn), GroupIDs: in.SecurityGroups,
		EnforcePrivateLink: text(in.EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic)})
	if err != nil {
		return nil, err
	}
	return &model.SetSecurityGroupsOutput{SecurityGroupIds: l.GroupIDs,
		EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic: some(l.EnforcePrivateLink)}, nil
}

func (a *API) setIPAddressType(ctx context.Context, call *protocol.Call, in *model.SetIpAddressTypeInput) (*model.SetIpAddressTypeOutput, error) {
	l, err := run(ctx, a, call, elb.SetIPAddressType{ARN: text(in.LoadBalancerArn), Type: text(in.IpAddressType)})
	if err != nil {
		return nil, err
	}
	return &model.SetIpAddressTypeOutput{IpAddressType: new(l.IPAddressType)}, nil
}

func loadBalancerOut(l elb.LoadBalancer) model.LoadBalancer {
	v := model.LoadBalancer{
		LoadBalancerArn: new(l.ARN), LoadBalancerName: new(l.Name), DNSName: new(l.DNSName),
		CanonicalHostedZoneId: new(l.CanonicalZoneID), CreatedTime: new(l.CreatedAt), Scheme: new(l.Scheme), Type: new(l.Type),
		VpcId: new(l.VPCID), IpAddressType: new(l.IPAddressType), SecurityGroups: l.GroupIDs,
		State: &model.LoadBalancerState{Code: new(string(l.State)), Reason: some(l.StateReason)},
		EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic: some(l.EnforcePrivateLink),
	}
	for _, n := range l.Nodes {
		v.AvailabilityZones = append(v.AvailabilityZones, model.AvailabilityZone{ZoneName: new(n.Zone), SubnetId: new(n.SubnetID),
			LoadBalancerAddresses: addressesOut(n)})
	}
	return v
}

// addressesOut shows the addresses that the user chose; AWS does not show the
// others here.
func addressesOut(n elb.Node) []model.LoadBalancerAddress {
	var x model.LoadBalancerAddress
	if n.AllocationID != "" {
		x.AllocationId, x.IpAddress = new(n.AllocationID), new(n.PublicIP.String())
	}
	if n.ChosenIPv4 {
		x.PrivateIPv4Address = new(n.PrivateIP.String())
	}
	if n.ChosenIPv6 {
		x.IPv6Address = new(n.IPv6.String())
	}
	if x == (model.LoadBalancerAddress{}) {
		return nil
	}
	return []model.LoadBalancerAddress{x}
}
