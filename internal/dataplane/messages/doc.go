// Package messages is the message service of Systems Manager: agents hold control
// channels to it, over which they get jobs, and the two sides of a session meet in
// a data channel. All of them are WebSockets.
//
// Acknowledgements of a session's frames are between its two sides. The hub relays
// frames, keeps what one side sent while the other is away, as far as it has room,
// and answers again for what the other side has acknowledged already. Whatever it
// drops, the sender sends again.
//
// Nothing of it is stored: whoever wants to know is told by Options.Report, and
// after a new start Restore tells the hub which sessions there are.
//
// It may import internal/sessionwire.
package messages
