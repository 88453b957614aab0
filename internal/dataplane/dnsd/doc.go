// Package dnsd is a VPC's resolver: it answers from the VPC's private zones by
// longest match, then from the VPC's own names, then from the names that the
// cloud owns everywhere. What it does not know does not exist, unless it was given
// a way to ask the host's name servers. Its sockets are handed in.
//
// It may import internal/spec.
package dnsd
