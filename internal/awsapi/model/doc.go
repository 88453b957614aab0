// Package model describes the AWS APIs that Musubi serves. Its sub-packages
// (ec2, elbv2, route53, iam, sts, sns, acm, ssm, …) hold the generated request and response
// structures of one service each; this package holds the types of their
// operation tables.
//
// Everything is generated from the API models that the Go module
// github.com/aws/aws-sdk-go (v1) carries, merged with overlay/*.json for what
// is newer than that module, and cut down to the operations that
// served/*.txt lists. A line of those files is
//
//	CreateVpc                      the operation with all its parameters
//	RunInstances -SpotOptions -A.B  all but these, which are refused by name
//	DescribeVpcs +VpcIds +Filters  only these
//
// The parameter names are those of the API model; a dot goes into a structure.
//
// The struct tags say how a field travels:
//
//	in, out   its name in requests and in responses
//	item      the element name of a list's members, if not the protocol's own
//	flat      a list without an element around it
//	loc       uri, querystring, header, statusCode or payload
//	ts        the format of a timestamp, if not ISO 8601 with milliseconds
//	must      "y": the parameter is required
//	enum, pattern, min, max   the constraints of a parameter
//
// It may import nothing of the project.
package model

//go:generate go run ./generate
