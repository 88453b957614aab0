// Package tlsconf turns the TLS settings of a load balancer into configurations
// of crypto/tls: certificates by SNI, AWS's security policies, ALPN, mutual TLS;
// and tells of a connection what AWS's request headers and logs tell.
//
// A Cache makes a configuration once for the same settings, so that nothing is
// parsed again, and session tickets stay good, when settings are set again.
//
// It may import internal/spec.
package tlsconf
