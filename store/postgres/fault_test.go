package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ostiary/ostiary/internal/testparts"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/postgres"
)

// marked is a transaction that can be recognised on its way to the server,
// and that would be counted twice if it were repeated.
func marked() store.Tx {
	var tx store.Tx
	tx.Add(store.Add{Counter: "commits", Delta: 1})
	tx.Put(store.Put{Key: store.Key{Kind: "grant", ID: "marked"}, Value: []byte("MARKED")})
	tx.Append(entry("audit-1"))
	return tx
}

const (
	commitSent = "MARKED"     // travels together with the commit
	committed  = "COMMIT\x00" // the server's word
)

func TestACommitWhoseAnswerWasLostIsKnownToHaveHappened(t *testing.T) {
	p := newProxy(t, testparts.Postgres(t))
	s := open(t, p.url, postgres.Options{})
	p.onAnswer(committed, func(l *link, _ []byte) { l.cut() })
	commit(t, s, marked())
	checkCommits(t, s, 1)
	commit(t, s, marked())
	checkCommits(t, s, 2)
}

func TestACommitThatNeverArrivedIsRepeated(t *testing.T) {
	p := newProxy(t, testparts.Postgres(t))
	s := open(t, p.url, postgres.Options{})
	p.onRequest(commitSent, func(l *link, _ []byte) { l.cut() })
	commit(t, s, marked())
	checkCommits(t, s, 1)
}

// The dangerous one: the commit is still on its way when its outcome is asked
// for, and arrives after it was said not to have happened.
func TestACommitThatArrivesLateIsRefused(t *testing.T) {
	url := testparts.Postgres(t)
	p := newProxy(t, url)
	s := open(t, p.url, postgres.Options{})
	watch := session(t, url)
	refused := make(chan struct{})
	p.onAnswer("23505", func(l *link, _ []byte) { // unique violation
		l.cut()
		close(refused)
	})
	p.onRequest(commitSent, func(l *link, chunk []byte) {
		held := bytes.Clone(chunk)
		l.client.Close()
		go func() {
			await(t, watch, "select exists (select from ostiary.commits where fence)")
			l.server.Write(held)
		}()
	})
	commit(t, s, marked())
	select {
	case <-refused:
	default:
		t.Error("the late commit was not refused as a duplicate")
	}
	checkCommits(t, s, 1)
}

func TestAnOutcomeThatCannotBeFoundOutIsSaidToBeUnknown(t *testing.T) {
	p := newProxy(t, testparts.Postgres(t))
	s := open(t, p.url, postgres.Options{Patience: 300 * time.Millisecond})
	p.onAnswer(committed, func(l *link, _ []byte) {
		p.down.Store(true)
		l.cut()
	})
	if _, err := s.Commit(t.Context(), marked()); !errors.Is(err, store.ErrUnknownOutcome) {
		t.Errorf("commit: got %v, want an unknown outcome", err)
	}
	p.down.Store(false)
	commit(t, s, marked())
	checkCommits(t, s, 2)
}

func TestAServerThatIsAwayIsAClearErrorAndHeals(t *testing.T) {
	p := newProxy(t, testparts.Postgres(t))
	s := open(t, p.url, postgres.Options{})
	commit(t, s, marked())
	p.down.Store(true)
	p.cutAll()
	_, err := s.Commit(t.Context(), marked())
	if err == nil || errors.Is(err, store.ErrUnknownOutcome) || errors.Is(err, store.ErrConflict) {
		t.Errorf("commit without a server: got %v, want a certain failure", err)
	}
	if _, err := s.Get(t.Context(), grantKey(1)); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("get without a server: got %v, want a failure", err)
	}
	p.down.Store(false)
	commit(t, s, marked())
	checkCommits(t, s, 2)
}

func TestASilentServerIsWaitedForNoLongerThanPatience(t *testing.T) {
	url := testparts.Postgres(t)
	s := open(t, url, postgres.Options{Patience: 200 * time.Millisecond})
	blocker := session(t, url)
	if _, err := blocker.Exec(t.Context(), "begin; lock table ostiary.records in access exclusive mode"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(t.Context(), marked()); err == nil {
		t.Error("commit went through a locked table")
	}
	// The server's own patience or ours, whichever ends first.
	if _, err := s.Get(t.Context(), grantKey(1)); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("get from a locked table: got %v, want a failure", err)
	}
	if _, err := blocker.Exec(t.Context(), "rollback"); err != nil {
		t.Fatal(err)
	}
	commit(t, s, marked())
	checkCommits(t, s, 1)
}

