package sticky

import (
	"strconv"
	"strings"
)

// AWSALBAPP is one value for all groups, cut into up to four cookies because
// browsers limit the size of each. A part that is not used says so.
const (
	parts    = 4
	partSize = 4000 // with the name and the attributes below 4 KB
	unused   = "_remove_"
)

func partName(i int) string { return "AWSALBAPP-" + strconv.Itoa(i) }

// app is what a request's AWSALBAPP cookies hold.
func (c *Codec) app(request Headers) []entry {
	var b strings.Builder
	for i := range parts {
		v, ok := first(request, partName(i))
		if !ok || v == unused {
			break
		}
		b.WriteString(v)
	}
	return c.open(forApp, b.String())
}

// setApp adds an entry to those that the request came with. The oldest of them
// are forgotten if there is no room.
func (c *Codec) setApp(request Headers, e entry) []string {
	entries := []entry{e}
	for _, have := range c.app(request) {
		if have.group != e.group {
			entries = append(entries, have)
		}
	}
	value := c.seal(forApp, entries...)
	for len(value) > parts*partSize && len(entries) > 1 {
		entries = entries[:len(entries)-1]
		value = c.seal(forApp, entries...)
	}
	attributes := ""
	if crossOrigin(request) {
		attributes = cors
	}
	out := make([]string, 0, parts)
	for i := range parts {
		n := min(len(value), partSize)
		v := value[:n]
		if value = value[n:]; v == "" {
			v = unused
		}
		out = append(out, c.setCookie(partName(i), v, attributes))
	}
	return out
}

// crossOrigin reports whether a browser wants SameSite=None: a request with an
// Origin by Chromium 80 or later.
func crossOrigin(request Headers) bool {
	if request == nil {
		return false
	}
	if _, ok := request.Value("Origin", 0); !ok {
		return false
	}
	agent, _ := request.Value("User-Agent", 0)
	for _, product := range [...]string{"Chrome/", "Chromium/"} {
		if _, after, ok := strings.Cut(agent, product); ok {
			major, _, _ := strings.Cut(after, ".")
			n, err := strconv.Atoi(major)
			return err == nil && n >= 80
		}
	}
	return false
}
