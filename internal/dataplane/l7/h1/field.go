package h1

// ID is a header field that proxies care for; 0 is any other.
type ID uint8

// The fields that proxies care for.
const (
	Other ID = iota
	Host
	Connection
	KeepAlive
	ProxyConnection
	TE
	Trailer
	TransferEncoding
	ContentLength
	Upgrade
	Expect
	Cookie
	UserAgent
	ForwardedFor
	ForwardedProto
	ForwardedPort
	TraceID
	HTTP2Settings
	Server
	Date
	SetCookie
	ContentType
	AmznTLS  // X-Amzn-Tls-*
	AmznMTLS // X-Amzn-Mtls-*
)

// FieldTier says what is wrong with a field.
type FieldTier uint8

// Fine is as the RFC wants it, Odd is not but harmless, Bad is not forwarded.
const (
	Fine FieldTier = iota
	Odd
	Bad
)

// Field is a header field as it came, without the space around its value.
type Field struct {
	Name, Value []byte
	ID          ID
	Tier        FieldTier
}

// names are the fields by length of their names, so that few are compared.
var names = func() (t [24][]struct {
	name string
	id   ID
}) {
	for id, name := range map[ID]string{
		Host: "host", Connection: "connection", KeepAlive: "keep-alive", ProxyConnection: "proxy-connection",
		TE: "te", Trailer: "trailer", TransferEncoding: "transfer-encoding", ContentLength: "content-length",
		Upgrade: "upgrade", Expect: "expect", Cookie: "cookie", UserAgent: "user-agent",
		ForwardedFor: "x-forwarded-for", ForwardedProto: "x-forwarded-proto", ForwardedPort: "x-forwarded-port",
		TraceID: "x-amzn-trace-id", HTTP2Settings: "http2-settings", Server: "server", Date: "date",
		SetCookie: "set-cookie", ContentType: "content-type",
	} {
		t[len(name)] = append(t[len(name)], struct {
			name string
			id   ID
		}{name, id})
	}
	return t
}()

// Identify finds the ID of a field's name.
func Identify(name []byte) ID {
	if len(name) < len(names) {
		for _, n := range names[len(name)] {
			if name[0]|0x20 == n.name[0] && Equal(name, n.name) {
				return n.id
			}
		}
	}
	if len(name) > 12 && name[0]|0x20 == 'x' {
		switch {
		case Equal(name[:11], "x-amzn-tls-"):
			return AmznTLS
		case Equal(name[:12], "x-amzn-mtls-"):
			return AmznMTLS
		}
	}
	return Other
}

// similar reports whether text normalisation of some kind could make a name that
// is not lower into lower: delimiters, control characters, foreign letters.
func similar(name []byte, lower string) bool {
	if len(name) < len(lower)-1 {
		return false
	}
	i := 0
	for i < len(name) && class[name[i]]&letters == 0 && !long(name[i:]) {
		i++
	}
	for k := 0; k < len(lower); k++ {
		c := lower[k]
		if c == '-' {
			for i < len(name) && class[name[i]]&letters == 0 && !long(name[i:]) {
				i++
			}
			continue
		}
		for i < len(name) && name[i] <= ' ' {
			i++
		}
		switch {
		case i < len(name) && name[i]|0x20 == c:
			i++
		case i+1 < len(name) && (c == 's' && name[i] == 0xc5 && name[i+1] == 0xbf || c == 'i' && name[i] == 0xc4 && name[i+1] == 0xb1):
			i += 2 // the long s and the dotless i become S and I in upper case
		default:
			return false
		}
	}
	// What follows behind a space is cut off by some servers.
	return i == len(name) || class[name[i]]&tchar == 0 || !has(name[i:], letters)
}

// long reports a letter that becomes ASCII in upper case.
func long(s []byte) bool {
	return len(s) > 1 && (s[0] == 0xc5 && s[1] == 0xbf || s[0] == 0xc4 && s[1] == 0xb1)
}

// Split cuts a line into a field's name and value.
func Split(line []byte) (name, value []byte, ok bool) {
	for i, c := range line {
		if c == ':' {
			return line[:i], trim(line[i+1:]), i > 0
		}
	}
	return nil, nil, false
}
