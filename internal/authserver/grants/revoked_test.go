package grants_test

import (
	"context"
	"testing"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/internal/authserver/grants"
	"github.com/ostiary/ostiary/store"
)

// What ends everything of somebody ends what they have consented to and the
// agent has not taken up yet: else a code would bring the agent back.
func TestACodeOfBeforeARevocationOpensNothing(t *testing.T) {
	for name, c := range map[string]struct {
		bump func(*store.Epochs, *store.Tx)
		good bool
	}{
		"nothing":        {func(_ *store.Epochs, tx *store.Tx) { tx.Put(store.Put{Key: store.Key{Kind: "other", ID: "x"}}) }, true},
		"its client":     {bump(store.EpochIDs{Client: "agent"}), false},
		"its person":     {bump(store.EpochIDs{Subject: "alice"}), false},
		"their tenant":   {bump(store.EpochIDs{Tenant: "acme"}), false},
		"all":            {func(e *store.Epochs, tx *store.Tx) { e.BumpDeployment(tx) }, false},
		"another client": {bump(store.EpochIDs{Client: "other"}), true},
		"another person": {bump(store.EpochIDs{Subject: "bob"}), true},
		"another tenant": {bump(store.EpochIDs{Tenant: "other"}), true},
		"a session":      {bump(store.EpochIDs{Session: "ses_1"}), true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			code := h.issue(t, h.consented())
			other := h.over(t, h.raw) // elsewhere, and this instance hears of nothing
			must(t, other.db.Change(t.Context(), "revoke", func(tx *store.Tx) error { c.bump(other.epochs, tx); return nil }))
			_, err := h.Token(t.Context(), agent(t), codeRequest(code))
			if c.good {
				must(t, err)
				return
			}
			wantCode(t, err, grants.CodeInvalidGrant)
			if n := h.rows(t, "session"); n != 0 {
				t.Errorf("%d sessions were opened", n)
			}
			if _, err := h.Token(t.Context(), agent(t), codeRequest(h.issue(t, h.consented()))); err != nil {
				t.Errorf("consented to again: %v", err)
			}
		})
	}
}

func bump(ids store.EpochIDs) func(*store.Epochs, *store.Tx) {
	return func(e *store.Epochs, tx *store.Tx) { e.Bump(tx, ids) }
}

// A beaten store lets somebody else act before the first commit.
type beaten struct {
	store.Store
	by func()
}

func (b *beaten) Commit(ctx context.Context, tx store.Tx) (store.Receipt, error) {
	if by := b.by; by != nil {
		b.by = nil
		by()
	}
	return b.Store.Commit(ctx, tx)
}

func TestARevocationBesideARedemptionWins(t *testing.T) {
	h := newHouse(t)
	code := h.issue(t, h.consented())
	b := &beaten{Store: h.raw}
	i := h.over(t, b)
	b.by = func() {
		must(t, h.db.Change(t.Context(), "revoke", func(tx *store.Tx) error {
			h.epochs.Bump(tx, store.EpochIDs{Client: ostiary.ClientID("agent")})
			return nil
		}))
	}
	_, err := i.Token(t.Context(), agent(t), codeRequest(code))
	wantCode(t, err, grants.CodeInvalidGrant)
	if n := h.rows(t, "session"); n != 0 {
		t.Errorf("%d sessions were opened", n)
	}
}
