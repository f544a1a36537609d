package batch

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ostiary/ostiary/store"
)

var noon = time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)

func key(id string) store.Key { return store.Key{Kind: "thing", ID: id} }

func line(seq uint64) ([]byte, error) { return fmt.Append(nil, seq), nil }

// held is a state with a at 7, and the next number 20.
func held() State {
	return State{
		Now: noon, Next: 20,
		Records:  map[store.Key]Record{key("a"): {Version: 7, Born: 3}},
		Counters: map[string]Counter{"n": {Value: 2}},
		Heads:    map[string]uint64{"log": 5},
	}
}

func tx(build func(tx *store.Tx)) store.Tx {
	var t store.Tx
	build(&t)
	return t
}

func useOnce() store.Tx {
	return tx(func(tx *store.Tx) {
		tx.Assert(key("a"), 7)
		tx.Delete(key("a"))
		tx.Append(store.Append{Log: "log", Line: line})
	})
}

func TestOfTwoInOneBatchTheFirstWins(t *testing.T) {
	effects, outcomes := Decide([]store.Tx{useOnce(), useOnce()}, held())
	if outcomes[0].Err != nil || !errors.Is(outcomes[1].Err, store.ErrConflict) {
		t.Errorf("outcomes: got %v and %v, want success and a conflict", outcomes[0].Err, outcomes[1].Err)
	}
	want := Effects{
		Deletes: []store.Key{key("a")},
		Entries: []store.Entry{{Log: "log", Seq: 5, Line: []byte("5")}},
		Changes: []Change{{Number: 20, Key: key("a")}},
		Next:    21,
	}
	if diff := cmp.Diff(want, effects, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}
}

func TestALaterTransactionSeesAnEarlierOne(t *testing.T) {
	_, outcomes := Decide([]store.Tx{
		tx(func(tx *store.Tx) { tx.Put(store.Put{Key: key("b")}) }),
		tx(func(tx *store.Tx) { tx.Assert(key("b"), 20); tx.Put(store.Put{Key: key("b")}) }),
		tx(func(tx *store.Tx) { tx.Assert(key("b"), 20) }),
		tx(func(tx *store.Tx) { tx.Assert(key("b"), 21); tx.Delete(key("b")) }),
		tx(func(tx *store.Tx) { tx.Assert(key("b"), 0) }),
	}, held())
	for i, want := range []error{nil, nil, store.ErrConflict, nil, nil} {
		if !errors.Is(outcomes[i].Err, want) {
			t.Errorf("transaction %d: got error %v, want %v", i, outcomes[i].Err, want)
		}
	}
}

func TestWritesOfAKeyAreMergedToTheLast(t *testing.T) {
	effects, _ := Decide([]store.Tx{
		tx(func(tx *store.Tx) { tx.Put(store.Put{Key: key("a"), Value: []byte("1")}) }),
		tx(func(tx *store.Tx) { tx.Put(store.Put{Key: key("a"), Value: []byte("2")}) }),
		tx(func(tx *store.Tx) { tx.Put(store.Put{Key: key("new")}) }),
		tx(func(tx *store.Tx) { tx.Delete(key("new")) }),
	}, held())
	want := Effects{
		Puts:    []Put{{store.Put{Key: key("a"), Value: []byte("2")}, 21, 3}},
		Changes: []Change{{21, key("a"), 21}, {23, key("new"), 0}},
		Next:    24,
	}
	if diff := cmp.Diff(want, effects, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}
}

func TestAReplacedRecordIsBornAnew(t *testing.T) {
	effects, _ := Decide([]store.Tx{tx(func(tx *store.Tx) {
		tx.Delete(key("a"))
		tx.Put(store.Put{Key: key("a")})
	})}, held())
	if got := effects.Puts[0]; got.Version != 21 || got.Born != 21 {
		t.Errorf("put: got version %d born %d, want 21 and 21", got.Version, got.Born)
	}
}

func TestAFailedLineLeavesNoGapAndNoTrace(t *testing.T) {
	broken := errors.New("broken")
	effects, outcomes := Decide([]store.Tx{
		tx(func(tx *store.Tx) {
			tx.Append(store.Append{Log: "log", Line: line})
			tx.Append(store.Append{Log: "other", Line: line})
			tx.Append(store.Append{Log: "log", Line: func(uint64) ([]byte, error) { return nil, broken }})
			tx.Put(store.Put{Key: key("b")})
			tx.Add(store.Add{Counter: "n", Delta: 1})
		}),
		tx(func(tx *store.Tx) { tx.Append(store.Append{Log: "log", Line: line}) }),
	}, held())
	if !errors.Is(outcomes[0].Err, broken) || outcomes[1].Err != nil {
		t.Errorf("outcomes: got %v and %v, want only the first to fail", outcomes[0].Err, outcomes[1].Err)
	}
	want := Effects{Entries: []store.Entry{{Log: "log", Seq: 5, Line: []byte("5")}}, Next: 20}
	if diff := cmp.Diff(want, effects, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}
}

func TestDecidingLeavesTheStateAsItWas(t *testing.T) {
	state := held()
	Decide([]store.Tx{useOnce(), tx(func(tx *store.Tx) {
		tx.Put(store.Put{Key: key("b")})
		tx.Add(store.Add{Counter: "n", Delta: 1})
	})}, state)
	if diff := cmp.Diff(held(), state); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
}

func TestNumbersBoundsWhatIsTaken(t *testing.T) {
	txs := []store.Tx{useOnce(), tx(func(tx *store.Tx) {
		tx.Put(store.Put{Key: key("b")})
		tx.Put(store.Put{Key: key("b")})
		tx.Delete(key("absent"))
	})}
	effects, _ := Decide(txs, held())
	if took, most := int(effects.Next-20), Numbers(txs); took > most || most != 4 {
		t.Errorf("took %d numbers of %d, want at most the 4 of all puts and deletes", took, most)
	}
}

func TestTouchNamesEverythingOnceInOrder(t *testing.T) {
	got := Touch([]store.Tx{useOnce(), tx(func(tx *store.Tx) {
		tx.Put(store.Put{Key: key("b")})
		tx.Delete(store.Key{Kind: "any", ID: "z"})
		tx.Assert(key("A"), 1)
		tx.Add(store.Add{Counter: "n"})
		tx.Append(store.Append{Log: "another"})
	})})
	want := Touched{
		Keys:     []store.Key{{Kind: "any", ID: "z"}, key("A"), key("a"), key("b")},
		Counters: []string{"n"},
		Logs:     []string{"another", "log"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("touched (-want +got):\n%s", diff)
	}
}
