package identity

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
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
		if n.Name != nil {
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
		name   string
		to     *ostiary.Selection
		of     *ostiary.Selection
		covers func(outer ostiary.Selection, id string) bool
	}{{"apps", n.Apps, &p.Apps, ostiary.Selection.Has}, {"tools", n.Tools, &p.Tools, coversTool}, {"sites", n.Sites, &p.Sites, ostiary.Selection.Has}} {
		if s.to == nil {
			continue
		}
		if !within(*s.to, *s.of, s.covers) {
			return fmt.Errorf("%w: %s", ErrTokenWider, s.name)
		}
		*s.of = *s.to
	}
	return errors.Join(n.end(p, now), n.addresses(p))
}

func within(inner, outer ostiary.Selection, covers func(ostiary.Selection, string) bool) bool {
	if outer.All {
		return true
	}
	return !inner.All && !slices.ContainsFunc(inner.IDs, func(id string) bool { return !covers(outer, id) })
}

// coversTool: "crm:*" covers every tool of the app.
func coversTool(outer ostiary.Selection, id string) bool {
	app, _, ok := strings.Cut(id, ":")
	return outer.Has(id) || ok && outer.Has(app+":*")
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
	cidrs, err := tidy(*n.CIDRs)
	if err != nil {
		return err
	}
	if len(p.CIDRs) > 0 && (len(cidrs) == 0 || slices.ContainsFunc(cidrs, func(c netip.Prefix) bool { return !inside(c, p.CIDRs) })) {
		return fmt.Errorf("%w: cidrs", ErrTokenWider)
	}
	p.CIDRs = cidrs
	return nil
}

func (t *Tokens) rename(ctx context.Context, tx *store.Tx, p *Personal, name string) error {
	name, err := tokenName(name)
	if err != nil || name == p.Name {
		return err
	}
	tx.Delete(t.names.Key(nameKey(p.Owner, p.Name)))
	p.Name = name
	return t.takeName(ctx, tx, *p)
}

// Rotate gives a token, as it was found, a new secret; the old one is dead at
// once. Id, settings, end and authorization session stay. Of several who found
// the same one gets a secret, and the others ErrTokenRotated: what they got
// would be dead already.
func (t *Tokens) Rotate(ctx context.Context, found Personal, by audit.Actor) (Personal, ostiary.Secret, error) {
	secret := Mint(KindPersonal)
	hash := hashToken(t.key, secret.Reveal())
	p, err := t.change(ctx, found.ID, func(tx *store.Tx, p *Personal) error {
		if p.Hash != found.Hash && p.Hash != hash {
			return ErrTokenRotated
		}
		p.Hash, p.Hint = hash, Hint(secret)
		t.record(tx, "rotated", *p, by)
		return nil
	})
	if err != nil {
		return Personal{}, "", err
	}
	return p, secret, nil
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
	var p Personal
	err := t.db.Change(ctx, "change token "+id, func(tx *store.Tx) error {
		var version store.Version
		var err error
		if p, version, err = t.get(ctx, id); err != nil {
			return err
		}
		if !p.Alive(t.db.Clock().Now()) {
			return ErrTokenOver
		}
		if err := edit(tx, &p); err != nil {
			return err
		}
		t.epochs.Bump(tx, store.EpochIDs{Session: p.Session})
		return t.personal.Update(ctx, tx, id, p, version)
	})
	if err != nil {
		return Personal{}, err
	}
	return p, nil
}

// RevokeAll ends every token of a person.
func (t *Tokens) RevokeAll(ctx context.Context, owner ostiary.Subject, reason string, by audit.Actor) (int, error) {
	return t.RevokeReach(ctx, Reach{Subject: owner}, reason, by)
}

// Leaked ends a personal token that somebody found; false: it is none, or
// over already.
func (t *Tokens) Leaked(ctx context.Context, text string) (bool, error) {
	if !CheckToken(text, KindPersonal) {
		return false, nil
	}
	p, err := t.find(ctx, text)
	if err != nil || p.ID == "" {
		return false, err
	}
	_, err = t.Revoke(ctx, p.ID, "reported as leaked", audit.Actor{})
	if errors.Is(err, ErrTokenOver) {
		return false, nil
	}
	return err == nil, err
}
