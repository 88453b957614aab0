package sessionwire

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Types of frames. The stream's two directions are seen from the instance: what
// the client sends is input.
const (
	TypeInput       = "input_stream_data"
	TypeOutput      = "output_stream_data"
	TypeAcknowledge = "acknowledge"
	TypeClosed      = "channel_closed"
	TypeStart       = "start_publication"
	TypePause       = "pause_publication"
	TypeJob         = "agent_job"
	TypeJobAck      = "agent_job_ack"
	TypeJobReply    = "agent_job_reply"
)

// Flags of a frame.
const (
	FlagSYN = 1 // the first of a stream
	FlagFIN = 2 // the last of a stream
)

// Types of payload in input_stream_data and output_stream_data.
const (
	PayloadOutput            = 1 // bytes of the stream, in both directions
	PayloadError             = 2
	PayloadSize              = 3 // Size
	PayloadParameter         = 4
	PayloadHandshakeRequest  = 5 // HandshakeRequest
	PayloadHandshakeResponse = 6 // HandshakeResponse
	PayloadHandshakeComplete = 7 // HandshakeComplete
	PayloadFlag              = 10
	PayloadStdErr            = 11
	PayloadExitCode          = 12
)

// What a payload of PayloadFlag says: four bytes, the highest first.
const (
	SayDisconnectToPort   = 1
	SayTerminateSession   = 2
	SayConnectToPortError = 3
)

// Schema is the version of the frames' layout.
const Schema = 1

// MaxPayload bounds what a frame may carry.
const MaxPayload = 1 << 20

// Where a header's fields are. The field of the header's length says headerLength,
// which does not count the payload's length behind it.
const (
	atType        = 4
	atSchema      = 36
	atCreated     = 40
	atSequence    = 48
	atFlags       = 56
	atID          = 64
	atDigest      = 80
	atPayloadType = 112
	headerLength  = 116
	atPayload     = headerLength + 4
)

// Frame is one message of a control or data channel, sent as one binary message
// of a WebSocket.
type Frame struct {
	Type        string // at most 32 bytes
	Schema      uint32
	Created     time.Time // to the millisecond
	Sequence    int64
	Flags       uint64
	ID          [16]byte
	PayloadType uint32
	Payload     []byte
}

// ErrFrame says that bytes are no frame.
var ErrFrame = errors.New("malformed frame")

// Encode lays the frame out.
func (f Frame) Encode() []byte {
	b := make([]byte, atPayload+len(f.Payload))
	binary.BigEndian.PutUint32(b, headerLength)
	copy(b[atType:atSchema], f.Type+strings.Repeat(" ", atSchema-atType))
	binary.BigEndian.PutUint32(b[atSchema:], f.Schema)
	binary.BigEndian.PutUint64(b[atCreated:], uint64(f.Created.UnixMilli()))
	binary.BigEndian.PutUint64(b[atSequence:], uint64(f.Sequence))
	binary.BigEndian.PutUint64(b[atFlags:], f.Flags)
	// The id's less significant half is first.
	copy(b[atID:], f.ID[8:])
	copy(b[atID+8:], f.ID[:8])
	digest := sha256.Sum256(f.Payload)
	copy(b[atDigest:], digest[:])
	binary.BigEndian.PutUint32(b[atPayloadType:], f.PayloadType)
	binary.BigEndian.PutUint32(b[headerLength:], uint32(len(f.Payload)))
	copy(b[atPayload:], f.Payload)
	return b
}

// Decode reads a frame. Its payload is a part of b.
func Decode(b []byte) (Frame, error) {
	var f Frame
	if len(b) < atPayload {
		return f, fmt.Errorf("%w: %d bytes", ErrFrame, len(b))
	}
	if n := binary.BigEndian.Uint32(b); n != headerLength {
		return f, fmt.Errorf("%w: a header of %d bytes", ErrFrame, n)
	}
	if n := binary.BigEndian.Uint32(b[headerLength:]); int64(n) != int64(len(b)-atPayload) || n > MaxPayload {
		return f, fmt.Errorf("%w: a payload of %d bytes in %d", ErrFrame, n, len(b))
	}
	f.Type = strings.Trim(string(b[atType:atSchema]), "\x00 \t\r\n")
	if f.Type == "" {
		return f, fmt.Errorf("%w: no type", ErrFrame)
	}
	f.Schema = binary.BigEndian.Uint32(b[atSchema:])
	f.Created = time.UnixMilli(int64(binary.BigEndian.Uint64(b[atCreated:]))).UTC()
	f.Sequence = int64(binary.BigEndian.Uint64(b[atSequence:]))
	f.Flags = binary.BigEndian.Uint64(b[atFlags:])
	copy(f.ID[8:], b[atID:])
	copy(f.ID[:8], b[atID+8:atDigest])
	f.PayloadType = binary.BigEndian.Uint32(b[atPayloadType:])
	f.Payload = b[atPayload:]
	if digest := sha256.Sum256(f.Payload); len(f.Payload) > 0 && !bytes.Equal(digest[:], b[atDigest:atPayloadType]) {
		return f, fmt.Errorf("%w: the payload's digest is another", ErrFrame)
	}
	return f, nil
}

// IDString writes an id as acknowledgements do.
func IDString(id [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
