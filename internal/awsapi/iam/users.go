package iam

import (
	"context"
	"strings"
	"time"

	model "github.com/musubi-net/musubi/internal/awsapi/model/iam"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
)

// userOperations are what clients ask to find out who they are. There are no
// users: who is not in a role's session is the account's root.
func (a *API) userOperations() []protocol.Operation {
	return []protocol.Operation{
		protocol.Op("GetUser", getUser),
		read(a, "ListAccountAliases", func(cloud.Reader, string, *model.ListAccountAliasesRequest) (*model.ListAccountAliasesResponse, error) {
			return &model.ListAccountAliasesResponse{AccountAliases: []string{}, IsTruncated: new(false)}, nil
		}),
	}
}

func getUser(_ context.Context, call *protocol.Call, in *model.GetUserRequest) (*model.GetUserResponse, error) {
	if in.UserName != nil {
		return nil, cloud.Errorf(cloud.KindNotFound, "user", "NoSuchEntity", "The user with name %s cannot be found.", *in.UserName)
	}
	if !strings.HasSuffix(call.Caller.PrincipalARN, ":root") {
		return nil, cloud.Errorf(cloud.KindInvalid, "user", "ValidationError", "Must specify userName when calling with non-User credentials")
	}
	return &model.GetUserResponse{User: &model.User{
		Arn: new(call.Caller.PrincipalARN), UserId: new(call.Caller.Account),
		// An account is as old as nobody knows here.
		CreateDate: new(time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC)),
	}}, nil
}
