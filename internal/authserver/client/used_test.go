package client

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

func TestUnusedClientsGoAndUsedOnesStay(t *testing.T) {
	h := newHouse(t)
	r := h.instance(t)
	unused := r.must(t, claude)
	used := r.must(t, strings.Replace(claude, "Claude", "Other", 1))
	far := r.must(t, strings.Replace(claude, "Claude", "Third", 1))
	now := h.clock.Now()
	if err := r.Used(t.Context(), used.ID, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := r.Used(t.Context(), far.ID, now.Add(365*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	there := func(want ...string) {
		t.Helper()
		other := h.instance(t)
		if _, err := other.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		list, _, err := other.List(t.Context(), 100, "")
		var got []string
		for _, c := range list {
			got = append(got, c.Name)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
		if n, err := other.db.Counter(t.Context(), registered); err != nil || int(n) != len(want) {
			t.Errorf("%d are counted, %v; want %d", n, err, len(want))
		}
	}
	h.clock.Move(24*time.Hour - time.Millisecond)
	there("Third Code", "Other Code", "Claude Code")
	h.clock.Move(time.Millisecond)
	if _, err := r.Find(t.Context(), unused.ID); err == nil {
		t.Error("a client is there whose time is over, before it is swept")
	}
	there("Third Code", "Other Code")
	h.clock.Move(89*24*time.Hour - time.Minute)
	if err := h.instance(t).Used(t.Context(), used.ID, h.clock.Now()); err != nil {
		t.Fatal(err)
	}
	h.clock.Move(30 * 24 * time.Hour) // client_ttl counts from the last use
	there("Third Code", "Other Code")
	h.clock.Move(61 * 24 * time.Hour)
	there("Third Code") // what it was given still lasts
	h.clock.Move(365 * 24 * time.Hour)
	there()
}

// A client is used on every refresh; storage hears of it once a minute.
func TestUseIsWrittenOnceAMinuteAndTheFirstOneAtOnce(t *testing.T) {
	h := newHouse(t)
	got := h.instance(t).must(t, claude)
	f := &counting{Store: h.raw}
	r := h.over(t, f)
	f.commits = 0
	for i := range 60 {
		if err := r.Used(t.Context(), got.ID, h.clock.Now().Add(30*24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if f.commits != 1 {
			t.Fatalf("after %d uses in a minute: %d commits", i+1, f.commits)
		}
		h.clock.Move(time.Second - 10*time.Millisecond)
	}
	h.clock.Move(time.Minute)
	if err := r.Used(t.Context(), got.ID, h.clock.Now()); err != nil || f.commits != 2 {
		t.Errorf("a minute later: %d commits, %v; want 2", f.commits, err)
	}
	if err := r.Used(t.Context(), got.ID, h.clock.Now().Add(300*24*time.Hour)); err != nil || f.commits != 3 {
		t.Errorf("something that lasts longer: %d commits, %v; want 3", f.commits, err)
	}
	c, err := h.instance(t).Find(t.Context(), got.ID)
	if err != nil || h.clock.Now().Sub(c.Used) > time.Minute {
		t.Errorf("got last use %s, %v; now it is %s", c.Used, err, h.clock.Now())
	}
	wantError(t, "a client that is none", r.Used(t.Context(), "cli_none", h.clock.Now()), ErrUnknown)
}

type counting struct {
	store.Store
	commits int
}

func (c *counting) Commit(ctx context.Context, tx store.Tx) (store.Receipt, error) {
	c.commits++
	return c.Store.Commit(ctx, tx)
}

// Use and sweep at the same moment: what was told to be used stays.
func TestTheSweepNeverTakesWhatIsInUse(t *testing.T) {
	for driver := range drivers {
		t.Run(driver, func(t *testing.T) {
			h := houseOn(t, driver)
			user, sweeper := h.instance(t), h.instance(t)
			var ids []Registration
			for i := range 10 {
				ids = append(ids, user.must(t, strings.Replace(claude, "Claude", fmt.Sprint("Agent ", i), 1)))
			}
			h.clock.Move(24*time.Hour - time.Nanosecond)
			kept := make([]bool, len(ids))
			var wg sync.WaitGroup
			for i, c := range ids {
				wg.Go(func() { kept[i] = user.Used(t.Context(), c.ID, h.clock.Now()) == nil })
			}
			wg.Go(func() { h.clock.Move(time.Nanosecond) })
			for range 5 {
				wg.Go(func() {
					if _, err := sweeper.Sweep(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			n := 0
			for i, c := range ids {
				if _, err := sweeper.Find(t.Context(), c.ID); (err == nil) != kept[i] {
					t.Errorf("client %d: use was written: %t; found: %v", i, kept[i], err)
				}
				if kept[i] {
					n++
				}
			}
			if _, err := sweeper.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if count, err := sweeper.db.Counter(t.Context(), registered); err != nil || int(count) != n {
				t.Errorf("%d are counted, %v; want %d", count, err, n)
			}
		})
	}
}

func TestDeletingAClientMovesItsEpoch(t *testing.T) {
	h := newHouse(t, func(c *Config) {
		c.Static = []Client{{ID: "mcp-agent", Kind: Agent, Origin: Static}}
	})
	here, elsewhere := h.instance(t), h.instance(t)
	got := here.must(t, claude)
	ids := store.EpochIDs{Client: got.ID}
	at, err := elsewhere.epochs.Of(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	if err := here.Delete(t.Context(), got.ID, by); err != nil {
		t.Fatal(err)
	}
	var call store.Tx
	elsewhere.epochs.Assert(&call, ids, at)
	_, err = elsewhere.db.Commit(t.Context(), call)
	wantError(t, "a call that was decided before", err, store.ErrConflict)
	_, err = elsewhere.Find(t.Context(), got.ID)
	wantError(t, "find", err, ErrUnknown)
	wantError(t, "delete again", elsewhere.Delete(t.Context(), got.ID, by), ErrUnknown)
	wantError(t, "delete the operator's", here.Delete(t.Context(), "mcp-agent", by), ErrStatic)
	if _, err := here.Find(t.Context(), "mcp-agent"); err != nil {
		t.Error(err)
	}
	if events := h.events(t); events[len(events)-1] != "client deleted "+string(got.ID) {
		t.Errorf("got events %q", events)
	}
}

func TestAllClientsAreListedOnceWhateverThePages(t *testing.T) {
	h := newHouse(t, func(c *Config) {
		for i := range 3 {
			c.Static = append(c.Static, Client{ID: ostiary.ClientID(fmt.Sprint("static-", i)), Kind: Agent, Origin: Static})
		}
	})
	r := h.instance(t)
	want := []string{"static-0", "static-1", "static-2"}
	var made []string
	for i := range 4 {
		made = append(made, string(r.must(t, strings.Replace(claude, "Claude", fmt.Sprint("Agent ", i), 1)).ID))
	}
	slices.Reverse(made)
	want = append(want, made...)
	for limit := 1; limit <= 8; limit++ {
		var got []string
		for cursor := ""; ; {
			page, next, err := r.List(t.Context(), limit, cursor)
			if err != nil || len(page) > limit || len(got) > len(want) {
				t.Fatalf("limit %d: got %d on a page, %v", limit, len(page), err)
			}
			for _, c := range page {
				got = append(got, string(c.ID))
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("limit %d: got %q; want %q", limit, got, want)
		}
	}
}

func TestAKnownClientIsToldWithoutAskingItsHost(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Static = []Client{{ID: "mcp-agent", Kind: Agent, Origin: Static}} })
	r := h.instance(t)
	made := r.must(t, claude)
	for _, id := range []ostiary.ClientID{made.ID, "mcp-agent"} {
		if c, err := r.Known(t.Context(), id); err != nil || c.ID != id {
			t.Errorf("%s: got %+v, %v", id, c, err)
		}
	}
	for _, id := range []ostiary.ClientID{"", "nobody", "https://nobody.example/client"} {
		_, err := r.Known(t.Context(), id)
		wantError(t, string(id), err, ErrUnknown)
	}
}

func TestWhatLastsLongerAndLongerIsWrittenOnceAMinuteToo(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.ClientTTL = time.Hour })
	got := h.instance(t).must(t, claude)
	f := &counting{Store: h.raw}
	r := h.over(t, f)
	for range 59 {
		if err := r.Used(t.Context(), got.ID, h.clock.Now().Add(30*24*time.Hour)); err != nil || f.commits > 1 {
			t.Fatalf("%d commits, %v; want one", f.commits, err)
		}
		h.clock.Move(time.Second)
	}
}

// A beaten store lets somebody else act between what is read and what is
// written.
type beaten struct {
	store.Store
	by func()
}

func (b *beaten) Commit(ctx context.Context, tx store.Tx) (store.Receipt, error) {
	if by := b.by; by != nil {
		b.by = nil
		by()
	}
	return b.Store.Commit(ctx, tx)
}

func TestUseBringsNoDeletedClientBack(t *testing.T) {
	h := newHouse(t)
	got := h.instance(t).must(t, claude)
	b := &beaten{Store: h.raw}
	r := h.over(t, b)
	b.by = func() {
		if err := h.instance(t).Delete(t.Context(), got.ID, by); err != nil {
			t.Error(err)
		}
	}
	wantError(t, "used while it is deleted", r.Used(t.Context(), got.ID, h.clock.Now()), ErrUnknown)
	_, err := r.Find(t.Context(), got.ID)
	wantError(t, "find", err, ErrUnknown)
}

func TestASweepThatIsBeatenToItTakesNothing(t *testing.T) {
	h := newHouse(t)
	got := h.instance(t).must(t, claude)
	b := &beaten{Store: h.raw}
	r := h.over(t, b)
	h.clock.Move(24 * time.Hour)
	h.clock.Move(-time.Millisecond)
	user := h.instance(t)
	b.by = func() {
		h.clock.Move(-time.Millisecond) // the clock of the instance that hears of the use
		if err := user.Used(t.Context(), got.ID, h.clock.Now()); err != nil {
			t.Error(err)
		}
	}
	h.clock.Move(time.Millisecond)
	if n, err := r.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("%d were swept, %v; want none", n, err)
	}
	if _, err := r.Find(t.Context(), got.ID); err != nil {
		t.Error(err)
	}
	if n, err := r.db.Counter(t.Context(), registered); err != nil || n != 1 {
		t.Errorf("%d are counted, %v; want 1", n, err)
	}
}

func TestASweptClientsEpochMoves(t *testing.T) {
	h := newHouse(t)
	r := h.instance(t)
	got := r.must(t, claude)
	ids := store.EpochIDs{Client: got.ID}
	at, err := r.epochs.Of(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	h.clock.Move(24 * time.Hour)
	if n, err := h.instance(t).Sweep(t.Context()); n != 1 || err != nil {
		t.Fatalf("%d were swept, %v", n, err)
	}
	var call store.Tx
	r.epochs.Assert(&call, ids, at)
	_, err = r.db.Commit(t.Context(), call)
	wantError(t, "a call that was decided before", err, store.ErrConflict)
	if events := h.events(t); events[len(events)-1] != "client expired "+string(got.ID) {
		t.Errorf("got events %q", events)
	}
}

func TestADocumentIsNotCountedAsARegistration(t *testing.T) {
	h := newHouse(t)
	h.metadata.put(chatURL, chatSays)
	r := h.instance(t)
	r.must(t, claude)
	if err := r.Used(t.Context(), chatURL, h.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if err := r.Delete(t.Context(), chatURL, by); err != nil {
		t.Fatal(err)
	}
	if n, err := r.db.Counter(t.Context(), registered); err != nil || n != 1 {
		t.Errorf("%d are counted, %v; want who registered alone", n, err)
	}
}
