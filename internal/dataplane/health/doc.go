// Package health probes targets as a load balancer's nodes do, and reports when
// a target's health changes.
//
// Each target is probed from every node address once per interval. One success
// among them makes the round a success: that a node can not reach a target says
// more about the path from that node, which the other nodes do not have. A round
// that fails from everywhere is a failure. A new target needs one success and is
// probed more often until then, so that it is not late by a whole interval.
//
// The connections come from a function that is handed in. It may import
// internal/spec.
package health
