// Package spec is a node's world as it should be: plain data, compiled from the
// cloud by plan, built by kernel, guest and dataplane. It has no behaviour but a
// stable text form (Dump) and the address arithmetic that all of them share.
//
// The unit is the VPC: a change to the cloud recompiles and replaces the VPCs
// that it touches, plus the fabric, the internet and the instances.
//
// It may import nothing of the project.
package spec
