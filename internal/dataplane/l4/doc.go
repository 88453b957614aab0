// Package l4 is the part of network load balancers that works in user space:
// listeners that end TLS, that send proxy protocol v2, or that lead to targets of
// the other address family.
//
// One connection of a client is one connection to one target, as long as both
// live; what one side ends, half-closes or resets, the other side sees. New
// settings are for new connections, except that the connections of targets that
// are gone or unhealthy are ended where the target group asks for it.
//
// It may import internal/spec and dataplane/tlsconf; sockets come from functions
// that are handed in.
package l4
