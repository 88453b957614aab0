// Package kernel builds a node's world in the Linux kernel: a network namespace
// for each VPC, guest, the fabric and the internet, the links between them, their
// addresses and routes, and the nftables that are the VPC's security groups,
// load balancers and address translation. It is the only owner of netlink and
// nftables. Everything happens inside a user and a mount namespace that the
// caller has entered; no privilege on the host is needed.
//
// Each Apply takes the whole desired state and sends only what differs from what
// was applied last. After a start or a failure the kernel is observed instead.
//
// What a packet meets in a VPC's namespace:
//
//	prerouting  -150 mark        the subnet's route table, as the packet's mark
//	            -110 admit       source check, egress groups, endpoint groups
//	            -100 translate   listeners, endpoints, public addresses
//	forward        0 forward     what may go between which links
//	postrouting  100 source      node, endpoint and public sources
//	             110 deliver     ingress groups, on what the guest will see
//	input        100 source_local  node sources, for sockets of the router
//	             110 input       the resolver, the metadata service, and load
//	                             balancers in user space with their groups
//	output      -110 proxy, -105 probe, -100 visit
//	                             what user space begins: with clients' addresses,
//	                             from nodes, and for people on the host
//
// It may import spec.
package kernel
