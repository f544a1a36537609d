package postgres

import (
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/internal/batch"
)

const (
	insertCommit = "insert into commits (id) values ($1)"

	deleteFound = `delete from found f
		using unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[]) as k (kind, term, born, id)
		where f.kind = k.kind and f.term = k.term and f.born = k.born and f.id = k.id`
	insertFound = `insert into found (kind, term, born, id)
		select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])
		on conflict do nothing`

	deleteRecords = `delete from records r using unnest($1::text[], $2::bytea[]) as k (kind, id)
		where r.kind = k.kind and r.id = k.id`
	upsertRecords = `insert into records (kind, id, long_id, version, born, expires, terms, value)
		select * from unnest($1::text[], $2::bytea[], $3::bytea[], $4::bigint[], $5::bigint[],
			$6::bigint[], $7::text[], $8::bytea[])
		on conflict (kind, id) do update set version = excluded.version, born = excluded.born,
			expires = excluded.expires, terms = excluded.terms, value = excluded.value`

	upsertCounters = `insert into counters (name, value, expires)
		select * from unnest($1::bytea[], $2::bigint[], $3::bigint[])
		on conflict (name) do update set value = excluded.value, expires = excluded.expires`

	insertEntries = `insert into entries (log, seq, time, line, terms, long_terms)
		select log, seq, time, line, string_to_array(terms, ' '), long
		from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bytea[], $5::text[], $6::text[])
			as e (log, seq, time, line, terms, long)`

	insertChanges = `insert into changes (seq, kind, id, version)
		select * from unnest($1::bigint[], $2::text[], $3::bytea[], $4::bigint[])`
)

// statements are all that is left of a batch's transaction: whatever has
// effects to write, each kind of row in one statement, and the commit.
func statements(id [16]byte, st *state, e *batch.Effects) *pgx.Batch {
	b := &pgx.Batch{}
	b.Queue(insertCommit, id)
	queueDeletes(b, e.Deletes)
	queuePuts(b, e.Puts)
	queueFound(b, st, e) // after records: the order in which sweep takes them
	queueSums(b, e.Counters)
	queueEntries(b, e.Entries)
	queueChanges(b, e.Changes)
	b.Queue("commit")
	return b
}

// foundRows are rows of the table that List looks index values up in.
type foundRows struct {
	kinds, terms []string
	born         []int64
	ids          [][]byte
}

func (f *foundRows) add(k store.Key, born store.Version, terms string) {
	if terms == "" {
		return
	}
	for term := range strings.SplitSeq(terms, " ") {
		f.kinds = append(f.kinds, string(k.Kind))
		f.terms = append(f.terms, lookUp(term))
		f.born = append(f.born, int64(born))
		f.ids = append(f.ids, rowID(k.ID))
	}
}

func (f *foundRows) queue(b *pgx.Batch, statement string) {
	if len(f.ids) > 0 {
		b.Queue(statement, f.kinds, f.terms, f.born, f.ids)
	}
}

// queueFound changes look-ups only for records that come, go or change their
// terms: most writes of a record touch none.
func queueFound(b *pgx.Batch, st *state, e *batch.Effects) {
	var gone, come foundRows
	for _, k := range e.Deletes {
		gone.add(k, st.Records[k].Born, st.terms[k])
	}
	for i := range e.Puts {
		p := &e.Puts[i]
		old, now := st.Records[p.Key], terms(p.Index)
		if old.Born == p.Born && st.terms[p.Key] == now {
			continue
		}
		gone.add(p.Key, old.Born, st.terms[p.Key])
		come.add(p.Key, p.Born, now)
	}
	gone.queue(b, deleteFound)
	come.queue(b, insertFound)
}

func queueDeletes(b *pgx.Batch, keys []store.Key) {
	if len(keys) == 0 {
		return
	}
	kinds, ids := make([]string, len(keys)), make([][]byte, len(keys))
	for i, k := range keys {
		kinds[i], ids[i] = string(k.Kind), rowID(k.ID)
	}
	b.Queue(deleteRecords, kinds, ids)
}

func queuePuts(b *pgx.Batch, puts []batch.Put) {
	if len(puts) == 0 {
		return
	}
	n := len(puts)
	kinds, ids, longIDs := make([]string, n), make([][]byte, n), make([][]byte, n)
	versions, born, expires := make([]int64, n), make([]int64, n), make([]int64, n)
	index, values := make([]string, n), make([][]byte, n)
	for i := range puts {
		p := &puts[i]
		kinds[i], ids[i], longIDs[i] = string(p.Key.Kind), rowID(p.Key.ID), longID(p.Key.ID)
		versions[i], born[i], expires[i] = int64(p.Version), int64(p.Born), nanos(p.Expires)
		index[i], values[i] = terms(p.Index), notNull(p.Value)
	}
	b.Queue(upsertRecords, kinds, ids, longIDs, versions, born, expires, index, values)
}

func queueSums(b *pgx.Batch, counters map[string]batch.Counter) {
	if len(counters) == 0 {
		return
	}
	var names [][]byte
	var values, expires []int64
	for name, c := range counters {
		names = append(names, rowID(name))
		values = append(values, c.Value)
		expires = append(expires, nanos(c.Expires))
	}
	b.Queue(upsertCounters, names, values, expires)
}

func queueEntries(b *pgx.Batch, entries []store.Entry) {
	if len(entries) == 0 {
		return
	}
	n := len(entries)
	logs, seqs, times := make([]string, n), make([]int64, n), make([]int64, n)
	lines, index, long := make([][]byte, n), make([]string, n), make([]*string, n)
	for i := range entries {
		e := &entries[i]
		logs[i], seqs[i], times[i] = e.Log, int64(e.Seq), nanos(e.Time)
		lines[i] = notNull(e.Line)
		short, all := lookUps(e.Index)
		index[i], long[i] = strings.Join(short, " "), all
	}
	b.Queue(insertEntries, logs, seqs, times, lines, index, long)
}

func queueChanges(b *pgx.Batch, changes []batch.Change) {
	if len(changes) == 0 {
		return
	}
	n := len(changes)
	numbers, kinds, ids, versions := make([]int64, n), make([]string, n), make([][]byte, n), make([]int64, n)
	for i, c := range changes {
		numbers[i], kinds[i], ids[i], versions[i] = int64(c.Number), string(c.Key.Kind), []byte(c.Key.ID), int64(c.Version)
	}
	b.Queue(insertChanges, numbers, kinds, ids, versions)
}

// notNull keeps nil bytes from becoming SQL's null.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
