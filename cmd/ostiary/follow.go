package main

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ostiary/ostiary/audit"
)

const (
	// followEvery is how long --follow waits between two looks.
	followEvery = 500 * time.Millisecond
	// An entry has its time before it is in the log, and each instance has a
	// clock of its own: what is new may be older than what was seen. Every
	// look goes back by near, every deep-th by far.
	near = 5 * time.Second
	far  = 5 * time.Minute
	deep = 20
)

// follow prints what comes, by way of a gateway, until the program ends.
func (c auditTail) follow(p *program, f *follower) error {
	entries, err := f.begin(p.ctx, c.Lines)
	for looks := 1; ; looks++ {
		if err == nil {
			err = c.print(p, entries...)
		}
		if err != nil && p.ctx.Err() == nil {
			return err
		}
		select {
		case <-p.ctx.Done():
			return nil
		case <-time.After(followEvery):
		}
		back := near
		if looks%deep == 0 {
			back = far
		}
		entries, err = f.more(p.ctx, back)
	}
}

// A follower tells which entries are new. The API shows pages of the newest
// by their time, and of some the caller sees a part only, so neither time nor
// number says what was not seen yet: it remembers.
type follower struct {
	pages  pager
	newest time.Time           // of all entries seen
	known  map[place]time.Time // what was seen, back to far before newest
}

// A place is where an entry stands.
type place struct {
	log string
	seq uint64
}

func placeOf(e audit.Entry) place { return place{e.Log, e.Seq} }

// begin returns the newest last entries, oldest first, and takes note of what
// is not new.
func (f *follower) begin(ctx context.Context, last int) ([]audit.Entry, error) {
	f.known = map[place]time.Time{}
	all, err := f.pages.back(ctx, pageSize, func(all []audit.Entry) bool {
		return len(all) > 0 && len(all) >= last && before(all, all[0].Time.Add(-far))
	})
	if err != nil {
		return nil, err
	}
	f.learn(all)
	all = all[:min(last, len(all))]
	slices.Reverse(all)
	return all, nil
}

// more returns the new entries, oldest first, having gone back so far before
// the newest that was known.
func (f *follower) more(ctx context.Context, back time.Duration) ([]audit.Entry, error) {
	to, old := f.newest.Add(-back), f.newest.Add(-far)
	all, err := f.pages.back(ctx, pageSize, func(all []audit.Entry) bool { return before(all, to) })
	if err != nil {
		return nil, err
	}
	fresh := slices.DeleteFunc(all, func(e audit.Entry) bool {
		_, known := f.known[placeOf(e)]
		return known || e.Time.Before(old)
	})
	f.learn(fresh)
	slices.Reverse(fresh)
	return fresh, nil
}

// before says whether entries, newest first, go back beyond a moment.
func before(all []audit.Entry, to time.Time) bool {
	return len(all) > 0 && all[len(all)-1].Time.Before(to)
}

func (f *follower) learn(entries []audit.Entry) {
	for _, e := range entries {
		f.known[placeOf(e)] = e.Time
		if e.Time.After(f.newest) {
			f.newest = e.Time
		}
	}
	old := f.newest.Add(-far)
	maps.DeleteFunc(f.known, func(_ place, t time.Time) bool { return t.Before(old) })
}
