package guard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

const kindRelease store.Kind = "release"

// releaseKept is how long it is remembered which waiting call was released:
// longer than any equal call can still be waiting.
const releaseKept = 24 * time.Hour

// commit makes the one durable write of an allowed call. again true means
// that something changed since the decision: decide again.
func (g *Guard) commit(ctx context.Context, r Request, c *ostiary.Call, d ostiary.Decision) (a Answer, again bool) {
	if g.mayFollow(r, c, d) && g.Log.Background(g.intent(r, c, d)) {
		return g.passed(c, d, r), false
	}
	tx, err := g.transaction(ctx, r, c, d)
	if err != nil {
		return g.fault(c, err), false
	}
	if r.Together != nil {
		if err := r.Together(ctx, &tx, c); err != nil {
			return Answer{Call: c, Decision: unavailable(err)}, false
		}
	}
	_, err = g.DB.Commit(ctx, tx)
	if err == nil {
		return g.passed(c, d, r), false
	}
	var conflict *store.ConflictError
	if errors.Is(err, store.ErrUnknownOutcome) {
		// The intent may stand in the log, and the grant may be spent.
		g.passed(c, d, r).Pass.Done(ctx, audit.StatusNotSent, 0)
	}
	if errors.Is(err, store.ErrLogTaken) {
		return Answer{}, true
	}
	if !errors.As(err, &conflict) {
		return g.fault(c, fmt.Errorf("commit the intent: %w", err)), false
	}
	switch conflict.Key.Kind {
	case kindRelease:
		return g.refuse(ctx, c, superseded()), false
	case kindRound:
		return g.refuse(ctx, c, wentOn()), false
	}
	return Answer{}, true
}

// mayFollow says whether the intent may follow the call in the background.
// While the feed of changes is not confirmed, a revocation may have been
// missed: then the call takes the strict way, whatever is configured.
func (g *Guard) mayFollow(r Request, c *ostiary.Call, d ostiary.Decision) bool {
	if g.Durability == Strict || len(d.Uses) > 0 || r.resumed != "" || r.Round != nil || r.Together != nil || !g.DB.ConfirmedWithin(time.Second) {
		return false
	}
	return g.Durability == Relaxed || r.by.category(c.Tool) == ostiary.CategoryRead
}

func (g *Guard) transaction(ctx context.Context, r Request, c *ostiary.Call, d ostiary.Decision) (store.Tx, error) {
	var tx store.Tx
	g.Epochs.Assert(&tx, store.EpochsOf(c.Principal), c.Principal.Epochs)
	for _, use := range d.Uses {
		if err := g.spend(ctx, &tx, use, c.ID); err != nil {
			return tx, err
		}
	}
	if r.resumed != "" {
		k := g.DB.RowKey(kindRelease, r.resumed)
		tx.Assert(k, 0)
		tx.Put(store.Put{Key: k, Value: []byte(c.ID), Expires: c.Time.Add(releaseKept)})
	}
	if r.Round != nil && r.Round.State != "" {
		g.useUp(&tx, r)
	}
	g.Log.Append(&tx, g.intent(r, c, d))
	return tx, nil
}

func (g *Guard) spend(ctx context.Context, tx *store.Tx, use *ostiary.Use, call ostiary.CallID) error {
	for _, n := range use.Counts {
		tx.Add(store.Add{Counter: n.Counter, Delta: 1, Max: n.Max, Expires: time.Unix(n.Window, 0)})
	}
	if use.Grant == "" {
		return nil
	}
	item, ok := use.Record.(store.Item[approval.Grant])
	if !ok {
		return fmt.Errorf("grant %s was passed on without its record", use.Grant)
	}
	if use.Again {
		g.Approvals.Assert(tx, item)
		return nil
	}
	return g.Approvals.Spend(ctx, tx, item, call)
}

func superseded() ostiary.Decision {
	return ostiary.Decision{
		Reason: ostiary.ReasonSuperseded, Gate: "approval",
		Message: "A newer call that is equal to this one was released instead.",
	}
}

// released says whether an equal call that waited for a request went on.
func (g *Guard) released(ctx context.Context, request string) bool {
	_, err := g.DB.Get(ctx, g.DB.RowKey(kindRelease, request))
	return err == nil
}
