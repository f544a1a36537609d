package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ostiary/ostiary/store"
)

// testModel runs random transactions, ticks and restarts against a driver
// and against maps, which must agree after every step.
func testModel(t *testing.T, d Driver) {
	p := newPlace(t, d)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++ // one storage for all runs, each with names of its own
		m := newModel(t, p, fmt.Sprint("run", run))
		actions := map[string]func(*rapid.T){
			"commit": m.commit,
			"tick":   m.tick,
			"list":   m.list,
			"":       m.agree,
		}
		if !d.Volatile {
			actions["reopen"] = func(rt *rapid.T) {
				if rapid.IntRange(0, 9).Draw(rt, "now") == 0 { // it is slow
					m.place.reopen(t)
				}
			}
		}
		rt.Repeat(actions)
		m.wholeLog(rt)
	})
}

// A model is what a driver should hold, for few keys, so that they meet.
type model struct {
	t        *testing.T
	place    *place
	name     string
	log      string
	records  map[string]modelRecord
	order    []string // ids by first write
	counters map[string]modelCounter
	lines    []string
	newest   store.Version
}

type modelRecord struct {
	value   string
	color   string
	version store.Version
	expires time.Time
}

type modelCounter struct {
	value   int64
	expires time.Time
}

func newModel(t *testing.T, p *place, name string) *model {
	return &model{
		t: t, place: p, name: name, log: name + "-1",
		records: map[string]modelRecord{}, counters: map[string]modelCounter{},
	}
}

var (
	modelIDs    = rapid.SampledFrom([]string{"a", "A", "b", "c"})
	modelColors = rapid.SampledFrom([]string{"red", "blue"})
	modelNames  = rapid.SampledFrom([]string{"x", "y"})
	modelTTLs   = rapid.SampledFrom([]time.Duration{0, 0, time.Second, 3 * time.Second})
)

func (m *model) key(id string) store.Key    { return store.Key{Kind: store.Kind(m.name), ID: id} }
func (m *model) counter(name string) string { return m.name + "/" + name }
func (m *model) past(expires time.Time) bool {
	return !expires.IsZero() && !m.place.clock.Now().Before(expires)
}

func (m *model) tick(rt *rapid.T) {
	m.place.clock.Move(time.Duration(rapid.IntRange(1, 2000).Draw(rt, "ms")) * time.Millisecond)
}
func (m *model) version(id string) store.Version { return m.alive(id).version }

// alive is a record as it stands; zero when absent.
func (m *model) alive(id string) modelRecord {
	r := m.records[id]
	if m.past(r.expires) {
		return modelRecord{}
	}
	return r
}

func (m *model) expiry(rt *rapid.T) time.Time {
	ttl := modelTTLs.Draw(rt, "ttl")
	if ttl == 0 {
		return time.Time{}
	}
	return m.place.clock.Now().Truncate(time.Millisecond).Add(ttl)
}

// commit draws a transaction, says what must come of it, and runs it.
func (m *model) commit(rt *rapid.T) {
	var tx store.Tx
	m.drawAsserts(rt, &tx)
	m.drawWrites(rt, &tx)
	m.drawAdds(rt, &tx)
	sums, conflict := m.decide(&tx)
	receipt, err := m.place.Commit(m.t.Context(), tx)
	if conflict {
		if !errors.Is(err, store.ErrConflict) {
			rt.Fatalf("commit of %+v: got error %v, want a conflict", tx, err)
		}
		return
	}
	if err != nil {
		rt.Fatalf("commit of %+v: %v", tx, err)
	}
	m.apply(rt, &tx, sums, receipt)
}

func (m *model) drawAsserts(rt *rapid.T, tx *store.Tx) {
	for range rapid.IntRange(0, 2).Draw(rt, "asserts") {
		id := modelIDs.Draw(rt, "id")
		v := m.version(id)
		if rapid.IntRange(0, 4).Draw(rt, "wrong") == 0 {
			v = store.Version(rapid.Uint64Range(0, uint64(m.newest+1)).Draw(rt, "version"))
		}
		tx.Assert(m.key(id), v)
	}
}

func (m *model) drawWrites(rt *rapid.T, tx *store.Tx) {
	for range rapid.IntRange(0, 1).Draw(rt, "deletes") {
		tx.Delete(m.key(modelIDs.Draw(rt, "id")))
	}
	for range rapid.IntRange(0, 2).Draw(rt, "puts") {
		tx.Put(store.Put{
			Key: m.key(modelIDs.Draw(rt, "id")), Value: rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(rt, "value"),
			Index: []store.Index{{Name: "color", Value: modelColors.Draw(rt, "color")}}, Expires: m.expiry(rt),
		})
	}
	for range rapid.IntRange(0, 2).Draw(rt, "appends") {
		tx.Append(entry(m.log, m.place.clock.Now()))
	}
}

