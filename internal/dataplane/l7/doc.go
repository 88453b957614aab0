// Package l7 is the data path of application load balancers: it accepts HTTP and
// HTTPS on the nodes' addresses, chooses a rule and a target, rewrites heads as AWS
// does, and answers with AWS's codes where no target can.
//
// One goroutine serves a connection and does its exchanges one after the other; a
// second one runs only while a request's body or an upgraded connection streams the
// other way. What is slow is found by a sweep every quarter of a second, so that the
// fast path sets no timers.
//
// It may import internal/spec and the other data plane packages.
package l7
