package web

import (
	"errors"
	"net/http"
	"slices"

	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
)

const operatorPath = "/account/operator"

// OperatorTokens is GET /account/operator.
func (s *Web) OperatorTokens(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
	return s.showOperator(w, r, v, http.StatusOK, pages.OperatorTokens{Done: doneOf(r)})
}

func (s *Web) showOperator(w http.ResponseWriter, r *http.Request, v visit.Visitor, status int, page pages.OperatorTokens) error {
	tokens, err := s.Operators.List(r.Context(), v.User.ID)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		page.Tokens = append(page.Tokens, pages.OperatorToken{
			ID: t.ID, Name: t.Name, Hint: t.Hint, Rights: names(t.Rights), CreatedAt: t.Created, ExpiresAt: t.Expires,
		})
	}
	if !s.fresh(v) {
		page.SignInAgain = signInPage(operatorPath, true)
	}
	chosen := page.Form.Rights
	page.Form.Rights, page.Form.MaxTTL = nil, s.OperatorTTL
	for _, right := range v.User.Rights() {
		id := string(right)
		page.Form.Rights = append(page.Form.Rights, pages.Choosable{ID: id, Checked: among(chosen, id)})
	}
	return s.show(w, status, v, page)
}

func names(rights []identity.Right) (all []string) {
	for _, r := range rights {
		all = append(all, string(r))
	}
	return all
}

// ChangeOperator is POST /account/operator.
func (s *Web) ChangeOperator(w http.ResponseWriter, r *http.Request, v visit.Visitor, f form) error {
	switch f.one("action") {
	case "create":
		return s.makeOperator(w, r, v, f)
	case "revoke":
		err := s.Operators.Revoke(r.Context(), v.User.ID, f.one("id"))
		if errors.Is(err, identity.ErrTokenNotFound) {
			return visit.NotFound()
		}
		if err != nil {
			return err
		}
		redirect(w, r, operatorPath+"?done=revoked")
		return nil
	default:
		return visit.Refuse(http.StatusBadRequest, "invalid_request", "Unknown action.")
	}
}

func (s *Web) makeOperator(w http.ResponseWriter, r *http.Request, v visit.Visitor, f form) error {
	ttl, _ := f.ttl()
	var rights []identity.Right
	for _, right := range f.all("rights") {
		if r := identity.Right(right); !slices.Contains(rights, r) {
			rights = append(rights, r)
		}
	}
	t, secret, err := s.Operators.Create(r.Context(), v.User, v.Session.SignedIn, s.Reauth, f.one("name"), rights, ttl)
	if errors.Is(err, identity.ErrStaleSignIn) {
		redirect(w, r, signInPage(operatorPath, true))
		return nil
	}
	if err == nil {
		return s.showOperator(w, r, v, http.StatusOK, pages.OperatorTokens{Made: &pages.Made{Name: t.Name, Token: secret}})
	}
	field, words := tokenProblem(err)
	if words == "" {
		return err
	}
	page := pages.OperatorTokens{Form: pages.OperatorForm{Problems: pages.Problems{field: words}, Name: f.one("name"), TTL: ttl}}
	for _, right := range f.all("rights") {
		page.Form.Rights = append(page.Form.Rights, pages.Choosable{ID: right, Checked: true})
	}
	return s.showOperator(w, r, v, http.StatusUnprocessableEntity, page)
}
