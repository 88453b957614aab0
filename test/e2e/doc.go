// Package e2e tests the built binary as its users use it: with the real
// Terraform and AWS provider, the real AWS CLI, and real packets. Its tests need
// bin/musubi (make build).
package e2e
