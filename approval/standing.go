package approval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// Standing is how things stand for a call: a remembered no, a grant that
// lets it through, or neither.
type Standing struct {
	Denial *Grant
	Grant  *store.Item[Grant]
	// Suspended is a grant that waits because the tool's definition has changed
	// since, if there is one: rather one that would let the call through, but
	// a yes to the call resumes the others as well.
	Suspended *Grant
}

// remembered is what is known of a subject and a tool.
type remembered struct {
	items []store.Item[Grant] // grants, and denials whatever the arguments are
	exact bool                // there are denials of certain arguments
}

// An exactKey is what a denial of certain arguments is for.
type exactKey struct {
	of      standingKey
	session ostiary.SessionID
	digest  ostiary.Digest
}

func keyOf(c *ostiary.Call) standingKey {
	return standingKey{c.Principal.Tenant, c.Principal.Subject, c.Tool.ID}
}

// Standing looks for denials first: a no beats any yes. Grants and denials
// of a subject are remembered under the subject's epoch, which every change
// to them bumps; grants for one use are always read from storage.
func (s *Service) Standing(ctx context.Context, a Ask) (Standing, error) {
	known, err := s.known(ctx, a.Call)
	if err != nil {
		return Standing{}, err
	}
	d, err := s.denial(ctx, known, a)
	if d != nil || err != nil {
		return Standing{Denial: d}, err
	}
	st := choose(known.items, a)
	if st.Grant == nil {
		st.Grant, err = s.once(ctx, a)
	}
	return st, err
}

// Remembered says whether there is any grant or denial of the call's subject
// and tool, besides those for one use.
func (s *Service) Remembered(ctx context.Context, c *ostiary.Call) (bool, error) {
	known, err := s.known(ctx, c)
	return len(known.items) > 0 || known.exact, err
}

// Denial looks only for a remembered no.
func (s *Service) Denial(ctx context.Context, a Ask) (*Grant, error) {
	known, err := s.known(ctx, a.Call)
	if err != nil {
		return nil, err
	}
	return s.denial(ctx, known, a)
}

func (s *Service) known(ctx context.Context, c *ostiary.Call) (remembered, error) {
	k := keyOf(c)
	return s.standing.Get(k, c.Principal.Epochs.Subject, func() (remembered, error) {
		items, err := s.grants.All(ctx, k.standing())
		if err != nil {
			return remembered{}, err
		}
		first, _, err := s.grants.List(ctx, k.some(), 1, "")
		return remembered{items, len(first) > 0}, err
	})
}

// denial finds a remembered no: one look-up, however many there are.
func (s *Service) denial(ctx context.Context, known remembered, a Ask) (*Grant, error) {
	if d := denying(known.items, a); d != nil || !known.exact {
		return d, nil
	}
	p, of := a.Call.Principal, keyOf(a.Call)
	k := exactKey{of, p.Session, a.Digest}
	items, err := s.exact.Get(k, p.Epochs.Subject, func() ([]store.Item[Grant], error) {
		items, _, err := s.grants.List(ctx, of.exact(p.Session, a.Digest), 1, "")
		return items, err
	})
	return denying(items, a), err
}

func denying(items []store.Item[Grant], a Ask) *Grant {
	i := slices.IndexFunc(items, func(it store.Item[Grant]) bool { return it.Value.denies(a) })
	if i < 0 {
		return nil
	}
	return &items[i].Value
}

// choose finds the grant that lets a call through, or one that would.
func choose(items []store.Item[Grant], a Ask) Standing {
	var st Standing
	fits := false // whether the suspended one does
	for i := range items {
		g := items[i].Value.At(a.Call.Time)
		switch {
		case g.waits(a.Call.Tool.Digest):
			if st.Suspended == nil || !fits {
				st.Suspended, fits = &g, g.covers(a)
			}
		case g.State == StateApproved && g.covers(a) && a.reaches(g):
			return Standing{Grant: &items[i]}
		}
	}
	return st
}

// once reads the oldest unused yes to exactly this call.
func (s *Service) once(ctx context.Context, a Ask) (*store.Item[Grant], error) {
	items, _, err := s.grants.List(ctx, onceIndex(a.Call.Principal.Session, a.Call.Tool.ID, a.Digest), 10, "")
	if err != nil {
		return nil, err
	}
	for _, item := range slices.Backward(items) {
		g := item.Value.At(a.Call.Time)
		if g.State == StateApproved && g.covers(a) && g.ToolDigest == a.Call.Tool.Digest {
			return &item, nil
		}
	}
	return nil, nil
}

// Stands reads the grant that let an earlier round of the call through; nil
// where it does not let the call go on: it was taken back, has expired, or was
// for another call or definition of the tool.
func (s *Service) Stands(ctx context.Context, id string, a Ask) (*store.Item[Grant], error) {
	g, version, err := s.grants.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	now := g.At(a.Call.Time)
	stands := now.State == StateApproved
	if g.Scope == Once {
		stands = now.State == StateUsed && g.UsedBy == a.Call.ID
	}
	if !stands || !g.covers(a) || g.ToolDigest != a.Call.Tool.Digest {
		return nil, nil
	}
	return &store.Item[Grant]{ID: id, Value: g, Version: version}, nil
}

// Assert adds to tx that a grant stands as it was read.
func (s *Service) Assert(tx *store.Tx, item store.Item[Grant]) {
	tx.Assert(s.grants.Key(item.ID), item.Version)
}

// Spend adds to tx what using a grant for a call takes: that it still stands
// as it was read, and that a yes for one use is gone afterwards.
func (s *Service) Spend(ctx context.Context, tx *store.Tx, item store.Item[Grant], call ostiary.CallID) error {
	if item.Value.Scope != Once {
		s.Assert(tx, item)
		tx.Add(store.Add{Counter: usesCounter(item.ID), Delta: 1, Expires: item.Value.KeptUntil})
		return nil
	}
	g := item.Value
	g.State, g.Uses, g.UsedBy = StateUsed, 1, call
	g.KeptUntil = s.clock.Now().Add(s.config.Retention)
	return s.grants.Update(ctx, tx, item.ID, g, item.Version)
}

// GiveBack adds to tx that a yes for one use, spent on a call of which
// nothing left the process, is good again. Revoked ones stay revoked, and
// what another call used stays used: whose commit was lost without an answer
// can't know who was faster.
func (s *Service) GiveBack(ctx context.Context, tx *store.Tx, grantID string, call ostiary.CallID) error {
	g, version, err := s.grants.Get(ctx, grantID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("give back grant %s: %w", grantID, err)
	}
	if g.Scope != Once {
		tx.Add(store.Add{Counter: usesCounter(grantID), Delta: -1})
		return nil
	}
	if g.State != StateUsed || g.UsedBy != call {
		return nil
	}
	g.State, g.Uses, g.UsedBy, g.KeptUntil = StateApproved, 0, "", g.end(s.config)
	return s.grants.Update(ctx, tx, grantID, g, version)
}

// end is when a grant that is in force leaves the lists by itself: never,
// or a retention after it expires.
func (g Grant) end(c Config) time.Time {
	if g.ExpiresAt == nil {
		return time.Time{}
	}
	return g.ExpiresAt.Add(c.Retention)
}
