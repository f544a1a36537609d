package audit

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

func TestTailShowsTheNewestAndThenWhatComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse()
		one, two := h.log(t, Options{}), h.log(t, Options{})
		for _, call := range []ostiary.CallID{"old", "cal_1", "cal_2"} {
			commit(t, one, intentOf(call))
			h.clock.Move(time.Second)
		}
		go func() {
			for _, call := range []ostiary.CallID{"cal_3", "cal_4"} {
				time.Sleep(time.Second)
				other := intentOf("foreign")
				other.Actor.Tenant = "other"
				commit(t, two, other, intentOf(call))
			}
		}()
		var got []ostiary.CallID
		for e, err := range one.Tail(t.Context(), Query{Tenant: "acme"}, 2) {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, e.CallID); len(got) == 4 {
				break
			}
		}
		if want := []ostiary.CallID{"cal_1", "cal_2", "cal_3", "cal_4"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// Two instances whose clocks differ, and one whose clock was set back: what
// is appended last may be the oldest.
func TestTailShowsEveryEntryOnceWhateverItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse()
		one, two := h.log(t, Options{}), h.log(t, Options{})
		commit(t, one, intentOf("before"))
		const each = 600 // more than a page, between two looks
		go func() {
			time.Sleep(time.Second)
			for i := range each {
				h.clock.Move(-time.Minute)
				commit(t, one, intentOf(ostiary.CallID(fmt.Sprint("one ", i))))
				h.clock.Move(time.Second)
				commit(t, two, intentOf(ostiary.CallID(fmt.Sprint("two ", i))))
			}
		}()
		got := map[ostiary.CallID]int{}
		for e, err := range one.Tail(t.Context(), Query{}, 0) {
			if err != nil {
				t.Fatal(err)
			}
			if got[e.CallID]++; e.CallID == ostiary.CallID(fmt.Sprint("two ", each-1)) {
				break
			}
		}
		for i := range each {
			for _, log := range []string{"one ", "two "} {
				if call := ostiary.CallID(fmt.Sprint(log, i)); got[call] != 1 {
					t.Errorf("%s came %d times; want once", call, got[call])
				}
			}
		}
		if got["before"] != 0 {
			t.Error("what was there before came, though none of it was asked for")
		}
	})
}

// What Tail selects of what comes is what Search finds of what is there.
func TestTailSelectsAsSearchDoes(t *testing.T) {
	held := Entry{
		Kind: KindApproval, CallID: "cal_2", Tool: "crm:delete", Actor: Actor{Tenant: "acme", Subject: "bob", Client: "cursor"},
		Decision: &Decision{Effect: "hold", Reason: ostiary.ReasonApprovalRequired},
	}
	entries := []Entry{intentOf("cal_1"), outcomeOf("cal_1", StatusOK), held, {Kind: KindAdmin, Event: "user_created"}}
	for what, q := range map[string]Query{
		"all": {}, "tenant": {Tenant: "acme"}, "subject": {Subject: "bob"}, "client": {Client: "claude-code"}, "tool": {Tool: "crm:delete"},
		"call": {CallID: "cal_1"}, "kind": {Kind: KindAdmin}, "effect": {Decision: "hold"}, "reason": {Decision: "approval_required"},
		"several": {Subject: "alice", Decision: "pass"}, "none": {Subject: "alice", Decision: "hold"}, "unknown": {Decision: "no such"},
		"from": {From: newClock().Now().Add(time.Second)}, "to": {To: newClock().Now().Add(2 * time.Second)},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse()
				l := h.log(t, Options{})
				go func() {
					time.Sleep(time.Second)
					for _, e := range entries {
						commit(t, l, e)
						h.clock.Move(time.Second)
					}
				}()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var got []Entry
				for e, err := range l.Tail(ctx, q, 0) {
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, e)
				}
				want := search(t, l.Reader, q)
				slices.Reverse(want)
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("Search found (-), Tail showed (+):\n%s", diff)
				}
			})
		})
	}
}

func TestTailSaysThatALogWasCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := written(t)
		cut := time.Now().Add(time.Second)
		r := h.tamper(t, func(es []store.Entry) []store.Entry {
			if time.Now().After(cut) {
				return es[:5]
			}
			return es
		})
		for _, err := range r.Tail(t.Context(), Query{}, 0) {
			wantTampered(t, err)
		}
	})
}
