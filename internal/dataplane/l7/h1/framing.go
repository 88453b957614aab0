package h1

// number parses digits only.
func number(s []byte) (n int64, ok bool) {
	if len(s) == 0 {
		return 0, false
	}
	for _, c := range s {
		if !digit(c) || n > (1<<63-1-9)/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// contentLength takes a Content-Length, or what could be taken for one: the latter
// counts for the verdict, not for the framing.
func (r *Request) contentLength(f *Field) {
	n, ok := number(f.Value)
	if !ok {
		r.upgrade(Severe, "BadContentLength")
		if f.ID == ContentLength {
			r.badLength = true
		}
		f.Tier = Bad
		return
	}
	if f.ID == ContentLength && !r.sized {
		r.sized = true
		if r.Length != Chunked {
			r.Length = n
		}
	}
	if r.lengths > 0 {
		if n == r.length {
			r.upgrade(Ambiguous, "DuplicateContentLength")
		} else {
			r.upgrade(Severe, "MultipleContentLength")
		}
		f.Tier = Bad
		return
	}
	r.lengths++
	r.length = n
}

// transferEncoding takes a Transfer-Encoding, or what could be taken for one.
func (r *Request) transferEncoding(f *Field) {
	r.encodings++
	ours := f.ID == TransferEncoding
	Tokens(f.Value, func(t []byte) bool {
		for i, c := range t {
			if c == ';' {
				t = trim(t[:i])
				break
			}
		}
		switch {
		case Equal(t, "chunked"):
			if r.chunked {
				f.Tier = Bad
				r.upgrade(Severe, "MultipleTransferEncodingChunked")
			}
			r.chunked = true
			if ours {
				r.Length = Chunked
			}
			return true
		case Equal(t, "identity"):
		case Equal(t, "gzip"), Equal(t, "deflate"), Equal(t, "compress"):
			r.encoded = r.encoded || ours
		default:
			r.upgrade(Severe, "BadTransferEncoding")
			r.badEncoding = r.badEncoding || ours
			f.Tier = Bad
			return true
		}
		if r.chunked { // it must be the last
			r.upgrade(Severe, "BadTransferEncoding")
			r.badEncoding = r.badEncoding || ours
			f.Tier = Bad
		}
		return true
	})
}

// finish judges the whole.
func (r *Request) finish() error {
	if r.Minor == 0 && !r.keepAlive {
		r.Close = true
	}
	if r.upgrading {
		if r.Upgrade == nil {
			r.upgrading = false
		}
	} else {
		r.Upgrade = nil
	}
	if r.encodings > 0 || r.lengths > 0 {
		r.body()
	}
	switch {
	case r.badLength && r.Length != Chunked:
		r.err = ErrMalformed
	case r.badEncoding, r.encoded:
		r.err = ErrEncoding
	}
	return nil
}

// body judges the fields that frame a body, together.
func (r *Request) body() {
	if r.encodings > 0 && r.Minor == 0 {
		r.upgrade(Ambiguous, "UndefinedTransferEncodingSemantics")
	} else if r.noBody {
		switch {
		case r.encodings > 0:
			r.upgrade(Ambiguous, "UndefinedTransferEncodingSemantics")
		case r.length > 0:
			r.upgrade(Ambiguous, "UndefinedContentLengthSemantics")
		default:
			r.upgrade(Acceptable, "GetHeadZeroContentLength")
		}
	}
	if r.encodings == 0 || r.lengths == 0 {
		return
	}
	r.upgrade(Ambiguous, "BothTeClPresent")
	if r.Length != Chunked {
		return // only a suspicious encoding: the length is what we frame by
	}
	for i := range r.Fields {
		if r.Fields[i].ID == ContentLength {
			r.Fields[i].Tier = Bad
		}
	}
}

// Framing returns why a request cannot be framed, in whichever mode.
func (r *Request) Framing() error { return r.err }
