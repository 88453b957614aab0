// Package elbv2 is the adapter between the Elastic Load Balancing v2 API and
// the domain: wire structures in, commands and views out.
//
// It may import internal/cloud and its families, awsapi/protocol, awsapi/model
// and the engine through engine.Runner.
package elbv2

import (
	"context"

	model "github.com/musubi-net/musubi/internal/awsapi/model/elbv2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/engine"
)

// API serves Elastic Load Balancing v2.
type API struct{ engine engine.Runner }

// New makes the API on an engine.
func New(e engine.Runner) *API { return &API{engine: e} }

// Service lists the operations for the protocol handler.
func (a *API) Service() protocol.Service {
	s := protocol.Service{Model: model.Model()}
	for _, family := range [][]protocol.Operation{a.loadBalancerOperations(), a.listenerOperations(),
		a.targetGroupOperations(), a.targetOperations(), a.otherOperations()} {
		s.Operations = append(s.Operations, family...)
	}
	return s
}

// run applies a command for a call.
func run[R any](ctx context.Context, a *API, call *protocol.Call, c cloud.Command[R]) (R, error) {
	return engine.Do(ctx, a.engine, call.Caller, c)
}

// validation is AWS's refusal of parameters that the wire alone can judge.
func validation(message string) error {
	return &protocol.Error{Code: "ValidationError", Message: message}
}
