package audit

import (
	"context"
	"iter"
	"slices"
	"testing"

	"github.com/ostiary/ostiary/store"
)

// A tampered driver shows the logs as somebody with a hand on the database
// left them.
type tampered struct {
	store.Store
	edit func(log string, entries []store.Entry) []store.Entry
}

func (d tampered) all(ctx context.Context, log string) ([]store.Entry, error) {
	var entries []store.Entry
	for e, err := range d.Store.Entries(ctx, log, 0) {
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return d.edit(log, entries), nil
}

func (d tampered) Entries(ctx context.Context, log string, from uint64) iter.Seq2[store.Entry, error] {
	return func(yield func(store.Entry, error) bool) {
		entries, err := d.all(ctx, log)
		if err != nil {
			yield(store.Entry{}, err)
			return
		}
		for _, e := range entries {
			if e.Seq >= from && !yield(e, nil) {
				return
			}
		}
	}
}

func (d tampered) Logs(ctx context.Context) (map[string]uint64, error) {
	logs, err := d.Store.Logs(ctx)
	for name := range logs {
		entries, err := d.all(ctx, name)
		if err != nil {
			return nil, err
		}
		delete(logs, name)
		if n := len(entries); n > 0 {
			logs[name] = entries[n-1].Seq + 1
		}
	}
	return logs, err
}

// tamperings are what can be done to audit-1 with a hand on the database, and
// the first entry that is then bad.
var tamperings = []struct {
	name string
	at   uint64
	edit func(entries []store.Entry) []store.Entry
}{
	{"a byte is edited", 3, func(es []store.Entry) []store.Entry {
		es[3].Line = slices.Clone(es[3].Line)
		es[3].Line[len(es[3].Line)/2] ^= 1
		return es
	}},
	{"the version is edited", 3, func(es []store.Entry) []store.Entry {
		es[3].Line = slices.Clone(es[3].Line)
		es[3].Line[0]++
		return es
	}},
	{"a line is emptied", 3, func(es []store.Entry) []store.Entry { es[3].Line = nil; return es }},
	{"the time is edited", 3, func(es []store.Entry) []store.Entry { es[3].Time = es[3].Time.Add(-1e9); return es }},
	{"an index value is edited", 3, func(es []store.Entry) []store.Entry {
		es[3].Index = slices.Clone(es[3].Index)
		es[3].Index[0].Value = es[4].Index[1].Value
		return es
	}},
	{"an index value is removed", 3, func(es []store.Entry) []store.Entry { es[3].Index = es[3].Index[1:]; return es }},
	{"a line is removed", 3, func(es []store.Entry) []store.Entry { return slices.Delete(es, 3, 4) }},
	{"the first line is removed", 0, func(es []store.Entry) []store.Entry { return es[1:] }},
	{"lines are swapped", 3, func(es []store.Entry) []store.Entry {
		es[3].Line, es[4].Line = es[4].Line, es[3].Line
		return es
	}},
	{"rows are swapped", 3, func(es []store.Entry) []store.Entry { es[3], es[4] = es[4], es[3]; return es }},
	{"a line is duplicated", 4, func(es []store.Entry) []store.Entry { return slices.Insert(es, 4, es[3]) }},
	{"a line is copied over another", 4, func(es []store.Entry) []store.Entry { es[4].Line = es[3].Line; return es }},
	{"a line is removed and the rest moved up", 3, func(es []store.Entry) []store.Entry {
		es = slices.Delete(es, 3, 4)
		for i := range es {
			es[i].Seq = uint64(i)
		}
		return es
	}},
	{"the tail is cut off", 9, func(es []store.Entry) []store.Entry { return es[:9] }},
	{"the log is emptied", 0, func([]store.Entry) []store.Entry { return nil }},
}

// written is a house with one log of ten entries, and a checkpoint.
func written(t *testing.T) *house {
	t.Helper()
	h := newHouse()
	l := h.crashing(t, Options{})
	for range 10 {
		commit(t, l, outcomeOf("cal_x", StatusOK))
	}
	closeLog(t, l)
	return h
}

// tamper lets the house be read by somebody through a tampered driver.
func (h *house) tamper(t *testing.T, edit func([]store.Entry) []store.Entry) *Reader {
	t.Helper()
	changed := *h
	changed.driver = tampered{h.driver, func(log string, entries []store.Entry) []store.Entry {
		if log != "audit-1" {
			return entries
		}
		return edit(entries)
	}}
	return NewReader(changed.db(t))
}
