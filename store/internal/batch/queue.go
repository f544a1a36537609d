package batch

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/ostiary/ostiary/store"
)

// A Queue brings waiting transactions to the one writer of a driver. It is
// bounded: when it is full, callers wait, each as long as its context lets
// it. It is safe for concurrent use, with one reader.
type Queue struct {
	jobs   chan *Job
	mu     sync.RWMutex // held for reading while a job is put in
	closed bool
	quit   chan struct{} // closed first, to let those go who wait for room
}

// NewQueue returns a queue with room for size transactions.
func NewQueue(size int) *Queue {
	return &Queue{jobs: make(chan *Job, size), quit: make(chan struct{})}
}

// A Job is a transaction on its way to the writer, who must call Done for
// every job it took.
type Job struct {
	Tx    store.Tx
	state atomic.Int32 // waiting, taken or withdrawn
	done  chan Outcome
}

const (
	waiting = iota
	taken
	withdrawn
)

// Done tells the caller how it ended.
func (j *Job) Done(o Outcome) { j.done <- o }

// Commit hands tx over and waits for its outcome. When ctx is done before
// the writer took it, nothing was changed and ctx's error is returned; after
// that it waits for the true outcome.
func (q *Queue) Commit(ctx context.Context, tx store.Tx) (store.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return store.Receipt{}, err
	}
	j := &Job{Tx: tx, done: make(chan Outcome, 1)}
	if err := q.enter(ctx, j); err != nil {
		return store.Receipt{}, err
	}
	select {
	case o := <-j.done:
		return o.Receipt, o.Err
	case <-ctx.Done():
	}
	if j.state.CompareAndSwap(waiting, withdrawn) {
		return store.Receipt{}, ctx.Err()
	}
	o := <-j.done
	return o.Receipt, o.Err
}

func (q *Queue) enter(ctx context.Context, j *Job) error {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return store.ErrClosed
	}
	select {
	case q.jobs <- j:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-q.quit:
		return store.ErrClosed
	}
}

// Wait is received from when a job waits; give what comes to Take. It is
// closed when the queue is closed and empty.
func (q *Queue) Wait() <-chan *Job { return q.jobs }

// Take returns first and whatever waits behind it, up to max jobs, without
// those that were withdrawn meanwhile.
func (q *Queue) Take(first *Job, max int) []*Job {
	var jobs []*Job
	for j := first; ; {
		if j.state.CompareAndSwap(waiting, taken) {
			jobs = append(jobs, j)
		}
		if len(jobs) == max {
			return jobs
		}
		select {
		case next, open := <-q.jobs:
			if !open {
				return jobs
			}
			j = next
		default:
			return jobs
		}
	}
}

// Close lets nothing more in. What is in can still be taken.
func (q *Queue) Close() {
	close(q.quit)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	close(q.jobs)
}

// Txs are the transactions of jobs, in order.
func Txs(jobs []*Job) []store.Tx {
	txs := make([]store.Tx, len(jobs))
	for i, j := range jobs {
		txs[i] = j.Tx
	}
	return txs
}

// Fail tells all of jobs the same error.
func Fail(jobs []*Job, err error) {
	for _, j := range jobs {
		j.Done(Outcome{Err: err})
	}
}
