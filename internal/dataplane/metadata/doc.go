// Package metadata is the instance metadata service of a VPC: version 2, with
// tokens, and version 1 where an instance allows it. It knows who asks by the
// source address. Its listeners are handed in.
//
// It may import internal/spec and dataplane/share.
package metadata
