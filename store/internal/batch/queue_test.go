package batch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/ostiary/ostiary/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// commitInBackground starts a commit and returns where its error comes.
func commitInBackground(ctx context.Context, q *Queue) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := q.Commit(ctx, store.Tx{})
		done <- err
	}()
	return done
}

func TestWhoGivesUpBeforeBeingTakenChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(4)
		ctx, cancel := context.WithCancel(t.Context())
		gaveUp, stayed := commitInBackground(ctx, q), commitInBackground(t.Context(), q)
		synctest.Wait()
		cancel()
		if err := <-gaveUp; !errors.Is(err, context.Canceled) {
			t.Errorf("commit: got error %v, want context.Canceled", err)
		}
		jobs := q.Take(<-q.Wait(), 10)
		if len(jobs) != 1 {
			t.Fatalf("taken: got %d jobs, want the 1 that stayed", len(jobs))
		}
		jobs[0].Done(Outcome{})
		if err := <-stayed; err != nil {
			t.Errorf("commit: %v", err)
		}
	})
}

func TestWhoGivesUpAfterBeingTakenLearnsTheTruth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(4)
		ctx, cancel := context.WithCancel(t.Context())
		done := commitInBackground(ctx, q)
		jobs := q.Take(<-q.Wait(), 10)
		cancel()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("commit returned %v before its outcome was known", err)
		default:
		}
		jobs[0].Done(Outcome{})
		if err := <-done; err != nil {
			t.Errorf("commit: got error %v, want the true outcome", err)
		}
	})
}

func TestAFullQueueHoldsCallersBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(1)
		in := commitInBackground(t.Context(), q)
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		outside := commitInBackground(ctx, q)
		synctest.Wait()
		cancel()
		if err := <-outside; !errors.Is(err, context.Canceled) {
			t.Errorf("commit outside: got error %v, want context.Canceled", err)
		}
		Fail(q.Take(<-q.Wait(), 10), store.ErrUnknownOutcome)
		if err := <-in; !errors.Is(err, store.ErrUnknownOutcome) {
			t.Errorf("commit inside: got error %v, want what the writer said", err)
		}
	})
}

func TestAClosedQueueLetsNobodyInAndEverybodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(1)
		in := commitInBackground(t.Context(), q)
		synctest.Wait()
		outside := commitInBackground(t.Context(), q)
		synctest.Wait()
		q.Close()
		if err := <-outside; !errors.Is(err, store.ErrClosed) {
			t.Errorf("commit outside: got error %v, want ErrClosed", err)
		}
		if _, err := q.Commit(t.Context(), store.Tx{}); !errors.Is(err, store.ErrClosed) {
			t.Errorf("commit after Close: got error %v, want ErrClosed", err)
		}
		for _, j := range q.Take(<-q.Wait(), 10) {
			j.Done(Outcome{})
		}
		if err := <-in; err != nil {
			t.Errorf("commit under way: %v", err)
		}
		if _, open := <-q.Wait(); open {
			t.Error("the queue is still open")
		}
	})
}

func TestABatchIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue(10)
		for range 5 {
			commitInBackground(t.Context(), q)
		}
		synctest.Wait()
		for _, want := range []int{3, 2} {
			jobs := q.Take(<-q.Wait(), 3)
			if len(jobs) != want {
				t.Errorf("taken: got %d, want %d", len(jobs), want)
			}
			Fail(jobs, store.ErrClosed)
		}
	})
}
