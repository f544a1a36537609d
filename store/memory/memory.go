package memory

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"sync"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/internal/batch"
)

// A Store keeps everything in maps under one lock. It is safe for concurrent
// use.
type Store struct {
	clock ostiary.Clock

	mu       sync.RWMutex
	closed   bool
	next     store.Version
	records  map[store.Key]record
	counters map[string]batch.Counter
	logs     map[string][]store.Entry
	claimed  map[string]bool
	feed     feed
}

type record struct {
	batch.Record
	value []byte
	index []store.Index
}

var _ store.Store = (*Store)(nil)

// Open returns an empty store that compares expiries with clock.
func Open(clock ostiary.Clock) *Store {
	return &Store{
		clock:    clock,
		next:     1,
		records:  map[store.Key]record{},
		counters: map[string]batch.Counter{},
		logs:     map[string][]store.Entry{},
		claimed:  map[string]bool{},
		feed:     newFeed(),
	}
}

// Get implements store.Records.
func (s *Store) Get(ctx context.Context, k store.Key) (store.Record, error) {
	if err := s.read(ctx); err != nil {
		return store.Record{}, err
	}
	defer s.mu.RUnlock()
	r, ok := s.records[k]
	if !ok || !s.alive(r.Record) {
		return store.Record{}, fmt.Errorf("get a record of kind %s: %w", k.Kind, store.ErrNotFound)
	}
	return r.as(k), nil
}

// List implements store.Records.
func (s *Store) List(ctx context.Context, q store.Query) (store.Page, error) {
	before, err := parseCursor(q.Cursor)
	if err != nil {
		return store.Page{}, err
	}
	if err := s.read(ctx); err != nil {
		return store.Page{}, err
	}
	defer s.mu.RUnlock()
	keys := s.matching(q, before)
	limit := batch.Limit(q.Limit)
	var page store.Page
	for _, k := range keys[:min(limit, len(keys))] {
		page.Records = append(page.Records, s.records[k].as(k))
	}
	if len(keys) > limit {
		page.Next = strconv.FormatUint(uint64(s.records[keys[limit-1]].Born), 10)
	}
	return page, nil
}

// matching lists the keys that q selects, newest first.
func (s *Store) matching(q store.Query, before store.Version) []store.Key {
	var keys []store.Key
	for k, r := range s.records {
		if k.Kind == q.Kind && r.Born < before && s.alive(r.Record) &&
			(q.Index == store.Index{} || slices.Contains(r.index, q.Index)) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b store.Key) int {
		return cmp.Compare(s.records[b].Born, s.records[a].Born)
	})
	return keys
}

// Counter implements store.Store.
func (s *Store) Counter(ctx context.Context, name string) (int64, error) {
	if err := s.read(ctx); err != nil {
		return 0, err
	}
	defer s.mu.RUnlock()
	return s.counters[name].At(s.clock.Now()), nil
}

// Commit implements store.Store.
func (s *Store) Commit(ctx context.Context, tx store.Tx) (store.Receipt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return store.Receipt{}, err
	}
	txs := []store.Tx{tx}
	effects, outcomes := batch.Decide(txs, s.state(txs))
	s.apply(&effects)
	return outcomes[0].Receipt, outcomes[0].Err
}

func (s *Store) state(txs []store.Tx) batch.State {
	touched := batch.Touch(txs)
	state := batch.State{
		Now: s.clock.Now(), Next: s.next, Counters: s.counters,
		Records: map[store.Key]batch.Record{}, Heads: map[string]uint64{},
	}
	for _, k := range touched.Keys {
		if r, ok := s.records[k]; ok {
			state.Records[k] = r.Record
		}
	}
	for _, log := range touched.Logs {
		state.Heads[log] = uint64(len(s.logs[log]))
	}
	return state
}

func (s *Store) apply(e *batch.Effects) {
	for _, p := range e.Puts {
		s.records[p.Key] = record{
			batch.Record{Version: p.Version, Born: p.Born, Expires: p.Expires},
			bytes.Clone(p.Value), slices.Clone(p.Index),
		}
	}
	for _, k := range e.Deletes {
		delete(s.records, k)
	}
	maps.Copy(s.counters, e.Counters)
	for _, entry := range e.Entries {
		entry.Line, entry.Index = bytes.Clone(entry.Line), slices.Clone(entry.Index)
		s.logs[entry.Log] = append(s.logs[entry.Log], entry)
	}
	s.next = e.Next
	s.feed.publish(e.Changes)
}

// Claim implements store.Store.
func (s *Store) Claim(ctx context.Context, prefix string) (string, func(), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return "", nil, err
	}
	for i := 1; ; i++ {
		log := prefix + strconv.Itoa(i)
		if s.claimed[log] {
			continue
		}
		s.claimed[log] = true
		return log, sync.OnceFunc(func() { s.release(log) }), nil
	}
}

func (s *Store) release(log string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.claimed, log)
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.feed.wake)
	}
	return nil
}

// read locks for reading, unless nothing can be read.
func (s *Store) read(ctx context.Context) error {
	s.mu.RLock()
	if err := s.usable(ctx); err != nil {
		s.mu.RUnlock()
		return err
	}
	return nil
}

func (s *Store) usable(ctx context.Context) error {
	if s.closed {
		return store.ErrClosed
	}
	return ctx.Err()
}

func (s *Store) alive(r batch.Record) bool { return !r.Past(s.clock.Now()) }

func (r record) as(k store.Key) store.Record {
	return store.Record{
		Key: k, Version: r.Version, Value: bytes.Clone(r.value), Index: slices.Clone(r.index), Expires: r.Expires,
	}
}

// parseCursor is the number that a page's records were born before.
func parseCursor(cursor string) (store.Version, error) {
	if cursor == "" {
		return math.MaxUint64, nil
	}
	before, err := strconv.ParseUint(cursor, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read a list cursor: %w", err)
	}
	return store.Version(before), nil
}
