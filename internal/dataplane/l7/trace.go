package l7

import (
	"bytes"
	"math/rand/v2"

	"github.com/musubi-net/musubi/internal/dataplane/l7/h1"
)

// appendTrace appends X-Amzn-Trace-Id: a root of our own, or ourselves in front of
// the root that the client sent.
func (x *exchange) appendTrace(dst []byte) []byte {
	if len(x.trace) == 0 {
		x.trace = x.makeTrace(x.trace)
	}
	dst = append(dst, "X-Amzn-Trace-Id: "...)
	dst = append(dst, x.trace...)
	return append(dst, "\r\n"...)
}

func (x *exchange) makeTrace(dst []byte) []byte {
	var sent []byte
	for i := range x.req.Fields {
		if f := &x.req.Fields[i]; f.ID == h1.TraceID && f.Tier != h1.Bad {
			sent = f.Value
			break
		}
	}
	key := "Root="
	if hasRoot(sent) {
		key = "Self="
	}
	dst = append(dst, key...)
	dst = appendTraceID(dst, uint32(x.client.s.clock.Load()/1e9))
	for part := range bytes.SplitSeq(sent, []byte{';'}) {
		part = bytes.TrimSpace(part)
		if len(part) > 0 && !bytes.HasPrefix(part, []byte("Self=")) {
			dst = append(append(dst, ';'), part...)
		}
	}
	return dst
}

func hasRoot(sent []byte) bool {
	for part := range bytes.SplitSeq(sent, []byte{';'}) {
		if bytes.HasPrefix(bytes.TrimSpace(part), []byte("Root=")) {
			return true
		}
	}
	return false
}

func appendTraceID(dst []byte, second uint32) []byte {
	dst = append(dst, "1-"...)
	dst = appendHex(dst, uint64(second), 8)
	dst = append(dst, '-')
	dst = appendHex(dst, rand.Uint64(), 16)
	return appendHex(dst, rand.Uint64(), 8)
}

func appendHex(dst []byte, n uint64, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		dst = append(dst, "0123456789abcdef"[n>>(4*i)&15])
	}
	return dst
}
