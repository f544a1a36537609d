package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// recoverAtOnce is how many outcomes are written in one commit.
const recoverAtOnce = 500

// recover gives every call of a log that was cut off its outcome: unknown.
// It reads from the kept low-water mark on, not the whole log.
func (l *Log) recover(ctx context.Context, h *held) error {
	kept, _, err := l.head(ctx, h.name)
	if err != nil {
		return err
	}
	open := newCalls()
	for e, err := range l.lines(ctx, h.name, kept.Low) {
		if err != nil {
			return fmt.Errorf("look for calls that were cut off: %w", err)
		}
		open.see(e.seq, e.plain)
	}
	for some := range slices.Chunk(slices.Sorted(maps.Values(open.since)), recoverAtOnce) {
		if err := l.endCalls(ctx, h, some); err != nil {
			return fmt.Errorf("end calls that were cut off: %w", err)
		}
	}
	return nil
}

func (l *Log) endCalls(ctx context.Context, h *held, seqs []uint64) error {
	var tx store.Tx
	for _, seq := range seqs {
		intent, err := l.entry(ctx, h.name, seq)
		if err != nil {
			return err
		}
		ended, err := l.ended(ctx, intent.CallID)
		if err != nil {
			return err
		}
		if !ended {
			tx.Append(l.on(h, l.prepare(cutOff(intent))))
		}
	}
	if tx.Empty() {
		return nil
	}
	_, err := l.db.Commit(ctx, tx)
	return err
}

// ended says whether a call has an outcome in any log: an instance that lost
// its log records in another how the calls under way ended.
func (l *Log) ended(ctx context.Context, call ostiary.CallID) (bool, error) {
	page, err := l.db.Search(ctx, store.LogQuery{Limit: 1, Index: []store.Index{
		l.db.LogIndex(store.Index{Name: byCallID, Value: string(call)}),
		l.db.LogIndex(store.Index{Name: byKind, Value: string(KindOutcome)}),
	}})
	return len(page.Entries) > 0, err
}

func cutOff(intent Entry) *Entry {
	return &Entry{
		CallID: intent.CallID, Kind: KindOutcome, Actor: intent.Actor,
		Tool: intent.Tool, ToolDigest: intent.ToolDigest,
		Upstream: &Upstream{Status: StatusUnknown}, Event: "recovered",
	}
}

// calls follows which calls of a log have no outcome yet.
type calls struct {
	since map[ostiary.CallID]uint64 // the number of the intent
	early map[ostiary.CallID]bool   // outcomes that came before their intent
}

// maxEarly bounds what is remembered of outcomes without an intent. What is
// forgotten too early makes the mark stay low, and nothing worse.
const maxEarly = 10_000

func newCalls() *calls {
	return &calls{since: map[ostiary.CallID]uint64{}, early: map[ostiary.CallID]bool{}}
}

func (c *calls) see(seq uint64, plain []byte) {
	kind := Kind(text(plain, "kind"))
	if kind != KindIntent && kind != KindOutcome {
		return
	}
	call := ostiary.CallID(text(plain, "call_id"))
	_, open := c.since[call]
	switch {
	case kind == KindIntent && c.early[call]:
		delete(c.early, call)
	case kind == KindIntent:
		c.since[call] = seq
	case open:
		delete(c.since, call)
	default:
		if len(c.early) >= maxEarly {
			clear(c.early)
		}
		c.early[call] = true
	}
}

// low is the number below which every intent has its outcome.
func (c *calls) low(size uint64) uint64 {
	for _, seq := range c.since {
		size = min(size, seq)
	}
	return size
}
