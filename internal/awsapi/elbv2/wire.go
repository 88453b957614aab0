package elbv2

import (
	"encoding/base64"
	"net/netip"
	"sort"
	"strings"

	model "github.com/musubi-net/musubi/internal/awsapi/model/elbv2"
	"github.com/musubi-net/musubi/internal/awsapi/protocol"
	"github.com/musubi-net/musubi/internal/cloud"
)

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func number(p *int64) int {
	if p == nil {
		return 0
	}
	return int(*p)
}

func truth(p *bool) bool { return p != nil && *p }

// some is a pointer to a text, nil if it is empty.
func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func count(n int) *int64 { return new(int64(n)) }

// address parses an optional address parameter.
func address(p *string, name string) (netip.Addr, error) {
	if text(p) == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(*p)
	if err != nil {
		return a, validation("'" + *p + "' is not a valid " + name)
	}
	return a, nil
}

func tagsIn(list []model.Tag) (cloud.Tags, error) {
	if len(list) == 0 {
		return nil, nil
	}
	t := cloud.Tags{}
	for _, x := range list {
		if _, twice := t[text(x.Key)]; twice {
			return nil, &protocol.Error{Code: "DuplicateTagKeys", Message: "A tag key was specified more than once: '" + text(x.Key) + "'"}
		}
		t[text(x.Key)] = text(x.Value)
	}
	return t, nil
}

func tagsOut(t cloud.Tags) []model.Tag {
	out := make([]model.Tag, 0, len(t))
	for k, v := range t {
		out = append(out, model.Tag{Key: new(k), Value: new(v)})
	}
	sort.Slice(out, func(i, j int) bool { return *out[i].Key < *out[j].Key })
	return out
}

const largestPage = 400

// markerPrefix begins the markers of this program.
const markerPrefix = "musubi:after:"

// page cuts the part of a list that follows a marker, and makes the marker of
// the rest. The marker is the key of the last element, so that a list that
// changes meanwhile neither repeats nor loses others.
func page[T any](list []T, key func(T) string, marker *string, size *int64) ([]T, *string, error) {
	sort.Slice(list, func(i, j int) bool { return key(list[i]) < key(list[j]) })
	if text(marker) != "" {
		raw, err := base64.RawURLEncoding.DecodeString(*marker)
		last, ok := strings.CutPrefix(string(raw), markerPrefix)
		if err != nil || !ok {
			return nil, nil, validation("The marker '" + *marker + "' is not valid")
		}
		list = list[sort.Search(len(list), func(i int) bool { return key(list[i]) > last }):]
	}
	n := number(size)
	if n == 0 {
		n = largestPage
	}
	if len(list) <= n {
		return list, nil, nil
	}
	return list[:n], new(base64.RawURLEncoding.EncodeToString([]byte(markerPrefix + key(list[n-1])))), nil
}
