package e2e

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// seen is a request as the program on the host got it.
type seen struct {
	host, method, uri string
	header            http.Header
	size              int
	from              string // who connected
}

// buckets is a program on the host's loopback that stores objects as S3 does, as
// far as the AWS CLI needs it.
type buckets struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string][]byte // by bucket/key
	parts   map[string][]byte // by upload id and part number
	asked   []seen
}

func newBuckets(t *testing.T) *buckets {
	t.Helper()
	b := &buckets{objects: map[string][]byte{}, parts: map[string][]byte{}}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

// port is where it listens.
func (b *buckets) port() string {
	_, port, _ := net.SplitHostPort(b.Listener.Addr().String())
	return port
}

// last is the last request that it got of a method.
func (b *buckets) last(method string) seen {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range slices.Backward(b.asked) {
		if s.method == method {
			return s
		}
	}
	return seen{}
}

// count is how many requests it got.
func (b *buckets) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.asked)
}

func (b *buckets) object(name string) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.objects[name]
}

func (b *buckets) put(name string, data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.objects[name] = data
}

func etag(data []byte) string {
	sum := md5.Sum(data)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

// ServeHTTP answers in virtual-host and path style, also at an endpoint's names.
func (b *buckets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, seen{r.Host, r.Method, r.RequestURI, r.Header.Clone(), len(body), r.RemoteAddr})
	w.Header().Set("Server", "buckets")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if bucket, _, ok := strings.Cut(r.Host, ".s3."); ok && !strings.HasPrefix(bucket, "bucket.vpce-") {
		bucket, _, _ = strings.Cut(bucket, ".bucket.vpce-")
		name = bucket + "/" + name
	}
	bucket, key, _ := strings.Cut(name, "/")
	q := r.URL.Query()
	upload := "upload-" + hex.EncodeToString([]byte(name))
	switch {
	case bucket == "":
		answer(w, "ListAllMyBucketsResult", `<Buckets><Bucket><Name>data</Name><CreationDate>2026-01-01T00:00:00.000Z</CreationDate></Bucket></Buckets>`)
	case key == "":
		b.list(w, bucket, q.Get("prefix"))
	case q.Has("uploads"):
		answer(w, "InitiateMultipartUploadResult", "<Bucket>"+bucket+"</Bucket><Key>"+key+"</Key><UploadId>"+upload+"</UploadId>")
	case r.Method == http.MethodPut && q.Has("partNumber"):
		b.parts[fmt.Sprintf("%s %05s", q.Get("uploadId"), q.Get("partNumber"))] = body
		w.Header().Set("ETag", etag(body))
	case r.Method == http.MethodPost && q.Has("uploadId"):
		b.objects[name] = b.complete(q.Get("uploadId"))
		answer(w, "CompleteMultipartUploadResult", "<Key>"+key+"</Key><ETag>x</ETag>")
	case r.Method == http.MethodPut:
		b.objects[name] = body
		w.Header().Set("ETag", etag(body))
	default:
		data, ok := b.objects[name]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			answer(w, "Error", "<Code>NoSuchKey</Code><Message>The specified key does not exist.</Message>")
			return
		}
		w.Header().Set("ETag", etag(data))
		http.ServeContent(w, r, "", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), strings.NewReader(string(data)))
	}
}

func answer(w io.Writer, name, inner string) {
	_, _ = fmt.Fprintf(w, `%s<%s xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%s</%[2]s>`, xml.Header, name, inner)
}

func (b *buckets) list(w io.Writer, bucket, prefix string) {
	text := "<Name>" + bucket + "</Name><IsTruncated>false</IsTruncated>"
	for name, data := range b.objects {
		if key, ok := strings.CutPrefix(name, bucket+"/"); ok && strings.HasPrefix(key, prefix) {
			text += fmt.Sprintf("<Contents><Key>%s</Key><Size>%d</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>", key, len(data))
		}
	}
	answer(w, "ListBucketResult", text)
}

func (b *buckets) complete(upload string) []byte {
	var names []string
	for name := range b.parts {
		if strings.HasPrefix(name, upload+" ") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out []byte
	for _, name := range names {
		out = append(out, b.parts[name]...)
		delete(b.parts, name)
	}
	return out
}
