package approval

import (
	"context"
	"slices"
	"sync"

	"github.com/ostiary/ostiary/store"
)

// waiting holds the calls of this process that wait for an answer.
type waiting struct {
	mu     sync.Mutex
	queues map[string]*queue // by row id of the request
}

// A queue is the equal calls that wait for one request, oldest first.
type queue struct {
	waiters []*waiter
}

type waiter struct {
	woken chan struct{} // has room for one: a wake-up is never lost
	lost  bool          // a newer equal call was released instead
}

// Wait holds a call until its request is no longer pending or ctx is done,
// and returns the request as it stands then. Of equal calls that wait in
// this process, a yes releases the newest; the others get superseded true. A
// no, or the end of the request, is told to all.
func (s *Service) Wait(ctx context.Context, id string) (r Request, superseded bool, err error) {
	row := s.requests.Key(id).ID
	w := s.waiting.join(row)
	defer s.waiting.leave(row, w)
	for {
		r, err = s.Request(ctx, id)
		switch {
		case err != nil:
			return r, false, err
		case r.Status == Approved:
			return r, s.waiting.release(row, w), nil
		case r.Status != Pending:
			return r, false, nil
		}
		if err := s.sleep(ctx, w, r); err != nil {
			return r, false, err
		}
	}
}

// sleep returns when the request may have changed or its time is over.
func (s *Service) sleep(ctx context.Context, w *waiter, r Request) error {
	ctx2, cancel := context.WithTimeout(ctx, r.ExpiresAt.Sub(s.clock.Now()))
	defer cancel()
	select {
	case <-w.woken:
		return nil
	case <-ctx2.Done():
		return ctx.Err()
	}
}

// wake is told of every change in storage, by any instance.
func (s *Service) wake(c store.Change) {
	if c.Key.Kind != "request" && c.Key.Kind != "" {
		return
	}
	s.waiting.mu.Lock()
	defer s.waiting.mu.Unlock()
	for row, q := range s.waiting.queues {
		if c.Key.Kind == "" || row == c.Key.ID {
			q.wakeAll()
		}
	}
}

func (w *waiting) join(row string) *waiter {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := w.queues[row]
	if q == nil {
		q = &queue{}
		w.queues[row] = q
	}
	mine := &waiter{woken: make(chan struct{}, 1)}
	q.waiters = append(q.waiters, mine)
	return mine
}

func (w *waiting) leave(row string, mine *waiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := w.queues[row]
	if q == nil {
		return
	}
	q.waiters = slices.DeleteFunc(q.waiters, func(o *waiter) bool { return o == mine })
	if len(q.waiters) == 0 {
		delete(w.queues, row)
	}
}

// release settles who of a queue goes on: the newest, and nobody else.
func (w *waiting) release(row string, mine *waiter) (superseded bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := w.queues[row]
	if q == nil {
		return mine.lost
	}
	for _, other := range q.waiters[:len(q.waiters)-1] {
		other.lost = true
	}
	return mine.lost
}

func (q *queue) wakeAll() {
	for _, w := range q.waiters {
		select {
		case w.woken <- struct{}{}:
		default:
		}
	}
}
