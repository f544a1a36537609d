package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/testparts"
	"github.com/ostiary/ostiary/store"
)

func openStore(t *testing.T, url string, opts Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// begun opens a session with a transaction in it.
func begun(t *testing.T, s *Store) pgx.Tx {
	t.Helper()
	config := s.dial.config.ConnConfig.Copy()
	delete(config.RuntimeParams, "idle_in_transaction_session_timeout")
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hangUp(conn) })
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func do(t *testing.T, tx pgx.Tx, statement string, args ...any) {
	t.Helper()
	if _, err := tx.Exec(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func put(t *testing.T, s *Store, p store.Put) store.Version {
	t.Helper()
	var tx store.Tx
	tx.Put(p)
	receipt, err := s.Commit(t.Context(), tx)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Versions[0]
}

func TestInstancesThatAssertTheSameKeyDoNotWaitForEachOther(t *testing.T) {
	s := openStore(t, testparts.Postgres(t), Options{Patience: 300 * time.Millisecond})
	epoch := store.Key{Kind: "epoch", ID: "deployment"}
	version := put(t, s, store.Put{Key: epoch})
	other := begun(t, s)
	do(t, other, lockQuery, []int64{s.keyLock(epoch)}, []bool{false})

	var assert, write store.Tx
	assert.Assert(epoch, version)
	assert.Append(store.Append{Log: "audit-1", Line: func(uint64) ([]byte, error) { return nil, nil }})
	if _, err := s.Commit(t.Context(), assert); err != nil {
		t.Errorf("assert beside another's assert: got %v", err)
	}
	write.Put(store.Put{Key: epoch})
	if _, err := s.Commit(t.Context(), write); err == nil {
		t.Error("a write went past another's assert")
	}
	do(t, other, "rollback")
	if _, err := s.Commit(t.Context(), write); err != nil {
		t.Errorf("write after the other is gone: got %v", err)
	}
}

func TestLocksAreTakenInOneOrderAndOnce(t *testing.T) {
	ids, exclusive := inOrder(map[int64]bool{3: true, -7: false, 1: true})
	if !slices.Equal(ids, []int64{-7, 1, 3}) || !slices.Equal(exclusive, []bool{false, true, true}) {
		t.Errorf("locks: got %v %v, want them ascending", ids, exclusive)
	}
}

// A transaction that began early and commits late would be skipped by a
// reader that remembers a number only.
func TestAChangeThatBecomesVisibleLateIsNotSkipped(t *testing.T) {
	s := openStore(t, testparts.Postgres(t), Options{})
	next, stop := pull(t, s, "")
	defer stop()
	slow := begun(t, s)
	do(t, slow, insertChanges, []int64{1 << 60}, []string{"grant"}, [][]byte{[]byte("slow")}, []int64{1})
	put(t, s, store.Put{Key: store.Key{Kind: "grant", ID: "quick"}})
	first := next()
	if first.Key.ID != "quick" {
		t.Errorf("first change: got %q, want the one that was committed first", first.Key.ID)
	}
	do(t, slow, "commit")
	if got := next().Key.ID; got != "slow" {
		t.Errorf("second change: got %q, want the late one", got)
	}
	resumed, stopResumed := pull(t, s, first.Position)
	defer stopResumed()
	if got := resumed().Key.ID; got != "slow" {
		t.Errorf("resumed after the first: got %q, want the late one", got)
	}
}

func TestAPositionOlderThanWhatIsKeptIsLost(t *testing.T) {
	s := openStore(t, testparts.Postgres(t), Options{})
	next, stop := pull(t, s, "")
	put(t, s, store.Put{Key: store.Key{Kind: "grant", ID: "1"}})
	old := next().Position
	stop()
	put(t, s, store.Put{Key: store.Key{Kind: "grant", ID: "2"}})
	if err := s.trim(t.Context(), s.horizon(t.Context())[0]); err != nil {
		t.Fatal(err)
	}
	for c, err := range s.Changes(t.Context(), old) {
		if !errors.Is(err, store.ErrPositionLost) {
			t.Errorf("changes from an old position: got %v, %v, want position lost", c, err)
		}
		break
	}
	if got := count(t, s, "changes"); got != 0 {
		t.Errorf("changes kept: got %d, want none", got)
	}
	fresh, stopFresh := pull(t, s, "")
	defer stopFresh()
	put(t, s, store.Put{Key: store.Key{Kind: "grant", ID: "3"}})
	if got := fresh().Key.ID; got != "3" {
		t.Errorf("a reader that begins now: got %q, want 3", got)
	}
}

func TestAPositionOfAServerThatWasPutBackIsLost(t *testing.T) {
	s := openStore(t, testparts.Postgres(t), Options{})
	for _, err := range s.Changes(t.Context(), "900000000:900000000:") {
		if !errors.Is(err, store.ErrPositionLost) {
			t.Errorf("changes from the future: got %v, want position lost", err)
		}
		break
	}
}

func TestAFeedThatCameFromAnotherServerIsForgotten(t *testing.T) {
	url := testparts.Postgres(t)
	s := openStore(t, url, Options{})
	tx := begun(t, s)
	do(t, tx, "insert into changes (seq, xid, kind, id, version) values (1, '900000000', 'grant', '\\x61', 1)")
	do(t, tx, "update feed set kept_from = '900000000'")
	do(t, tx, "commit")
	s = openStore(t, url, Options{})
	next, stop := pull(t, s, "")
	defer stop()
	put(t, s, store.Put{Key: store.Key{Kind: "grant", ID: "1"}})
	if got := next().Key.ID; got != "1" {
		t.Errorf("first change: got %q, want 1", got)
	}
}

func TestWhatHasExpiredIsSweptWithItsLookUps(t *testing.T) {
	clock := &movable{now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	s := openStore(t, testparts.Postgres(t), Options{Clock: clock})
	soon, later := clock.Now().Add(time.Minute), clock.Now().Add(time.Hour)
	index := []store.Index{{Name: "a", Value: "1"}, {Name: "b", Value: strings.Repeat("long", 1000)}}
	put(t, s, store.Put{Key: store.Key{Kind: "grant", ID: "soon"}, Index: index, Expires: soon})
	put(t, s, store.Put{Key: store.Key{Kind: "grant", ID: "later"}, Index: index, Expires: later})
	put(t, s, store.Put{Key: store.Key{Kind: "grant", ID: "never"}, Index: index})
	var tx store.Tx
	tx.Add(store.Add{Counter: "soon", Delta: 1, Expires: soon})
	tx.Add(store.Add{Counter: "never", Delta: 1})
	if _, err := s.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	if err := s.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, s, map[string]int{"records": 3, "found": 6, "counters": 2})
	clock.set(soon)
	if err := s.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, s, map[string]int{"records": 2, "found": 4, "counters": 1})
}

func TestIDsOfOldCommitsAreSwept(t *testing.T) {
	s := openStore(t, testparts.Postgres(t), Options{})
	put(t, s, store.Put{Key: store.Key{Kind: "grant", ID: "1"}})
	tx := begun(t, s)
	do(t, tx, "update commits set at = now() - interval '1 day'")
	do(t, tx, "commit")
	put(t, s, store.Put{Key: store.Key{Kind: "grant", ID: "2"}})
	if err := s.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, s, map[string]int{"commits": 1})
}

