package audit

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// A sink is a mirror that tests look into.
type sink struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func TestACheckpointIsMadeAndMirroredEveryInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mirror := &sink{}
		l := newHouse().log(t, Options{CheckpointInterval: 10 * time.Second, Mirror: mirror})
		for want := 1; want <= 3; want++ {
			commit(t, l, outcomeOf("cal_1", StatusOK))
			time.Sleep(10*time.Second + time.Millisecond)
			synctest.Wait()
			if got := len(splitNotes([]byte(mirror.String()))); got != want {
				t.Fatalf("after %d intervals: got %d checkpoints", want, got)
			}
		}
	})
}

func TestClosingMakesALastCheckpoint(t *testing.T) {
	mirror := &sink{}
	h := newHouse()
	l := h.crashing(t, Options{Mirror: mirror})
	l.Background(outcomeOf("cal_1", StatusOK))
	closeLog(t, l)
	if !strings.Contains(mirror.String(), "\naudit-1 1 ") {
		t.Errorf("got %q, want a checkpoint of one entry", mirror.String())
	}
}

// A stuck mirror takes nothing until it is let go.
type stuck struct{ free chan struct{} }

func (s stuck) Write(p []byte) (int, error) {
	<-s.free
	return 0, errors.New("disk full")
}

func TestAMirrorThatIsStuckKeepsNobodyWaiting(t *testing.T) {
	free := make(chan struct{})
	defer close(free)
	l := newHouse().crashing(t, Options{Mirror: stuck{free}})
	for range 3 * mirrorSize {
		commit(t, l, outcomeOf("cal_1", StatusOK))
		if err := l.keeper.checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := l.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("close: got %v, want that the mirror did not come along", err)
	}
}

func TestAMirrorThatFailsHarmsNothing(t *testing.T) {
	free := make(chan struct{})
	close(free)
	l := newHouse().log(t, Options{Mirror: stuck{free}})
	commit(t, l, outcomeOf("cal_1", StatusOK))
	if err := l.keeper.checkpoint(t.Context()); err != nil {
		t.Error(err)
	}
}

// A robbed driver says that somebody else writes a log.
type robbed struct {
	store.Store
	log atomic.Value // string
}

func (d *robbed) Commit(ctx context.Context, tx store.Tx) (store.Receipt, error) {
	for _, a := range tx.Appends {
		if a.Log == d.log.Load() {
			return store.Receipt{}, store.ErrLogTaken
		}
	}
	return d.Store.Commit(ctx, tx)
}

func TestALogThatIsLostIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse()
		driver := &robbed{Store: h.driver}
		h.driver = driver
		l := h.log(t, Options{})
		commit(t, l, intentOf("cal_1"))
		driver.log.Store("audit-1")

		var tx store.Tx
		l.Append(&tx, intentOf("cal_2"))
		if _, err := l.db.Commit(t.Context(), tx); !errors.Is(err, store.ErrLogTaken) {
			t.Fatalf("got %v, want ErrLogTaken", err)
		}
		time.Sleep(2 * lookEvery)
		synctest.Wait()
		commit(t, l, intentOf("cal_2")) // the caller tries again
		if got := search(t, l.Reader, Query{CallID: "cal_2"}); len(got) != 1 || got[0].Log != "audit-2" {
			t.Errorf("got %v, want one entry in audit-2", got)
		}
		driver.log.Store("") // whoever has it now writes it
	})
}

func TestWhatWaitsInTheBackgroundMovesToTheNewLogAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse()
		driver := &robbed{Store: h.driver}
		h.driver = driver
		l := h.crashing(t, Options{})
		driver.log.Store("audit-1")
		for _, call := range []ostiary.CallID{"cal_1", "cal_2"} {
			l.Background(outcomeOf(call, StatusOK))
		}
		start := time.Now()
		if err := l.queue.close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took >= lookEvery {
			t.Errorf("it took %v, want less than until the keeper looks", took)
		}
		if got := search(t, l.Reader, Query{}); len(got) != 2 || got[0].Log != "audit-2" || got[1].CallID != "cal_1" {
			t.Errorf("got %v, want cal_1 and cal_2 in audit-2", got)
		}
		closeLog(t, l)
	})
}

// A driver that is down writes nothing.
type down struct {
	store.Store
	now atomic.Bool
}

var errDown = errors.New("down")

func (d *down) Commit(ctx context.Context, tx store.Tx) (store.Receipt, error) {
	if d.now.Load() {
		return store.Receipt{}, errDown
	}
	return d.Store.Commit(ctx, tx)
}

func TestTheBackgroundWaitsForStorageThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse()
		driver := &down{Store: h.driver}
		h.driver = driver
		l := h.log(t, Options{})
		driver.now.Store(true)
		l.Background(outcomeOf("cal_1", StatusOK))
		time.Sleep(time.Minute)
		driver.now.Store(false)
		time.Sleep(2 * retryMost)
		synctest.Wait()
		if got := search(t, l.Reader, Query{}); len(got) != 1 {
			t.Errorf("got %d entries, want 1", len(got))
		}
	})
}

func TestTheBackgroundIsBounded(t *testing.T) {
	h := newHouse()
	driver := &down{Store: h.driver}
	h.driver = driver
	l := h.crashing(t, Options{})
	driver.now.Store(true)
	n := 0
	for l.Background(outcomeOf("cal_1", StatusOK)) {
		if n++; n > 2*(queueSize+queueAtOnce) {
			t.Fatal("the queue takes entries without end")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Close(ctx); err == nil {
		t.Error("closed without a word of what was lost")
	}
}
