package memory

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/internal/batch"
)

// Entries implements store.Log.
func (s *Store) Entries(ctx context.Context, log string, from uint64) iter.Seq2[store.Entry, error] {
	entries, err := s.entries(ctx, log)
	return func(yield func(store.Entry, error) bool) {
		if err != nil {
			yield(store.Entry{}, err)
			return
		}
		for _, e := range entries[min(from, uint64(len(entries))):] {
			if err := ctx.Err(); err != nil {
				yield(store.Entry{}, err)
				return
			}
			if !yield(clone(e), nil) {
				return
			}
		}
	}
}

func (s *Store) entries(ctx context.Context, log string) ([]store.Entry, error) {
	if err := s.read(ctx); err != nil {
		return nil, fmt.Errorf("read a log: %w", err)
	}
	defer s.mu.RUnlock()
	return s.logs[log], nil
}

// Logs implements store.Log.
func (s *Store) Logs(ctx context.Context) (map[string]uint64, error) {
	if err := s.read(ctx); err != nil {
		return nil, fmt.Errorf("list logs: %w", err)
	}
	defer s.mu.RUnlock()
	sizes := make(map[string]uint64, len(s.logs))
	for name, entries := range s.logs {
		sizes[name] = uint64(len(entries))
	}
	return sizes, nil
}

// Search implements store.Log.
func (s *Store) Search(ctx context.Context, q store.LogQuery) (store.EntryPage, error) {
	search, err := batch.NewSearch(q)
	if err != nil {
		return store.EntryPage{}, err
	}
	if err := s.read(ctx); err != nil {
		return store.EntryPage{}, fmt.Errorf("search logs: %w", err)
	}
	defer s.mu.RUnlock()
	for _, entries := range s.logs {
		for _, e := range entries {
			search.Offer(e)
		}
	}
	page := search.Page()
	for i, e := range page.Entries {
		page.Entries[i] = clone(e)
	}
	return page, nil
}

func clone(e store.Entry) store.Entry {
	e.Line, e.Index = slices.Clone(e.Line), slices.Clone(e.Index)
	return e
}
