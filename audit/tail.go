package audit

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/ostiary/ostiary/store"
)

// tailEvery is how often Tail looks for new entries.
const tailEvery = 250 * time.Millisecond

// Newest returns the newest last entries that q selects, oldest first. Limit
// and Cursor of q don't count. An error wraps store.ErrTampered when an entry
// was changed from outside.
func (r *Reader) Newest(ctx context.Context, q Query, last int) ([]Entry, error) {
	var all []Entry
	for q.Cursor = ""; len(all) < last; {
		q.Limit = min(last-len(all), 1000)
		page, next, err := r.Search(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if q.Cursor = next; next == "" {
			break
		}
	}
	slices.Reverse(all)
	return all, nil
}

// Tail yields the newest last entries that q selects, oldest first, and then
// those that are appended to any log, in the order of each log: every one
// once, whatever its time. It ends when ctx is done, when the consumer stops,
// and at the first error. Limit and Cursor of q don't count.
func (r *Reader) Tail(ctx context.Context, q Query, last int) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if err := r.tail(ctx, q, last, yield); err != nil && ctx.Err() == nil {
			yield(Entry{}, fmt.Errorf("follow the audit log: %w", err))
		}
	}
}

func (r *Reader) tail(ctx context.Context, q Query, last int, yield func(Entry, error) bool) error {
	seen, err := r.db.Logs(ctx)
	if err != nil {
		return err
	}
	old, err := r.Newest(ctx, q, last)
	if err != nil {
		return err
	}
	for _, e := range old {
		// What came since the logs were listed would come again.
		if e.Seq < seen[e.Log] && !yield(e, nil) {
			return nil
		}
	}
	look := time.NewTicker(tailEvery)
	defer look.Stop()
	for {
		if more, err := r.since(ctx, q, seen, yield); err != nil || !more {
			return err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// since yields what was appended to any log since it was seen last. more
// false: the consumer has stopped.
func (r *Reader) since(ctx context.Context, q Query, seen map[string]uint64, yield func(Entry, error) bool) (more bool, err error) {
	logs, err := r.db.Logs(ctx)
	if err != nil {
		return false, err
	}
	for _, name := range slices.Sorted(maps.Keys(logs)) {
		if logs[name] < seen[name] {
			return false, fmt.Errorf("%s has %d entries and had %d: %w", name, logs[name], seen[name], store.ErrTampered)
		}
		if logs[name] == seen[name] {
			continue
		}
		for p, err := range r.lines(ctx, name, seen[name]) {
			if err != nil {
				return false, err
			}
			seen[name] = p.seq + 1
			e, err := parse(p.plain)
			if err != nil {
				return false, err
			}
			if q.selects(e) && !yield(e, nil) {
				return false, nil
			}
		}
	}
	return true, nil
}
