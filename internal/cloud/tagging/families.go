package tagging

import (
	"iter"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/privatelink"
	"github.com/musubi-net/musubi/internal/cloud/vpc"
)

// family is one type of taggable resource.
type family struct {
	prefix       string // of ids
	resourceType string // as DescribeTags says it
	get          func(r cloud.Reader, s cloud.Scope, id string) (cloud.Tags, error)
	put          func(tx *cloud.Tx, id string, tags cloud.Tags)
	all          func(r cloud.Reader, s cloud.Scope) iter.Seq2[string, cloud.Tags]
	// check refuses tags that this resource can not have; nil refuses none.
	check func(r cloud.Reader, id string, tags cloud.Tags) error
}

// accessor says where a record keeps what this package needs.
type accessor[T any] struct {
	table    *cloud.Table[T]
	index    string // by which the table finds an id
	scope    func(*T) cloud.Scope
	id       func(*T) string
	tags     func(*T) *cloud.Tags
	notFound string // AWS code
	noun     string // "The <noun> '<id>' does not exist"
}

func makeFamily[T any](prefix, resourceType string, a accessor[T]) family {
	if a.index == "" {
		a.index = "id"
	}
	return family{
		prefix: prefix, resourceType: resourceType,
		get: func(r cloud.Reader, s cloud.Scope, id string) (cloud.Tags, error) {
			v, ok := a.table.First(r, a.index, id)
			if !ok || a.scope(&v) != s {
				return nil, &cloud.Error{Kind: cloud.KindNotFound, Subject: resourceType, ID: id, Code: a.notFound,
					Message: "The " + a.noun + " '" + id + "' does not exist"}
			}
			return *a.tags(&v), nil
		},
		put: func(tx *cloud.Tx, id string, tags cloud.Tags) {
			if v, ok := a.table.First(tx, a.index, id); ok {
				*a.tags(&v) = tags
				a.table.Put(tx, v)
			}
		},
		all: func(r cloud.Reader, s cloud.Scope) iter.Seq2[string, cloud.Tags] {
			return func(yield func(string, cloud.Tags) bool) {
				for v := range a.table.By(r, "scope", s.Key()) {
					if id := a.id(&v); strings.HasPrefix(id, prefix) && !yield(id, *a.tags(&v)) {
						return
					}
				}
			}
		},
	}
}

func familyOf(id string) (family, bool) {
	for _, f := range families() {
		if rest, ok := strings.CutPrefix(id, f.prefix); ok && rest != "" {
			return f, true
		}
	}
	return family{}, false
}

// families lists the taggable types. A prefix that begins with another one
// comes before it.
func families() []family {
	return append(append(vpcFamilies(), gatewayFamilies()...), computeFamilies()...)
}

func vpcFamilies() []family {
	return []family{
		makeFamily("vpc-", "vpc", accessor[vpc.VPC]{table: vpc.VPCs, notFound: "InvalidVpcID.NotFound", noun: "vpc ID",
			scope: func(v *vpc.VPC) cloud.Scope { return v.Scope },
			id:    func(v *vpc.VPC) string { return v.ID }, tags: func(v *vpc.VPC) *cloud.Tags { return &v.Tags }}),
		makeFamily("subnet-", "subnet", accessor[vpc.Subnet]{table: vpc.Subnets, notFound: "InvalidSubnetID.NotFound", noun: "subnet ID",
			scope: func(v *vpc.Subnet) cloud.Scope { return v.Scope },
			id:    func(v *vpc.Subnet) string { return v.ID }, tags: func(v *vpc.Subnet) *cloud.Tags { return &v.Tags }}),
		makeFamily("rtb-", "route-table", accessor[vpc.RouteTable]{table: vpc.RouteTables, notFound: "InvalidRouteTableID.NotFound", noun: "routeTable ID",
			scope: func(v *vpc.RouteTable) cloud.Scope { return v.Scope },
			id:    func(v *vpc.RouteTable) string { return v.ID }, tags: func(v *vpc.RouteTable) *cloud.Tags { return &v.Tags }}),
		makeFamily("dopt-", "dhcp-options", accessor[vpc.DHCPOptions]{table: vpc.DHCPOptionSets, notFound: "InvalidDhcpOptionID.NotFound", noun: "dhcpOption ID",
			scope: func(v *vpc.DHCPOptions) cloud.Scope { return v.Scope },
			id:    func(v *vpc.DHCPOptions) string { return v.ID }, tags: func(v *vpc.DHCPOptions) *cloud.Tags { return &v.Tags }}),
		makeFamily("acl-", "network-acl", accessor[vpc.NetworkACL]{table: vpc.NetworkACLs, notFound: "InvalidNetworkAclID.NotFound", noun: "networkAcl ID",
			scope: func(v *vpc.NetworkACL) cloud.Scope { return v.Scope },
			id:    func(v *vpc.NetworkACL) string { return v.ID }, tags: func(v *vpc.NetworkACL) *cloud.Tags { return &v.Tags }}),
		makeFamily("sg-", "security-group", accessor[vpc.SecurityGroup]{table: vpc.SecurityGroups, notFound: "InvalidGroup.NotFound", noun: "security group",
			scope: func(v *vpc.SecurityGroup) cloud.Scope { return v.Scope },
			id:    func(v *vpc.SecurityGroup) string { return v.ID }, tags: func(v *vpc.SecurityGroup) *cloud.Tags { return &v.Tags }}),
		makeFamily("sgr-", "security-group-rule", accessor[vpc.SecurityGroupRule]{table: vpc.SecurityGroupRules,
			notFound: "InvalidSecurityGroupRuleId.NotFound", noun: "security group rule ID",
			scope: func(v *vpc.SecurityGroupRule) cloud.Scope { return v.Scope },
			id:    func(v *vpc.SecurityGroupRule) string { return v.ID }, tags: func(v *vpc.SecurityGroupRule) *cloud.Tags { return &v.Tags }}),
	}
}

