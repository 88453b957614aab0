package ec2

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/musubi-net/musubi/internal/cloud"
)

// defaultPage is how many items an answer has when the request does not say.
const defaultPage = 1000

// tokenPrefix marks the tokens of this program.
const tokenPrefix = "musubi:after:"

// page cuts one answer out of items, in order of their keys. The token holds
// the last key, so that items that come and go between two requests do not
// shift the others.
func page[T any](items []T, key func(T) string, maxResults *int64, token *string) ([]T, *string, error) {
	items = slices.Clone(items)
	slices.SortFunc(items, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	if t := val(token); t != "" {
		after, err := decodeToken(t)
		if err != nil {
			return nil, nil, err
		}
		items = slices.DeleteFunc(items, func(v T) bool { return key(v) <= after })
	}
	size := defaultPage
	if maxResults != nil {
		size = int(*maxResults)
	}
	if size <= 0 || len(items) <= size {
		return items, nil, nil
	}
	items = items[:size]
	next := base64.URLEncoding.EncodeToString([]byte(tokenPrefix + key(items[size-1])))
	return items, &next, nil
}

func decodeToken(t string) (string, error) {
	raw, err := base64.URLEncoding.DecodeString(t)
	after, ok := strings.CutPrefix(string(raw), tokenPrefix)
	if err != nil || !ok {
		return "", cloud.Errorf(cloud.KindInvalid, "token", "InvalidNextToken", "The token '%s' is invalid", t)
	}
	return after, nil
}
