package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
)

const tokensPath = "/account/tokens"

// PersonalTokens is GET /account/tokens.
func (s *Web) PersonalTokens(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
	if id := r.URL.Query().Get("narrow"); id != "" {
		return s.showNarrowing(w, r, v, id)
	}
	return s.showTokens(w, r, v, http.StatusOK, pages.PersonalTokens{Done: doneOf(r)})
}

// doneOf is what the page before this one did.
func doneOf(r *http.Request) string {
	if done := r.URL.Query().Get("done"); done == "revoked" || done == "narrowed" {
		return done
	}
	return ""
}

func (s *Web) showTokens(w http.ResponseWriter, r *http.Request, v visit.Visitor, status int, page pages.PersonalTokens) (err error) {
	if page.Tokens, err = s.personalTokens(r.Context(), v); err != nil {
		return err
	}
	if !s.fresh(v) {
		page.SignInAgain = signInPage(tokensPath, true)
	}
	if err := s.offerSelections(r.Context(), v, &page.Form); err != nil {
		return err
	}
	page.Form.Default, page.Form.MaxTTL, page.Form.AllowEndless = s.Personal.DefaultTTL, s.Personal.MaxTTL, s.Personal.AllowEndless
	return s.show(w, status, v, page)
}

// maxTokens bounds how many tokens a page shows.
const maxTokens = 500

func (s *Web) personalTokens(ctx context.Context, v visit.Visitor) ([]pages.PersonalToken, error) {
	tokens, _, err := s.Tokens.List(ctx, v.User.ID, maxTokens, "")
	if err != nil {
		return nil, err
	}
	var working, over []pages.PersonalToken
	for _, t := range tokens {
		used, err := s.Tokens.LastUsed(ctx, t)
		if err != nil {
			return nil, err
		}
		view := viewToken(t, used, s.clock.Now())
		if view.EndedAt.IsZero() {
			working = append(working, view)
		} else {
			over = append(over, view)
		}
	}
	return slices.Concat(working, over), nil
}

func viewToken(t identity.Personal, used, now time.Time) pages.PersonalToken {
	v := pages.PersonalToken{
		ID: t.ID, Name: t.Name, Hint: t.Hint, Tier: t.Tier, Apps: pages.Picked(t.Apps), Tools: pages.Picked(t.Tools), Sites: pages.Picked(t.Sites),
		CreatedAt: t.Created, LastUsedAt: used,
	}
	if t.Expires != nil {
		v.ExpiresAt = *t.Expires
	}
	for _, p := range t.CIDRs {
		v.Addresses = append(v.Addresses, p.String())
	}
	switch {
	case t.Revoked != nil:
		v.EndedAt, v.EndReason = *t.Revoked, cmp.Or(t.Reason, "revoked")
	case !t.Alive(now):
		v.EndedAt, v.EndReason = v.ExpiresAt, "expired"
	}
	return v
}

// ChangeTokens is POST /account/tokens.
func (s *Web) ChangeTokens(w http.ResponseWriter, r *http.Request, v visit.Visitor, f form) error {
	action := f.one("action")
	if (action == "create" || action == "rotate") && !s.fresh(v) {
		redirect(w, r, signInPage(tokensPath, true))
		return nil
	}
	if action == "create" || action == "rotate" {
		if sent, err := s.linkFirst(w, r, v, tokensPath); sent || err != nil {
			return err
		}
	}
	switch action {
	case "create":
		return s.makeToken(w, r, v, f)
	case "narrow":
		return s.narrowToken(w, r, v, f)
	case "rotate":
		return s.rotateToken(w, r, v, f)
	case "revoke":
		return s.revokeToken(w, r, v, f)
	default:
		return visit.Refuse(http.StatusBadRequest, "invalid_request", "Unknown action.")
	}
}

func (s *Web) makeToken(w http.ResponseWriter, r *http.Request, v visit.Visitor, f form) error {
	spec, err := specOf(f)
	var t identity.Personal
	var secret ostiary.Secret
	if err == nil {
		t, secret, err = s.Tokens.Create(r.Context(), v.User, spec, actorOf(v))
	}
	if err == nil {
		return s.showTokens(w, r, v, http.StatusOK, pages.PersonalTokens{Made: &pages.Made{Name: t.Name, Token: secret}})
	}
	field, words := tokenProblem(err)
	if words == "" {
		return err
	}
	form := chosenIn(f)
	form.Problems = pages.Problems{field: words}
	return s.showTokens(w, r, v, http.StatusUnprocessableEntity, pages.PersonalTokens{Form: form})
}

// own returns the visitor's own token.
func (s *Web) own(r *http.Request, v visit.Visitor, id string) (identity.Personal, error) {
	t, err := s.Tokens.Owned(r.Context(), v.User.ID, id)
	if errors.Is(err, identity.ErrTokenNotFound) {
		return t, visit.NotFound()
	}
	return t, err
}

func (s *Web) rotateToken(w http.ResponseWriter, r *http.Request, v visit.Visitor, f form) error {
	t, err := s.own(r, v, f.one("id"))
	if err != nil {
		return err
	}
	t, secret, err := s.Tokens.Rotate(r.Context(), t, actorOf(v))
	if err != nil {
		return orOver(err)
	}
	made := &pages.Made{Name: t.Name, Token: secret, Rotated: true}
	return s.showTokens(w, r, v, http.StatusOK, pages.PersonalTokens{Made: made})
}

func (s *Web) revokeToken(w http.ResponseWriter, r *http.Request, v visit.Visitor, f form) error {
	t, err := s.own(r, v, f.one("id"))
	if err != nil {
		return err
	}
	if _, err := s.Tokens.Revoke(r.Context(), t.ID, "revoked by its owner", actorOf(v)); err != nil {
		return orOver(err)
	}
	redirect(w, r, tokensPath+"?done=revoked")
	return nil
}

// orOver is for a token that ended while somebody looked at the page.
func orOver(err error) error {
	if errors.Is(err, identity.ErrTokenRotated) {
		return visit.Refuse(http.StatusConflict, "rotated", "This token was rotated a moment ago: the value shown then is the good one.")
	}
	if errors.Is(err, identity.ErrTokenOver) {
		return visit.Refuse(http.StatusConflict, "token_over", "This token is revoked or expired.")
	}
	return err
}
