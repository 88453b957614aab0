package app

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
	"github.com/musubi-net/musubi/internal/cloud/compute"
	"github.com/musubi-net/musubi/internal/cloud/iam"
	"github.com/musubi-net/musubi/internal/cloud/tagging"
	"github.com/musubi-net/musubi/internal/dataplane/gate"
)

// authorizer asks the policies of roles about the requests of their sessions.
type authorizer struct {
	reader func() cloud.Reader
	now    func() time.Time
}

// authorize answers protocol.Options.Authorize.
func (z authorizer) authorize(a protocol.Access) (what string, ok bool) {
	r := z.reader()
	if _, session, _ := iam.SessionOf(r, a.Caller); !session {
		return "", true
	}
	access := iam.Access{Caller: a.Caller, Action: a.Action, Resources: resourcesOf(r, a), Context: z.context(r, a), Settled: settled,
		Tags: func(resource string) (cloud.Tags, bool) { return tagsOf(r, resource) }}
	if d := iam.Authorize(r, access); d.Verdict != iam.Allowed {
		return refusal(access, d), false
	}
	role, ok := passed(r, a)
	if !ok {
		return "", true
	}
	access.Action, access.Resources = "iam:PassRole", []string{role}
	access.Context["iam:passedtoservice"] = "ec2.amazonaws.com"
	d := iam.Authorize(r, access)
	return refusal(access, d), d.Verdict == iam.Allowed
}

// refusal is AWS's sentence, which names a resource where there is one.
func refusal(a iam.Access, d iam.Decision) string {
	on := ""
	switch {
	case d.Resource != "*" && d.Resource != "":
		on = " on resource: " + d.Resource
	case strings.HasPrefix(a.Action, "sns:"), strings.HasPrefix(a.Action, "sts:"):
		on = " on resource: *"
	}
	return a.Action + on + " " + d.Why
}

// context are the values of condition keys that are known of a request.
func (z authorizer) context(r cloud.Reader, a protocol.Access) map[string]string {
	now := z.now().UTC()
	c := map[string]string{
		"aws:principalarn": iam.PrincipalOf(a.Caller), "aws:principalaccount": a.Caller.Account, "aws:principaltype": "AssumedRole",
		"aws:userid": a.Caller.UserID, "aws:requestedregion": a.Caller.Region, "aws:multifactorauthpresent": "false",
		"aws:currenttime": now.Format(time.RFC3339), "aws:epochtime": strconv.FormatInt(now.Unix(), 10),
		"aws:viaawsservice": "false", "aws:principalisawsservice": "false", "aws:useragent": a.Request.UserAgent(),
	}
	if role, _, ok := iam.SessionOf(r, a.Caller); ok {
		for key, value := range role.Tags {
			c["aws:principaltag/"+strings.ToLower(key)] = value
		}
	}
	for key, value := range wayKeys(r, a.Request) {
		c[key] = value
	}
	if i, ok := compute.Instances.Get(r, a.Caller.Instance); ok && i.Account == a.Caller.Account && i.Region == a.Caller.Region {
		c["ec2:sourceinstancearn"] = "arn:aws:ec2:" + i.Region + ":" + i.Account + ":instance/" + i.ID
		c["ec2:roledelivery"] = "2.0"
		c["aws:ec2instancesourcevpc"] = i.VPCID
	}
	return c
}

// wayKeys are the condition keys of the way that a request came by. What comes by
// an endpoint has no source address that is known here, and no aws:SourceIp on AWS.
func wayKeys(r cloud.Reader, q *http.Request) map[string]string {
	w, inside := gate.WayOf(q.Context())
	if !inside {
		address, err := netip.ParseAddrPort(q.RemoteAddr)
		if err != nil {
			return nil
		}
		return map[string]string{"aws:sourceip": address.Addr().Unmap().String(), "aws:securetransport": strconv.FormatBool(q.TLS != nil)}
	}
	if onInternet(w) {
		return map[string]string{"aws:sourceip": w.Remote.Addr().String(), "aws:securetransport": secure(w)}
	}
	c := map[string]string{"aws:securetransport": secure(w)}
	if e, ok := endpointOf(r, w); ok {
		c["aws:sourcevpce"], c["aws:sourcevpc"] = e.ID, e.VPCID
	}
	return c
}

// tagsOf are the tags of what EC2 keeps. What a request lists or will make has
// none yet; the tags of other services' resources are not known here.
func tagsOf(r cloud.Reader, resource string) (tags cloud.Tags, known bool) {
	part := strings.SplitN(resource, ":", 6)
	switch {
	case resource == "*":
		return nil, true
	case len(part) != 6 || part[2] != "ec2":
		return nil, false
	}
	_, id, _ := strings.Cut(part[5], "/")
	tags = cloud.Tags{}
	for _, t := range tagging.Of(r, cloud.Scope{Account: part[4], Region: part[3]}, []string{id}) {
		tags[t.Key] = t.Value
	}
	return tags, part[4] != "" // images and snapshots are named without their owner
}

// settled names the condition keys of which it is known when a request has none.
func settled(key string) bool {
	switch key {
	case "aws:sourceip", "aws:sourcevpce", "aws:sourcevpc", "aws:username", "aws:principalorgid", "aws:multifactorauthage", "aws:calledvia",
		"aws:calledviafirst", "aws:calledvialast", "aws:sourceidentity", "aws:federatedprovider", "aws:principalservicename", "ec2:sourceinstancearn",
		"ec2:roledelivery", "aws:ec2instancesourcevpc", "aws:sourcearn", "aws:sourceaccount", "aws:referer":
		return true
	}
	return strings.HasPrefix(key, "aws:principaltag/")
}

// passed is the role that a request gives to instances.
func passed(r cloud.Reader, a protocol.Access) (arn string, ok bool) {
	if a.Service != "ec2" {
		return "", false
	}
	switch a.Operation {
	case "RunInstances", "AssociateIamInstanceProfile", "ReplaceIamInstanceProfileAssociation":
	default:
		return "", false
	}
	name := a.Params.Get("IamInstanceProfile.Name")
	if name == "" {
		arn := a.Params.Get("IamInstanceProfile.Arn")
		name = arn[strings.LastIndexByte(arn, '/')+1:]
	}
	p, ok := iam.InstanceProfiles.Get(r, a.Caller.Account+"/"+name)
	if !ok {
		return "", false // refused as unknown
	}
	role, ok := iam.Roles.Get(r, p.Account+"/"+p.RoleName)
	return role.ARN(), ok
}
