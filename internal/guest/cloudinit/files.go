package cloudinit

import (
	"encoding/base64"
	"fmt"
	"path"
	"strconv"
	"strings"
)

// File is an entry of write_files.
type File struct {
	Path        string
	User, Group string // as whom it is owned; empty: as it is
	Mode        uint32
	Content     []byte
	Append      bool
	// Defer writes it in the final stage, after packages and users are there.
	Defer bool
	// Problem is why its content cannot be read.
	Problem string
}

func (p *Plan) files(v any) {
	list, ok := v.([]any)
	if !ok {
		p.Config.Broken["write_files"] = fmt.Sprintf("write_files is not a list: %s", pythonType(v))
		return
	}
	for i, e := range list {
		m, _ := e.(map[string]any)
		name, _ := text(m["path"])
		if name == "" {
			p.warn("No path provided to write for entry %d in module write-files", i+1)
			continue
		}
		f := File{Path: path.Clean("/" + name), Append: truth(m["append"], false), Defer: truth(m["defer"], false)}
		owner, ok := text(m["owner"])
		if !ok {
			owner = "root:root"
		}
		user, group, _ := strings.Cut(owner, ":")
		f.User, f.Group = ownerName(user), ownerName(group)
		f.Mode = p.mode(name, m["permissions"])
		content, _ := text(m["content"])
		encoding, _ := text(m["encoding"])
		data, err := p.decodeContent(name, content, encoding)
		if err != nil {
			f.Problem = fmt.Sprintf("write_files: content of %s: %v", name, err)
		}
		f.Content = data
		p.Config.Files = append(p.Config.Files, f)
	}
}

func ownerName(s string) string {
	s = strings.TrimSpace(s)
	switch strings.ToLower(s) {
	case "", "-1", "none":
		return ""
	}
	return s
}

// mode reads permissions: a number is taken as it is, a text as octal.
func (p *Plan) mode(name string, v any) uint32 {
	const usual = 0o644
	switch v := v.(type) {
	case nil:
		return usual
	case int:
		if v >= 0 {
			return uint32(v) & 0o7777
		}
	case string:
		if n, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(v), "0o"), 8, 32); err == nil {
			return uint32(n) & 0o7777
		}
	}
	p.warn("write_files: %s: Undecodable permissions '%v', returning default 0o644", name, v)
	return usual
}

func (p *Plan) decodeContent(name, content, encoding string) ([]byte, error) {
	var packed, coded bool
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "text/plain":
	case "gz", "gzip":
		packed = true
	case "b64", "base64":
		coded = true
	case "gz+b64", "gzip+b64", "gz+base64", "gzip+base64":
		packed, coded = true, true
	default:
		p.warn("write_files: %s: Unknown encoding type %s, assuming text/plain", name, encoding)
	}
	data := []byte(content)
	if coded {
		var err error
		if data, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(content), "")); err != nil {
			return nil, err
		}
	}
	if packed {
		return unzip(data)
	}
	return data, nil
}
