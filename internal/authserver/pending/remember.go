package pending

import (
	"context"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

// key is whose yes to what a request is about.
func (r Request) key() session.Draft {
	return session.Draft{Subject: r.Subject, Client: r.Asked.Client, Resources: r.Asked.Resources}
}

// remember adds to tx what the next request of this client is compared with.
func (r *Requests) remember(ctx context.Context, tx *store.Tx, req Request, d Decision, draft session.Draft, tenant ostiary.Tenant) error {
	if !d.Remember || draft.KeepAdmin || req.Asked.Origin == "" {
		return r.unremember(ctx, tx, req)
	}
	m := session.Remembered{Draft: draft, Tenant: tenant, Origin: req.Asked.Origin, Definition: req.Asked.Definition, Tools: map[string]session.Seen{}}
	for _, app := range req.Offered {
		if !slices.Contains(draft.Authorized, app.ID) {
			continue
		}
		for _, t := range app.Tools {
			m.Tools[string(t.ID)] = session.Seen{Definition: t.Definition, Category: t.Category}
		}
	}
	return r.given.Remember(ctx, tx, m)
}

func (r *Requests) unremember(ctx context.Context, tx *store.Tx, req Request) error {
	if req.Asked.Origin == "" {
		return nil
	}
	return r.given.Unremember(ctx, tx, req.key(), req.Asked.Origin)
}

// Recall returns the yes that the person of a request, who has it before them,
// had remembered for one that asked for as much; false: they have to be asked.
// It is theirs to give again, at most until the end that they chose then.
func (r *Requests) Recall(ctx context.Context, req Request) (Decision, bool, error) {
	if req.Asked.Origin == "" || req.Subject == "" || req.Offered == nil {
		return Decision{}, false, nil
	}
	m, ok, err := r.given.Recall(ctx, req.key(), req.Asked.Origin)
	if err != nil || !ok || !req.covered(m) {
		return Decision{}, false, err
	}
	tier, _ := ostiary.ParseTier(m.Draft.Tier)
	left := m.Draft.Expires.Sub(r.db.Clock().Now()).Truncate(time.Second)
	d := Decision{
		Allow: true, Tools: m.Draft.Consent.SelectedTools, Tier: min(tier, req.Asked.MaxTier()), Sites: m.Draft.Sites, TTL: left, Remember: true,
	}
	for _, app := range req.Offered {
		if slices.Contains(m.Draft.Authorized, app.ID) {
			d.Apps = append(d.Apps, app.ID)
		}
		if app.Skippable && slices.Contains(m.Draft.Skipped, app.ID) {
			d.Skip = append(d.Skip, app.ID)
		}
	}
	return d, len(d.Apps) > 0 && left > 0, nil
}

// covered says whether a request asks for no more than what is remembered, of
// things that are what they were.
func (r Request) covered(m session.Remembered) bool {
	asked := func(scope string) bool { return slices.Contains(m.Draft.Asked, scope) }
	if m.Definition != r.Asked.Definition || slices.ContainsFunc(r.Asked.Scopes, func(s string) bool { return !asked(s) }) {
		return false
	}
	for _, app := range r.Offered {
		if !slices.Contains(m.Draft.Authorized, app.ID) {
			continue
		}
		whole := slices.Contains(m.Draft.Consent.SelectedTools, app.ID+":*")
		for _, t := range app.Tools {
			seen, ok := m.Tools[string(t.ID)]
			if ok && seen != (session.Seen{Definition: t.Definition, Category: t.Category}) {
				return false
			}
			if whole && !t.Admin && !slices.Contains(m.Draft.Consent.Shown[app.ID], t.Category) {
				return false
			}
		}
	}
	return true
}
