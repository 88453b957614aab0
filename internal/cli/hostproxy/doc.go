// Package hostproxy is what listens on the host for `musubi proxy` and `musubi
// forward`: a proxy that speaks SOCKS5, HTTP CONNECT and plain HTTP on one port,
// and a port that leads to one place. Connections are made by a function that is
// handed in, which resolves names where it connects from.
//
// It may import internal/control.
package hostproxy
