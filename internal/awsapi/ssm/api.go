// Package ssm is the adapter of AWS Systems Manager: it turns wire structures
// into the commands of cloud/ssm and records into views, and asks the agents of
// instances to do what was asked for.
//
// It may import internal/cloud, cloud/ssm, cloud/compute and cloud/amazon,
// sessionwire, internal/engine (Runner, Do), awsapi/protocol and
// awsapi/model/ssm.
package ssm

import (
	"encoding/base64"
	"slices"
	"time"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ssm"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/engine"
)

// Options are what the API is made of.
type Options struct {
	Engine engine.Runner
	Agents Agents
	Now    func() time.Time
}

// API serves Systems Manager.
type API struct {
	engine engine.Runner
	agents Agents
	now    func() time.Time
}

// New makes the adapter.
func New(o Options) *API { return &API{engine: o.Engine, agents: o.Agents, now: o.Now} }

// Service describes what is served.
func (a *API) Service() protocol.Service {
	return protocol.Service{Model: model.Model(), Operations: slices.Concat(a.sessionOperations(), a.commandOperations(), a.nodeOperations(),
		a.documentOperations(), a.parameterOperations(), a.tagOperations())}
}

func val[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// filled is nil for nothing.
func filled(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// moment is nil for no time.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC())
}

// number is n as the wire has it.
func number(n int) *int64 { return new(int64(n)) }

// tokenPrefix begins the paging tokens of this program.
const tokenPrefix = "musubi:after:"

// page cuts the page that starts after the token's element; key tells one
// element from another.
func page[T any](all []T, token *string, most *int64, otherwise int, key func(T) string) (list []T, next *string, err error) {
	if token != nil && *token != "" {
		raw, err := base64.RawURLEncoding.DecodeString(*token)
		i := -1
		if after := string(raw); err == nil && len(after) > len(tokenPrefix) && after[:len(tokenPrefix)] == tokenPrefix {
			i = slices.IndexFunc(all, func(x T) bool { return key(x) == after[len(tokenPrefix):] })
		}
		if i < 0 {
			return nil, nil, cloud.Errorf(cloud.KindInvalid, "token", "InvalidNextToken", "The specified token is not valid.")
		}
		all = all[i+1:]
	}
	n := otherwise
	if most != nil {
		n = int(*most)
	}
	if len(all) <= n {
		return all, nil, nil
	}
	return all[:n], new(base64.RawURLEncoding.EncodeToString([]byte(tokenPrefix + key(all[n-1])))), nil
}

// when reads the time of a filter.
func when(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, cloud.Errorf(cloud.KindInvalid, "filter", "ValidationException", "The time %s is not in the format of ISO 8601.", text)
}

func invalidKey(key string) error {
	return cloud.Errorf(cloud.KindInvalid, "filter", "InvalidFilterKey", "The specified key %s is not valid.", key)
}
