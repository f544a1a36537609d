package approval_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/memory"
	"github.com/ostiary/ostiary/store/sqlite"
	"github.com/ostiary/ostiary/store/storetest"
)

// deskOver is a desk over a storage, where so many requests of a person may
// wait.
func deskOver(t *testing.T, c *storetest.Clock, raw store.Store, ring *store.Keyring, most int) *desk {
	t.Helper()
	db, err := store.Open(t.Context(), raw, ring, c)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{clock: c, db: db, epochs: store.NewEpochs(db)}
	d.Service = approval.New(db, d.epochs, events{db}, approval.Config{RequestTTL: 15 * time.Minute, MaxPending: most, Retention: 90 * 24 * time.Hour})
	return d
}

// drivers are the storages that need no server.
var drivers = map[string]func(t *testing.T, c *storetest.Clock) store.Store{
	"memory": func(_ *testing.T, c *storetest.Clock) store.Store { return memory.Open(c) },
	"sqlite": func(t *testing.T, c *storetest.Clock) store.Store {
		raw, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "o.db"), sqlite.Options{Clock: c})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = raw.Close() })
		return raw
	},
}

func TestOfManyRequestsOfOnePersonAtOnceExactlyAsManyWaitAsMay(t *testing.T) {
	const callers = 200
	for name, openStore := range drivers {
		for _, most := range []int{1, 20, callers + 50} {
			t.Run(fmt.Sprint(name, " ", most), func(t *testing.T) {
				c := newClock()
				raw, ring := openStore(t, c), store.NewKeyring(c)
				here, there := deskOver(t, c, raw, ring, most), deskOver(t, c, raw, ring, most)
				opened := openAtOnce(t, callers, here, there)
				if want := min(most, callers); opened != want {
					t.Errorf("of %d calls at once %d wait; want %d", callers, opened, want)
				}
				if got := here.pendingOf(t); len(got) != opened {
					t.Errorf("the inbox shows %d; want %d", len(got), opened)
				}
			})
		}
	}
}

// A place is free again as soon as its request is over, however it ended.
func TestWhatIsOverMakesRoom(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *desk, approval.Request) error{
		"a yes": func(t *testing.T, d *desk, r approval.Request) error {
			_, err := d.Decide(t.Context(), r.ID, d.person("alice"), yes, fresh)
			return err
		},
		"a no": func(t *testing.T, d *desk, r approval.Request) error {
			_, err := d.Decide(t.Context(), r.ID, d.person("alice"), approval.Answer{Decision: approval.Deny}, fresh)
			return err
		},
		"another definition": func(t *testing.T, d *desk, _ approval.Request) error {
			return d.ToolChanged(t.Context(), tool.ID, ostiary.Digest{9})
		},
		"the end of the session": func(t *testing.T, d *desk, _ approval.Request) error {
			var tx store.Tx
			err := d.EndSession(t.Context(), &tx, "ses_1")
			_, err2 := d.db.Commit(t.Context(), tx)
			return errors.Join(err, err2)
		},
		"its time, not yet swept": func(_ *testing.T, d *desk, _ approval.Request) error {
			d.clock.Move(15 * time.Minute)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			d := deskOver(t, c, memory.Open(c), store.NewKeyring(c), 1)
			r := d.open(t, 1, rule(nil))
			if _, err := d.tryOpen(t.Context(), 2, rule(nil)); !errors.Is(err, approval.ErrTooMany) {
				t.Fatalf("while one waits: got %v; want %v", err, approval.ErrTooMany)
			}
			if err := end(t, d, r); err != nil {
				t.Fatal(err)
			}
			d.open(t, 3, rule(nil))
			if _, err := d.tryOpen(t.Context(), 4, rule(nil)); !errors.Is(err, approval.ErrTooMany) {
				t.Errorf("while the next one waits: got %v; want %v", err, approval.ErrTooMany)
			}
		})
	}
}

// The place of a request that ran out may be taken when the sweep comes: it
// is not freed a second time.
func TestASweepFreesNoPlaceOfAnother(t *testing.T) {
	c := newClock()
	d := deskOver(t, c, memory.Open(c), store.NewKeyring(c), 1)
	d.open(t, 1, rule(nil))
	d.clock.Move(15 * time.Minute)
	d.open(t, 2, rule(nil))
	if err := d.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.tryOpen(t.Context(), 3, rule(nil)); !errors.Is(err, approval.ErrTooMany) {
		t.Errorf("got %v; want %v", err, approval.ErrTooMany)
	}
}

func newClock() *storetest.Clock {
	return storetest.ClockAt(time.Date(2026, 5, 3, 12, 0, 0, 0, time.UTC))
}

// openAtOnce makes many different calls of one person ask at the same
// instant, spread over instances, and says how many of them wait.
func openAtOnce(t *testing.T, callers int, at ...*desk) int {
	t.Helper()
	results := make(chan error, callers)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for n := range callers {
		wg.Go(func() {
			<-start
			_, err := at[n%len(at)].tryOpen(t.Context(), n, rule(nil))
			results <- err
		})
	}
	close(start)
	wg.Wait()
	close(results)
	opened := 0
	for err := range results {
		switch {
		case err == nil:
			opened++
		case !errors.Is(err, approval.ErrTooMany):
			t.Errorf("got %v; want a request, or %v", err, approval.ErrTooMany)
		}
	}
	return opened
}

func (d *desk) pendingOf(t *testing.T) []approval.Request {
	t.Helper()
	all, _, err := d.Requests(t.Context(), d.person("alice"), approval.Pending, 1000, "")
	if err != nil {
		t.Fatal(err)
	}
	return all
}
