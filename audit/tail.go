package audit

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// tailEvery is how often Tail looks for new entries.
const tailEvery = 250 * time.Millisecond

// Tail yields the newest last entries, oldest first, and then, as they come,
// those that are appended to any log, until ctx is done or the consumer
// stops. It stops at the first error. A tenant other than "" sees its own
// entries only.
func (r *Reader) Tail(ctx context.Context, tenant ostiary.Tenant, last int) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if err := r.tail(ctx, tenant, last, yield); err != nil && ctx.Err() == nil {
			yield(Entry{}, fmt.Errorf("follow the audit log: %w", err))
		}
	}
}

func (r *Reader) tail(ctx context.Context, tenant ostiary.Tenant, last int, yield func(Entry, error) bool) error {
	seen, err := r.db.Logs(ctx)
	if err != nil {
		return err
	}
	old, err := r.newest(ctx, tenant, last)
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
		if more, err := r.since(ctx, tenant, seen, yield); err != nil || !more {
			return err
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (r *Reader) newest(ctx context.Context, tenant ostiary.Tenant, last int) ([]Entry, error) {
	var all []Entry
	for q := (Query{Tenant: tenant}); len(all) < last; {
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

// since yields what was appended to any log since it was seen last. more
// false: the consumer has stopped.
func (r *Reader) since(ctx context.Context, tenant ostiary.Tenant, seen map[string]uint64, yield func(Entry, error) bool) (more bool, err error) {
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
			if (tenant == "" || e.Actor.Tenant == tenant) && !yield(e, nil) {
				return false, nil
			}
		}
	}
	return true, nil
}
