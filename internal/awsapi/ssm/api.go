// Package ssm is the adapter of AWS Systems Manager: it turns wire structures
// into the commands of cloud/ssm and records into views, and asks the agents of
// instances to do what was asked for.
//
// It may import internal/cloud, cloud/ssm, cloud/compute and cloud/amazon,
// sessionwire, internal/engine (Runner, Do), awsapi/protocol and
// awsapi/model/ssm.
package ssm
