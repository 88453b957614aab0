package protocol

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxSkew is how far a request's time may be from ours.
const maxSkew = 15 * time.Minute

// longestPresigned is how long a presigned request may be good for, in seconds.
const longestPresigned = 7 * 24 * 3600

// amzTime is the form of times in requests.
const amzTime = "20060102T150405Z"

// signed is a request with its signature (version 4).
type signed struct {
	credential
	r    *http.Request
	body []byte
	// stated is what the client says of a body that is not read here, as s3 has it:
	// a hash, or why there is none. The path is then taken as it was sent.
	stated string
}

// time is when the request says that it was signed.
func (g signed) time(s *service) (time.Time, *Error) {
	text := g.r.Header.Get("X-Amz-Date")
	if g.presigned {
		text = g.r.URL.Query().Get("X-Amz-Date")
	}
	if text == "" && !g.presigned {
		if t, err := http.ParseTime(g.r.Header.Get("Date")); err == nil {
			return t.UTC(), nil
		}
	}
	if text == "" {
		return time.Time{}, incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	t, err := time.Parse(amzTime, text)
	if err != nil {
		return time.Time{}, incomplete("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", text)
	}
	if day := t.Format("20060102"); day != g.date {
		return t, s.badSignature("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.", g.date, day, text)
	}
	return t, nil
}

// inTime refuses a request that was signed too long ago, or in the future.
func (g signed) inTime(s *service, now time.Time) *Error {
	at, bad := g.time(s)
	if bad != nil {
		return bad
	}
	now = now.UTC()
	good := maxSkew
	// Without a limit of its own a presigned request is as good as any other.
	if text := g.r.URL.Query().Get("X-Amz-Expires"); g.presigned && text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds < 1 || seconds > longestPresigned {
			return incomplete("AWS query-string parameters must include a valid 'X-Amz-Expires' of 1 to %d seconds.", longestPresigned)
		}
		good = time.Duration(seconds) * time.Second
	}
	early, late := now.Add(-good), now.Add(maxSkew)
	switch {
	case at.Before(early) && s.Protocol == EC2:
		return s.expiredKey()
	case at.Before(early):
		return s.badSignature("Signature expired: %s is now earlier than %s (%s - %d min.)", at.Format(amzTime), early.Format(amzTime), now.Format(amzTime), int(good.Minutes()))
	case at.After(late) && s.Protocol == EC2:
		return s.notValidated()
	case at.After(late):
		return s.badSignature("Signature not yet current: %s is still later than %s (%s + %d min.)", at.Format(amzTime), late.Format(amzTime), now.Format(amzTime), int(maxSkew.Minutes()))
	}
	return nil
}

