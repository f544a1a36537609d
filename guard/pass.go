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
	request Request
	start   time.Time
	done    atomic.Bool
}

func (g *Guard) passed(c *ostiary.Call, d ostiary.Decision, r Request) Answer {
	return Answer{Call: c, Decision: d, Edition: r.by.edition, Pass: &Pass{g: g, call: c, uses: d.Uses, request: r, start: g.clock.Now()}}
}

// Done records how the call ended. With StatusNotSent, which must be proven,
// a yes for one use is good again, in the same commit.
func (p *Pass) Done(ctx context.Context, status audit.Status, bytes int64) {
	p.end(ctx, status, bytes, "", "")
}

// CutOff is Done for a call that was ended in the middle, because its caller
// is no longer let in: what became of it is unknown.
func (p *Pass) CutOff(ctx context.Context, bytes int64) {
	p.end(ctx, audit.StatusUnknown, bytes, audit.EventCutOff, "")
}

// Entrusted records that the upstream has taken the call on as a task, which
// goes by this id here. How that ended is recorded when it is known: see
// Guard.Ended.
func (p *Pass) Entrusted(ctx context.Context, task string, bytes int64) {
	p.end(ctx, audit.StatusOK, bytes, audit.EventEntrusted, task)
}

func (p *Pass) end(ctx context.Context, status audit.Status, bytes int64, event, target string) {
	if p.done.Swap(true) {
		return
	}
	took := p.g.clock.Now().Sub(p.start)
	e := outcome(p.call, status, took, bytes)
	e.Event, e.Target = event, target
	p.g.Observer.Ended(p.call, status, took)
	giveBack := status == audit.StatusNotSent && (len(p.uses) > 0 || p.request.resumed != "" || p.request.Round != nil)
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
	if err := p.unuse(ctx, tx); err != nil {
		return err
	}
	for _, use := range p.uses {
		if use.Grant == "" || use.Again {
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
	if p.request.resumed == "" {
		return nil
	}
	return p.takeBack(ctx, tx, p.g.DB.RowKey(kindRelease, p.request.resumed), string(p.call.ID))
}

// unuse lets the client come back once more with what it came with, if it was
// this admission that used it up.
func (p *Pass) unuse(ctx context.Context, tx *store.Tx) error {
	if p.request.Round == nil || p.request.Round.State == "" {
		return nil
	}
	return p.takeBack(ctx, tx, p.g.roundKey(*p.request.Round), p.request.attempt)
}

// takeBack deletes a mark that somebody was first, if it says mine.
func (p *Pass) takeBack(ctx context.Context, tx *store.Tx, k store.Key, mine string) error {
	rec, err := p.g.DB.Get(ctx, k)
	if errors.Is(err, store.ErrNotFound) || err == nil && string(rec.Value) != mine {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read who was first: %w", err)
	}
	tx.Assert(k, rec.Version)
	tx.Delete(k)
	return nil
}
