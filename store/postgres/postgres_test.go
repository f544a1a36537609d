package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/testparts"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/postgres"
	"github.com/ostiary/ostiary/store/storetest"
)

func TestAStoreKeepsItsPromises(t *testing.T) {
	url := testparts.Postgres(t)
	var made atomic.Int64
	storetest.Run(t, storetest.Driver{New: func(t *testing.T, clock ostiary.Clock) func() (store.Store, error) {
		namespace := fmt.Sprint("test_", made.Add(1)) // made sooner than a database
		return func() (store.Store, error) {
			return postgres.Open(t.Context(), url, postgres.Options{Namespace: namespace, Clock: clock})
		}
	}})
}

func TestTwoInstancesUseAGrantOnce(t *testing.T) {
	url := testparts.Postgres(t)
	stores := []*postgres.Store{open(t, url, postgres.Options{}), open(t, url, postgres.Options{})}
	const grants, callers = 200, 4
	versions := putGrants(t, stores[0], grants)
	var uses [grants]atomic.Int32
	var wg sync.WaitGroup
	for c := range 2 * callers {
		wg.Go(func() {
			for i := range grants {
				var tx store.Tx
				tx.Assert(grantKey(i), versions[i])
				tx.Delete(grantKey(i))
				_, err := stores[c%2].Commit(t.Context(), tx)
				switch {
				case err == nil:
					uses[i].Add(1)
				case !errors.Is(err, store.ErrConflict):
					t.Errorf("use of a grant: got %v, want nil or a conflict", err)
				}
			}
		})
	}
	wg.Wait()
	for i := range uses {
		if got := uses[i].Load(); got != 1 {
			t.Errorf("grant %d was used %d times, want once", i, got)
		}
	}
}

func TestAnotherInstancesRevocationConflictsAtOnce(t *testing.T) {
	url := testparts.Postgres(t)
	one, other := open(t, url, postgres.Options{}), open(t, url, postgres.Options{})
	epoch, version := putEpoch(t, one, 1)
	var call, revoke store.Tx
	call.Assert(epoch, version)
	call.Append(entry("audit-1"))
	commit(t, other, call)
	revoke.Put(store.Put{Key: epoch})
	commit(t, one, revoke)
	var conflict *store.ConflictError
	if _, err := other.Commit(t.Context(), call); !errors.As(err, &conflict) || conflict.Key != epoch {
		t.Errorf("call after the revocation: got %v, want a conflict about %v", err, epoch)
	}
}

func TestNamespacesShareNothing(t *testing.T) {
	url := testparts.Postgres(t)
	one, other := open(t, url, postgres.Options{Namespace: "one"}), open(t, url, postgres.Options{Namespace: "other"})
	k, _ := putEpoch(t, one, 1)
	if _, err := other.Get(t.Context(), k); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("get of another namespace's record: got %v, want not found", err)
	}
}

func TestAnotherInstancesChangesAreSeen(t *testing.T) {
	url := testparts.Postgres(t)
	one, other := open(t, url, postgres.Options{}), open(t, url, postgres.Options{})
	next := follow(t, other, "")
	k, version := putEpoch(t, one, 1)
	got := next()
	if got.Key != k || got.Version != version {
		t.Errorf("change: got %v at %d, want %v at %d", got.Key, got.Version, k, version)
	}
}

func TestAFeedGoesOnInTheMiddleOfWhatWasReadTogether(t *testing.T) {
	s := open(t, testparts.Postgres(t), postgres.Options{})
	next := follow(t, s, "")
	const n = 10
	var tx store.Tx
	for i := range n {
		tx.Put(store.Put{Key: grantKey(i)})
	}
	commit(t, s, tx)
	var seen []store.Change
	for range n {
		seen = append(seen, next())
	}
	putEpoch(t, s, 1)
	for i, c := range seen {
		resumed := follow(t, s, c.Position)
		for want := i + 1; want < n; want++ {
			if got := resumed().Key; got != grantKey(want) {
				t.Fatalf("resumed after change %d: got %v, want %v", i, got, grantKey(want))
			}
		}
		if got := resumed().Key.Kind; got != "epoch" {
			t.Errorf("resumed after change %d: got a %s at the end, want the epoch", i, got)
		}
	}
}

func TestAStrangePositionIsLost(t *testing.T) {
	s := open(t, testparts.Postgres(t), postgres.Options{})
	for _, p := range []store.Position{"x", "1", "1:1:'", "999999999999:999999999999:", "1:1:/1:1:/"} {
		for _, err := range s.Changes(t.Context(), p) {
			if !errors.Is(err, store.ErrPositionLost) {
				t.Errorf("changes from %q: got %v, want position lost", p, err)
			}
			break
		}
	}
}

func TestOneTransactionThatTheServerRefusesSpoilsNoOther(t *testing.T) {
	url := testparts.Postgres(t)
	s := open(t, url, postgres.Options{})
	execute(t, url, "alter table ostiary.records add constraint no_poison check (kind <> 'poison')")
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			kind := store.Kind("grant")
			if i%10 == 0 {
				kind = "poison"
			}
			var tx store.Tx
			tx.Put(store.Put{Key: store.Key{Kind: kind, ID: fmt.Sprint(i)}})
			tx.Append(entry("audit-1"))
			_, err := s.Commit(t.Context(), tx)
			if (err != nil) != (kind == "poison") {
				t.Errorf("commit of kind %s: got %v", kind, err)
			}
		})
	}
	wg.Wait()
	if logs, err := s.Logs(t.Context()); err != nil || logs["audit-1"] != 36 {
		t.Errorf("entries in the log: got %d, %v, want 36", logs["audit-1"], err)
	}
}

func TestWhatCannotBeKeptIsRefusedBeforehand(t *testing.T) {
	s := open(t, testparts.Postgres(t), postgres.Options{})
	long := strings.Repeat("long", 1000)
	for name, fill := range map[string]func(*store.Tx){
		"kind with NUL": func(tx *store.Tx) { tx.Put(store.Put{Key: store.Key{Kind: "a\x00b", ID: "x"}}) },
		"asserted kind": func(tx *store.Tx) { tx.Assert(store.Key{Kind: "\xff", ID: "x"}, 0) },
		"deleted kind":  func(tx *store.Tx) { tx.Delete(store.Key{Kind: "\xff", ID: "x"}) },
		"log name":      func(tx *store.Tx) { tx.Append(store.Append{Log: "a\x00b", Line: entry("").Line}) },
		"long log name": func(tx *store.Tx) { tx.Append(store.Append{Log: long, Line: entry("").Line}) },
	} {
		var tx store.Tx
		fill(&tx)
		if _, err := s.Commit(t.Context(), tx); err == nil || errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: got %v, want a refusal", name, err)
		}
	}
}

// follow returns a function that waits for the next change, heartbeats left
// out.
func follow(t *testing.T, s store.Store, from store.Position) func() store.Change {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	next, stop := iter.Pull2(s.Changes(ctx, from))
	t.Cleanup(func() { cancel(); stop() })
	return func() store.Change {
		for {
			c, err, ok := next()
			if err != nil || !ok {
				t.Fatalf("changes ended: %v", err)
			}
			if !c.Heartbeat {
				return c
			}
		}
	}
}
