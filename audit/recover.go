package audit

import (
	"cmp"
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
	intents, err := l.cutOff(ctx, h.name)
	if err != nil {
		return fmt.Errorf("look for calls that were cut off: %w", err)
	}
	for some := range slices.Chunk(intents, recoverAtOnce) {
		if err := l.endCalls(ctx, h, some); err != nil {
			return fmt.Errorf("end calls that were cut off: %w", err)
		}
	}
	return nil
}

// cutOff returns the intents of a log that have no outcome in it.
func (l *Log) cutOff(ctx context.Context, log string) ([]Entry, error) {
	kept, _, err := l.head(ctx, log)
	if err != nil {
		return nil, err
	}
	open, intents := newCalls(), map[ostiary.CallID][]byte{}
	for p, err := range l.lines(ctx, log, kept.Low) {
		if err != nil {
			return nil, err
		}
		switch a := aboutOf(p.plain); open.see(p.seq, a) {
		case opened:
			intents[a.call] = p.plain
		case ended:
			delete(intents, a.call)
		}
	}
	entries, err := parseAll(slices.Collect(maps.Values(intents)))
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	return entries, err
}

func (l *Log) endCalls(ctx context.Context, h *held, intents []Entry) error {
	var tx store.Tx
	for _, intent := range intents {
		done, err := l.hasOutcome(ctx, intent.CallID)
		if err != nil {
			return err
		}
		if !done {
			tx.Append(l.on(h, l.prepare(unknownEnd(intent))))
		}
	}
	if tx.Empty() {
		return nil
	}
	_, err := l.db.Commit(ctx, tx)
	return err
}

// hasOutcome says whether a call has an outcome in any log: an instance that lost
// its log records in another how the calls under way ended.
func (l *Log) hasOutcome(ctx context.Context, call ostiary.CallID) (bool, error) {
	page, err := l.db.Search(ctx, store.LogQuery{Limit: 1, Index: []store.Index{
		l.db.LogIndex(store.Index{Name: byCallID, Value: string(call)}),
		l.db.LogIndex(store.Index{Name: byKind, Value: string(KindOutcome)}),
	}})
	return len(page.Entries) > 0, err
}

func unknownEnd(intent Entry) *Entry {
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

// A turn is what a line means for the calls that are open.
type turn int

const (
	neither turn = iota
	opened
	ended
)

// An about says what a line tells of which call.
type about struct {
	kind Kind
	call ostiary.CallID
}

func aboutOf(plain []byte) about {
	call, rest := memberFrom(plain, 1, "call_id")
	kind, _ := memberFrom(plain, rest, "kind")
	return about{Kind(unquote(kind)), ostiary.CallID(unquote(call))}
}

func (c *calls) see(seq uint64, a about) turn {
	switch a.kind {
	case KindIntent:
		return c.open(a.call, seq)
	case KindOutcome:
		return c.end(a.call)
	default:
		return neither
	}
}

func (c *calls) open(call ostiary.CallID, seq uint64) turn {
	if c.early[call] {
		delete(c.early, call)
		return neither
	}
	c.since[call] = seq
	return opened
}

func (c *calls) end(call ostiary.CallID) turn {
	if _, open := c.since[call]; open {
		delete(c.since, call)
		return ended
	}
	if len(c.early) >= maxEarly {
		clear(c.early)
	}
	c.early[call] = true
	return neither
}

// low is the number below which every intent has its outcome.
func (c *calls) low(size uint64) uint64 {
	for _, seq := range c.since {
		size = min(size, seq)
	}
	return size
}