func gatewayFamilies() []family {
	return []family{
		makeFamily("igw-", "internet-gateway", accessor[vpc.InternetGateway]{table: vpc.InternetGateways,
			notFound: "InvalidInternetGatewayID.NotFound", noun: "internetGateway ID",
			scope: func(v *vpc.InternetGateway) cloud.Scope { return v.Scope },
			id:    func(v *vpc.InternetGateway) string { return v.ID }, tags: func(v *vpc.InternetGateway) *cloud.Tags { return &v.Tags }}),
		makeFamily("nat-", "natgateway", accessor[vpc.NATGateway]{table: vpc.NATGateways, notFound: "NatGatewayNotFound", noun: "Nat Gateway",
			scope: func(v *vpc.NATGateway) cloud.Scope { return v.Scope },
			id:    func(v *vpc.NATGateway) string { return v.ID }, tags: func(v *vpc.NATGateway) *cloud.Tags { return &v.Tags }}),
		makeFamily("eipalloc-", "elastic-ip", accessor[vpc.Address]{table: vpc.Addresses, notFound: "InvalidAllocationID.NotFound", noun: "allocation ID",
			scope: func(v *vpc.Address) cloud.Scope { return v.Scope },
			id:    func(v *vpc.Address) string { return v.AllocationID }, tags: func(v *vpc.Address) *cloud.Tags { return &v.Tags }}),
		makeFamily("eni-", "network-interface", accessor[vpc.NetworkInterface]{table: vpc.NetworkInterfaces,
			notFound: "InvalidNetworkInterfaceID.NotFound", noun: "networkInterface ID",
			scope: func(v *vpc.NetworkInterface) cloud.Scope { return v.Scope },
			id:    func(v *vpc.NetworkInterface) string { return v.ID }, tags: func(v *vpc.NetworkInterface) *cloud.Tags { return &v.Tags }}),
		connectionFamily(), permissionFamily(),
		makeFamily("vpce-svc-", "vpc-endpoint-service", accessor[privatelink.Service]{table: privatelink.Services,
			notFound: "InvalidVpcEndpointServiceId.NotFound", noun: "VpcEndpointService Id",
			scope: func(v *privatelink.Service) cloud.Scope { return v.Scope },
			id:    func(v *privatelink.Service) string { return v.ID }, tags: func(v *privatelink.Service) *cloud.Tags { return &v.Tags }}),
		makeFamily("vpce-", "vpc-endpoint", accessor[privatelink.Endpoint]{table: privatelink.Endpoints,
			notFound: "InvalidVpcEndpointId.NotFound", noun: "Vpc Endpoint Id",
			scope: func(v *privatelink.Endpoint) cloud.Scope { return v.Scope },
			id:    func(v *privatelink.Endpoint) string { return v.ID }, tags: func(v *privatelink.Endpoint) *cloud.Tags { return &v.Tags }}),
	}
}

func computeFamilies() []family {
	return []family{
		instanceFamily(),
		makeFamily("vol-", "volume", accessor[compute.Volume]{table: compute.Volumes, notFound: "InvalidVolume.NotFound", noun: "volume",
			scope: func(v *compute.Volume) cloud.Scope { return v.Scope },
			id:    func(v *compute.Volume) string { return v.ID }, tags: func(v *compute.Volume) *cloud.Tags { return &v.Tags }}),
		imageFamily(),
		makeFamily("snap-", "snapshot", accessor[compute.Snapshot]{table: compute.Snapshots, notFound: "InvalidSnapshot.NotFound", noun: "snapshot",
			scope: func(v *compute.Snapshot) cloud.Scope { return v.Scope },
			id:    func(v *compute.Snapshot) string { return v.ID }, tags: func(v *compute.Snapshot) *cloud.Tags { return &v.Tags }}),
		makeFamily("key-", "key-pair", accessor[compute.KeyPair]{table: compute.KeyPairs, index: "pair", notFound: "InvalidKeyPair.NotFound", noun: "key pair",
			scope: func(v *compute.KeyPair) cloud.Scope { return v.Scope },
			id:    func(v *compute.KeyPair) string { return v.ID }, tags: func(v *compute.KeyPair) *cloud.Tags { return &v.Tags }}),
	}
}

// Tag is one tag of one resource.
type Tag struct{ ResourceID, ResourceType, Key, Value string }

// Of lists the tags of some resources of a scope; those that do not exist have
// none.
func Of(r cloud.Reader, s cloud.Scope, ids []string) []Tag {
	var out []Tag
	for _, id := range ids {
		f, ok := familyOf(id)
		if !ok {
			continue
		}
		tags, err := f.get(r, s, id)
		if err != nil {
			continue
		}
		out = appendTags(out, f, id, tags)
	}
	return out
}

// All lists the tags of a scope's resources of these types; of all without any.
func All(r cloud.Reader, s cloud.Scope, types []string) []Tag {
	var out []Tag
	for _, f := range families() {
		if len(types) > 0 && !slices.Contains(types, f.resourceType) {
			continue
		}
		for id, tags := range f.all(r, s) {
			out = appendTags(out, f, id, tags)
		}
	}
	return out
}

func appendTags(out []Tag, f family, id string, tags cloud.Tags) []Tag {
	for k, v := range tags {
		out = append(out, Tag{ResourceID: id, ResourceType: f.resourceType, Key: k, Value: v})
	}
	return out
}
