// Package vpc is the domain of VPC networking: VPCs, subnets, route tables,
// gateways, addresses, security groups, network ACLs and network interfaces.
//
// It may import internal/cloud and cloud/amazon only. Records are in
// records_*.go, one command family per file.
package vpc
