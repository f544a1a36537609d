package session

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/store"
)

// A Widening is what a person adds to a session of theirs. What is not said
// stays.
type Widening struct {
	Tier   ostiary.Tier // of Apps; TierNone: as it was, and as on all apps where one is opened
	Apps   []string     // to open, or open already
	Skip   []string     // left closed for now
	Scopes []string     // of Apps, besides those that the tier gives
	Tools  []string     // canonical ids; "crm:*" takes the whole app
	Shown  map[string][]string
}

// Widen adds to a session what its person agreed to; the same token reaches it
// from then on, on every instance. Somebody else is ErrNotYours; what the
// client can't be given is ErrCeiling.
func (s *Sessions) Widen(ctx context.Context, id ostiary.SessionID, person ostiary.Subject, w Widening) (Session, error) {
	return s.change(ctx, id, func(tx *store.Tx, ses *Session) error {
		if person == "" || ses.Machine || ses.Subject != person {
			return ErrNotYours
		}
		if err := w.apply(ses, s.db.Clock().Now().UnixMilli()); err != nil {
			return err
		}
		s.record(tx, "widened", *ses, audit.Actor{Tenant: ses.Tenant, Subject: person}, map[string]string{"apps": strings.Join(w.Apps, " ")})
		return nil
	})
}

func (w Widening) apply(ses *Session, now int64) error {
	base, _ := TierOf(ses.Scopes)
	var added []string
	for _, app := range w.Apps {
		tier := w.Tier
		if !slices.Contains(ses.Authorized, app) {
			ses.Authorized = append(ses.Authorized, app)
			tier = max(base, tier, ostiary.TierRead)
		}
		if tier > ostiary.TierNone {
			added = append(added, app+":"+tier.String())
		}
	}
	for _, scope := range w.Scopes {
		if !slices.Contains(w.Apps, AppOf(scope)) {
			return fmt.Errorf("%w: %q is of no app that is opened", ErrCeiling, scope)
		}
		added = append(added, scope)
	}
	if err := checkCeiling(ses.Client, added); err != nil {
		return err
	}
	ses.Scopes = tidy(union(ses.Scopes, added))
	ses.Tier = max(TopTier(ses.Scopes), ostiary.TierRead).String()
	ses.Skipped = without(union(ses.Skipped, w.Skip), ses.Authorized)
	ses.Pending = without(ses.Pending, slices.Concat(ses.Authorized, ses.Skipped))
	ses.Consent = ses.Consent.and(w, now)
	return nil
}

