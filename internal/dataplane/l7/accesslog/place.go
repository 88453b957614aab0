package accesslog

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path"
	"strings"
	"time"
)

// Destination says where a load balancer's node puts its lines.
type Destination struct {
	Bucket, Prefix  string
	Account, Region string
	LoadBalancer    string     // app/<name>/<hex>
	Node            netip.Addr // the node's address
}

// period is how long lines go to the same file.
const period = 5 * time.Minute

// end is when a file that is begun now is closed.
func end(now time.Time) time.Time { return now.Add(period).Truncate(period).UTC() }

var errPlace = errors.New("not a place for logs")

// key is the object's key in its bucket. What would lead elsewhere is refused,
// not mended: the names come from API calls.
func (d *Destination) key(connections bool, end time.Time, random string) (string, error) {
	for _, name := range [...]string{d.Bucket, d.Account, d.Region} {
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
			return "", fmt.Errorf("%w: %q", errPlace, name)
		}
	}
	prefix := strings.Trim(d.Prefix, "/")
	if prefix != "" && (path.Clean(prefix) != prefix || prefix == ".." || prefix == "." || strings.HasPrefix(prefix, "../") || strings.Contains(prefix, "\x00")) {
		return "", fmt.Errorf("%w: prefix %q", errPlace, d.Prefix)
	}
	kind := ""
	if connections {
		kind = "conn_log."
	}
	lb := strings.ReplaceAll(d.LoadBalancer, "/", ".")
	name := fmt.Sprintf("%s%s_elasticloadbalancing_%s_%s_%s_%s_%s.log", kind, d.Account, d.Region, lb,
		end.Format("20060102T1504Z"), strings.ReplaceAll(d.Node.String(), ":", "."), random)
	return path.Join(prefix, "AWSLogs", d.Account, "elasticloadbalancing", d.Region, end.Format("2006/01/02"), name), nil
}

// random is the part of a file's name that keeps it from being another's.
func random(r io.Reader) (string, error) {
	const letters = "0123456789abcdefghijklmnopqrstuv"
	b := make([]byte, 8)
	if _, err := io.ReadFull(r, b); err != nil {
		return "", err
	}
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b), nil
}
