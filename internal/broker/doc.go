// Package broker is the part of Musubi that stays in the host's namespaces: a
// small process, started by musubi up before the supervisor leaves them, that
// connects sockets for the daemon and hands them over, and removes from the host
// what has to be removed when everything has ended. A socket stays in the network
// namespace in which it was opened, wherever it is used.
//
// The supervisor holds one connection to it; when that ends, the broker does. Each
// daemon gets a connection of its own, on which it asks for sockets:
//
//	service   any address: the user mapped it. Names are the host's.
//	internet  an IPv4 address out on the internet, and only if musubi up was told
//	          to open it: never one of this host's, nor of a network that is not
//	          everybody's
//	resolver  the host's own name servers, on the same condition
//
// Whoever has such a socket could connect it to elsewhere: the daemon is trusted,
// guests never see one.
//
// It may import internal/guest/wire.
package broker