// and is the consent with more tools. Apps that were taken whole before are
// whole for the categories of both times.
func (c Consent) and(w Widening, now int64) Consent {
	if len(w.Tools) == 0 {
		return c
	}
	shown := maps.Clone(c.Shown)
	if shown == nil {
		shown = map[string][]string{}
	}
	for app, categories := range w.Shown {
		if slices.Contains(w.Tools, app+":*") {
			shown[app] = union(shown[app], categories)
		}
	}
	return Consent{SelectedTools: union(c.SelectedTools, w.Tools), ConsentedAt: now, Version: ConsentVersion, Shown: shown}
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func without(a, b []string) []string {
	return slices.DeleteFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// EndApp closes an app for a session, with what was agreed to of it and what is
// remembered of its client. Its
// person, or whoever may, can open it again only by a new consent. Once it has
// returned, no call that starts later reaches the app by this session, on any
// instance.
func (s *Sessions) EndApp(ctx context.Context, id ostiary.SessionID, app string, by audit.Actor) (Session, error) {
	return s.change(ctx, id, func(tx *store.Tx, ses *Session) error {
		if !slices.Contains(ses.Authorized, app) {
			return fmt.Errorf("%w: app %s is not open for %s", ErrNotFound, app, id)
		}
		ses.Authorized = without(ses.Authorized, []string{app})
		ses.Scopes = slices.DeleteFunc(ses.Scopes, func(scope string) bool { return AppOf(scope) == app })
		ses.Pending = union(ses.Pending, []string{app})
		ses.Consent = ses.Consent.without(app)
		s.record(tx, "app_ended", *ses, by, map[string]string{"app": app})
		return s.forgetWith(ctx, tx, *ses, by)
	})
}

// Revoke ends a session with its tokens, grants and pending requests, and what
// its person had remembered of its client. Once it
// has returned, no call that starts later goes through with it, on any
// instance. One that is over already is ErrOver.
func (s *Sessions) Revoke(ctx context.Context, id ostiary.SessionID, reason string, by audit.Actor) (Session, error) {
	return s.change(ctx, id, func(tx *store.Tx, ses *Session) error { return s.end(ctx, tx, ses, reason, by) })
}

// End adds the end of a session to tx, with whatever else ends with it. It
// returns the zero Session for one that is over already, or not there.
func (s *Sessions) End(ctx context.Context, tx *store.Tx, id ostiary.SessionID, reason string, by audit.Actor) (Session, error) {
	ses, version, err := s.living(ctx, id)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrOver) {
		return Session{}, nil
	}
	if err != nil {
		return Session{}, err
	}
	if err := s.end(ctx, tx, &ses, reason, by); err != nil {
		return Session{}, err
	}
	s.epochs.Bump(tx, store.EpochIDs{Session: id})
	return ses, s.table.Update(ctx, tx, string(id), ses, version)
}

func (s *Sessions) end(ctx context.Context, tx *store.Tx, ses *Session, reason string, by audit.Actor) error {
	now := s.db.Clock().Now()
	ses.Revoked, ses.Reason = &now, reason
	if ses.Foreign == nil { // its issuer's tokens live on, and must find it ended
		ses.KeptTill = now.Add(s.config.Retention)
	}
	s.record(tx, "revoked", *ses, by, map[string]string{"reason": reason})
	if err := s.forgetWith(ctx, tx, *ses, by); err != nil {
		return err
	}
	return s.ender.EndSession(ctx, tx, ses.ID)
}

// change edits a session in force, in one commit that moves its epoch.
func (s *Sessions) change(ctx context.Context, id ostiary.SessionID, edit func(*store.Tx, *Session) error) (Session, error) {
	var ses Session
	err := s.db.Change(ctx, "change session "+string(id), func(tx *store.Tx) error {
		var version store.Version
		var err error
		if ses, version, err = s.living(ctx, id); err != nil {
			return err
		}
		if err := edit(tx, &ses); err != nil {
			return err
		}
		s.epochs.Bump(tx, store.EpochIDs{Session: id})
		return s.table.Update(ctx, tx, string(id), ses, version)
	})
	if err != nil {
		return Session{}, err
	}
	return ses, nil
}

// RevokeReach ends every session within reach and says how many were in force.
// What was remembered within reach is forgotten.
func (s *Sessions) RevokeReach(ctx context.Context, r identity.Reach, reason string, by audit.Actor) (int, error) {
	items, err := s.table.All(ctx, Filter{Subject: r.Subject, Client: r.Client}.index())
	if err != nil {
		return 0, err
	}
	n := 0
	for _, it := range items {
		reached, err := s.reached(ctx, it.Value, r)
		if err != nil {
			return n, err
		}
		if !reached {
			continue
		}
		_, err = s.Revoke(ctx, it.Value.ID, reason, by)
		if errors.Is(err, ErrOver) || errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, s.forgetReach(ctx, r, by)
}

// reached goes by the tenant that the subject has now, and by the one they had
// when the session was opened.
func (s *Sessions) reached(ctx context.Context, ses Session, r identity.Reach) (bool, error) {
	if r.Tenant == "" || ses.Tenant == r.Tenant {
		return true, nil
	}
	owner, err := s.users.Get(ctx, ses.Subject)
	if errors.Is(err, identity.ErrUserNotFound) {
		return false, nil
	}
	return s.users.Tenant(owner) == r.Tenant, err
}
