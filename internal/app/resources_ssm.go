package app

import (
	"encoding/json"
	"strings"

	"github.com/musubi-net/musubi/internal/awsapi/protocol"
)

// members are those of a JSON body, by their exact names, as operations read them.
type members map[string]any

func (m members) text(name string) string {
	s, _ := m[name].(string)
	return s
}

// texts are the strings of some members, each one or a list of them.
func (m members) texts(names ...string) []string {
	var out []string
	for _, n := range names {
		for _, s := range appendStrings(nil, m[n]) {
			out = appendNonEmpty(out, s)
		}
	}
	return out
}

// ssmResources are instances, documents, sessions and parameters; other requests
// are about all that Systems Manager has.
func ssmResources(a protocol.Access) []string {
	prefix := "arn:aws:ssm:" + a.Caller.Region + ":" + a.Caller.Account + ":"
	var in members
	_ = json.Unmarshal(a.Body, &in) // what can not be read is refused later
	out := ssmInstances(a, in)
	for _, id := range in.texts("SessionId") {
		out = append(out, prefix+"session/"+id)
	}
	documents, parameters := in.texts("DocumentName"), []string(nil)
	switch named := in.texts("Name", "Names"); {
	case strings.Contains(a.Operation, "Document"):
		documents = append(documents, named...)
	case strings.Contains(a.Operation, "Parameter"):
		parameters = append(named, in.texts("Path")...)
	}
	switch in.text("ResourceType") {
	case "Document":
		documents = append(documents, in.texts("ResourceId")...)
	case "Parameter":
		parameters = append(parameters, in.texts("ResourceId")...)
	}
	for _, d := range documents {
		out = append(out, documentARN(prefix, d))
	}
	for _, p := range parameters {
		out = append(out, parameterARN(prefix, p))
	}
	if len(out) == 0 {
		return []string{prefix + "*"}
	}
	return out
}

// ssmInstances are the instances that a request is for. Which ones have a tag may
// be any.
func ssmInstances(a protocol.Access, in members) []string {
	ids := in.texts("InstanceIds", "Target", "InstanceId")
	targets, _ := in["Targets"].([]any)
	byTag := false
	for _, t := range targets {
		t, _ := t.(map[string]any)
		if key := members(t).text("Key"); strings.EqualFold(key, "InstanceIds") {
			ids = append(ids, members(t).texts("Values")...)
		} else {
			byTag = true
		}
	}
	var out []string
	for _, id := range ids {
		out = appendNonEmpty(out, ec2ARN(a.Caller, id))
	}
	if byTag {
		out = append(out, "arn:aws:ec2:"+a.Caller.Region+":"+a.Caller.Account+":instance/*")
	}
	return out
}

func documentARN(prefix, name string) string {
	switch {
	case strings.HasPrefix(name, "arn:"):
		return name
	case strings.HasPrefix(name, "AWS-"), strings.HasPrefix(name, "Amazon"): // of nobody
		region, _, _ := strings.Cut(strings.TrimPrefix(prefix, "arn:aws:ssm:"), ":")
		return "arn:aws:ssm:" + region + "::document/" + name
	}
	return prefix + "document/" + name
}

// parameterARN is a parameter's, whichever of its versions is meant.
func parameterARN(prefix, name string) string {
	if _, n, ok := strings.Cut(name, ":parameter/"); ok && strings.HasPrefix(name, "arn:") {
		name = n
	}
	name, _, _ = strings.Cut(name, ":")
	return prefix + "parameter/" + strings.TrimPrefix(name, "/")
}
