package postgres

import (
	"context"
	"fmt"

	"github.com/ostiary/ostiary/store"
	"github.com/ostiary/ostiary/store/internal/batch"
)

// What is committed together at most. The locks of a batch must fit into the
// server's lock table, which several instances share: 6,400 by default.
const (
	maxBatch  = 256
	maxWeight = 1000      // keys, counters and log entries
	maxBytes  = 8 << 20   // of values; one transaction may be larger
	maxWrites = 1<<16 - 1 // of one transaction: the numbers of one draw from the sequence
)

// Commit implements store.Store. It waits for the server for about
// Options.Patience; when the answer is lost, for as long again to find out
// what happened. Line of an entry may be called again with another number
// when the first try was not written.
func (s *Store) Commit(ctx context.Context, tx store.Tx) (store.Receipt, error) {
	if err := keepable(&tx); err != nil {
		return store.Receipt{}, fmt.Errorf("commit: %w", err)
	}
	if err := s.open(ctx); err != nil || tx.Empty() {
		return store.Receipt{}, err
	}
	return s.queue.Commit(ctx, tx)
}

// commitLoop is the one committer of this instance.
func (s *Store) commitLoop() {
	w := &writer{s: s}
	defer w.hangUp()
	for first := range s.queue.Wait() {
		jobs := s.queue.Take(first, maxBatch)
		for len(jobs) > 0 {
			n := portion(jobs)
			s.commitJobs(w, jobs[:n])
			jobs = jobs[n:]
		}
	}
}

// commitJobs writes what passes of jobs and tells everyone the outcome. When
// a statement is refused for what it holds, each job is tried by itself, so
// that one does not spoil the others.
func (s *Store) commitJobs(w *writer, jobs []*batch.Job) {
	outcomes, err := w.persist(batch.Txs(jobs))
	if err != nil && len(jobs) > 1 && blamesData(err) {
		for i := range jobs {
			s.commitJobs(w, jobs[i:i+1])
		}
		return
	}
	if err != nil {
		batch.Fail(jobs, fmt.Errorf("commit: %w", explain(err)))
		return
	}
	for i, j := range jobs {
		j.Done(outcomes[i])
	}
}

// portion is how many of jobs are light enough to be committed together; at
// least one.
func portion(jobs []*batch.Job) int {
	weight, bytes, writes := 0, 0, 0
	for i, j := range jobs {
		weight += weightOf(&j.Tx)
		bytes += bytesOf(&j.Tx)
		writes += len(j.Tx.Puts) + len(j.Tx.Deletes)
		if i > 0 && (weight > maxWeight || bytes > maxBytes || writes > maxWrites) {
			return i
		}
	}
	return len(jobs)
}

func weightOf(tx *store.Tx) int {
	return len(tx.Asserts) + len(tx.Puts) + len(tx.Deletes) + len(tx.Adds) + len(tx.Appends)
}

func bytesOf(tx *store.Tx) int {
	n := 0
	for i := range tx.Puts {
		n += len(tx.Puts[i].Value)
	}
	return n
}
