package ec2

import (
	"iter"

	model "github.com/musubi-net/musubi/internal/awsapi/model/ec2"
	"github.com/musubi-net/musubi/internal/cloud"
)

// listing says how a Describe call finds its items.
type listing[T any] struct {
	table *cloud.Table[T]
	// find looks one id up, or refuses it.
	find  func(r cloud.Reader, s cloud.Scope, id string) (T, error)
	scope func(T) cloud.Scope
	key   func(T) string
	// indexed names the filters that an index of the table answers.
	indexed []indexedFilter
	fields  filterFields[T]
	tags    func(T) cloud.Tags
}

// indexedFilter is a filter name and the index that answers it.
type indexedFilter struct{ filter, index string }

// list returns the items with these ids, or all of the scope, that match the
// filters. It reads no more of the cloud than it must.
func (l listing[T]) list(r cloud.Reader, s cloud.Scope, ids []string, filters []model.Filter) ([]T, error) {
	items, err := l.candidates(r, s, ids, filters)
	if err != nil {
		return nil, err
	}
	return selectItems(items, filters, l.fields, l.tags)
}

// page is list, cut into one answer.
func (l listing[T]) page(r cloud.Reader, s cloud.Scope, ids []string, filters []model.Filter, maxResults *int64, token *string) ([]T, *string, error) {
	items, err := l.list(r, s, ids, filters)
	if err != nil {
		return nil, nil, err
	}
	return page(items, l.key, maxResults, token)
}

func (l listing[T]) candidates(r cloud.Reader, s cloud.Scope, ids []string, filters []model.Filter) ([]T, error) {
	if len(ids) > 0 {
		return l.named(r, s, ids)
	}
	for _, x := range l.indexed {
		if values, ok := exactValues(filters, x.filter); ok {
			return l.collect(s, func(yield func(T) bool) {
				for _, v := range values {
					for item := range l.table.By(r, x.index, v) {
						if !yield(item) {
							return
						}
					}
				}
			}), nil
		}
	}
	return l.collect(s, l.table.By(r, "scope", s.Key())), nil
}

func (l listing[T]) named(r cloud.Reader, s cloud.Scope, ids []string) ([]T, error) {
	var out []T
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		v, err := l.find(r, s, id)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// collect keeps the scope's items, each once.
func (l listing[T]) collect(s cloud.Scope, items iter.Seq[T]) []T {
	var out []T
	seen := map[string]bool{}
	for v := range items {
		if l.scope(v) == s && !seen[l.key(v)] {
			seen[l.key(v)] = true
			out = append(out, v)
		}
	}
	return out
}
