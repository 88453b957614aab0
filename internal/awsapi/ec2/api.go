// Package ec2 serves the EC2 API: it turns the wire structures of
// awsapi/model/ec2 into commands of the domain and the domain's records into
// views. One file per resource family.
//
// It may import internal/cloud and its families, awsapi/protocol,
// awsapi/model, and of internal/engine only Runner and Do.
package ec2

import (
	"context"
	"slices"
	"time"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/engine"
)

// Options are what the API is made of.
type Options struct {
	Engine engine.Runner
	// Now is the clock; nil is the system's.
	Now func() time.Time
	// Console returns what an instance wrote to its console so far. Nil is
	// nothing.
	Console func(ctx context.Context, instanceID string) ([]byte, error)
	// Guests tells which instances have a guest that runs, and at which boot. With
	// nil, all that should.
	Guests func(ctx context.Context) (map[string]uint32, error)
}

// API holds the handlers of the EC2 operations.
type API struct {
	engine  engine.Runner
	now     func() time.Time
	console func(ctx context.Context, instanceID string) ([]byte, error)
	guests  func(ctx context.Context) (map[string]uint32, error)
}

// New makes the API.
func New(o Options) *API {
	a := &API{engine: o.Engine, now: o.Now, console: o.Console, guests: o.Guests}
	if a.now == nil {
		a.now = time.Now
	}
	if a.console == nil {
		a.console = func(context.Context, string) ([]byte, error) { return nil, nil }
	}
	return a
}

// Service is the API as the protocol serves it.
func (a *API) Service() protocol.Service {
	return protocol.Service{
		Model:      model.Model(),
		Protocol:   protocol.EC2,
		Operations: slices.Concat(a.networkOperations(), a.computeOperations(), a.endpointOperations()),
		ErrorCode:  errorCode,
	}
}

// networkOperations are the operations of VPCs, subnets, routes, gateways,
// addresses, tags and zones.
func (a *API) networkOperations() []protocol.Operation {
	return slices.Concat(a.vpcOperations(), a.subnetOperations(), a.routeTableOperations(), a.routeOperations(),
		a.internetGatewayOperations(), a.natGatewayOperations(), a.addressOperations(), a.dhcpOptionsOperations(),
		a.networkACLOperations(), a.tagOperations(), a.zoneOperations(), a.accountOperations(), a.prefixListOperations(), a.absentOperations())
}

// do runs a command for the caller of a request.
func do[R any](ctx context.Context, a *API, call *protocol.Call, c cloud.Command[R]) (R, error) {
	return engine.Do(ctx, a.engine, call.Caller, c)
}

// val is the value behind a pointer of the wire, or the zero value.
func val[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// text is a string of the wire: nil if empty, so that the element is left out.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
