package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/internal/batch"
)

// maxRemembered bounds what is remembered of records and of counters; when
// full they are emptied.
const maxRemembered = 100_000

// cache is what the writer knows of the file without reading it. It is
// right as long as nobody else writes, which dataVersion shows.
type cache struct {
	dataVersion int64
	next        store.Version // zero: not known
	rows        map[store.Key]row
	counters    map[string]counter
	logs        map[string]*logState
}

// A row is what is known of a key's row; the zero row: there is none.
type row struct {
	batch.Record
	packed []byte // its index values
}

type counter struct {
	batch.Counter
	absent bool
}

type logState struct {
	num     int64
	head    uint64
	indexed int64    // place behind its last indexed chunk
	filling *chunk   // nil: its last chunk is full, or not seen from its beginning
	held    []*chunk // full ones behind what is indexed
}

func newCache(dataVersion int64) *cache {
	return &cache{
		dataVersion: dataVersion,
		rows:        map[store.Key]row{},
		counters:    map[string]counter{},
		logs:        map[string]*logState{},
	}
}

// state is what txs touch, read where it is not remembered.
func (m *cache) state(ctx context.Context, stmts *statements, txs []store.Tx) (batch.State, error) {
	m.shrink()
	touched := batch.Touch(txs)
	s := batch.State{
		Records:  make(map[store.Key]batch.Record, len(touched.Keys)),
		Counters: make(map[string]batch.Counter, len(touched.Counters)),
		Heads:    make(map[string]uint64, len(touched.Logs)),
	}
	for _, k := range touched.Keys {
		r, err := m.row(ctx, stmts, k)
		if err != nil {
			return batch.State{}, fmt.Errorf("read a record of kind %s: %w", k.Kind, err)
		}
		if r.Version != 0 {
			s.Records[k] = r.Record
		}
	}
	for _, name := range touched.Counters {
		c, err := m.counter(ctx, stmts, name)
		if err != nil {
			return batch.State{}, fmt.Errorf("read a counter: %w", err)
		}
		if !c.absent {
			s.Counters[name] = c.Counter
		}
	}
	for _, name := range touched.Logs {
		l, err := m.log(ctx, stmts, name)
		if err != nil {
			return batch.State{}, fmt.Errorf("find the end of log %s: %w", name, err)
		}
		s.Heads[name] = l.head
	}
	var err error
	s.Next, err = m.number(ctx, stmts)
	return s, err
}

func (m *cache) shrink() {
	if len(m.rows) > maxRemembered {
		clear(m.rows)
	}
	if len(m.counters) > maxRemembered {
		clear(m.counters)
	}
}

func (m *cache) row(ctx context.Context, stmts *statements, k store.Key) (row, error) {
	if r, ok := m.rows[k]; ok {
		return r, nil
	}
	var r row
	var born, version int64
	var expires sql.NullInt64
	err := stmts.record.QueryRowContext(ctx, string(k.Kind), blob(k.ID)).Scan(&born, &version, &expires, &r.packed)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return row{}, err
	}
	r.Born, r.Version, r.Expires = store.Version(born), store.Version(version), fromMillis(expires)
	m.rows[k] = r
	return r, nil
}

func (m *cache) counter(ctx context.Context, stmts *statements, name string) (counter, error) {
	if c, ok := m.counters[name]; ok {
		return c, nil
	}
	read, err := scanCounter(stmts.counter.QueryRowContext(ctx, blob(name)))
	c := counter{read, errors.Is(err, sql.ErrNoRows)}
	if err != nil && !c.absent {
		return counter{}, err
	}
	m.counters[name] = c
	return c, nil
}

func (m *cache) log(ctx context.Context, stmts *statements, name string) (*logState, error) {
	if l, ok := m.logs[name]; ok {
		return l, nil
	}
	l := &logState{}
	err := stmts.log.QueryRowContext(ctx, name).Scan(&l.num)
	if errors.Is(err, sql.ErrNoRows) {
		err = stmts.newLog.QueryRowContext(ctx, name).Scan(&l.num)
	}
	if err != nil {
		return nil, err
	}
	var head int64
	first, end := place(l.num, 0), place(l.num+1, 0)
	if err := stmts.head.QueryRowContext(ctx, first, end-1).Scan(&head); err != nil {
		return nil, err
	}
	if err := stmts.lastChunk.QueryRowContext(ctx, first, end, chunkSize).Scan(&l.indexed); err != nil {
		return nil, err
	}
	_, l.head = split(head)
	m.logs[name] = l
	return l, nil
}

func (m *cache) number(ctx context.Context, stmts *statements) (store.Version, error) {
	if m.next != 0 {
		return m.next, nil
	}
	var next int64
	if err := stmts.number.QueryRowContext(ctx).Scan(&next); err != nil {
		return 0, fmt.Errorf("read the newest number: %w", err)
	}
	m.next = store.Version(next)
	return m.next, nil
}

// missesChunk says whether an entry fills a chunk that is not indexed.
func (m *cache) missesChunk(e *store.Entry) bool {
	l := m.logs[e.Log]
	return e.Seq%chunkSize == chunkSize-1 && l.indexed <= place(l.num, e.Seq)
}

// learn takes over what was committed.
func (m *cache) learn(e *batch.Effects) {
	m.next = e.Next
	for _, k := range e.Deletes {
		m.rows[k] = row{}
	}
	for _, p := range e.Puts {
		m.rows[p.Key] = row{batch.Record{Version: p.Version, Born: p.Born, Expires: p.Expires}, pack(p.Index)}
	}
	for name, c := range e.Counters {
		m.counters[name] = counter{Counter: c}
	}
	for _, entry := range e.Entries {
		m.logs[entry.Log].head = entry.Seq + 1
	}
}
