// Package wayout carries what guests send to the real internet: TCP connections
// and UDP flows that arrive at transparent sockets in the world's internet are
// carried on by sockets of the host's network, which somebody else connects.
//
// A connection that the other side refuses, or that nobody answers, is reset. ICMP
// goes nowhere: ping gets no answer.
//
// It may import nothing of the project; sockets come from functions that are
// handed in.
package wayout