func TestLookUpsFollowTheirRecord(t *testing.T) {
	s := openStore(t, testparts.Postgres(t), Options{})
	k := store.Key{Kind: "grant", ID: strings.Repeat("long", 1000)}
	put(t, s, store.Put{Key: k, Index: []store.Index{{Name: "a", Value: "1"}, {Name: "a", Value: "1"}}})
	wantCounts(t, s, map[string]int{"found": 1})
	put(t, s, store.Put{Key: k, Index: []store.Index{{Name: "a", Value: "2"}, {Name: "b", Value: "x y%+="}}})
	wantCounts(t, s, map[string]int{"found": 2})
	page, err := s.List(t.Context(), store.Query{Kind: "grant", Index: store.Index{Name: "b", Value: "x y%+="}})
	if err != nil || len(page.Records) != 1 || page.Records[0].Key != k {
		t.Errorf("list: got %d records, %v, want the long key", len(page.Records), err)
	}
	var tx store.Tx
	tx.Delete(k)
	if _, err := s.Commit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, s, map[string]int{"found": 0, "records": 0})
}

func TestALogThatSomebodyElseWroteToIsTaken(t *testing.T) {
	url := testparts.Postgres(t)
	paused, woken := openStore(t, url, Options{}), openStore(t, url, Options{})
	var tx, free store.Tx
	tx.Append(store.Append{Log: "audit-1", Line: func(uint64) ([]byte, error) { return []byte("line"), nil }})
	free.Put(store.Put{Key: store.Key{Kind: "grant", ID: "1"}})
	for _, s := range []*Store{paused, woken} {
		if _, err := s.Commit(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := paused.Commit(t.Context(), tx); !errors.Is(err, store.ErrLogTaken) {
		t.Errorf("append to a log that moved: got %v, want log taken", err)
	}
	if _, err := paused.Commit(t.Context(), free); err != nil {
		t.Errorf("commit without that log: got %v", err)
	}
	if _, err := woken.Commit(t.Context(), tx); err != nil {
		t.Errorf("append by the other writer: got %v", err)
	}
}

func TestAClaimIsTakenAgainWhenItsSessionWasLost(t *testing.T) {
	url := testparts.Postgres(t)
	one, other := openStore(t, url, Options{}), openStore(t, url, Options{})
	if _, _, err := one.Claim(t.Context(), "audit-"); err != nil {
		t.Fatal(err)
	}
	hangUp(one.claims.conn)
	for !one.renewed("audit-1") { // the server may be slow to notice
		one.renewClaims()
	}
	log, release, err := other.Claim(t.Context(), "audit-")
	if err != nil || log != "audit-2" {
		t.Fatalf("claim beside a renewed one: got %s, %v, want audit-2", log, err)
	}
	release()
	release()
	if again, _, err := other.Claim(t.Context(), "audit-"); err != nil || again != "audit-2" {
		t.Errorf("claim after release: got %s, %v, want audit-2", again, err)
	}
}

func (s *Store) renewed(log string) bool {
	s.claims.mu.Lock()
	defer s.claims.mu.Unlock()
	return s.claims.held[log] && !s.claims.conn.IsClosed()
}

func TestALineIsAskedForOnceThoughTheBatchBeginsAnew(t *testing.T) {
	calls := 0
	tx := store.Tx{Appends: []store.Append{{Log: "audit-1", Line: func(uint64) ([]byte, error) {
		calls++
		return nil, nil
	}}}}
	txs := []store.Tx{tx}
	new(claims).watchLines(txs)
	for _, seq := range []uint64{4, 4, 5} {
		if _, err := txs[0].Appends[0].Line(seq); err != nil {
			t.Fatal(err)
		}
	}
	if calls != 2 {
		t.Errorf("calls of Line for numbers 4, 4 and 5: got %d, want 2", calls)
	}
}

// pull returns a function that waits for the next change that is no
// heartbeat.
func pull(t *testing.T, s *Store, from store.Position) (next func() store.Change, stop func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	changes := make(chan store.Change)
	feed := s.Changes(ctx, from)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(changes)
		for c, err := range feed {
			if err != nil {
				t.Errorf("changes ended: %v", err)
				return
			}
			if !c.Heartbeat {
				select {
				case changes <- c:
				case <-ctx.Done():
				}
			}
		}
	})
	return func() store.Change {
		c, ok := <-changes
		if !ok {
			t.Fatal("the change did not come")
		}
		return c
	}, func() { cancel(); wg.Wait() }
}

func count(t *testing.T, s *Store, table string) (n int) {
	t.Helper()
	if err := s.pool.QueryRow(t.Context(), "select count(*) from "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func wantCounts(t *testing.T, s *Store, want map[string]int) {
	t.Helper()
	for table, n := range want {
		if got := count(t, s, table); got != n {
			t.Errorf("rows of %s: got %d, want %d", table, got, n)
		}
	}
}

// A movable clock stands still until it is set.
type movable struct {
	mu  sync.Mutex
	now time.Time
}

var _ ostiary.Clock = (*movable)(nil)

func (c *movable) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *movable) set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}
