package guard

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// A Pass is the permission to send one call upstream, once. Its holder calls
// Done however the call ends; only the first time counts.
type Pass struct {
	g       *Guard
	call    *ostiary.Call
	uses    []*ostiary.Use
	resumed string
	start   time.Time
	done    atomic.Bool
}

func (g *Guard) passed(c *ostiary.Call, d ostiary.Decision, r Request) Answer {
	return Answer{Call: c, Decision: d, Pass: &Pass{g: g, call: c, uses: d.Uses, resumed: r.resumed, start: g.clock.Now()}}
}

// Done records how the call ended. With StatusNotSent, which must be proven,
// a yes for one use is good again, in the same commit.
func (p *Pass) Done(ctx context.Context, status audit.Status, bytes int64) {
	if p.done.Swap(true) {
		return
	}
	took := p.g.clock.Now().Sub(p.start)
	e := outcome(p.call, status, took, bytes)
	p.g.Observer.Ended(p.call, status, took)
	giveBack := status == audit.StatusNotSent && (len(p.uses) > 0 || p.resumed != "")
	if !giveBack && p.g.Log.Background(e) {
		return
	}
	// The client may be gone by now; the record is owed all the same.
	ctx = context.WithoutCancel(ctx)
	if err := p.record(ctx, e, giveBack); err != nil {
		p.g.Logger.Error("an outcome could not be recorded", "call_id", p.call.ID, "error", err)
	}
}

func (p *Pass) record(ctx context.Context, e audit.Entry, giveBack bool) error {
	return p.g.write(ctx, e, func(tx *store.Tx) error {
		if !giveBack {
			return nil
		}
		return p.giveBack(ctx, tx)
	})
}

func (p *Pass) giveBack(ctx context.Context, tx *store.Tx) error {
	if err := p.unrelease(ctx, tx); err != nil {
		return err
	}
	for _, use := range p.uses {
		if use.Grant == "" {
			continue
		}
		if err := p.g.Approvals.GiveBack(ctx, tx, use.Grant, p.call.ID); err != nil {
			return err
		}
	}
	return nil
}

// unrelease lets another equal call that waited go on instead, if it was this
// one that was released.
func (p *Pass) unrelease(ctx context.Context, tx *store.Tx) error {
	if p.resumed == "" {
		return nil
	}
	k := p.g.DB.RowKey(kindRelease, p.resumed)
	rec, err := p.g.DB.Get(ctx, k)
	if errors.Is(err, store.ErrNotFound) || err == nil && string(rec.Value) != string(p.call.ID) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read who was released: %w", err)
	}
	tx.Assert(k, rec.Version)
	tx.Delete(k)
	return nil
}
