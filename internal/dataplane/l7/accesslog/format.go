package accesslog

import (
	"net/netip"
	"strconv"
	"time"
)

// maxAgent is where AWS cuts user agents off.
const maxAgent = 8 << 10

// Append appends the line, with its end. The fields are those of AWS's
// documentation, in its order.
func (e *Entry) Append(b []byte) []byte {
	b = word(b, e.Type)
	b = stamp(b, e.Time)
	b = word(b, e.LoadBalancer)
	b = peer(b, e.Client)
	b = peer(b, e.Target)
	b = seconds(b, e.RequestTime)
	b = seconds(b, e.TargetTime)
	b = seconds(b, e.ResponseTime)
	b = code(b, e.Status)
	b = code(b, e.TargetStatus)
	b = append(strconv.AppendInt(b, e.Received, 10), ' ')
	b = append(strconv.AppendInt(b, e.Sent, 10), ' ')
	b = e.request(b)
	b = quoted(b, e.UserAgent[:min(len(e.UserAgent), maxAgent)])
	b = word(b, e.Cipher)
	b = word(b, e.TLS)
	b = word(b, e.Group)
	b = quoted(b, e.TraceID)
	b = quoted(b, e.ServerName)
	b = quoted(b, e.Certificate)
	if e.Priority == NoRule {
		b = append(b, "- "...)
	} else {
		b = append(strconv.AppendInt(b, int64(e.Priority), 10), ' ')
	}
	b = stamp(b, e.Created)
	b = quoted(b, e.Actions)
	b = quoted(b, e.Redirect)
	b = quoted(b, e.Error)
	b = e.targets(b)
	b = quoted(b, e.Classification)
	b = quoted(b, e.ClassificationReason)
	b = word(b, e.ConnTraceID)
	// The host and the URI after a rule's transforms, and whether those worked:
	// there are no transforms here.
	return append(b, "\"-\" \"-\" \"-\"\n"...)
}

func (e *Entry) request(b []byte) []byte {
	b = append(b, '"')
	b = append(escaped(b, e.Method), ' ')
	b = append(escaped(b, e.URL), ' ')
	return append(escaped(b, e.Proto), '"', ' ')
}

// targets are two lists of what was tried.
func (e *Entry) targets(b []byte) []byte {
	if len(e.Targets) == 0 {
		b = append(b, `"-" `...)
	} else {
		b = append(b, '"')
		for _, t := range e.Targets {
			b = append(t.AppendTo(b), ' ')
		}
		b = append(b[:len(b)-1], '"', ' ')
	}
	if len(e.TargetStatuses) == 0 {
		return append(b, `"-" `...)
	}
	b = append(b, '"')
	for _, s := range e.TargetStatuses {
		b = code(b, s)
	}
	return append(b[:len(b)-1], '"', ' ')
}

// Append appends the line, with its end.
func (c *Connection) Append(b []byte) []byte {
	b = stamp(b, c.Time)
	b = word(b, c.Client.Addr().Unmap().String())
	b = append(strconv.AppendUint(b, uint64(c.Client.Port()), 10), ' ')
	b = append(strconv.AppendUint(b, uint64(c.Port), 10), ' ')
	b = word(b, c.TLS)
	b = word(b, c.Cipher)
	if c.Handshake < 0 {
		b = append(b, "- "...)
	} else {
		b = seconds(b, c.Handshake)
	}
	b = quoted(b, c.Subject)
	b = c.validity(b)
	b = word(b, c.Serial)
	b = word(b, c.Verified)
	b = word(b, c.ConnTraceID)
	b = word(b, c.KeyExchange)
	b[len(b)-1] = '\n'
	return b
}

func (c *Connection) validity(b []byte) []byte {
	if c.NotAfter.IsZero() {
		return append(b, "- "...)
	}
	b = append(b, "NotBefore="...)
	b = c.NotBefore.UTC().AppendFormat(b, time.RFC3339)
	b = append(b, ";NotAfter="...)
	b = c.NotAfter.UTC().AppendFormat(b, time.RFC3339)
	return append(b, ' ')
}

// word is a field without quotes. A space in it would make two of it.
func word(b []byte, s string) []byte {
	start := len(b)
	b = escaped(b, s)
	for i := start; i < len(b); i++ {
		if b[i] == ' ' {
			b[i] = '+'
		}
	}
	return append(b, ' ')
}

func quoted(b []byte, s string) []byte {
	return append(escaped(append(b, '"'), s), '"', ' ')
}

// escaped is text as it may stand between quotes, or - if there is none: what is
// not printable ASCII, quotes and backslashes are written as \xHH.
func escaped(b []byte, s string) []byte {
	if s == "" {
		return append(b, '-')
	}
	const digits = "0123456789ABCDEF"
	done := 0
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			b = append(append(b, s[done:i]...), '\\', 'x', digits[c>>4], digits[c&15])
			done = i + 1
		}
	}
	return append(b, s[done:]...)
}

func stamp(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, "- "...)
	}
	return append(t.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z"), ' ')
}

func peer(b []byte, a netip.AddrPort) []byte {
	if !a.IsValid() {
		return append(b, "- "...)
	}
	return append(netip.AddrPortFrom(a.Addr().Unmap(), a.Port()).AppendTo(b), ' ')
}

// seconds has milliseconds, and -1 for what did not happen.
func seconds(b []byte, d time.Duration) []byte {
	if d < 0 {
		return append(b, "-1 "...)
	}
	ms := d.Round(time.Millisecond).Milliseconds()
	b = append(strconv.AppendInt(b, ms/1000, 10), '.')
	return append(b, byte('0'+ms/100%10), byte('0'+ms/10%10), byte('0'+ms%10), ' ')
}

// code is a status, - for none.
func code(b []byte, status int) []byte {
	if status == 0 {
		return append(b, "- "...)
	}
	return append(strconv.AppendInt(b, int64(status), 10), ' ')
}
