package batch

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ostiary/ostiary/store"
)

// A Search collects one page of a log search from entries that are offered
// in any order: the newest that match, by time, then log, then number.
type Search struct {
	q      store.LogQuery
	limit  int
	before *store.Entry  // the last entry of the page before
	best   []store.Entry // newest first, one more than the limit at most
}

// NewSearch starts a search. It returns an error for a cursor that no page
// gave.
func NewSearch(q store.LogQuery) (*Search, error) {
	s := &Search{q: q, limit: Limit(q.Limit)}
	if q.Cursor == "" {
		return s, nil
	}
	before, err := parseEntryCursor(q.Cursor)
	if err != nil {
		return nil, fmt.Errorf("read a search cursor: %w", err)
	}
	s.before = &before
	return s, nil
}

// Until is the newest time that an entry of this page can have; zero: any.
func (s *Search) Until() time.Time {
	if s.before == nil {
		return s.q.To
	}
	return s.before.Time
}

// Offer shows the search an entry. It is kept when it belongs on the page.
func (s *Search) Offer(e store.Entry) {
	if !s.matches(&e) {
		return
	}
	i, _ := slices.BinarySearchFunc(s.best, e, newestFirst)
	if i > s.limit {
		return
	}
	s.best = slices.Insert(s.best, i, e)
	if len(s.best) > s.limit+1 {
		s.best = s.best[:s.limit+1]
	}
}

// Complete says that no entry of time t or older can change the page.
func (s *Search) Complete(t time.Time) bool {
	return len(s.best) > s.limit && s.best[s.limit].Time.After(t)
}

// Page is what was found.
func (s *Search) Page() store.EntryPage {
	if len(s.best) <= s.limit {
		return store.EntryPage{Entries: s.best}
	}
	page := store.EntryPage{Entries: s.best[:s.limit]}
	page.Next = entryCursor(page.Entries[s.limit-1])
	return page
}

func (s *Search) matches(e *store.Entry) bool {
	if !s.q.From.IsZero() && e.Time.Before(s.q.From) || !s.q.To.IsZero() && !e.Time.Before(s.q.To) {
		return false
	}
	if s.before != nil && newestFirst(*s.before, *e) >= 0 {
		return false
	}
	for _, x := range s.q.Index {
		if !slices.Contains(e.Index, x) {
			return false
		}
	}
	return true
}

func newestFirst(a, b store.Entry) int {
	return cmp.Or(b.Time.Compare(a.Time), strings.Compare(b.Log, a.Log), cmp.Compare(b.Seq, a.Seq))
}

func entryCursor(e store.Entry) string {
	return fmt.Sprintf("%d.%d.%s", e.Time.UnixMicro(), e.Seq, e.Log)
}

func parseEntryCursor(cursor string) (store.Entry, error) {
	micros, rest, _ := strings.Cut(cursor, ".")
	seq, log, _ := strings.Cut(rest, ".")
	at, err := strconv.ParseInt(micros, 10, 64)
	if err != nil {
		return store.Entry{}, err
	}
	n, err := strconv.ParseUint(seq, 10, 64)
	return store.Entry{Log: log, Seq: n, Time: time.UnixMicro(at).UTC()}, err
}