func (m *model) drawAdds(rt *rapid.T, tx *store.Tx) {
	for range rapid.IntRange(0, 2).Draw(rt, "adds") {
		tx.Add(store.Add{
			Counter: m.counter(modelNames.Draw(rt, "counter")), Delta: rapid.Int64Range(-3, 5).Draw(rt, "delta"),
			Max: rapid.SampledFrom([]int64{0, 10}).Draw(rt, "max"), Expires: m.expiry(rt),
		})
	}
}

// decide says whether a transaction conflicts, and how its counters end.
func (m *model) decide(tx *store.Tx) (sums map[string]modelCounter, conflict bool) {
	for _, a := range tx.Asserts {
		if m.version(a.Key.ID) != a.Version {
			return nil, true
		}
	}
	sums = map[string]modelCounter{}
	for _, a := range tx.Adds {
		c, ok := sums[a.Counter]
		if !ok {
			if c, ok = m.counters[a.Counter]; !ok || m.past(c.expires) {
				c = modelCounter{expires: a.Expires}
			}
		}
		if a.Delta > 0 && a.Max > 0 && c.value+a.Delta > a.Max {
			return nil, true
		}
		c.value = max(0, c.value+a.Delta)
		sums[a.Counter] = c
	}
	return sums, false
}

func (m *model) apply(rt *rapid.T, tx *store.Tx, sums map[string]modelCounter, receipt store.Receipt) {
	for _, k := range tx.Deletes {
		m.forget(k.ID)
	}
	for i, p := range tx.Puts {
		v := receipt.Versions[i]
		if v <= m.newest {
			rt.Fatalf("version %d after %d: versions must grow", v, m.newest)
		}
		m.newest = v
		if m.version(p.Key.ID) == 0 {
			m.forget(p.Key.ID)
			m.order = append(m.order, p.Key.ID)
		}
		m.records[p.Key.ID] = modelRecord{string(p.Value), p.Index[0].Value, v, p.Expires}
	}
	for name, c := range sums {
		m.counters[name] = c
	}
	for _, seq := range receipt.Seqs {
		if seq != uint64(len(m.lines)) {
			rt.Fatalf("number of an entry: got %d, want %d", seq, len(m.lines))
		}
		m.lines = append(m.lines, fmt.Sprint("line ", seq))
	}
}

func (m *model) forget(id string) {
	delete(m.records, id)
	m.order = slices.DeleteFunc(m.order, func(other string) bool { return other == id })
}

// agree compares every record and counter.
func (m *model) agree(rt *rapid.T) {
	for _, id := range []string{"a", "A", "b", "c"} {
		want := m.alive(id)
		rec, err := m.place.Get(m.t.Context(), m.key(id))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			rt.Fatalf("get %s: %v", id, err)
		}
		if rec.Version != want.version || string(rec.Value) != want.value {
			rt.Fatalf("get %s: got %d %q, want %d %q", id, rec.Version, rec.Value, want.version, want.value)
		}
	}
	for _, name := range []string{"x", "y"} {
		want := m.counters[m.counter(name)]
		if m.past(want.expires) {
			want.value = 0
		}
		got, err := m.place.Counter(m.t.Context(), m.counter(name))
		if err != nil || got != want.value {
			rt.Fatalf("counter %s: got %d, error %v, want %d", name, got, err, want.value)
		}
	}
}

// list compares a list in pages, by color or of all.
func (m *model) list(rt *rapid.T) {
	q := store.Query{Kind: store.Kind(m.name), Limit: rapid.IntRange(1, 3).Draw(rt, "limit")}
	color := rapid.SampledFrom([]string{"", "red", "blue"}).Draw(rt, "color")
	if color != "" {
		q.Index = store.Index{Name: "color", Value: color}
	}
	var want, got []string
	for _, id := range slices.Backward(m.order) {
		if r := m.alive(id); r.version != 0 && (color == "" || r.color == color) {
			want = append(want, id)
		}
	}
	for {
		page, err := m.place.List(m.t.Context(), q)
		if err != nil {
			rt.Fatalf("list: %v", err)
		}
		got = append(got, ids(page.Records)...)
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		rt.Fatalf("list %q: got %q, want %q", color, got, want)
	}
}

func (m *model) wholeLog(rt *rapid.T) {
	if got := lines(readLog(m.t, m.place, m.log, 0)); !slices.Equal(got, m.lines) {
		rt.Fatalf("log: got %q, want %q", got, m.lines)
	}
}
