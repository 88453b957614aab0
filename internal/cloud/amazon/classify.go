package amazon

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// Request is what can be told of a request to a service that somebody else serves.
type Request struct {
	Place
	Account string // of the caller; empty for anonymous ones
	Method  string
	Path    string // without escapes
	Query   url.Values
	// Params are those of the query string and of a form.
	Params url.Values
	Target string // X-Amz-Target
	// Copy is the source of a copy (X-Amz-Copy-Source).
	Copy string
	Body []byte
}

// Want is an action, and the ARNs that it is about as far as they are known.
type Want struct {
	Action    string
	Resources []string
}

// Wants are what a request asks for: one thing, but for copies, which read too.
func (q Request) Wants() []Want {
	action, resources := q.Classify()
	out := []Want{{action, resources}}
	if source := q.Source(); source != "" {
		out = append(out, Want{"s3:GetObject", []string{source}})
	}
	return out
}

// Classify tells the action that a request asks for, and the ARNs that it is about
// as far as they are known. Where the action is not known it is the service's "*",
// which only a statement about all of its actions matches.
func (q Request) Classify() (action string, resources []string) {
	if q.Name == "s3" {
		return q.classifyS3()
	}
	prefix := actionPrefix(q.Service)
	switch {
	case q.Target != "":
		action = q.Target[strings.LastIndexByte(q.Target, '.')+1:]
	case q.Params.Get("Action") != "":
		action = q.Params.Get("Action")
	case strings.HasPrefix(q.Path, "/service/"):
		if _, name, ok := strings.Cut(q.Path, "/operation/"); ok {
			action = name
		}
	case q.Name == "lambda":
		action = q.lambda()
	}
	if action == "" {
		return prefix + ":*", nil
	}
	return prefix + ":" + action, q.resources()
}

// actionPrefix is what the actions of a service begin with.
func actionPrefix(s Service) string {
	switch s.Name {
	case "monitoring":
		return "cloudwatch"
	case "email":
		return "ses"
	}
	return s.SigningName()
}

// lambda tells lambda's most used actions by their paths.
func (q Request) lambda() string {
	parts := strings.Split(strings.Trim(q.Path, "/"), "/")
	if len(parts) < 2 || parts[1] != "functions" {
		return ""
	}
	switch {
	case len(parts) == 4 && q.Method == "POST" && parts[3] == "invocations":
		return "InvokeFunction"
	case len(parts) == 3 && q.Method == "GET":
		return "GetFunction"
	case len(parts) == 2 && q.Method == "GET":
		return "ListFunctions"
	case len(parts) == 2 && q.Method == "POST":
		return "CreateFunction"
	case len(parts) == 3 && q.Method == "DELETE":
		return "DeleteFunction"
	}
	return ""
}

// resources are the ARNs that a request names, or that names in it stand for.
func (q Request) resources() []string {
	var out []string
	add := func(service, kind, name string) {
		if name == "" {
			return
		}
		arn := name
		if !strings.HasPrefix(name, "arn:") {
			arn = "arn:aws:" + service + ":" + q.Region + ":" + q.Account + ":" + kind + name
		}
		if !slices.Contains(out, arn) {
			out = append(out, arn)
		}
	}
	text := func(name string) string { return q.Params.Get(name) }
	var body map[string]any
	if len(q.Body) > 0 && q.Body[0] == '{' && json.Unmarshal(q.Body, &body) == nil {
		text = func(name string) string { s, _ := body[name].(string); return s }
	}
	switch q.Name {
	case "dynamodb":
		add("dynamodb", "table/", text("TableName"))
		items, _ := body["RequestItems"].(map[string]any)
		for table := range items {
			add("dynamodb", "table/", table)
		}
		slices.Sort(out)
	case "sqs":
		u := text("QueueUrl")
		add("sqs", "", u[strings.LastIndexByte(u, '/')+1:])
		add("sqs", "", text("QueueName"))
	case "logs":
		if name := text("logGroupName"); name != "" {
			add("logs", "log-group:", name+":*")
		}
	case "lambda":
		if parts := strings.Split(strings.Trim(q.Path, "/"), "/"); len(parts) > 2 {
			add("lambda", "function:", parts[2])
		}
	case "kms":
		if id := text("KeyId"); strings.HasPrefix(id, "arn:") {
			add("kms", "", id)
		} else if id != "" && !strings.HasPrefix(id, "alias/") {
			add("kms", "key/", id)
		}
	case "secretsmanager":
		if id := text("SecretId"); strings.HasPrefix(id, "arn:") {
			add("secretsmanager", "", id)
		}
	}
	return out
}
