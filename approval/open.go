package approval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/policy"
	"github.com/ostiary/ostiary/store"
)

// A pointer stands where equal calls meet: at the one pending request of a
// tenant, subject, session, gate, tool, definition, arguments and site.
type pointer struct {
	Request string          `json:"request"`
	Subject ostiary.Subject `json:"subject"`
	Place   string          `json:"place,omitempty"` // id of the request's; "" none
	Expires time.Time       `json:"expires"`
}

// Row implements store.Rower.
func (p pointer) Row() store.Row { return store.Row{Owner: p.Subject, Expires: p.Expires} }

func meetingPoint(r Request) string {
	return join(string(r.Tenant), string(r.Subject), string(r.Session), r.Gate,
		string(r.Tool), r.ToolDigest.String(), r.ArgumentsDigest.String(), string(r.Site))
}

// Open makes a request for a call, or finds the pending one that an equal
// call made before; made says which. It returns an error wrapping ErrTooMany
// when the subject has as many pending requests as allowed.
func (s *Service) Open(ctx context.Context, a Ask, rule *policy.Rule, suspended *Grant) (r Request, made bool, err error) {
	r = s.newRequest(a, rule)
	if suspended != nil {
		r.ToolChanged = suspended.ToolDigest
	}
	// Whoever loses a place has lost it to another request: there are no more
	// of those than places.
	for range maxTries + s.config.MaxPending {
		open, at, err := s.attach(ctx, r)
		if err == nil || !errors.Is(err, ErrNotFound) {
			return open, false, err
		}
		err = s.create(ctx, r, at, a)
		if err == nil || !store.Again(err) {
			return r, err == nil, err
		}
	}
	return Request{}, false, fmt.Errorf("open an approval request: %w", store.ErrConflict)
}

// maxTries bounds every loop that starts again after a conflict.
const maxTries = 20

func (s *Service) newRequest(a Ask, rule *policy.Rule) Request {
	c, p, now := a.Call, a.Call.Principal, s.clock.Now()
	return Request{
		ID: ostiary.NewID("req"), Tool: c.Tool.ID, App: c.Tool.App, AppName: c.Tool.AppName,
		Site: a.Site, Tenant: p.Tenant, Subject: p.Subject, Session: p.Session, Gate: a.Gate,
		Client: p.Client.ID, ClientName: p.Client.Name, ClientVerified: p.Client.Verified,
		Arguments: arguments(c.Arguments.Raw), ArgumentsDigest: a.Digest, ToolDigest: c.Tool.Digest,
		Status: Pending, Category: rule.Category.String(), Risk: rule.Approval.Risk, Message: rule.Approval.Message,
		Scopes: offered(rule.Approval), DefaultScope: Scope(rule.Approval.DefaultScope),
		MaxTTL: int64(rule.Approval.MaxTTL / time.Second), Approvers: rule.Approval.Approvers,
		CreatedAt: now, ExpiresAt: now.Add(s.config.RequestTTL), Decisions: []Vote{},
		KeptUntil: now.Add(s.config.RequestTTL + s.config.Retention),
	}
}

func arguments(raw []byte) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("{}")
	}
	return raw
}

func offered(a policy.Approval) []Scope {
	if a.AlwaysPrompt {
		return []Scope{Once}
	}
	out := make([]Scope, len(a.Scopes))
	for i, s := range a.Scopes {
		out[i] = Scope(s)
	}
	return out
}

// attach finds the pending request of an equal call, or ErrNotFound and the
// version at which the meeting point was found empty: absent, or left behind
// by a request that is over.
func (s *Service) attach(ctx context.Context, r Request) (Request, store.Version, error) {
	p, at, err := s.pending.Get(ctx, meetingPoint(r))
	if err != nil {
		return Request{}, 0, notFound(err)
	}
	open, err := s.Request(ctx, p.Request)
	if err != nil {
		return Request{}, at, err
	}
	if open.Status != Pending {
		return Request{}, at, ErrNotFound
	}
	return open, at, nil
}

// create writes the request. The meeting point is asserted as it was found, so
// that two equal calls make one request.
func (s *Service) create(ctx context.Context, r Request, at store.Version, a Ask) error {
	var tx store.Tx
	place, err := s.takePlace(ctx, &tx, r)
	if err != nil {
		return err
	}
	if err := s.pending.Update(ctx, &tx, meetingPoint(r), pointer{r.ID, r.Subject, place, r.ExpiresAt}, at); err != nil {
		return err
	}
	if err := s.requests.Create(ctx, &tx, r.ID, r); err != nil {
		return err
	}
	if err := s.keepDefinition(ctx, &tx, r.ToolDigest, a.Call.Tool.Definition); err != nil {
		return err
	}
	s.log.Append(&tx, r.requested(a))
	if _, err := s.db.Commit(ctx, tx); err != nil {
		return fmt.Errorf("keep approval request: %w", err)
	}
	return nil
}

// leave adds to tx that no call meets at r any more, and that its place is
// free. A later request of an equal call, made when r had run out, is left
// where it is.
func (s *Service) leave(ctx context.Context, tx *store.Tx, r Request) error {
	p, at, err := s.pending.Get(ctx, meetingPoint(r))
	if errors.Is(err, store.ErrNotFound) || err == nil && p.Request != r.ID {
		return nil
	}
	if err != nil {
		return fmt.Errorf("leave the meeting point of %s: %w", r.ID, err)
	}
	s.pending.Delete(tx, meetingPoint(r), at)
	if p.Place != "" {
		// Pointer and place end at the same instant: where the one still stands
		// at the commit, the other is nobody else's.
		tx.Delete(s.places.Key(p.Place))
	}
	return nil
}

// requested tells of a new request, and that the call it is for was held.
func (r Request) requested(a Ask) audit.Entry {
	actor := audit.ActorOf(a.Call.Principal)
	actor.IPClass = audit.IPClass(a.Call.Caller.Addr)
	e := r.entry("requested", actor)
	e.CallID, e.Decision = a.Call.ID, a.Held
	return e
}

func (r Request) entry(event string, actor audit.Actor) audit.Entry {
	return audit.Entry{
		Kind: audit.KindApproval, Event: event, Target: r.ID, Actor: actor,
		Tool: r.Tool, ApprovalID: r.ID, ToolDigest: r.ToolDigest.String(), RawArguments: r.Arguments,
	}
}

func notFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return ErrNotFound
	}
	return err
}
