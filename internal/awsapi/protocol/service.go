// Package protocol is AWS on the wire: the ec2, query, rest-xml and json 1.1
// protocols between bytes and the generated structs of awsapi/model, the SigV4
// header, and the error envelopes.
//
// It may import internal/cloud (Caller, Error) and internal/awsapi/model (the
// types of the operation tables, none of the generated packages) only.
package protocol

import (
	"context"
	"reflect"

	"github.com/musubi-net/musubi/internal/awsapi/model"
	"github.com/musubi-net/musubi/internal/cloud"
)

// Protocol is a wire protocol.
type Protocol string

// The protocols that the served services speak.
const (
	EC2     Protocol = "ec2"
	Query   Protocol = "query"
	RESTXML Protocol = "rest-xml"
	JSON11  Protocol = "json"
)

// Service is one AWS service as served here.
type Service struct {
	// Model is the generated table of the service, for example ec2.Model(). It
	// is required; what is empty below is taken from it.
	Model model.Service
	// Name is the signing name: ec2, elasticloadbalancing, route53, iam, sts.
	Name         string
	Protocol     Protocol
	Version      string // 2016-11-15
	Namespace    string // XML namespace
	TargetPrefix string // json: X-Amz-Target up to the dot
	Operations   []Operation
	// ErrorCode maps a domain error to the service's code and HTTP status when
	// the error has no Code of its own. May be nil.
	ErrorCode func(*cloud.Error) (code string, status int)
}

// Call is one request, decoded and identified.
type Call struct {
	Caller    cloud.Caller
	RequestID string
	Service   string
	Operation string
	// DryRun is set for ec2 requests with DryRun=true: the handler must do all
	// its checks and change nothing.
	DryRun bool
	// Host is the host that the request is addressed to; Inside is set if it came
	// by a door inside the world.
	Host   string
	Inside bool
}

// Operation is one action of a service. Make it with Op.
type Operation struct {
	Name   string
	in     reflect.Type
	out    reflect.Type
	input  func() any
	invoke func(ctx context.Context, call *Call, in any) (any, error)
}

// Op makes an operation from a handler. I and O are structs of awsapi/model,
// whose tags say how they are encoded.
func Op[I, O any](name string, handle func(context.Context, *Call, *I) (*O, error)) Operation {
	return Operation{
		Name:  name,
		in:    reflect.TypeFor[I](),
		out:   reflect.TypeFor[O](),
		input: func() any { return new(I) },
		invoke: func(ctx context.Context, call *Call, in any) (any, error) {
			out, err := handle(ctx, call, in.(*I))
			if err != nil {
				return nil, err
			}
			if out == nil {
				out = new(O)
			}
			return out, nil
		},
	}
}

// Error is an error that is already in AWS's terms; handlers may return it for
// what the wire alone knows. Domain errors (*cloud.Error) are mapped instead.
type Error struct {
	Code    string
	Message string
	Status  int // HTTP; 0 is 400
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }
