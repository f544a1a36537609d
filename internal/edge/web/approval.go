package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
)

// Approval is GET /approvals/{id}.
func (s *Web) Approval(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
	req, err := s.visible(r, v)
	if err != nil {
		return err
	}
	page, err := s.approvalPage(r.Context(), req, v)
	if err != nil {
		return err
	}
	return s.show(w, http.StatusOK, v, page)
}

// visible reads the request that the address names, if the visitor may see
// it.
func (s *Web) visible(r *http.Request, v visit.Visitor) (approval.Request, error) {
	req, err := s.Approvals.Request(r.Context(), r.PathValue("id"))
	if err != nil || !req.MaySee(deciderOf(v)) {
		return approval.Request{}, orNotFound(err)
	}
	return req, nil
}

// orNotFound is for what is not there (err says so) or not to be seen (nil).
func orNotFound(err error) error {
	if err == nil || errors.Is(err, approval.ErrNotFound) {
		return visit.NotFound()
	}
	return err
}

func (s *Web) approvalPage(ctx context.Context, r approval.Request, v visit.Visitor) (pages.Approval, error) {
	d := deciderOf(v)
	page := pages.Approval{
		Request: viewRequest(r), DefaultScope: string(r.DefaultScope), MaxTTL: time.Duration(r.MaxTTL) * time.Second,
		Approvers: pages.Approvers{Roles: r.Approvers.Roles, Users: r.Approvers.Users}, ClientUnvouched: !r.ClientVerified,
	}
	for _, scope := range r.Scopes {
		page.Scopes = append(page.Scopes, string(scope))
	}
	switch err := r.MayDecide(d); {
	case errors.Is(err, approval.ErrSelfApproval):
		page.WhyNot = "self_approval"
	case err != nil:
		page.WhyNot = "not_an_approver"
	case r.Voted(d):
		page.WhyNot = "already_voted"
	default:
		page.MayDecide = true
	}
	if r.Risk.Serious() && !s.fresh(v) {
		page.SignInAgain = signInPage("/approvals/"+r.ID, true)
	}
	var err error
	if page.Definition, err = s.definition(ctx, r); err != nil {
		return page, err
	}
	page.Equals, err = s.Approvals.Equals(ctx, r, s.clock.Now().Add(-week))
	return page, err
}

const week = 7 * 24 * time.Hour

// definition compares the tool as it is asked about with the tool as it was
// at the last yes that its person's agents got.
func (s *Web) definition(ctx context.Context, r approval.Request) (pages.Definition, error) {
	last, err := s.lastYes(ctx, r)
	if err != nil || last.ID == "" {
		return pages.Definition{}, err
	}
	d := pages.Definition{LastYes: last.GrantedAt}
	if last.ToolDigest == r.ToolDigest && r.ToolChanged == (ostiary.Digest{}) {
		return d, nil
	}
	before := last.ToolDigest
	if r.ToolChanged != (ostiary.Digest{}) {
		before = r.ToolChanged
	}
	if d.Before, err = s.kept(ctx, before); err != nil {
		return d, err
	}
	if d.After, err = s.kept(ctx, r.ToolDigest); err != nil {
		return d, err
	}
	waiting, err := s.Approvals.Suspended(ctx, r)
	for _, g := range waiting {
		d.Waiting = append(d.Waiting, s.viewGrant(g))
	}
	return d, err
}

// kept is a definition that somebody was asked about; empty, but not nil,
// when it is not kept.
func (s *Web) kept(ctx context.Context, d ostiary.Digest) ([]byte, error) {
	definition, err := s.Approvals.Definition(ctx, d)
	if errors.Is(err, approval.ErrNotFound) {
		return []byte{}, nil
	}
	return definition, err
}

// lastYes is the newest grant of the request's tool to its subject.
func (s *Web) lastYes(ctx context.Context, r approval.Request) (approval.Grant, error) {
	subject := approval.Decider{Subject: r.Subject, Tenant: r.Tenant}
	cursor := ""
	for range maxPages {
		page, next, err := s.Approvals.Grants(ctx, subject, approval.GrantFilter{Tool: r.Tool}, maxGrants, cursor)
		if err != nil {
			return approval.Grant{}, err
		}
		for _, g := range page {
			if g.Scope != "" && g.RequestID != r.ID { // a no has no scope
				return g, nil
			}
		}
		if cursor = next; next == "" {
			break
		}
	}
	return approval.Grant{}, nil
}
