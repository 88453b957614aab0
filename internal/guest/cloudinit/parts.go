package cloudinit

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Limits keep user data from exhausting a guest before anything runs.
const (
	maxSize  = 16 << 20 // of what compressed data may grow to
	maxParts = 512
	maxDepth = 8 // of messages in messages and of includes in includes
	maxFetch = 128
)

// Kinds of parts.
const (
	KindScript      = "text/x-shellscript"
	KindPerBoot     = "text/x-shellscript-per-boot"
	KindPerInstance = "text/x-shellscript-per-instance"
	KindPerOnce     = "text/x-shellscript-per-once"
	KindConfig      = "text/cloud-config"
	KindBoothook    = "text/cloud-boothook"
	KindBare        = "text/x-not-multipart"
	kindInclude     = "text/x-include-url"
	kindIncludeOnce = "text/x-include-once-url"
	kindArchive     = "text/cloud-config-archive"
)

// Part is one piece of user data.
type Part struct {
	Kind string
	Name string // of the file that it becomes
	Body []byte
	// Merge is how the part says to merge its cloud-config with what came before.
	Merge string
}

// Fetch reads the content of an address. once is true where it is to be
// fetched at the first boot only.
type Fetch func(url string, once bool) ([]byte, error)

// reader collects parts.
type reader struct {
	fetch    Fetch
	parts    []Part
	size     int
	fetched  int
	warnings []string
}

// Read takes user data apart. What cannot be read is told in the warnings and
// left out. Without a fetch, includes are left out silently.
func Read(data []byte, fetch Fetch) ([]Part, []string) {
	r := &reader{fetch: fetch}
	r.message(data, 0)
	return r.parts, r.warnings
}

func (r *reader) warn(format string, args ...any) {
	if len(r.warnings) < maxParts {
		r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
	}
}

// message undoes compression and MIME.
func (r *reader) message(data []byte, depth int) {
	if depth > maxDepth {
		r.warn("User data is nested deeper than %d levels; the rest is left out", maxDepth)
		return
	}
	data, err := unzip(data)
	if err != nil {
		r.warn("Failed decompressing user data: %v", err)
		return
	}
	if !bytes.Contains(bytes.ToLower(data[:min(len(data), 4096)]), []byte("mime-version:")) {
		r.part(textproto.MIMEHeader{"Content-Type": {KindBare}}, data, depth)
		return
	}
	m, err := mail.ReadMessage(bytes.NewReader(bytes.TrimLeft(data, "\r\n ")))
	if err != nil {
		r.warn("User data is not a MIME message: %v", err)
		return
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		r.warn("User data is not a MIME message: %v", err)
		return
	}
	r.part(textproto.MIMEHeader(m.Header), body, depth)
}

// part handles one part with its header, which may be a container of others.
func (r *reader) part(h textproto.MIMEHeader, body []byte, depth int) {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil && kind == "" {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "multipart/") {
		r.container(params["boundary"], body, depth)
		return
	}
	if body, err = decode(body, h.Get("Content-Transfer-Encoding")); err != nil {
		r.warn("Failed decoding a part of type %s: %v", kind, err)
		return
	}
	if slices.Contains(compressed, kind) {
		if body, err = unzip(body); err != nil {
			r.warn("Failed decompressing payload from %s of length %d due to: %v", kind, len(body), err)
			return
		}
		kind = "text/plain"
	}
	if kind == "text/plain" || kind == KindBare || kind == KindScript {
		if found := startsWith(body); found != "" {
			kind = found
		}
	}
	switch kind {
	case kindInclude, kindIncludeOnce:
		r.include(body, depth)
	case kindArchive:
		r.archive(body, depth)
	default:
		r.attach(kind, h, body)
	}
}

func (r *reader) attach(kind string, h textproto.MIMEHeader, body []byte) {
	r.size += len(body)
	if len(r.parts) >= maxParts || r.size > maxSize {
		r.warn("User data has too many parts or is too large; the rest is left out")
		return
	}
	p := Part{Kind: kind, Body: body, Merge: h.Get("Merge-Type")}
	if p.Merge == "" {
		p.Merge = h.Get("X-Merge-Type")
	}
	if _, params, err := mime.ParseMediaType(h.Get("Content-Disposition")); err == nil {
		p.Name = cleanName(params["filename"])
	}
	if p.Name == "" {
		p.Name = fmt.Sprintf("part-%03d", len(r.parts)+1)
	}
	r.parts = append(r.parts, p)
}

