// Package h1 reads HTTP/1.x messages: heads with their fields in order and in the
// spelling in which they came, body framing, and what is suspicious about a request
// as AWS's desync mitigation judges it. net/http hides all of that.
//
// Parsed messages alias the reader's buffer: they are valid until the next head is
// read. The package imports nothing of the project.
package h1
