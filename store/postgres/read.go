package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/internal/batch"
)

// A state is what batch.Decide needs, and under which terms the records were
// found until now.
type state struct {
	batch.State
	terms map[store.Key]string
}

const (
	// lockQuery takes the locks in the order given: unnest is read from its
	// beginning to its end.
	lockQuery = `select count(case when exclusive then pg_advisory_xact_lock(id)
			else pg_advisory_xact_lock_shared(id) end)
		from unnest($1::bigint[], $2::bool[]) as lock (id, exclusive)`

	readRecords = `select k.n, r.version, r.born, r.expires, r.terms
		from unnest($1::text[], $2::bytea[]) with ordinality as k (kind, id, n)
		join records r on r.kind = k.kind and r.id = k.id`

	readCounters = `select k.n, c.value, c.expires
		from unnest($1::bytea[]) with ordinality as k (name, n)
		join counters c on c.name = k.name`

	readHeads = `select k.n, coalesce((select max(seq) from entries e where e.log = k.log) + 1, 0)
		from unnest($1::text[]) with ordinality as k (log, n)`
)

// read begins a transaction, takes the locks of everything that txs touch and
// reads it. All of it travels together; still each statement sees what was
// committed before it began, so that the reads see what the locks protect.
func (w *writer) read(ctx context.Context, txs []store.Tx) (*state, error) {
	if err := w.connect(ctx); err != nil {
		return nil, err
	}
	touched := batch.Touch(txs)
	st := &state{
		State: batch.State{
			Now: w.s.clock.Now(), Records: map[store.Key]batch.Record{},
			Counters: map[string]batch.Counter{}, Heads: map[string]uint64{},
		},
		terms: map[store.Key]string{},
	}
	b := &pgx.Batch{}
	b.Queue("begin isolation level read committed read write")
	w.s.queueLocks(b, txs, touched)
	st.queueReads(b, txs, touched)
	return st, w.send(ctx, b)
}

// queueReads asks for what is not empty.
func (st *state) queueReads(b *pgx.Batch, txs []store.Tx, t batch.Touched) {
	if batch.Numbers(txs) > 0 {
		b.Queue("select nextval('versions')").QueryRow(func(row pgx.Row) error {
			return row.Scan(&st.Next)
		})
	}
	if len(t.Keys) > 0 {
		st.queueRecords(b, t.Keys)
	}
	if len(t.Counters) > 0 {
		st.queueCounters(b, t.Counters)
	}
	if len(t.Logs) > 0 {
		st.queueHeads(b, t.Logs)
	}
}

func (st *state) queueRecords(b *pgx.Batch, keys []store.Key) {
	kinds, ids := make([]string, len(keys)), make([][]byte, len(keys))
	for i, k := range keys {
		kinds[i], ids[i] = string(k.Kind), rowID(k.ID)
	}
	b.Queue(readRecords, kinds, ids).Query(func(rows pgx.Rows) error {
		var n, version, born, expires int64
		var terms string
		_, err := pgx.ForEachRow(rows, []any{&n, &version, &born, &expires, &terms}, func() error {
			k := keys[n-1]
			st.Records[k] = batch.Record{
				Version: store.Version(version), Born: store.Version(born), Expires: fromNanos(expires),
			}
			st.terms[k] = terms
			return nil
		})
		return err
	})
}

func (st *state) queueCounters(b *pgx.Batch, names []string) {
	ids := make([][]byte, len(names))
	for i, name := range names {
		ids[i] = rowID(name)
	}
	b.Queue(readCounters, ids).Query(func(rows pgx.Rows) error {
		var n, value, expires int64
		_, err := pgx.ForEachRow(rows, []any{&n, &value, &expires}, func() error {
			st.Counters[names[n-1]] = batch.Counter{Value: value, Expires: fromNanos(expires)}
			return nil
		})
		return err
	})
}

func (st *state) queueHeads(b *pgx.Batch, logs []string) {
	b.Queue(readHeads, logs).Query(func(rows pgx.Rows) error {
		var n, head int64
		_, err := pgx.ForEachRow(rows, []any{&n, &head}, func() error {
			st.Heads[logs[n-1]] = uint64(head)
			return nil
		})
		return err
	})
}

// queueLocks locks what txs touch: alone what they write, together with
// others what they only assert, so that instances that assert the same epoch
// don't wait for each other. The order is the same on every instance.
func (s *Store) queueLocks(b *pgx.Batch, txs []store.Tx, t batch.Touched) {
	exclusive := map[int64]bool{}
	for _, k := range t.Keys {
		id := s.keyLock(k)
		exclusive[id] = exclusive[id] || false
	}
	for i := range txs {
		for j := range txs[i].Puts {
			exclusive[s.keyLock(txs[i].Puts[j].Key)] = true
		}
		for _, k := range txs[i].Deletes {
			exclusive[s.keyLock(k)] = true
		}
	}
	for _, name := range t.Counters {
		exclusive[s.lockID("counter", name)] = true
	}
	for _, log := range t.Logs {
		exclusive[s.lockID("log", log)] = true
	}
	ids, alone := inOrder(exclusive)
	b.Queue(lockQuery, ids, alone)
}

func (s *Store) keyLock(k store.Key) int64 { return s.lockID("key", string(k.Kind), k.ID) }

func inOrder(locks map[int64]bool) (ids []int64, exclusive []bool) {
	for id := range locks {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, cmp.Compare[int64])
	for _, id := range ids {
		exclusive = append(exclusive, locks[id])
	}
	return ids, exclusive
}
