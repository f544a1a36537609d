package audit

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

func TestTailShowsTheNewestAndThenWhatComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse()
		one, two := h.log(t, Options{}), h.log(t, Options{})
		for _, call := range []ostiary.CallID{"old", "cal_1", "cal_2"} {
			commit(t, one, intentOf(call))
			h.clock.move(time.Second)
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
		for e, err := range one.Tail(t.Context(), "acme", 2) {
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
		for _, err := range r.Tail(t.Context(), "", 0) {
			wantTampered(t, err)
		}
	})
}
