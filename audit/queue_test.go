package audit

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// A forgetful store loses the answers to commits, made or not.
type forgetful struct {
	store.Store
	losesMade, losesOthers atomic.Int32 // how many more
}

func (f *forgetful) Commit(ctx context.Context, tx store.Tx) (store.Receipt, error) {
	if f.losesOthers.Add(-1) >= 0 {
		return store.Receipt{}, store.ErrUnknownOutcome
	}
	r, err := f.Store.Commit(ctx, tx)
	if err == nil && f.losesMade.Add(-1) >= 0 {
		return store.Receipt{}, store.ErrUnknownOutcome
	}
	return r, err
}

func TestAnOutcomeWhoseAnswerWasLostIsRecordedOnce(t *testing.T) {
	for name, lose := range map[string]func(*forgetful){
		"made":     func(f *forgetful) { f.losesMade.Store(1) },
		"not made": func(f *forgetful) { f.losesOthers.Store(1) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse()
			f := &forgetful{Store: h.driver}
			h.driver = f
			l := h.crashing(t, Options{})
			commit(t, l, intentOf("cal_1"))
			lose(f)
			if !l.Background(outcomeOf("cal_1", StatusOK)) {
				t.Fatal("the queue is full")
			}
			if err := l.queue.close(context.Background()); err != nil {
				t.Fatalf("write what waits: %v", err)
			}
			want := map[ostiary.CallID][]Status{"cal_1": {StatusOK}}
			if diff := cmp.Diff(want, statuses(t, l.Reader)); diff != "" {
				t.Errorf("outcomes (-want +got):\n%s", diff)
			}
			closeLog(t, l)
		})
	}
}
