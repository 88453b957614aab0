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
	if source := q.Source(); dotted(source) {
		out = append(out, Want{"s3:*", nil})
	} else if source != "" {
		out = append(out, Want{"s3:GetObject", []string{source}})
	}
	return out
}

// Classify tells the action that a request asks for, and the ARNs that it is about
// as far as they are known. Where the action is not known it is the service's "*",
// which only a statement about all of its actions matches; so it is where a request
// says several things, of which nobody here knows which one counts.
func (q Request) Classify() (action string, resources []string) {
	if q.Name == "s3" {
		return q.classifyS3()
	}
	prefix := actionPrefix(q.Service)
	named := q.actions()
	if len(named) != 1 {
		return prefix + ":*", nil
	}
	return prefix + ":" + named[0], q.resources()
}

// actions are those that a request names, wherever.
func (q Request) actions() []string {
	named := slices.Clone(q.Params["Action"])
	if q.Target != "" {
		named = append(named, q.Target[strings.LastIndexByte(q.Target, '.')+1:])
	}
	if strings.HasPrefix(q.Path, "/service/") {
		_, name, _ := strings.Cut(q.Path, "/operation/")
		named = append(named, name)
	}
	if q.Name == "lambda" {
		named = append(named, q.lambda())
	}
	slices.Sort(named)
	return slices.DeleteFunc(slices.Compact(named), func(a string) bool { return a == "" })
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
	if q.Target != "" || json.Unmarshal(q.Body, &body) == nil {
		_ = json.Unmarshal(q.Body, &body) // a body that says nothing names nothing
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