// check compares the signature with the one that the secret makes.
func (g signed) check(s *service, secret string) *Error {
	names := strings.Split(g.signedHeaders, ";")
	if missing := g.unsigned(names); missing != "" {
		return s.badSignature("'%s' must be a 'SignedHeader' in the AWS Authorization.", missing)
	}
	at, bad := g.time(s)
	if bad != nil {
		return bad
	}
	stated, canonical := g.r.Header.Get("X-Amz-Content-Sha256"), g.canonical(names)
	got, err := hex.DecodeString(g.signature)
	if (stated != "" && !strings.EqualFold(stated, g.payload())) || err != nil || !hmac.Equal(got, g.sign(secret, at, canonical)) {
		if s.Protocol == EC2 {
			return s.notValidated()
		}
		return s.badSignature("The request signature we calculated does not match the signature you provided. " +
			"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return nil
}

// unsigned names a header that the signature has to cover and does not. The token
// may be added afterwards: it is compared by itself.
func (g signed) unsigned(names []string) string {
	if !slices.Contains(names, "host") {
		return "Host"
	}
	for name := range g.r.Header {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-amz-") && lower != "x-amz-security-token" && !slices.Contains(names, lower) {
			return lower
		}
	}
	return ""
}

// sign makes the signature of a canonical request.
func (g signed) sign(secret string, at time.Time, canonical []byte) []byte {
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	key := []byte("AWS4" + secret)
	for _, part := range []string{g.date, g.region, g.service, "aws4_request"} {
		key = mac(key, part)
	}
	sum := sha256.Sum256(canonical)
	scope := strings.Join([]string{g.date, g.region, g.service, "aws4_request"}, "/")
	return mac(key, strings.Join([]string{signingAlgorithm, at.Format(amzTime), scope, hex.EncodeToString(sum[:])}, "\n"))
}

// canonical is the request as both sides write it down. The hash is the one of
// the body that arrived, whatever the client says of it.
func (g signed) canonical(names []string) []byte {
	var b bytes.Buffer
	line := func(parts ...string) {
		for _, p := range parts {
			b.WriteString(p)
		}
		b.WriteByte('\n')
	}
	line(g.r.Method)
	line(g.path())
	line(canonicalQuery(g.r.URL.RawQuery, g.presigned))
	for _, name := range names {
		line(name, ":", g.header(name))
	}
	line()
	line(g.signedHeaders)
	b.WriteString(g.payload())
	return b.Bytes()
}

// payload is the hash of the body, or what stands for it.
func (g signed) payload() string {
	if g.stated != "" {
		return g.stated
	}
	sum := sha256.Sum256(g.body)
	return hex.EncodeToString(sum[:])
}

func (g signed) path() string {
	if g.stated != "" {
		return literalPath(g.r)
	}
	return canonicalPath(g.r)
}

// literalPath is the path as it was sent, each part escaped once.
func literalPath(r *http.Request) string {
	sent, _, _ := strings.Cut(r.RequestURI, "?")
	if !strings.HasPrefix(sent, "/") {
		sent = r.URL.EscapedPath()
	}
	segments := strings.Split(sent, "/")
	for i, s := range segments {
		if plain, err := url.PathUnescape(s); err == nil {
			s = plain
		}
		segments[i] = escape(s)
	}
	return strings.Join(segments, "/")
}

// header is a signed header's value: the lines joined, runs of spaces made one.
func (g signed) header(name string) string {
	if name == "host" {
		return g.r.Host
	}
	values := slices.Clone(g.r.Header.Values(name))
	if name == "content-length" && len(values) == 0 {
		values = []string{strconv.FormatInt(g.r.ContentLength, 10)}
	}
	for i, v := range values {
		values[i] = strings.Join(strings.FieldsFunc(v, func(c rune) bool { return c == ' ' }), " ")
	}
	return strings.Join(values, ",")
}

// canonicalPath is the path as it was sent, made straight and escaped once more.
func canonicalPath(r *http.Request) string {
	sent, _, _ := strings.Cut(r.RequestURI, "?")
	if !strings.HasPrefix(sent, "/") {
		sent = r.URL.EscapedPath()
	}
	clean := path.Clean("/" + sent)
	if strings.HasSuffix(sent, "/") && clean != "/" {
		clean += "/"
	}
	segments := strings.Split(clean, "/")
	for i, s := range segments {
		segments[i] = escape(s)
	}
	return strings.Join(segments, "/")
}

// canonicalQuery has the parameters sorted, all escaped alike.
func canonicalQuery(raw string, presigned bool) string {
	var pairs [][2]string
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		k, v = reescape(k), reescape(v)
		if presigned && k == "X-Amz-Signature" {
			continue
		}
		pairs = append(pairs, [2]string{k, v})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	out := make([]string, len(pairs))
	for i, p := range pairs {
		out[i] = p[0] + "=" + p[1]
	}
	return strings.Join(out, "&")
}

// reescape escapes what may have been escaped otherwise.
func reescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		s = plain
	}
	return escape(s)
}

// escape escapes all but the unreserved characters.
func escape(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~':
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}
