package app

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/iam"
)

// resourcesOf are the ARNs that a request is about, as far as they can be told from
// its parameters; none stands for all. Lists and descriptions are about all.
func resourcesOf(r cloud.Reader, a protocol.Access) []string {
	if a.Resources != nil {
		return a.Resources
	}
	switch a.Service {
	case "iam":
		return iamResources(r, a)
	case "route53":
		return route53Resources(a)
	case "ssm":
		return ssmResources(a)
	case "ec2", "elasticloadbalancing":
		if strings.HasPrefix(a.Operation, "Describe") || strings.HasPrefix(a.Operation, "Get") {
			return nil
		}
	}
	var out []string
	for _, v := range values(a) {
		if strings.HasPrefix(v, "arn:aws:"+a.Service+":") || a.Service == "sts" && strings.HasPrefix(v, "arn:aws:iam:") {
			out = append(out, v)
		} else if a.Service == "ec2" {
			out = appendNonEmpty(out, ec2ARN(a.Caller, v))
		}
	}
	if len(out) == 0 || a.Operation == "RunInstances" {
		out = appendNonEmpty(out, made(a))
	}
	return out
}

func appendNonEmpty(to []string, s string) []string {
	if s == "" {
		return to
	}
	return append(to, s)
}

// values are all values of a request's parameters, or the strings of its JSON body,
// in an order that does not change.
func values(a protocol.Access) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(a.Params)) {
		if !strings.HasPrefix(name, "X-Amz-") {
			out = append(out, a.Params[name]...)
		}
	}
	var body any
	if json.Unmarshal(a.Body, &body) == nil {
		out = appendStrings(out, body)
	}
	return out
}

func appendStrings(to []string, v any) []string {
	switch v := v.(type) {
	case string:
		to = append(to, v)
	case []any:
		for _, x := range v {
			to = appendStrings(to, x)
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			to = appendStrings(to, v[k])
		}
	}
	return to
}

// made is the ARN of what a request makes, whose id nobody knows yet.
func made(a protocol.Access) string {
	prefix := "arn:aws:" + a.Service + ":" + a.Caller.Region + ":" + a.Caller.Account + ":"
	switch name := a.Params.Get("Name"); a.Service + ":" + a.Operation {
	case "elasticloadbalancing:CreateLoadBalancer":
		kind := map[string]string{"network": "net", "gateway": "gwy"}[a.Params.Get("Type")]
		if kind == "" {
			kind = "app"
		}
		return prefix + "loadbalancer/" + kind + "/" + name + "/*"
	case "elasticloadbalancing:CreateTargetGroup":
		return prefix + "targetgroup/" + name + "/*"
	case "sns:CreateTopic":
		return prefix + name
	}
	if kind := map[string]string{
		"RunInstances": "instance", "CreateVpc": "vpc", "CreateDefaultVpc": "vpc", "CreateInternetGateway": "internet-gateway", "AllocateAddress": "elastic-ip",
		"CreateDhcpOptions": "dhcp-options", "CreateVpcEndpointServiceConfiguration": "vpc-endpoint-service", "CreateManagedPrefixList": "prefix-list",
		"ImportKeyPair": "key-pair", "CreateKeyPair": "key-pair", "CreateSecurityGroup": "security-group",
	}[a.Operation]; kind != "" && a.Service == "ec2" {
		return prefix + kind + "/*"
	}
	return ""
}

// ec2ARN is the ARN of what an id of EC2 names.
func ec2ARN(c cloud.Caller, id string) string {
	prefix, hex, ok := strings.Cut(id, "-")
	if prefix == "vpce" {
		if rest, service := strings.CutPrefix(hex, "svc-"); service {
			prefix, hex = "vpce-svc", rest
		}
	}
	if !ok || len(hex) < 8 || strings.Trim(hex, "0123456789abcdef") != "" {
		return ""
	}
	kind := map[string]string{
		"i": "instance", "vpc": "vpc", "subnet": "subnet", "sg": "security-group", "eni": "network-interface", "vpce": "vpc-endpoint",
		"rtb": "route-table", "igw": "internet-gateway", "nat": "natgateway", "acl": "network-acl", "dopt": "dhcp-options",
		"eipalloc": "elastic-ip", "ami": "image", "vol": "volume", "sgr": "security-group-rule", "snap": "snapshot", "pl": "prefix-list",
		"vpce-svc": "vpc-endpoint-service", "pcx": "vpc-peering-connection", "key": "key-pair",
	}[prefix]
	switch kind {
	case "":
		return ""
	case "image", "snapshot": // of whoever
		return "arn:aws:ec2:" + c.Region + "::" + kind + "/" + id
	}
	return "arn:aws:ec2:" + c.Region + ":" + c.Account + ":" + kind + "/" + id
}

func iamResources(r cloud.Reader, a protocol.Access) []string {
	prefix, get := "arn:aws:iam::"+a.Caller.Account+":", a.Params.Get
	path := get("Path")
	if path == "" {
		path = "/"
	}
	if name := get("RoleName"); name != "" && !strings.Contains(a.Operation, "RoleToInstanceProfile") && !strings.Contains(a.Operation, "RoleFromInstanceProfile") {
		if role, ok := iam.Roles.Get(r, a.Caller.Account+"/"+name); ok {
			path = role.Path
		}
		return []string{prefix + "role" + path + name}
	}
	if arn := get("PolicyArn"); arn != "" {
		return []string{arn}
	}
	if name := get("PolicyName"); name != "" {
		return []string{prefix + "policy" + path + name}
	}
	if name := get("InstanceProfileName"); name != "" {
		if p, ok := iam.InstanceProfiles.Get(r, a.Caller.Account+"/"+name); ok {
			path = p.Path
		}
		return []string{prefix + "instance-profile" + path + name}
	}
	if name := get("ServerCertificateName"); name != "" {
		return []string{prefix + "server-certificate" + path + name}
	}
	if a.Operation == "ListRoles" {
		return []string{prefix + "role/"}
	}
	return nil
}

func route53Resources(a protocol.Access) []string {
	parts := strings.Split(strings.Trim(a.Request.URL.Path, "/"), "/")
	for i, kind := range parts[:max(len(parts)-1, 0)] {
		id := parts[i+1]
		switch kind {
		case "hostedzone", "change", "healthcheck":
			return []string{"arn:aws:route53:::" + kind + "/" + id}
		case "tags":
			if len(parts) > i+2 {
				id += "/" + parts[i+2]
			}
			return []string{"arn:aws:route53:::" + id}
		}
	}
	return nil
}
