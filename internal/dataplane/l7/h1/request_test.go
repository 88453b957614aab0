package h1

import (
	"errors"
	"strings"
	"testing"
)

// parse reads and parses a head.
func parse(t testing.TB, s string) (*Request, error) {
	t.Helper()
	head, err := NewReader(strings.NewReader(s), 64).Head(Limits{})
	if err != nil {
		return nil, err
	}
	r := &Request{}
	return r, r.Parse(head)
}

// The classification follows http-desync-guardian's published cases.
func TestClassification(t *testing.T) {
	const get, post = "GET / HTTP/1.1\r\nHost: a\r\n", "POST / HTTP/1.1\r\nHost: a\r\n"
	for _, c := range []struct {
		request string
		tier    Tier
		reason  string
		length  int64
	}{
		{get, Compliant, "", 0},
		{post + "Content-Length: 5\r\n", Compliant, "", 5},
		{post + "Transfer-Encoding: Chunked\r\n", Compliant, "", Chunked},
		{post + "Foo: \x80\xff\tx\r\n", Compliant, "", 0},
		{post + "Foo: a\x01b\r\n", Acceptable, "NonCompliantHeader", 0},
		{post + "Foo bar: a\r\n", Acceptable, "NonCompliantHeader", 0},
		{post + "Foo : a\r\n", Acceptable, "NonCompliantHeader", 0},
		{"GET /a b HTTP/1.1\r\nHost: a\r\n", Acceptable, "SpaceInUri", 0},
		{"GET / HTTP/1.3\r\nHost: a\r\n", Acceptable, "NonCompliantVersion", 0},
		{"GET / HTTP/1.1 \r\nHost: a\r\n", Acceptable, "NonCompliantVersion", 0},
		{get + "Content-Length: 0\r\n", Acceptable, "GetHeadZeroContentLength", 0},
		{"GET / HTTP/1.1\nHost: a\n", Acceptable, "NonCrLfLineTermination", 0},
		{post + ": a\r\n", Ambiguous, "EmptyHeader", 0},
		{post + "Foo: a\r\n\t: a\r\n", Ambiguous, "MultilineHeader", 0},
		{"GET /a\x01b HTTP/1.1\r\nHost: a\r\n", Ambiguous, "AmbiguousUri", 0},
		{get + "Content-Length: 5\r\n", Ambiguous, "UndefinedContentLengthSemantics", 5},
		{get + "Transfer-Encoding: chunked\r\n", Ambiguous, "UndefinedTransferEncodingSemantics", Chunked},
		{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", Ambiguous, "UndefinedTransferEncodingSemantics", Chunked},
		{post + "Content-Length: 5\r\nContent-Length: 5\r\n", Ambiguous, "DuplicateContentLength", 5},
		{post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", Ambiguous, "BothTeClPresent", Chunked},
		{post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Ambiguous, "BothTeClPresent", Chunked},
		{post + "Transfer-Encoding : chunked\r\n", Ambiguous, "SuspiciousHeader", 0},
		{post + "Transfer_Encoding: chunked\r\n", Ambiguous, "SuspiciousHeader", 0},
		{post + "Transfer- Encoding: chunked\r\n", Ambiguous, "SuspiciousHeader", 0},
		{post + "\x01Transfer-Encoding: chunked\r\n", Ambiguous, "SuspiciousHeader", 0},
		{post + "Transfer-Encoding x: chunked\r\n", Ambiguous, "SuspiciousHeader", 0},
		{post + "Tran\xc5\xbffer-Encoding: chunked\r\n", Ambiguous, "SuspiciousHeader", 0},
		{post + "Transfer-Encod\xc4\xb1ng: chunked\r\n", Ambiguous, "SuspiciousHeader", 0},
		{post + "Transfer---Encoding: chunked\r\n", Ambiguous, "SuspiciousHeader", 0},
		{post + "Content_Length: 5\r\n", Ambiguous, "SuspiciousHeader", 0},
		{post + "\xa0Content-Length: 5\r\n", Ambiguous, "SuspiciousHeader", 0},
		{post + "Foo: a\r\n b\r\n", Ambiguous, "MultilineHeader", 0},
		{post + "Content-Type: a;\r\n b\r\n", Compliant, "", 0},
		{post + "Content-Length: 5\r\nContent-Length: 6\r\n", Severe, "MultipleContentLength", 5},
		{post + "Content-Length : 6\r\nContent-Length: 5\r\n", Severe, "MultipleContentLength", 5},
		{post + "Content-Length: 5,5\r\n", Severe, "BadContentLength", 0},
		{post + "Content-Length: +5\r\n", Severe, "BadContentLength", 0},
		{post + "Content-Length: 0x5\r\n", Severe, "BadContentLength", 0},
		{post + "Content-Length: -5\r\n", Severe, "BadContentLength", 0},
		{post + "Content-Length: \r\n", Severe, "BadContentLength", 0},
		{post + "Content-Length: 18446744073709551621\r\n", Severe, "BadContentLength", 0},
		{post + "Transfer-Encoding: xchunked\r\n", Severe, "BadTransferEncoding", 0},
		{post + "Transfer-Encoding: chunked, identity\r\n", Severe, "BadTransferEncoding", Chunked},
		{post + "Transfer-Encoding: chunked\x01\r\n", Severe, "BadTransferEncoding", 0},
		{post + "Transfer-Encoding: chunked, chunked\r\n", Severe, "MultipleTransferEncodingChunked", Chunked},
		{post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Severe, "MultipleTransferEncodingChunked", Chunked},
		{post + "Foo: a\x00b\r\n", Severe, "BadHeader", 0},
		{post + "Foo: a\rb\r\n", Severe, "BadHeader", 0},
		{post + "Fo\x00o: a\r\n", Severe, "BadHeader", 0},
		{"GET /\x00 HTTP/1.1\r\nHost: a\r\n", Severe, "BadUri", 0},
		{"G\x01T / HTTP/1.1\r\nHost: a\r\n", Severe, "BadMethod", 0},
		{"GET / HTPT/1.1\r\nHost: a\r\n", Severe, "BadVersion", 0},
	} {
		end := "\r\n"
		if strings.HasSuffix(c.request, "a\n") && !strings.HasSuffix(c.request, "\r\n") {
			end = "\n"
		}
		r, err := parse(t, c.request+end)
		if err != nil {
			t.Errorf("%q: %v", c.request, err)
			continue
		}
		if r.Tier != c.tier || r.Reason != c.reason || r.Length != c.length {
			t.Errorf("%q: %v %s %d, want %v %s %d", c.request, r.Tier, r.Reason, r.Length, c.tier, c.reason, c.length)
		}
	}
}

func TestRefused(t *testing.T) {
	for s, want := range map[string]error{
		"GET /\r\n\r\n":                                      ErrMalformed,
		"GET  HTTP/1.1\r\n\r\n":                              ErrMalformed,
		" GET / HTTP/1.1\r\n\r\n":                            ErrMalformed,
		"GET / HTTP/2.0\r\n\r\n":                             ErrVersion,
		"GET / HTTP/0.9\r\n\r\n":                             ErrVersion,
		"GET / HTTP/1.1\r\nnonsense\r\n\r\n":                 ErrMalformed,
		"GET / HTTP/1.1\r\n folded: a\r\n\r\n":               ErrMalformed,
		"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n":            ErrMalformed,
		"POST / HTTP/1.1\r\nContent-Length: 1\r\n 0\r\n\r\n": ErrMalformed,
	} {
		if _, err := parse(t, s); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", s, err, want)
		}
	}
	for s, want := range map[string]error{
		"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n": ErrEncoding,
		"POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n":      ErrEncoding,
		"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n":                ErrMalformed,
	} {
		r, err := parse(t, s)
		if err != nil || !errors.Is(r.Framing(), want) {
			t.Errorf("%q: %v, want %v", s, r.Framing(), want)
		}
	}
}

func TestLimits(t *testing.T) {
	l := Limits{Line: 100, Field: 50, Head: 300}
	for s, want := range map[string]error{
		"GET /" + strings.Repeat("a", 100) + " HTTP/1.1\r\n\r\n":                                ErrLineTooLong,
		"GET /" + strings.Repeat("a", 200):                                                      ErrLineTooLong,
		"GET / HTTP/1.1\r\nA: " + strings.Repeat("a", 60) + "\r\n\r\n":                          ErrFieldTooLong,
		"GET / HTTP/1.1\r\n" + strings.Repeat("A: "+strings.Repeat("a", 40)+"\r\n", 8) + "\r\n": ErrHeadTooLong,
	} {
		if _, err := NewReader(strings.NewReader(s), 1024).Head(l); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", s, err, want)
		}
	}
}
