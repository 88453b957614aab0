// Package plan compiles the cloud into the world as it should be: a snapshot
// goes in, package spec's plain data comes out. It is pure.
//
// The unit is the VPC, with the fabric, the internet, the guests and the public
// names beside it; Affected says which units a change touches, by the indexes of
// the tables, so that a change costs what it touches and not what exists.
//
// It may import internal/cloud and its families, and internal/spec.
package plan
