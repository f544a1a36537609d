package batch

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/ostiary/ostiary/store"
)

// An Outcome is what one transaction's caller is told.
type Outcome struct {
	Receipt store.Receipt
	Err     error // a *store.ConflictError, or what Line returned
}

// Effects are what a driver writes for the transactions that passed: per key
// and counter only how it ends.
type Effects struct {
	Puts     []Put
	Deletes  []store.Key        // each was present before the batch
	Counters map[string]Counter // as they end
	Entries  []store.Entry      // in the order of their numbers, log by log
	Changes  []Change           // in ascending order of Number
	Next     store.Version      // the first number that was not taken
}

// A Put is the final write of a key.
type Put struct {
	store.Put
	Version store.Version
	Born    store.Version // equal to Version: the record is new
}

// A Change is one line of the feed, at its place.
type Change struct {
	Number  store.Version
	Key     store.Key
	Version store.Version // zero: deleted
}

// Announce is the change as readers of the feed see it. Its position is its
// number in decimal.
func (c Change) Announce() store.Change {
	return store.Change{Position: store.Position(strconv.FormatUint(uint64(c.Number), 10)), Key: c.Key, Version: c.Version}
}

// Empty says whether there is nothing to write.
func (e *Effects) Empty() bool {
	return len(e.Puts)+len(e.Deletes)+len(e.Counters)+len(e.Entries) == 0
}

// Decide takes the transactions in order, each against the state including
// those before it that passed. One that fails contributes nothing. Lines are
// made only for transactions whose asserts and counters hold; a number whose
// Line fails goes to the next entry, so that logs have no gaps.
func Decide(txs []store.Tx, s State) (Effects, []Outcome) {
	d := decider{
		s: s, next: s.Next,
		written: map[store.Key]written{}, counters: map[string]Counter{}, heads: map[string]uint64{},
	}
	outcomes := make([]Outcome, len(txs))
	for i := range txs {
		outcomes[i].Receipt, outcomes[i].Err = d.decide(&txs[i])
	}
	return d.effects(), outcomes
}

// decider holds what passing transactions changed, over a state that stays
// as it was read.
type decider struct {
	s        State
	next     store.Version
	written  map[store.Key]written
	counters map[string]Counter
	heads    map[string]uint64
	entries  []store.Entry
}

// written is how a key stands after the transactions so far; the zero Record
// says that it was deleted.
type written struct {
	Record
	number store.Version
	put    *store.Put
}

func (d *decider) decide(tx *store.Tx) (store.Receipt, error) {
	for _, a := range tx.Asserts {
		if d.record(a.Key).Version != a.Version {
			return store.Receipt{}, &store.ConflictError{Key: a.Key}
		}
	}
	sums, err := d.add(tx.Adds)
	if err != nil {
		return store.Receipt{}, err
	}
	seqs, err := d.append(tx.Appends)
	if err != nil {
		return store.Receipt{}, err
	}
	// Nothing fails from here on.
	maps.Copy(d.counters, sums)
	d.delete(tx.Deletes)
	return store.Receipt{Versions: d.put(tx.Puts), Seqs: seqs}, nil
}

// record is how a key stands now; zero when it is absent or expired.
func (d *decider) record(k store.Key) Record {
	if w, ok := d.written[k]; ok {
		return d.alive(w.Record)
	}
	return d.alive(d.s.Records[k])
}

func (d *decider) alive(r Record) Record {
	if r.Past(d.s.Now) {
		return Record{}
	}
	return r
}

// add sums up a transaction's additions without applying them.
func (d *decider) add(adds []store.Add) (map[string]Counter, error) {
	if len(adds) == 0 {
		return nil, nil
	}
	sums := make(map[string]Counter, len(adds))
	for _, a := range adds {
		c, ok := sums[a.Counter]
		if !ok {
			c, ok = d.counter(a.Counter)
		}
		if !ok {
			c = Counter{Expires: kept(a.Expires, time.Millisecond)}
		}
		if a.Delta > 0 && (c.Value > math.MaxInt64-a.Delta || a.Max > 0 && c.Value+a.Delta > a.Max) {
			return nil, &store.ConflictError{Counter: a.Counter}
		}
		c.Value = max(0, c.Value+a.Delta)
		sums[a.Counter] = c
	}
	return sums, nil
}

func (d *decider) counter(name string) (Counter, bool) {
	c, ok := d.counters[name]
	if !ok {
		c, ok = d.s.Counters[name]
	}
	return c, ok && !past(d.s.Now, c.Expires)
}

// append makes a transaction's entries, all or none of them.
func (d *decider) append(appends []store.Append) ([]uint64, error) {
	if len(appends) == 0 {
		return nil, nil
	}
	before := len(d.entries)
	seqs := make([]uint64, len(appends))
	d.entries = slices.Grow(d.entries, len(appends))
	for i, a := range appends {
		seq := d.head(a.Log)
		line, err := a.Line(seq)
		if err != nil {
			d.withdraw(before)
			return nil, fmt.Errorf("make a log line: %w", err)
		}
		d.heads[a.Log] = seq + 1
		d.entries = append(d.entries, store.Entry{Log: a.Log, Seq: seq, Time: kept(a.Time, time.Microsecond), Line: line, Index: a.Index})
		seqs[i] = seq
	}
	return seqs, nil
}

func (d *decider) head(log string) uint64 {
	if head, ok := d.heads[log]; ok {
		return head
	}
	return d.s.Heads[log]
}

// withdraw takes back the entries from the i-th on, and their numbers.
func (d *decider) withdraw(i int) {
	for _, e := range slices.Backward(d.entries[i:]) {
		d.heads[e.Log] = e.Seq
	}
	d.entries = d.entries[:i]
}

func (d *decider) delete(keys []store.Key) {
	for _, k := range keys {
		if d.record(k).Version != 0 {
			d.written[k] = written{number: d.number()}
		}
	}
}

func (d *decider) put(puts []store.Put) []store.Version {
	if len(puts) == 0 {
		return nil
	}
	versions := make([]store.Version, len(puts))
	for i := range puts {
		p := &puts[i]
		n := d.number()
		born := d.record(p.Key).Born
		if born == 0 {
			born = n
		}
		d.written[p.Key] = written{Record{n, born, kept(p.Expires, time.Millisecond)}, n, p}
		versions[i] = n
	}
	return versions
}

func (d *decider) number() store.Version {
	n := d.next
	d.next++
	return n
}

// kept is a time as every driver keeps it, so that all compare alike.
func kept(t time.Time, precision time.Duration) time.Time { return t.UTC().Truncate(precision) }

func (d *decider) effects() Effects {
	e := Effects{Counters: d.counters, Entries: d.entries, Next: d.next}
	for k, w := range d.written {
		e.Changes = append(e.Changes, Change{w.number, k, w.Version})
	}
	slices.SortFunc(e.Changes, func(a, b Change) int { return cmp.Compare(a.Number, b.Number) })
	for _, c := range e.Changes {
		if w := d.written[c.Key]; w.put != nil {
			p := Put{*w.put, w.Version, w.Born}
			p.Expires = w.Expires
			e.Puts = append(e.Puts, p)
		} else if _, present := d.s.Records[c.Key]; present {
			e.Deletes = append(e.Deletes, c.Key)
		}
	}
	return e
}
