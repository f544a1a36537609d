package web

import (
	"errors"
	"net/http"

	"github.com/ostiary/ostiary/approval"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
)

// Decide is POST /approvals/{id}.
func (s *Web) Decide(w http.ResponseWriter, r *http.Request, v visit.Visitor, f form) error {
	req, err := s.visible(r, v)
	if err != nil {
		return err
	}
	a := answerOf(f, req)
	if s.needsConfirmation(req, a, f, v) {
		return s.askAgain(w, r, v, req, a)
	}
	_, err = s.Approvals.Decide(r.Context(), req.ID, deciderOf(v), a, s.Reauth)
	if errors.Is(err, approval.ErrReauthenticate) {
		redirect(w, r, signInPage("/approvals/"+req.ID, true))
		return nil
	}
	if err != nil {
		return s.refused(w, r, v, a, err)
	}
	redirect(w, r, "/approvals/"+req.ID)
	return nil
}

func answerOf(f form, r approval.Request) approval.Answer {
	a := approval.Answer{
		Decision: f.one("decision"), Scope: approval.Scope(f.one("scope")),
		AnyClient: f.one("any_client") == "1", Reason: f.one("reason"),
	}
	if a.Scope == "" {
		a.Scope = r.DefaultScope
	}
	if a.Scope == approval.TimeLimited { // the form sends a time with every scope
		a.TTL, _ = f.ttl()
	}
	return a
}

// needsConfirmation says whether a serious yes has still to be confirmed. An
// answer that would be refused anyway is not asked about twice.
func (s *Web) needsConfirmation(r approval.Request, a approval.Answer, f form, v visit.Visitor) bool {
	d := deciderOf(v)
	return a.Decision == approval.Approve && r.Risk.Serious() && f.one("confirm") != "1" &&
		r.Status == approval.Pending && r.MayDecide(d) == nil && !r.Voted(d) && s.fresh(v) && r.Allows(a) == nil
}

func (s *Web) askAgain(w http.ResponseWriter, r *http.Request, v visit.Visitor, req approval.Request, a approval.Answer) error {
	page, err := s.approvalPage(r.Context(), req, v)
	if err != nil {
		return err
	}
	page.Confirm, page.Choice = true, choiceOf(a)
	return s.show(w, http.StatusOK, v, page)
}

func choiceOf(a approval.Answer) pages.Choice {
	return pages.Choice{Scope: string(a.Scope), TTL: a.TTL, AnyClient: a.AnyClient, Reason: a.Reason}
}

// refusals are the answers to what can be wrong with a decision, for a page
// that says why.
var refusals = []struct {
	err    error
	status int
	code   string
}{
	{approval.ErrNotApprover, http.StatusForbidden, "not_an_approver"},
	{approval.ErrSelfApproval, http.StatusForbidden, "self_approval"},
	{approval.ErrDecided, http.StatusConflict, "already_decided"},
	{approval.ErrExpired, http.StatusConflict, "expired"},
	{approval.ErrScope, http.StatusUnprocessableEntity, "scope_not_allowed"},
	{approval.ErrTTL, http.StatusUnprocessableEntity, "ttl_too_long"},
	{approval.ErrTTLMissing, http.StatusUnprocessableEntity, "ttl_missing"},
}

// refused shows the request as it stands now, and why the answer was not
// taken.
func (s *Web) refused(w http.ResponseWriter, r *http.Request, v visit.Visitor, a approval.Answer, cause error) error {
	if errors.Is(cause, approval.ErrAnswer) || errors.Is(cause, approval.ErrReason) {
		return visit.Refuse(http.StatusBadRequest, "invalid_request", "This is no answer of the form.")
	}
	for _, refusal := range refusals {
		if !errors.Is(cause, refusal.err) {
			continue
		}
		req, err := s.visible(r, v)
		if err != nil {
			return err
		}
		page, err := s.approvalPage(r.Context(), req, v)
		if err != nil {
			return err
		}
		page.Problem, page.Choice = refusal.code, choiceOf(a)
		return s.show(w, refusal.status, v, page)
	}
	return orNotFound(cause)
}
