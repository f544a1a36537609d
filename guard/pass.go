package guard

import (
	"context"
	"fmt"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// A Pass is the permission to send one call upstream, once. Its holder calls
// Done exactly once, however the call ends.
type Pass struct {
	g       *Guard
	call    *ostiary.Call
	uses    []*ostiary.Use
	resumed string
	start   time.Time
}

func (g *Guard) passed(c *ostiary.Call, d ostiary.Decision, r Request) Answer {
	return Answer{Call: c, Decision: d, Pass: &Pass{g, c, d.Uses, r.resumed, g.clock.Now()}}
}

// Done records how the call ended. With StatusNotSent, which must be proven,
// a yes for one use is good again, in the same commit.
func (p *Pass) Done(ctx context.Context, status audit.Status, bytes int64) {
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
	var tx store.Tx
	if giveBack {
		if err := p.giveBack(ctx, &tx); err != nil {
			return err
		}
	}
	p.g.Log.Append(&tx, e)
	if _, err := p.g.DB.Commit(ctx, tx); err != nil {
		return fmt.Errorf("commit the outcome: %w", err)
	}
	return nil
}

func (p *Pass) giveBack(ctx context.Context, tx *store.Tx) error {
	if p.resumed != "" {
		tx.Delete(p.g.DB.RowKey(kindRelease, p.resumed))
	}
	for _, use := range p.uses {
		if use.Grant == "" {
			continue
		}
		if err := p.g.Approvals.GiveBack(ctx, tx, use.Grant); err != nil {
			return err
		}
	}
	return nil
}
