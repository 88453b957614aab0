// Package elbv2 is the adapter between the Elastic Load Balancing v2 API and
// the domain: wire structures in, commands and views out.
//
// It may import internal/cloud and its families, awsapi/protocol, awsapi/model
// and the engine through engine.Runner.
package elbv2

import (
	"context"
	"io/fs"

	model "github.com/musubi-net/musubi/internal/awsapi/model/elbv2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/engine"
)

// Options are what the API is made of.
type Options struct {
	Engine engine.Runner
	// Objects reads an object of S3: a bundle of certificates, a revocation list.
	// Nil has none. An object that does not exist is fs.ErrNotExist.
	Objects func(bucket, key string) ([]byte, error)
}

// API serves Elastic Load Balancing v2.
type API struct {
	engine  engine.Runner
	objects func(bucket, key string) ([]byte, error)
}

// New makes the API.
func New(o Options) *API {
	a := &API{engine: o.Engine, objects: o.Objects}
	if a.objects == nil {
		a.objects = func(string, string) ([]byte, error) { return nil, fs.ErrNotExist }
	}
	return a
}

// Service lists the operations for the protocol handler.
func (a *API) Service() protocol.Service {
	s := protocol.Service{Model: model.Model()}
	for _, family := range [][]protocol.Operation{a.loadBalancerOperations(), a.listenerOperations(),
		a.ruleOperations(), a.trustStoreOperations(), a.targetGroupOperations(), a.targetOperations(), a.otherOperations()} {
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
