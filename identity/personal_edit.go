package identity

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// A Narrowing is what an edit of a token may change. What is nil stays.
type Narrowing struct {
	Name  *string
	Tier  *ostiary.Tier
	Apps  *ostiary.Selection
	Tools *ostiary.Selection
	Sites *ostiary.Selection
	TTL   *time.Duration // from now
	CIDRs *[]netip.Prefix
}

// Narrow edits a token; anything wider than it was is ErrTokenWider.
func (t *Tokens) Narrow(ctx context.Context, id string, n Narrowing, by audit.Actor) (Personal, error) {
	return t.change(ctx, id, func(tx *store.Tx, p *Personal) error {
		if n.Name != nil && *n.Name != p.Name {
			if err := t.rename(ctx, tx, p, *n.Name); err != nil {
				return err
			}
		}
		if err := n.apply(p, t.db.Clock().Now()); err != nil {
			return err
		}
		t.record(tx, "narrowed", *p, by)
		return nil
	})
}

func (n Narrowing) apply(p *Personal, now time.Time) error {
	if n.Tier != nil {
		if old, _ := ostiary.ParseTier(p.Tier); *n.Tier > old || *n.Tier == ostiary.TierNone {
			return fmt.Errorf("%w: tier", ErrTokenWider)
		}
		p.Tier = n.Tier.String()
	}
	for _, s := range []struct {
		name string
		to   *ostiary.Selection
		of   *ostiary.Selection
	}{{"apps", n.Apps, &p.Apps}, {"tools", n.Tools, &p.Tools}, {"sites", n.Sites, &p.Sites}} {
		if s.to == nil {
			continue
		}
		if !within(*s.to, *s.of) {
			return fmt.Errorf("%w: %s", ErrTokenWider, s.name)
		}
		*s.of = *s.to
	}
	return errors.Join(n.end(p, now), n.addresses(p))
}

func within(inner, outer ostiary.Selection) bool {
	if outer.All {
		return true
	}
	return !inner.All && !slices.ContainsFunc(inner.IDs, func(id string) bool { return !outer.Has(id) })
}

func (n Narrowing) end(p *Personal, now time.Time) error {
	if n.TTL == nil {
		return nil
	}
	end := now.Add(*n.TTL)
	if *n.TTL <= 0 || p.Expires != nil && end.After(*p.Expires) {
		return fmt.Errorf("%w: ttl", ErrTokenWider)
	}
	p.Expires, p.KeptTill = &end, end.Add(kept)
	return nil
}

// addresses narrows to prefixes that each lie in one of the old.
func (n Narrowing) addresses(p *Personal) error {
	if n.CIDRs == nil {
		return nil
	}
	if len(p.CIDRs) > 0 && (len(*n.CIDRs) == 0 || slices.ContainsFunc(*n.CIDRs, func(c netip.Prefix) bool { return !inside(c, p.CIDRs) })) {
		return fmt.Errorf("%w: cidrs", ErrTokenWider)
	}
	p.CIDRs = *n.CIDRs
	return nil
}

func inside(c netip.Prefix, outer []netip.Prefix) bool {
	return slices.ContainsFunc(outer, func(o netip.Prefix) bool { return o.Bits() <= c.Bits() && o.Contains(c.Addr()) })
}

func (t *Tokens) rename(ctx context.Context, tx *store.Tx, p *Personal, name string) error {
	if name == "" || len(name) > 100 {
		return ErrTokenName
	}
	renamed := *p
	renamed.Name = name
	if err := t.nameFree(ctx, renamed); err != nil {
		return err
	}
	tx.Delete(t.names.Key(nameKey(p.Owner, p.Name)))
	p.Name = name
	return t.claimName(ctx, tx, *p)
}

// Rotate gives a token a new secret; the old one is dead at once. Id,
// settings, end and authorization session stay.
func (t *Tokens) Rotate(ctx context.Context, id string, by audit.Actor) (Personal, ostiary.Secret, error) {
	secret := Mint(KindPersonal)
	p, err := t.change(ctx, id, func(tx *store.Tx, p *Personal) error {
		p.Hash, p.Hint = hashToken(t.key, secret.Reveal()), Hint(secret)
		t.record(tx, "rotated", *p, by)
		return nil
	})
	return p, secret, err
}

// Revoke ends a token and the authorization session that it is. Once it has
// returned, no call that starts later goes through with it, on any instance.
func (t *Tokens) Revoke(ctx context.Context, id, reason string, by audit.Actor) (Personal, error) {
	return t.change(ctx, id, func(tx *store.Tx, p *Personal) error {
		return t.finish(ctx, tx, p, reason, by)
	})
}

func (t *Tokens) finish(ctx context.Context, tx *store.Tx, p *Personal, reason string, by audit.Actor) error {
	now := t.db.Clock().Now()
	p.Revoked, p.Reason, p.KeptTill = &now, reason, now.Add(kept)
	tx.Delete(t.names.Key(nameKey(p.Owner, p.Name)))
	t.record(tx, "revoked", *p, by)
	return t.ender.EndSession(ctx, tx, p.Session)
}

// change edits a living token in one commit that bumps its session's epoch.
func (t *Tokens) change(ctx context.Context, id string, edit func(*store.Tx, *Personal) error) (Personal, error) {
	for range maxTries {
		p, version, err := t.get(ctx, id)
		if err != nil {
			return Personal{}, err
		}
		if !p.Alive(t.db.Clock().Now()) {
			return p, ErrTokenOver
		}
		var tx store.Tx
		if err := edit(&tx, &p); err != nil {
			return Personal{}, err
		}
		t.epochs.Bump(&tx, store.EpochIDs{Session: p.Session})
		if err := t.personal.Update(ctx, &tx, id, p, version); err != nil {
			return Personal{}, err
		}
		if _, err = t.db.Commit(ctx, tx); !store.Again(err) {
			return p, err
		}
	}
	return Personal{}, fmt.Errorf("change token %s: %w", id, store.ErrConflict)
}

// RevokeAll ends every token of a person.
func (t *Tokens) RevokeAll(ctx context.Context, owner ostiary.Subject, reason string, by audit.Actor) (int, error) {
	items, err := t.personal.All(ctx, store.Index{Name: "owner", Value: string(owner)})
	if err != nil {
		return 0, err
	}
	n := 0
	for _, it := range items {
		_, err := t.Revoke(ctx, it.ID, reason, by)
		if errors.Is(err, ErrTokenOver) {
			continue
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
