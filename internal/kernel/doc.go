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
//	input          0 input       the resolver and the metadata service
//	postrouting  100 source      node, endpoint and public sources
//	             110 deliver     ingress groups, on what the guest will see
//
// It may import spec.
package kernel
