package tagging

import (
	"iter"
	"slices"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
)

// connectionFamily are the connections to a scope's endpoint services: the tags
// are the service owner's, though the record is the consumer's.
func connectionFamily() family {
	return family{
		prefix: "vpce-con-", resourceType: "vpc-endpoint-connection",
		get: func(r cloud.Reader, s cloud.Scope, id string) (cloud.Tags, error) {
			e, ok := privatelink.Endpoints.First(r, privatelink.ByConnection, id)
			if !ok || e.Provider != s {
				return nil, &cloud.Error{Kind: cloud.KindNotFound, Subject: "vpc-endpoint-connection", ID: id, Code: "InvalidVpcEndpointConnectionId.NotFound",
					Message: "The VpcEndpointConnection Id '" + id + "' does not exist"}
			}
			return e.ConnectionTags, nil
		},
		put: func(tx *cloud.Tx, id string, tags cloud.Tags) {
			if e, ok := privatelink.Endpoints.First(tx, privatelink.ByConnection, id); ok {
				e.ConnectionTags = tags
				privatelink.Endpoints.Put(tx, e)
			}
		},
		all: func(r cloud.Reader, s cloud.Scope) iter.Seq2[string, cloud.Tags] {
			return func(yield func(string, cloud.Tags) bool) {
				for service := range privatelink.Services.By(r, privatelink.ByScope, s.Key()) {
					for e := range privatelink.Endpoints.By(r, privatelink.ByService, service.ID) {
						if !yield(e.ConnectionID, e.ConnectionTags) {
							return
						}
					}
				}
			}
		},
	}
}

// permissionFamily are the allowed principals of endpoint services, which are
// kept in the services' records.
func permissionFamily() family {
	is := func(id string) func(privatelink.AllowedPrincipal) bool {
		return func(p privatelink.AllowedPrincipal) bool { return p.PermissionID == id }
	}
	return family{
		prefix: "vpce-svc-perm-", resourceType: "vpc-endpoint-service-permission",
		get: func(r cloud.Reader, s cloud.Scope, id string) (cloud.Tags, error) {
			service, ok := privatelink.Services.First(r, privatelink.ByPermission, id)
			if !ok || service.Scope != s {
				return nil, &cloud.Error{Kind: cloud.KindNotFound, Subject: "vpc-endpoint-service-permission", ID: id,
					Code: "InvalidVpcEndpointServicePermissionId.NotFound", Message: "The VpcEndpointServicePermission Id '" + id + "' does not exist"}
			}
			return service.AllowedPrincipals[slices.IndexFunc(service.AllowedPrincipals, is(id))].Tags, nil
		},
		put: func(tx *cloud.Tx, id string, tags cloud.Tags) {
			if s, ok := privatelink.Services.First(tx, privatelink.ByPermission, id); ok {
				s.AllowedPrincipals = slices.Clone(s.AllowedPrincipals)
				s.AllowedPrincipals[slices.IndexFunc(s.AllowedPrincipals, is(id))].Tags = tags
				privatelink.Services.Put(tx, s)
			}
		},
		all: func(r cloud.Reader, s cloud.Scope) iter.Seq2[string, cloud.Tags] {
			return func(yield func(string, cloud.Tags) bool) {
				for service := range privatelink.Services.By(r, privatelink.ByScope, s.Key()) {
					for _, p := range service.AllowedPrincipals {
						if !yield(p.PermissionID, p.Tags) {
							return
						}
					}
				}
			}
		},
	}
}
