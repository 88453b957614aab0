// Package rules evaluates an application load balancer's listener rules: which
// rule a request meets, and where a redirect leads.
//
// It is pure: no clock, no I/O, and no allocations for a request that needs no
// decoding. It may import internal/spec.
package rules
