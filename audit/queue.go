package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ostiary/ostiary/store"
)

const (
	queueSize   = 4096
	queueAtOnce = 512 // entries in one commit
	// linger is how long the first entry waits for others: a commit costs far
	// more than an entry. A crash loses what waits anyhow.
	linger     = 50 * time.Millisecond
	retryFirst = 10 * time.Millisecond
	retryMost  = 5 * time.Second
)

// A queue writes entries in the background, in the order in which they were
// handed over.
type queue struct {
	log *Log

	mu      sync.RWMutex // held for reading while an entry is put in
	closed  bool
	entries chan prepared

	give context.CancelFunc // gives up on what can't be written
	done chan struct{}
	lost int // entries given up; read after done
}

func startQueue(l *Log) *queue {
	ctx, cancel := context.WithCancel(context.Background())
	q := &queue{log: l, entries: make(chan prepared, queueSize), give: cancel, done: make(chan struct{})}
	go q.run(ctx)
	return q
}

func (q *queue) offer(p prepared) bool {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if q.closed {
		return false
	}
	select {
	case q.entries <- p:
		return true
	default:
		return false
	}
}

// close waits until all is written, or ctx is done.
func (q *queue) close(ctx context.Context) error {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.entries)
	}
	q.mu.Unlock()
	defer q.give()
	select {
	case <-q.done:
	case <-ctx.Done():
		q.give()
		<-q.done
	}
	if q.lost > 0 {
		return fmt.Errorf("%d entries could not be written", q.lost)
	}
	return nil
}

func (q *queue) run(ctx context.Context) {
	defer close(q.done)
	some := make([]prepared, 0, queueAtOnce)
	for first := range q.entries {
		q.gather(ctx)
		some = q.take(append(some[:0], first))
		if !q.write(ctx, some) {
			q.lost += len(some)
		}
		clear(some)
	}
}

// gather waits until there may be more to write, unless there is enough.
func (q *queue) gather(ctx context.Context) {
	if len(q.entries) >= queueAtOnce {
		return
	}
	select {
	case <-time.After(linger):
	case <-ctx.Done():
	}
}

// take adds what waits.
func (q *queue) take(some []prepared) []prepared {
	for len(some) < queueAtOnce {
		select {
		case p, open := <-q.entries:
			if !open {
				return some
			}
			some = append(some, p)
		default:
			return some
		}
	}
	return some
}

// write tries until it succeeds or there is no hope.
func (q *queue) write(ctx context.Context, some []prepared) bool {
	for wait := retryFirst; ; wait = min(2*wait, retryMost) {
		standing, err := q.commit(ctx, some)
		if err == nil || errors.Is(err, store.ErrUnknownOutcome) && q.stands(ctx, standing) {
			return true
		}
		if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
			return false
		}
		q.log.logger.Error("audit entries wait for storage", "entries", len(some), "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// A standing is the place that a line was given in a log.
type standing struct {
	log  string
	seq  uint64
	line []byte // sealed, and so like no other
}

// commit writes entries, all or none, and says where the first was to stand.
func (q *queue) commit(ctx context.Context, some []prepared) (*standing, error) {
	h := q.log.held.Load()
	first := &standing{log: h.name}
	var tx store.Tx
	for i, p := range some {
		a := q.log.on(h, p)
		if i == 0 {
			a.Line = first.note(a.Line)
		}
		tx.Append(a)
	}
	_, err := q.log.db.Commit(ctx, tx)
	if errors.Is(err, store.ErrLogTaken) {
		err = errors.Join(err, q.log.replace(ctx, h))
	}
	return first, err
}

func (p *standing) note(line func(uint64) ([]byte, error)) func(uint64) ([]byte, error) {
	return func(seq uint64) ([]byte, error) {
		made, err := line(seq)
		p.seq, p.line = seq, made
		return made, err
	}
}

// stands finds out whether a commit whose answer was lost was made all the
// same: to write its entries again would end a call twice. It asks until
// storage answers.
func (q *queue) stands(ctx context.Context, p *standing) bool {
	for wait := retryFirst; ; wait = min(2*wait, retryMost) {
		there, err := q.finds(ctx, p)
		if err == nil || ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
			return there
		}
		q.log.logger.Error("it is not known yet whether audit entries were written", "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

func (q *queue) finds(ctx context.Context, p *standing) (bool, error) {
	for e, err := range q.log.db.Entries(ctx, p.log, p.seq) {
		if err != nil {
			return false, fmt.Errorf("look for entry %d of log %s: %w", p.seq, p.log, err)
		}
		return bytes.Equal(e.Line, p.line), nil
	}
	return false, nil
}
