package ec2

import (
	"context"
	"net/netip"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

func (a *API) routeOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("CreateRoute", a.createRoute),
		protocol.Op("ReplaceRoute", a.replaceRoute),
		protocol.Op("DeleteRoute", a.deleteRoute),
	}
}

// destination is a route's destination, of which a request names exactly one.
func destination(ipv4, ipv6 *string) (netip.Prefix, error) {
	switch {
	case ipv4 != nil && ipv6 != nil:
		return netip.Prefix{}, cloud.Errorf(cloud.KindInvalid, "route", "InvalidParameterCombination",
			"The parameters destinationCidrBlock and destinationIpv6CidrBlock cannot be used together")
	case ipv6 != nil:
		return family("destinationIpv6CidrBlock", *ipv6, false)
	case ipv4 != nil:
		return family("destinationCidrBlock", *ipv4, true)
	}
	return netip.Prefix{}, cloud.Errorf(cloud.KindMissing, "route", "MissingParameter",
		"The request must contain the parameter destinationCidrBlock or destinationIpv6CidrBlock")
}

func family(parameter, value string, ipv4 bool) (netip.Prefix, error) {
	p, err := vpc.ParseCIDR(parameter, value)
	if err == nil && p.Addr().Is4() != ipv4 {
		return p, invalidValue(parameter, value, "This is not a valid CIDR block.")
	}
	return p, err
}

// prefixRoute answers requests about routes to prefix lists.
func (a *API) prefixRoute(ctx context.Context, call *protocol.Call, c vpc.PrefixRoute) error {
	_, err := do(ctx, a, call, c)
	return err
}

func (a *API) createRoute(ctx context.Context, call *protocol.Call, in *model.CreateRouteRequest) (*model.CreateRouteResult, error) {
	if id := val(in.DestinationPrefixListId); id != "" {
		return nil, a.prefixRoute(ctx, call, vpc.PrefixRoute{RouteTableID: val(in.RouteTableId), PrefixListID: id, GatewayID: val(in.GatewayId)})
	}
	d, err := destination(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock)
	if err != nil {
		return nil, err
	}
	_, err = do(ctx, a, call, vpc.CreateRoute{RouteTableID: val(in.RouteTableId), Destination: d, Target: vpc.RouteTarget{
		GatewayID: val(in.GatewayId), NATGatewayID: val(in.NatGatewayId), InterfaceID: val(in.NetworkInterfaceId), InstanceID: val(in.InstanceId)}})
	if err != nil {
		return nil, err
	}
	return &model.CreateRouteResult{Return: new(true)}, nil
}

func (a *API) replaceRoute(ctx context.Context, call *protocol.Call, in *model.ReplaceRouteRequest) (*model.ReplaceRouteResult, error) {
	if id := val(in.DestinationPrefixListId); id != "" {
		return nil, a.prefixRoute(ctx, call, vpc.PrefixRoute{RouteTableID: val(in.RouteTableId), PrefixListID: id, GatewayID: val(in.GatewayId)})
	}
	d, err := destination(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock)
	if err != nil {
		return nil, err
	}
	_, err = do(ctx, a, call, vpc.ReplaceRoute{RouteTableID: val(in.RouteTableId), Destination: d, Target: vpc.RouteTarget{
		GatewayID: val(in.GatewayId), NATGatewayID: val(in.NatGatewayId), InterfaceID: val(in.NetworkInterfaceId),
		InstanceID: val(in.InstanceId), Local: val(in.LocalTarget)}})
	return nil, err
}

func (a *API) deleteRoute(ctx context.Context, call *protocol.Call, in *model.DeleteRouteRequest) (*model.DeleteRouteResult, error) {
	if id := val(in.DestinationPrefixListId); id != "" {
		return nil, a.prefixRoute(ctx, call, vpc.PrefixRoute{RouteTableID: val(in.RouteTableId), PrefixListID: id, Delete: true})
	}
	d, err := destination(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock)
	if err != nil {
		return nil, err
	}
	_, err = do(ctx, a, call, vpc.DeleteRoute{RouteTableID: val(in.RouteTableId), Destination: d})
	return nil, err
}

// routeView is a route on the wire. With a reader it says of an interface what
// the interface is attached to now; a route to a loose one leads nowhere.
func routeView(r cloud.Reader, x vpc.Route) *model.Route {
	out := &model.Route{Origin: new(x.Origin), State: new(x.State), GatewayId: text(x.GatewayID),
		NatGatewayId: text(x.NATGatewayID), NetworkInterfaceId: text(x.InterfaceID), InstanceId: text(x.InstanceID)}
	if x.Local {
		out.GatewayId = new("local")
	}
	if x.PrefixListID != "" {
		out.DestinationPrefixListId = new(x.PrefixListID)
	} else if x.Destination.Addr().Is4() {
		out.DestinationCidrBlock = new(x.Destination.String())
	} else {
		out.DestinationIpv6CidrBlock = new(x.Destination.String())
	}
	if x.InterfaceID == "" || r == nil {
		return out
	}
	out.InstanceId = nil
	n, ok := vpc.NetworkInterfaces.Get(r, x.InterfaceID)
	if !ok || n.Attachment == nil {
		out.State = new(vpc.RouteBlackhole)
		return out
	}
	out.InstanceId = text(n.Attachment.InstanceID)
	out.InstanceOwnerId = text(n.Attachment.InstanceOwnerID)
	return out
}