func TestReadsOutliveTheirConnections(t *testing.T) {
	url := testparts.Postgres(t)
	s := open(t, url, postgres.Options{})
	k, _ := putEpoch(t, s, 1)
	for range 5 {
		var wg sync.WaitGroup
		for range 16 { // so that the pool is full
			wg.Go(func() {
				if _, err := s.Get(t.Context(), k); err != nil {
					t.Errorf("get: %v", err)
				}
			})
		}
		wg.Wait()
		terminate(t, url)
	}
}

func TestTheFeedLosesNothingWithItsConnections(t *testing.T) {
	url := testparts.Postgres(t)
	s, other := open(t, url, postgres.Options{}), open(t, url, postgres.Options{})
	next := follow(t, s, "")
	for i := range 10 {
		terminate(t, url)
		var tx store.Tx
		tx.Put(store.Put{Key: grantKey(i)})
		commit(t, other, tx)
		if got := next().Key; got != grantKey(i) {
			t.Errorf("change: got %v, want %v", got, grantKey(i))
		}
	}
}

func TestConnectionsKilledUnderLoadTearNothing(t *testing.T) {
	url := testparts.Postgres(t)
	underLoad(t, url, 12, func() { terminate(t, url) })
}

func TestACrashOfTheServerUnderLoadTearsNothing(t *testing.T) {
	url := testparts.Postgres(t)
	underLoad(t, url, 2, func() {
		var pid int
		conn := session(t, url)
		if err := conn.QueryRow(t.Context(), "select pg_backend_pid()").Scan(&pid); err != nil {
			t.Fatal(err)
		}
		// PostgreSQL takes the death of one session for a corruption of
		// shared memory: it ends all, and recovers from its log.
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	})
}

// underLoad breaks something several times while two instances commit, and
// compares what callers were told with what is kept.
func underLoad(t *testing.T, url string, times int, breakIt func()) {
	t.Helper()
	var told, unknown atomic.Int64
	progress := make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	stores := []*postgres.Store{open(t, url, postgres.Options{}), open(t, url, postgres.Options{})}
	for i := range 8 {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				_, err := stores[i%2].Commit(t.Context(), load(i, n))
				switch {
				case err == nil:
					told.Add(1)
					select {
					case progress <- struct{}{}:
					default:
					}
				case errors.Is(err, store.ErrUnknownOutcome):
					unknown.Add(1)
				case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrLogTaken):
					t.Errorf("commit: got %v", err)
				}
			}
		})
	}
	for range times {
		for range 20 {
			<-progress
		}
		breakIt()
	}
	for range 20 {
		<-progress
	}
	cancel()
	wg.Wait()
	checkLoad(t, stores[0], told.Load(), unknown.Load())
}

// load is one transaction of caller i: a counter, a record and an entry that
// must tell the same story.
func load(i, n int) store.Tx {
	var tx store.Tx
	tx.Add(store.Add{Counter: "commits", Delta: 1})
	tx.Put(store.Put{Key: store.Key{Kind: "load", ID: fmt.Sprintf("%d/%d", i, n)}})
	tx.Append(entry(fmt.Sprint("audit-", i%2)))
	return tx
}

func checkLoad(t *testing.T, s store.Store, told, unknown int64) {
	t.Helper()
	count, err := s.Counter(t.Context(), "commits")
	if err != nil {
		t.Fatal(err)
	}
	if count < told || count > told+unknown {
		t.Errorf("commits kept: got %d, want %d that were acknowledged and at most %d unknown", count, told, unknown)
	}
	var entries, records int64
	for _, log := range []string{"audit-0", "audit-1"} {
		want := uint64(0)
		for e, err := range s.Entries(t.Context(), log, 0) {
			if err != nil || e.Seq != want {
				t.Fatalf("entry of %s: got number %d, %v, want %d", log, e.Seq, err, want)
			}
			want++
			entries++
		}
	}
	for q := (store.Query{Kind: "load", Limit: 1000}); ; {
		page, err := s.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		records += int64(len(page.Records))
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if entries != count || records != count {
		t.Errorf("kept: %d counted, %d entries, %d records; want the same of each", count, entries, records)
	}
}

func checkCommits(t *testing.T, s store.Store, want int64) {
	t.Helper()
	got, err := s.Counter(t.Context(), "commits")
	if err != nil || got != want {
		t.Errorf("commits: got %d, %v, want %d", got, err, want)
	}
	logs, err := s.Logs(t.Context())
	if err != nil || logs["audit-1"] != uint64(want) {
		t.Errorf("entries: got %d, %v, want %d", logs["audit-1"], err, want)
	}
}

// terminate ends the sessions of all stores.
func terminate(t *testing.T, url string) {
	t.Helper()
	execute(t, url, `select pg_terminate_backend(pid) from pg_stat_activity
		where application_name = 'ostiary' and datname = current_database()`)
}
