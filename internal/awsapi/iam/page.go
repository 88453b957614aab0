package iam

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/awsapi/protocol"
)

// defaultPage is how many items IAM lists without MaxItems.
const defaultPage = 100

// markerPrefix begins the markers of this program.
const markerPrefix = "musubi:after:"

// paged sorts items by name and cuts out the page that starts after marker. It
// returns the marker of the next page, or nil at the end.
func paged[T any](items []T, name func(*T) string, marker *string, maxItems *int64) (page []T, next *string, err error) {
	slices.SortFunc(items, func(a, b T) int { return strings.Compare(name(&a), name(&b)) })
	if marker != nil {
		raw, err := base64.RawURLEncoding.DecodeString(*marker)
		after, ok := strings.CutPrefix(string(raw), markerPrefix)
		if err != nil || !ok {
			return nil, nil, &protocol.Error{Code: "ValidationError", Message: "Invalid Marker."}
		}
		i := slices.IndexFunc(items, func(x T) bool { return name(&x) > after })
		if i < 0 {
			i = len(items)
		}
		items = items[i:]
	}
	limit := defaultPage
	if maxItems != nil {
		limit = int(*maxItems)
	}
	if limit <= 0 || len(items) <= limit {
		return items, nil, nil
	}
	items = items[:limit]
	return items, new(base64.RawURLEncoding.EncodeToString([]byte(markerPrefix + name(&items[limit-1])))), nil
}
