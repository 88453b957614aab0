package tools

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// receive writes the answer where it belongs.
func (t *transfer) receive(resp *http.Response, output string) {
	o := t.o
	if o.verbose {
		_, _ = fmt.Fprint(os.Stderr, headers(resp, "< "))
	}
	failing := resp.StatusCode >= 400
	if o.fail && failing {
		t.exit, t.message = curlHTTPError, fmt.Sprintf("The requested URL returned error: %d", resp.StatusCode)
		return
	}
	out := io.Writer(os.Stdout)
	if output != "" && output != "-" {
		f, err := os.Create(output)
		if err != nil {
			t.exit, t.message = curlWriteError, "Failure writing output to destination: "+err.Error()
			return
		}
		defer func() { _ = f.Close() }()
		out = f
	}
	if o.include || o.head {
		_, _ = io.WriteString(out, headers(resp, ""))
	}
	n, err := io.Copy(out, resp.Body)
	t.size = n
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		t.exit, t.message = 18, "transfer closed with outstanding read data remaining"
	case err != nil:
		t.failed(err)
	case o.failWithBody && failing:
		t.exit, t.message = curlHTTPError, fmt.Sprintf("The requested URL returned error: %d", resp.StatusCode)
	}
}

func headers(resp *http.Response, prefix string) string {
	var s strings.Builder
	_, _ = fmt.Fprintf(&s, "%s%s %s\r\n", prefix, resp.Proto, resp.Status)
	for _, name := range sortedKeys(resp.Header) {
		for _, v := range resp.Header[name] {
			_, _ = fmt.Fprintf(&s, "%s%s: %s\r\n", prefix, name, v)
		}
	}
	s.WriteString(prefix + "\r\n")
	return s.String()
}

func sortedKeys(h http.Header) []string {
	var names []string
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// expand replaces the variables of -w.
func (t *transfer) expand(format string) string {
	if name, ok := strings.CutPrefix(format, "@"); ok {
		data, err := readFrom(name)
		if err == nil {
			format = string(data)
		}
	}
	sec := func(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 6, 64) }
	split := func(address string) (string, string) {
		host, port, _ := net.SplitHostPort(address)
		return host, port
	}
	remoteIP, remotePort := split(t.remote)
	localIP, localPort := split(t.local)
	values := map[string]string{
		"http_code": fmt.Sprintf("%03d", t.code), "response_code": fmt.Sprintf("%03d", t.code), "time_total": sec(t.total),
		"time_connect": sec(t.reached), "time_namelookup": sec(t.looked), "time_starttransfer": sec(t.first),
		"time_pretransfer": sec(t.reached), "size_download": strconv.FormatInt(t.size, 10), "url_effective": t.url.String(),
		"url": t.url.String(), "num_connects": strconv.Itoa(t.connects), "exitcode": strconv.Itoa(t.exit), "errormsg": t.message,
		"remote_ip": remoteIP, "remote_port": remotePort, "local_ip": localIP, "local_port": localPort,
		"speed_download": strconv.FormatInt(int64(float64(t.size)/max(t.total.Seconds(), 1e-9)), 10),
	}
	var s strings.Builder
	for i := 0; i < len(format); i++ {
		rest := format[i:]
		switch {
		case strings.HasPrefix(rest, "%{"):
			end := strings.IndexByte(rest, '}')
			if end < 0 {
				s.WriteString(rest)
				return s.String()
			}
			s.WriteString(values[rest[2:end]])
			i += end
		case strings.HasPrefix(rest, "%%"), strings.HasPrefix(rest, `\\`):
			s.WriteByte(rest[0])
			i++
		case strings.HasPrefix(rest, `\n`), strings.HasPrefix(rest, `\t`), strings.HasPrefix(rest, `\r`):
			s.WriteString(map[byte]string{'n': "\n", 't': "\t", 'r': "\r"}[rest[1]])
			i++
		default:
			s.WriteByte(rest[0])
		}
	}
	return s.String()
}
