// Package iam is the adapter of AWS Identity and Access Management: it turns
// wire structures into the commands of cloud/iam and records into views.
//
// It may import internal/cloud, cloud/iam and cloud/elb (who uses a
// certificate), internal/engine (Runner, Do),
// awsapi/protocol and awsapi/model/iam.
package iam

import (
	"context"

	model "github.com/musubi-net/musubi/internal/awsapi/model/iam"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/engine"
)

// API serves IAM.
type API struct{ engine engine.Runner }

// New makes the adapter.
func New(e engine.Runner) *API { return &API{engine: e} }

// Service describes what is served.
func (a *API) Service() protocol.Service {
	var operations []protocol.Operation
	for _, family := range [][]protocol.Operation{
		a.roleOperations(), a.rolePolicyOperations(), a.policyOperations(), a.profileOperations(), a.userOperations(),
		a.certificateOperations(),
	} {
		operations = append(operations, family...)
	}
	return protocol.Service{Model: model.Model(), Operations: operations, ErrorCode: errorCode}
}

// errorCode maps a refusal to IAM's code and HTTP status.
func errorCode(e *cloud.Error) (string, int) {
	switch e.Kind {
	case cloud.KindNotFound:
		return "NoSuchEntity", 404
	case cloud.KindExists:
		return "EntityAlreadyExists", 409
	case cloud.KindInUse, cloud.KindConflict:
		return "DeleteConflict", 409
	case cloud.KindLimit:
		return "LimitExceeded", 409
	case cloud.KindForbidden:
		return "AccessDenied", 403
	case cloud.KindInvalid, cloud.KindMissing:
		return "ValidationError", 400
	}
	return "", 0
}

// change makes an operation whose command has no result to show.
func change[I, O any, R any](a *API, name string, command func(*I) cloud.Command[R]) protocol.Operation {
	return protocol.Op(name, func(ctx context.Context, call *protocol.Call, in *I) (*O, error) {
		_, err := engine.Do(ctx, a.engine, call.Caller, command(in))
		if err != nil {
			return nil, err
		}
		return new(O), nil
	})
}

// read makes an operation that only looks.
func read[I, O any](a *API, name string, view func(r cloud.Reader, account string, in *I) (*O, error)) protocol.Operation {
	return protocol.Op(name, func(_ context.Context, call *protocol.Call, in *I) (*O, error) {
		return view(a.engine.Snapshot(), call.Caller.Account, in)
	})
}

// value is *p, or nothing.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
