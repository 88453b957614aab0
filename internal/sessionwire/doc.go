// Package sessionwire is what Systems Manager's agents, its message service and
// Session Manager's clients say to each other over WebSockets: the binary frames
// of control and data channels, and the JSON that they carry.
//
// The frames and the payloads of data channels are those of AWS's
// session-manager-plugin. It is pure and may import nothing of the project.
package sessionwire