// container takes a multipart message apart. One that lacks its last boundary
// is read as far as it goes, as Python does.
func (r *reader) container(boundary string, body []byte, depth int) {
	if boundary == "" || depth > maxDepth {
		r.warn("A multi-part message has no boundary or is nested too deeply; it is left out")
		return
	}
	for m := multipart.NewReader(bytes.NewReader(body), boundary); ; {
		p, err := m.NextRawPart()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			r.warn("User data is not a MIME message: %v", err)
			return
		}
		text, err := io.ReadAll(p)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			r.warn("User data is not a MIME message: %v", err)
			return
		}
		r.part(p.Header, text, depth+1)
		if err != nil || len(r.parts) >= maxParts {
			return
		}
	}
}

// include reads the addresses of an include, one on each line.
func (r *reader) include(body []byte, depth int) {
	if r.fetch == nil {
		return
	}
	once := false
	for line := range strings.Lines(string(body)) {
		lower := strings.ToLower(line)
		switch {
		case strings.HasPrefix(lower, "#include-once"):
			line, once = line[len("#include-once"):], true
		case strings.HasPrefix(lower, "#include"):
			line, once = line[len("#include"):], false
		}
		url := strings.TrimSpace(line)
		if url == "" || strings.HasPrefix(url, "#") {
			continue
		}
		if r.fetched++; r.fetched > maxFetch {
			r.warn("User data includes more than %d addresses; the rest is left out", maxFetch)
			return
		}
		content, err := r.fetch(url, once)
		if err != nil {
			r.warn("Fetching from %s resulted in %v", url, err)
			continue
		}
		r.message(content, depth+1)
	}
}

// archive reads a YAML list of parts.
func (r *reader) archive(body []byte, depth int) {
	var entries []any
	if err := yaml.Unmarshal(body, &entries); err != nil {
		r.warn("Failed loading yaml blob. %v", err)
		return
	}
	for _, e := range entries {
		entry, ok := e.(map[string]any)
		if text, plain := e.(string); plain {
			entry, ok = map[string]any{"content": text}, true
		}
		if !ok {
			continue
		}
		content, _ := text(entry["content"])
		kind, _ := text(entry["type"])
		if kind == "" {
			if kind = startsWith([]byte(content)); kind == "" {
				kind = KindConfig
			}
		}
		h := textproto.MIMEHeader{}
		if name, ok := text(entry["filename"]); ok {
			h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
		}
		for key, v := range entry {
			if s, ok := text(v); ok && strings.HasSuffix(strings.ToLower(key), "merge-type") {
				h.Set(key, s)
			}
		}
		if kind == kindInclude || kind == kindIncludeOnce {
			r.include([]byte(content), depth+1)
			continue
		}
		r.attach(kind, h, []byte(content))
	}
}

// compressed are the content types whose parts are unpacked.
var compressed = []string{
	"application/gzip", "application/gzip-compressed", "application/gzipped", "application/x-compress",
	"application/x-compressed", "application/x-gunzip", "application/x-gzip", "application/x-gzip-compressed",
}

// starts are the first words that tell a kind, the longer before the shorter.
var starts = []struct{ prefix, kind string }{
	{"#cloud-config-archive", kindArchive}, {"#cloud-config-jsonp", "text/cloud-config-jsonp"},
	{"## template: jinja", "text/jinja2"}, {"#cloud-boothook", KindBoothook}, {"#include-once", kindIncludeOnce},
	{"#cloud-config", KindConfig}, {"#part-handler", "text/part-handler"}, {"#upstart-job", "text/upstart-job"},
	{"#include", kindInclude}, {"#!", KindScript},
}

// startsWith tells a text's kind by how it starts, or "".
func startsWith(body []byte) string {
	text := bytes.TrimLeft(body, " \t\r\n\v\f")
	text = bytes.ToLower(text[:min(len(text), 64)])
	for _, s := range starts {
		if bytes.HasPrefix(text, []byte(s.prefix)) {
			return s.kind
		}
	}
	return ""
}

func decode(body []byte, encoding string) ([]byte, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(body)))
	case "quoted-printable":
		return io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
	}
	return body, nil
}

// unzip unpacks what is compressed and leaves the rest.
func unzip(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(z, maxSize+1))
	if err == nil && len(out) > maxSize {
		err = fmt.Errorf("it grows beyond %d bytes", maxSize)
	}
	return out, err
}

// cleanName makes a name that is a file's in one directory.
func cleanName(name string) string {
	name = strings.TrimLeft(filepath.ToSlash(name), ".")
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune("/\\\x00", r) || r < ' ' {
			return '_'
		}
		return r
	}, name)
	return strings.ToValidUTF8(name[:min(len(name), 200)], "")
}
