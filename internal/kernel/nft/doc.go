// Package nft describes an nftables table as plain data, prints it, computes the
// difference between two, and sends that as one transaction.
//
// A rule is identified by its text, which looks like nft's own; the text and the
// expressions are made together, by the same functions. Expressions are encoded
// by google/nftables/expr; messages are made and sent here, without an
// acknowledgement for each (their replies are what overflows a socket).
//
// It may import netns and nothing else of the project.
package nft
