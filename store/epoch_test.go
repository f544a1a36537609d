package store_test

import (
	"errors"
	"testing"

	"github.com/ostiary/ostiary/store"
)

var alice = store.EpochIDs{Session: "ses_1", Subject: "alice", Client: "personal", Tenant: "acme"}

func TestWhatWasDecidedBeforeABumpDoesNotCommit(t *testing.T) {
	for name, bump := range map[string]func(*store.Epochs, *store.Tx){
		"session":    func(e *store.Epochs, tx *store.Tx) { e.Bump(tx, store.EpochIDs{Session: "ses_1"}) },
		"subject":    func(e *store.Epochs, tx *store.Tx) { e.Bump(tx, store.EpochIDs{Subject: "alice"}) },
		"client":     func(e *store.Epochs, tx *store.Tx) { e.Bump(tx, store.EpochIDs{Client: "personal"}) },
		"tenant":     func(e *store.Epochs, tx *store.Tx) { e.Bump(tx, store.EpochIDs{Tenant: "acme"}) },
		"deployment": func(e *store.Epochs, tx *store.Tx) { e.BumpDeployment(tx) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			here, elsewhere := store.NewEpochs(f.db), store.NewEpochs(f.db)
			at, err := here.Of(t.Context(), alice)
			if err != nil {
				t.Fatal(err)
			}
			var revocation, call store.Tx
			bump(elsewhere, &revocation)
			f.commit(t, revocation)

			here.Assert(&call, alice, at)
			if _, err := f.db.Commit(t.Context(), call); !errors.Is(err, store.ErrConflict) {
				t.Fatalf("got %v; want ErrConflict", err)
			}
			here.Forget(alice)
			at, err = here.Of(t.Context(), alice)
			if err != nil {
				t.Fatal(err)
			}
			var again store.Tx
			here.Assert(&again, alice, at)
			f.commit(t, again)
		})
	}
}

func TestABumpOfSomebodyElseChangesNothing(t *testing.T) {
	f := newFixture(t)
	e := store.NewEpochs(f.db)
	at, err := e.Of(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	var other, call store.Tx
	e.Bump(&other, store.EpochIDs{Session: "ses_2", Subject: "Alice", Client: "alice", Tenant: "ses_1"})
	f.commit(t, other)
	e.Assert(&call, alice, at)
	f.commit(t, call)
}

func TestARefreshKnowsWhatNoFeedHasToldYet(t *testing.T) {
	f := newFixture(t)
	here, elsewhere := store.NewEpochs(f.db), store.NewEpochs(f.db)
	before, err := here.Of(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	var revocation store.Tx
	elsewhere.Bump(&revocation, store.EpochIDs{Subject: alice.Subject})
	f.commit(t, revocation)
	if remembered, err := here.Of(t.Context(), alice); err != nil || remembered != before {
		t.Fatalf("got %+v and %v, want what is remembered: no feed is followed here", remembered, err)
	}
	if err := here.Refresh(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	if now, err := here.Of(t.Context(), alice); err != nil || now.Subject == before.Subject || now.Session != before.Session {
		t.Errorf("got %+v and %v, want the subject's epoch moved and no other", now, err)
	}
}
