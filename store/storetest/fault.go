package storetest

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/ostiary/ostiary/store"
)

// ErrFault is what an operation of a Faulty store fails with.
var ErrFault = errors.New("storage fault")

// A Faulty store fails one of its operations, before or after doing it: what
// was acknowledged and what was done can then differ. It is safe for
// concurrent use.
type Faulty struct {
	store.Store
	after bool
	left  atomic.Int64 // operations until the fault; below zero: none comes
}

// NewFaulty returns a store that fails nothing until FailAt is called. after:
// a commit that fails was done, and is told as of unknown outcome.
func NewFaulty(s store.Store, after bool) *Faulty {
	f := &Faulty{Store: s, after: after}
	f.Heal()
	return f
}

// FailAt makes the n-th operation from now on fail, counted from 1, and no
// other.
func (f *Faulty) FailAt(n int64) { f.left.Store(n) }

// Heal takes FailAt back.
func (f *Faulty) Heal() { f.left.Store(-1) }

// Hit says whether the operation that FailAt named has come. Ask between FailAt
// and Heal.
func (f *Faulty) Hit() bool { return f.left.Load() <= 0 }

func (f *Faulty) due() bool { return f.left.Add(-1) == 0 }

// Get implements store.Records.
func (f *Faulty) Get(ctx context.Context, k store.Key) (store.Record, error) {
	if f.due() {
		return store.Record{}, ErrFault
	}
	return f.Store.Get(ctx, k)
}

// List implements store.Records.
func (f *Faulty) List(ctx context.Context, q store.Query) (store.Page, error) {
	if f.due() {
		return store.Page{}, ErrFault
	}
	return f.Store.List(ctx, q)
}

// Commit implements store.Store.
func (f *Faulty) Commit(ctx context.Context, tx store.Tx) (store.Receipt, error) {
	if !f.due() {
		return f.Store.Commit(ctx, tx)
	}
	if f.after {
		if _, err := f.Store.Commit(ctx, tx); err != nil {
			return store.Receipt{}, err
		}
		return store.Receipt{}, store.ErrUnknownOutcome
	}
	return store.Receipt{}, ErrFault
}
