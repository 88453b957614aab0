// Package sts is the adapter of the AWS Security Token Service: who the caller
// is, and temporary keys.
//
// It may import internal/cloud and cloud/iam, internal/engine (Runner, Do),
// awsapi/protocol and awsapi/model/sts.
package sts

import (
	"context"
	"encoding/base32"
	"fmt"
	"regexp"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/sts"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/engine"
)

// API serves STS.
type API struct{ engine engine.Runner }

// New makes the adapter.
func New(e engine.Runner) *API { return &API{engine: e} }

// Service describes what is served.
func (a *API) Service() protocol.Service {
	return protocol.Service{Model: model.Model(), ErrorCode: errorCode, Operations: []protocol.Operation{
		protocol.Op("GetCallerIdentity", getCallerIdentity),
		protocol.Op("AssumeRole", a.assumeRole),
		protocol.Op("GetSessionToken", a.getSessionToken),
		protocol.Op("GetAccessKeyInfo", a.getAccessKeyInfo),
	}}
}

func errorCode(e *cloud.Error) (string, int) {
	if e.Kind == cloud.KindForbidden {
		return "AccessDenied", 403
	}
	return "ValidationError", 400
}

func getCallerIdentity(_ context.Context, call *protocol.Call, _ *model.GetCallerIdentityRequest) (*model.GetCallerIdentityResponse, error) {
	c := call.Caller
	return &model.GetCallerIdentityResponse{Account: new(c.Account), Arn: new(c.PrincipalARN), UserId: new(c.UserID)}, nil
}

func (a *API) assumeRole(ctx context.Context, call *protocol.Call, in *model.AssumeRoleRequest) (*model.AssumeRoleResponse, error) {
	c := iam.AssumeRole{}
	if in.RoleArn != nil {
		c.RoleARN = *in.RoleArn
	}
	if in.RoleSessionName != nil {
		c.SessionName = *in.RoleSessionName
	}
	if in.ExternalId != nil {
		c.ExternalID = *in.ExternalId
	}
	if in.DurationSeconds != nil {
		c.Duration = int(*in.DurationSeconds)
	}
	s, err := engine.Do(ctx, a.engine, call.Caller, c)
	if err != nil {
		return nil, err
	}
	return &model.AssumeRoleResponse{
		AssumedRoleUser: &model.AssumedRoleUser{Arn: new(s.PrincipalARN), AssumedRoleId: new(s.UserID())},
		Credentials:     credentials(s),
	}, nil
}

func (a *API) getSessionToken(ctx context.Context, call *protocol.Call, in *model.GetSessionTokenRequest) (*model.GetSessionTokenResponse, error) {
	c := iam.GetSessionToken{}
	if in.DurationSeconds != nil {
		c.Duration = int(*in.DurationSeconds)
	}
	s, err := engine.Do(ctx, a.engine, call.Caller, c)
	if err != nil {
		return nil, err
	}
	return &model.GetSessionTokenResponse{Credentials: credentials(s)}, nil
}

func credentials(s iam.Session) *model.Credentials {
	return &model.Credentials{AccessKeyId: new(s.AccessKeyID), SecretAccessKey: new(s.SecretKey), SessionToken: new(s.Token), Expiration: new(s.Expires)}
}

var (
	accountKey = regexp.MustCompile(`^\d{12}$`)
	awsKey     = regexp.MustCompile(`^(AKIA|ASIA)[A-Z2-7]{16}$`)
)

// getAccessKeyInfo says whose key it is: one that was issued here, one that
// names its account, or one of AWS's own, which carry theirs.
func (a *API) getAccessKeyInfo(_ context.Context, _ *protocol.Call, in *model.GetAccessKeyInfoRequest) (*model.GetAccessKeyInfoResponse, error) {
	var key string
	if in.AccessKeyId != nil {
		key = *in.AccessKeyId
	}
	if c, ok := iam.Identify(a.engine.Snapshot(), key); ok {
		return &model.GetAccessKeyInfoResponse{Account: new(c.Account)}, nil
	}
	if accountKey.MatchString(key) {
		return &model.GetAccessKeyInfoResponse{Account: new(key)}, nil
	}
	if account, ok := accountOf(key); ok {
		return &model.GetAccessKeyInfoResponse{Account: new(account)}, nil
	}
	return nil, &protocol.Error{Code: "ValidationError", Message: "Invalid Access Key ID: " + key}
}

// accountOf reads the account out of an access key id of AWS's: characters 5 to
// 12 in base 32, less 2^39, doubled, plus one if the next is of the upper half.
func accountOf(key string) (string, bool) {
	if !awsKey.MatchString(key) {
		return "", false
	}
	b, err := base32.StdEncoding.DecodeString(key[4:12])
	if err != nil {
		return "", false
	}
	var n int64
	for _, x := range b {
		n = n<<8 | int64(x)
	}
	n = (n - 1<<39) * 2
	if strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", key[12]) >= 16 {
		n++
	}
	if n < 0 || n > 999_999_999_999 {
		return "", false
	}
	return fmt.Sprintf("%012d", n), true
}
