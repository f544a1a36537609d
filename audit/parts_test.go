package audit

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
	"github.com/ostiary/ostiary/store/storetest"
)

// The parts that tests are made of.

func newClock() *storetest.Clock {
	return storetest.ClockAt(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))
}

// A house is one storage with its key.
type house struct {
	driver store.Store
	ring   *store.Keyring
	clock  *storetest.Clock
}

func newHouse() *house {
	clock := newClock()
	return &house{memory.Open(clock), store.NewKeyring(clock), clock}
}

// db opens the storage as one instance does.
func (h *house) db(t testing.TB) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), h.driver, h.ring, h.clock)
	if err != nil {
		t.Fatalf("open storage: %v", err)
	}
	return db
}

func (h *house) log(t testing.TB, o Options) *Log {
	t.Helper()
	l := h.crashing(t, o)
	t.Cleanup(func() { closeLog(t, l) })
	return l
}

// crashing opens a log that the test ends itself.
func (h *house) crashing(t testing.TB, o Options) *Log {
	t.Helper()
	l, err := Open(context.Background(), h.db(t), o)
	if err != nil {
		t.Fatalf("open the log: %v", err)
	}
	return l
}

func closeLog(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Close(context.Background()); err != nil {
		t.Errorf("close the log: %v", err)
	}
}

// crash ends a process: its claim is free, and nothing else was done.
func crash(l *Log) {
	l.queue.give()
	l.keeper.stop()
	<-l.keeper.done
	_ = l.queue.close(context.Background())
	_ = l.mirror.close(context.Background())
	l.held.Load().release()
}

func commit(t testing.TB, l *Log, entries ...Entry) {
	t.Helper()
	var tx store.Tx
	for _, e := range entries {
		l.Append(&tx, e)
	}
	if _, err := l.db.Commit(context.Background(), tx); err != nil {
		t.Fatalf("commit %d entries: %v", len(entries), err)
	}
}

func intentOf(call ostiary.CallID) Entry {
	return Entry{
		Kind: KindIntent, CallID: call, Tool: "crm:get_contact",
		Actor:        Actor{Tenant: "acme", Subject: "alice", Client: "claude-code", Session: "ses_1", IPClass: "loopback"},
		Decision:     &Decision{Effect: "pass", Trail: []string{"authn", "role", "pin", "scope", "site", "app", "consent", "rate", "approval"}},
		ToolDigest:   "sha256:00",
		RawArguments: []byte(`{"id":7}`),
	}
}

func outcomeOf(call ostiary.CallID, s Status) Entry {
	return Entry{
		Kind: KindOutcome, CallID: call, Tool: "crm:get_contact",
		Actor:    Actor{Tenant: "acme", Subject: "alice", Client: "claude-code"},
		Upstream: &Upstream{Status: s, DurationMs: 12, Bytes: 345},
	}
}

func search(t testing.TB, r *Reader, q Query) []Entry {
	t.Helper()
	entries, _, err := r.Search(context.Background(), q)
	if err != nil {
		t.Fatalf("search: %v", err)
	}
	return entries
}

// must returns what a call gave without an error.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantTampered(t testing.TB, err error) {
	t.Helper()
	if !errors.Is(err, store.ErrTampered) {
		t.Errorf("got error %v, want one that wraps store.ErrTampered", err)
	}
}
