package pending

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/internal/authserver/grants"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

// A Decision is what a person sends. What was not shown is ignored, and what
// passes what was asked for is cut down to it.
type Decision struct {
	Allow     bool
	Apps      []string
	Skip      []string
	Tools     []string          // canonical ids; "crm:*" takes the whole app
	Tier      ostiary.Tier      // TierNone: read
	Sites     ostiary.Selection // of theirs
	TTL       time.Duration     // until the end of the grant; zero: the default
	KeepAdmin bool
	// Remember it, as far as the request lets it; else nothing is remembered
	// any more. With admin rights nothing is.
	Remember bool
	// Said is the answer as the person sent it, which Again knows it by; "":
	// it is not known again.
	Said string
}

// An Outcome goes back to the client.
type Outcome struct {
	Redirect string
	State    string
	Code     ostiary.Secret // "": access was denied
	// Asked is what the decision was about.
	Asked Asked
	// Used: the client has turned the code into tokens already, and must not see
	// it twice. Only of what was said again; Code is "" then.
	Used bool
}

// Decide ends a request with a code, or with none. Of several decisions one
// counts; the others are ErrNotFound. For people whom no agent may act for it
// is a denial, whatever they say; who is disabled or gone is
// identity.ErrUserNotFound.
func (r *Requests) Decide(ctx context.Context, v Visit, d Decision) (Outcome, error) {
	var out Outcome
	err := r.db.Settle(ctx, "decide an authorization request", func(tx *store.Tx) error {
		req, version, err := r.own(ctx, v)
		if errors.Is(err, ErrNotFound) && out.Code != "" {
			return r.was(ctx, out)
		}
		if err != nil {
			return err
		}
		r.table.Delete(tx, req.ID, version)
		if out, err = r.end(ctx, tx, req, d); err != nil {
			return err
		}
		return r.tell(ctx, tx, v, req, d.Said, out)
	})
	if err != nil {
		return Outcome{}, err
	}
	return out, nil
}

// was is nil when the code of an earlier attempt, of which nobody knew whether
// it had been kept, is there.
func (r *Requests) was(ctx context.Context, out Outcome) error {
	ours, err := r.grants.Issued(ctx, out.Code)
	if err == nil && !ours {
		err = ErrNotFound
	}
	return err
}

func (r *Requests) end(ctx context.Context, tx *store.Tx, req Request, d Decision) (Outcome, error) {
	person, err := r.users.StillThere(ctx, tx, req.Subject)
	if err != nil {
		return Outcome{}, err
	}
	tenant := r.users.Tenant(person)
	out := Outcome{Redirect: req.Asked.Redirect, State: req.Asked.State, Asked: req.Asked}
	if !d.Allow || r.config.Admins.Refuses(r.users, person) {
		r.record(tx, "consent_denied", req, tenant, nil)
		return out, r.unremember(ctx, tx, req)
	}
	if req.Offered == nil {
		return Outcome{}, ErrNotShown
	}
	draft := r.draft(req, d)
	r.record(tx, "consent_given", req, tenant, map[string]string{
		"tier": draft.Tier, "apps": strings.Join(draft.Authorized, " "), "resources": strings.Join(draft.Resources, " "),
	})
	if err := r.remember(ctx, tx, req, d, draft, tenant); err != nil {
		return Outcome{}, err
	}
	out.Code, err = r.grants.Issue(ctx, tx, grants.Consented{Redirect: req.Asked.Redirect, Challenge: req.Asked.Challenge, Draft: draft})
	return out, err
}

// draft is what was asked, shown and said.
func (r *Requests) draft(req Request, d Decision) session.Draft {
	now := r.db.Clock().Now()
	ttl := d.TTL
	if ttl <= 0 {
		ttl = r.config.GrantDefault
	}
	draft := session.Draft{
		Subject: req.Subject, Client: req.Asked.Client, Resources: req.Asked.Resources, Asked: req.Asked.Scopes,
		Tier:  min(max(d.Tier, ostiary.TierRead), req.Asked.MaxTier()).String(),
		Sites: d.Sites, KeepAdmin: d.KeepAdmin, AuthTime: req.AuthTime, Expires: now.Add(min(ttl, r.config.GrantMax)),
		Consent: session.Consent{AllSelected: true, ConsentedAt: now.UnixMilli(), Version: session.ConsentVersion, Shown: map[string][]string{}},
	}
	for _, app := range req.Offered {
		switch {
		case slices.Contains(d.Apps, app.ID):
			draft.Authorized = append(draft.Authorized, app.ID)
			app.consent(&draft.Consent, d)
		case app.Skippable && slices.Contains(d.Skip, app.ID):
			draft.Skipped = append(draft.Skipped, app.ID)
			draft.Consent.AllSelected = false
		default:
			draft.Pending = append(draft.Pending, app.ID)
			draft.Consent.AllSelected = false
		}
	}
	return draft
}

// consent adds the tools that were taken of an app. Those for admin rights are
// taken together with these.
func (a App) consent(c *session.Consent, d Decision) {
	mine := slices.DeleteFunc(slices.Clone(a.Tools), func(t Tool) bool { return t.Admin && !d.KeepAdmin })
	if whole := a.ID + ":*"; slices.Contains(d.Tools, whole) {
		c.SelectedTools = append(c.SelectedTools, whole)
		for _, t := range mine {
			if !slices.Contains(c.Shown[a.ID], t.Category) {
				c.Shown[a.ID] = append(c.Shown[a.ID], t.Category)
			}
		}
		return
	}
	for _, t := range mine {
		if slices.Contains(d.Tools, string(t.ID)) {
			c.SelectedTools = append(c.SelectedTools, string(t.ID))
		} else {
			c.AllSelected = false
		}
	}
}

func (r *Requests) record(tx *store.Tx, event string, req Request, tenant ostiary.Tenant, detail map[string]string) {
	r.log.Append(tx, audit.Entry{
		Kind: audit.KindSession, Event: event, Target: req.ID, Detail: detail,
		Actor: audit.Actor{Tenant: tenant, Subject: req.Subject, Client: req.Asked.Client.ID},
	})
}
