package model

// Service is what the API model says of a service.
type Service struct {
	// Name is the signing name: ec2, elasticloadbalancing, route53, iam, sts.
	Name string
	// Protocol is ec2, query, rest-xml or json.
	Protocol     string
	Version      string
	Namespace    string // XML namespace of requests and responses
	TargetPrefix string // json: X-Amz-Target up to the dot
	// Operations are those that the served lists name, sorted by name.
	Operations []Operation
	// Unserved are the operations that AWS has and Musubi does not serve: their
	// names, and for rest protocols where they are.
	Unserved []Operation
	// Errors are the error codes that the model knows, with their HTTP status.
	Errors []Error
}

// Error is an error code of a service and its HTTP status.
type Error struct {
	Code   string
	Status int
}

// Operation is what the API model says of an operation.
type Operation struct {
	Name          string
	Method        string
	URI           string // may hold {Labels}
	Status        int    // of a successful response
	Input         string // type names in the generated package
	Output        string
	ResultWrapper string // query: the element around the output, if any
	// Unserved names the parameters that AWS knows and Musubi does not serve,
	// as they appear in a request, without list indices.
	Unserved []string
}
