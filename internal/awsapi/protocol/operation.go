package protocol

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/awsapi/model"
)

// operation is an operation with all that is known of it at start.
type operation struct {
	name     string
	service  *service
	model    model.Operation
	in, out  *shape
	unserved map[string]bool
	op       Operation
	dryRun   *field // of the input, if it has one
	done     *field // of the output: ec2's Return
}

// response is what goes back to the client.
type response struct {
	status      int
	contentType string
	header      http.Header
	body        []byte
}

// newOperation compiles an operation and checks that its Go types are the
// model's.
func newOperation(s *service, m model.Operation, op Operation, c shapes) (*operation, error) {
	o := &operation{name: op.Name, service: s, model: m, op: op, unserved: map[string]bool{}}
	if op.in == nil || op.out == nil {
		return nil, fmt.Errorf("operation %s is not made with Op", op.Name)
	}
	for t, want := range map[reflect.Type]string{op.in: m.Input, op.out: m.Output} {
		if t.Kind() != reflect.Struct || t.Name() != want && t.NumField() > 0 {
			return nil, fmt.Errorf("operation %s has type %s where the model has %s", op.Name, t, want)
		}
	}
	for _, path := range m.Unserved {
		o.unserved[path] = true
	}
	var err error
	if o.in, err = c.compile(op.in); err != nil {
		return nil, err
	}
	if o.out, err = c.compile(op.out); err != nil {
		return nil, err
	}
	if s.Protocol == EC2 {
		o.dryRun, o.done = o.in.field("DryRun"), o.out.field("Return")
	}
	return o, nil
}

// request is what the decoders read.
type request struct {
	params url.Values // query string and form
	header http.Header
	labels map[string]string // rest: values of the path's labels
	body   []byte
}

// decode reads a request into a new input structure.
func (o *operation) decode(r *request) (any, error) {
	in := o.op.input()
	v := reflect.ValueOf(in).Elem()
	var fs faults
	switch o.service.Protocol {
	case EC2, Query:
		var tree *node
		d := formDecoder{ec2: o.service.Protocol == EC2, unserved: o.unserved}
		if tree, fs = formTree(r.params); fs == nil {
			fs = d.structure(o.in, v, tree, "", "")
		}
	case RESTXML:
		fs = o.decodeREST(v, r)
	case JSON11:
		fs = decodeJSON(o.in, v, r.body, o.unserved)
	}
	if fs == nil {
		fs = validate(o.in, v, o.service.Protocol == EC2)
	}
	if fs != nil {
		return nil, fs.answer(o.service.Protocol, o.name)
	}
	return in, nil
}

// decodeREST reads path, query string, headers and body.
func (o *operation) decodeREST(v reflect.Value, r *request) faults {
	known := map[string]bool{}
	payload, body := (*field)(nil), false
	for i := range o.in.fields {
		f := &o.in.fields[i]
		var values []string
		switch f.loc {
		case "uri":
			values = []string{r.labels[f.in]}
		case "querystring":
			known[f.in] = true
			values = r.params[f.in]
		case "header":
			values = r.header.Values(f.in)
		case "payload":
			payload = f
			continue
		default:
			body = true
			continue
		}
		if len(values) == 0 {
			continue
		}
		if setScalar(f.shape, v.Field(f.index), values[0]) != nil {
			return faults{{kind: faultMalformed, path: f.in, value: values[0], want: f.shape.kind}}
		}
	}
	if fs := o.strayParams(r, known); fs != nil {
		return fs
	}
	if !body && payload == nil || len(r.body) == 0 {
		return nil
	}
	root, err := parseXML(r.body)
	if err != nil {
		return invalidXML("%v", err)
	}
	d := xmlDecoder{unserved: o.unserved}
	if payload != nil {
		return d.value(payload, payload.shape, v.Field(payload.index), root, payload.in, payload.in)
	}
	if root.name != o.model.Input {
		return invalidXML("Cannot find the declaration of element '%s'.", root.name)
	}
	return d.structure(o.in, v, root, "", "")
}

// strayParams finds query parameters that the operation does not have.
func (o *operation) strayParams(r *request, known map[string]bool) faults {
	var stray []string
	for name := range r.params {
		if !known[name] && !strings.HasPrefix(name, "X-Amz-") {
			stray = append(stray, name)
		}
	}
	if len(stray) == 0 {
		return nil
	}
	name := slices.Min(stray)
	if o.unserved[name] {
		return faults{{kind: faultUnserved, path: name}}
	}
	return faults{{kind: faultUnknown, path: name}}
}

// encode writes an output structure.
func (o *operation) encode(out any, requestID string) (*response, error) {
	v := reflect.ValueOf(out).Elem()
	switch o.service.Protocol {
	case EC2:
		return o.encodeEC2(v, requestID), nil
	case Query:
		return o.encodeQuery(v, requestID), nil
	case RESTXML:
		return o.encodeREST(v), nil
	}
	return o.encodeJSON(v)
}

// run decodes, calls the handler and encodes. A dry run never gets as far as a
// response: it ends in ErrDryRun.
func (o *operation) run(ctx context.Context, call *Call, r *request) (*response, error) {
	in, err := o.decode(r)
	if err != nil {
		return nil, err
	}
	if o.dryRun != nil {
		dry := reflect.ValueOf(in).Elem().Field(o.dryRun.index)
		call.DryRun = !dry.IsNil() && dry.Elem().Bool()
	}
	if call.DryRun {
		ctx = withDryRun(ctx)
	}
	out, err := o.op.invoke(ctx, call, in)
	if err != nil {
		return nil, err
	}
	if call.DryRun {
		return nil, ErrDryRun
	}
	return o.encode(out, call.RequestID)
}
