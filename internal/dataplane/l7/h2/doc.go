// Package h2 speaks HTTP/2: as a server to the clients of application load
// balancers and as a client to HTTP2 and GRPC target groups. It is stricter than
// golang.org/x/net/http2 where the specification and AWS are.
//
// It imports nothing of the project.
package h2
