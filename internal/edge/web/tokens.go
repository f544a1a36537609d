package web

import (
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
	return s.showTokens(w, r, v, http.StatusOK, pages.PersonalTokens{Done: doneOf(r)})
}

// doneOf is what the page before this one did.
func doneOf(r *http.Request) string {
	if done := r.URL.Query().Get("done"); done == "revoked" {
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
	switch {
	case t.Revoked != nil:
		v.EndedAt, v.EndReason = *t.Revoked, "revoked"
	case !t.Alive(now):
		v.EndedAt, v.EndReason = v.ExpiresAt, "expired"
	}
	return v
}

// offerSelections fills in what a token can be given, with what was chosen
// before: apps, the tools of them that the person may know of, their sites.
func (s *Web) offerSelections(ctx context.Context, v visit.Visitor, f *pages.TokenForm) error {
	person, err := s.person(ctx, v)
	if err != nil {
		return err
	}
	chosen := f.Apps
	f.Apps = nil
	for _, a := range s.Apps {
		choice := pages.AppChoice{Choosable: pages.Choosable{ID: a.ID, Name: a.Name, Checked: ticked(chosen, a.ID)}}
		for _, o := range s.Catalogue.Now().Tools("") {
			if o.Tool.App == a.ID && s.Guard.Visible(ctx, person, o.Tool, "/mcp") {
				id := string(o.Tool.ID)
				choice.Tools = append(choice.Tools, pages.Choosable{ID: id, Name: o.Name, Checked: toolTicked(chosen, id)})
			}
		}
		f.Apps = append(f.Apps, choice)
	}
	sites := f.Sites
	f.Sites = nil
	for _, site := range person.Sites {
		f.Sites = append(f.Sites, pages.Choosable{ID: string(site), Checked: among(sites, string(site))})
	}
	return nil
}

func ticked(apps []pages.AppChoice, id string) bool {
	return slices.ContainsFunc(apps, func(a pages.AppChoice) bool { return a.ID == id && a.Checked })
}

func toolTicked(apps []pages.AppChoice, id string) bool {
	return slices.ContainsFunc(apps, func(a pages.AppChoice) bool { return among(a.Tools, id) })
}

func among(all []pages.Choosable, id string) bool {
	return slices.ContainsFunc(all, func(c pages.Choosable) bool { return c.ID == id && c.Checked })
}

// ChangeTokens is POST /account/tokens.
func (s *Web) ChangeTokens(w http.ResponseWriter, r *http.Request, v visit.Visitor, f form) error {
	action := f.one("action")
	if (action == "create" || action == "rotate") && !s.fresh(v) {
		redirect(w, r, signInPage(tokensPath, true))
		return nil
	}
	switch action {
	case "create":
		return s.makeToken(w, r, v, f)
	case "rotate":
		return s.rotateToken(w, r, v, f)
	case "revoke":
		return s.revokeToken(w, r, v, f)
	default:
		return visit.Refuse(http.StatusBadRequest, "invalid_request", "Unknown action.")
	}
}

func (s *Web) makeToken(w http.ResponseWriter, r *http.Request, v visit.Visitor, f form) error {
	t, secret, err := s.Tokens.Create(r.Context(), v.User, specOf(f), actorOf(v))
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

func specOf(f form) identity.PersonalSpec {
	tier, _ := ostiary.ParseTier(f.one("tier"))
	ttl, given := f.ttl()
	return identity.PersonalSpec{
		Name: f.one("name"), Tier: tier, TTL: ttl, Endless: given && ttl == 0,
		Apps: selectionOf(f.all("apps")), Tools: selectionOf(f.all("tools")), Sites: selectionOf(f.all("sites")),
	}
}

// selectionOf reads ticks: "all" takes everything, none nothing.
func selectionOf(ids []string) ostiary.Selection {
	if slices.Contains(ids, "all") {
		return ostiary.Selection{All: true}
	}
	return ostiary.Selection{IDs: ids}
}

// chosenIn is the form as it was filled in.
func chosenIn(f form) pages.TokenForm {
	ttl, _ := f.ttl()
	form := pages.TokenForm{
		Name: f.one("name"), Tier: f.one("tier"), TTL: ttl,
		AllApps: slices.Contains(f.all("apps"), "all"), AllTools: slices.Contains(f.all("tools"), "all"), AllSites: slices.Contains(f.all("sites"), "all"),
	}
	for _, id := range f.all("apps") {
		form.Apps = append(form.Apps, pages.AppChoice{Choosable: pages.Choosable{ID: id, Checked: true}})
	}
	for _, id := range f.all("tools") {
		form.Apps = append(form.Apps, pages.AppChoice{Tools: []pages.Choosable{{ID: id, Checked: true}}})
	}
	for _, id := range f.all("sites") {
		form.Sites = append(form.Sites, pages.Choosable{ID: id, Checked: true})
	}
	return form
}

// tokenProblem tells which field was wrong, and how; no words for a fault.
func tokenProblem(err error) (field, words string) {
	for _, p := range []struct {
		err          error
		field, words string
	}{
		{identity.ErrTokenName, "name", "A token needs a name of up to 100 characters."},
		{identity.ErrTokenNamed, "name", "You have a token of this name already."},
		{identity.ErrTokenTier, "tier", "Choose how far the token reaches."},
		{identity.ErrTokenTTL, "ttl", "A token can't live that long here."},
		{identity.ErrTokenEndless, "ttl", "Tokens without an end are not allowed here."},
		{identity.ErrRightNone, "rights", "Choose at least one right."},
		{identity.ErrRight, "rights", "You can't give a right that you don't have."},
	} {
		if errors.Is(err, p.err) {
			return p.field, p.words
		}
	}
	return "", ""
}

// own returns the visitor's own token.
func (s *Web) own(r *http.Request, v visit.Visitor, f form) (identity.Personal, error) {
	t, err := s.Tokens.Get(r.Context(), f.one("id"))
	if errors.Is(err, identity.ErrTokenNotFound) || err == nil && t.Owner != v.User.ID {
		return t, visit.NotFound()
	}
	return t, err
}

func (s *Web) rotateToken(w http.ResponseWriter, r *http.Request, v visit.Visitor, f form) error {
	t, err := s.own(r, v, f)
	if err != nil {
		return err
	}
	t, secret, err := s.Tokens.Rotate(r.Context(), t.ID, actorOf(v))
	if err != nil {
		return orOver(err)
	}
	made := &pages.Made{Name: t.Name, Token: secret, Rotated: true}
	return s.showTokens(w, r, v, http.StatusOK, pages.PersonalTokens{Made: made})
}

func (s *Web) revokeToken(w http.ResponseWriter, r *http.Request, v visit.Visitor, f form) error {
	t, err := s.own(r, v, f)
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
	if errors.Is(err, identity.ErrTokenOver) {
		return visit.Refuse(http.StatusConflict, "token_over", "This token is revoked or expired.")
	}
	return err
}
