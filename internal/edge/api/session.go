package api

import (
	"net/http"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge/visit"
)

type session struct {
	Subject  ostiary.Subject  `json:"subject"`
	Tenant   ostiary.Tenant   `json:"tenant"`
	Admin    bool             `json:"admin"`
	CSRF     string           `json:"csrf"`
	Rights   []identity.Right `json:"rights"`
	SignedIn time.Time        `json:"signed_in_at"`
}

// Session is GET /session.
func (a *API) Session(w http.ResponseWriter, _ *http.Request, c Caller) error {
	writeJSON(w, http.StatusOK, session{
		c.User.ID, c.Tenant, c.User.Admin, c.Visitor.Session.CSRF, c.Rights, c.Visitor.Session.SignedIn,
	})
	return nil
}

// An operatorToken is one that was made before. Its value is not known.
type operatorToken struct {
	ID       string           `json:"id"`
	Name     string           `json:"name"`
	Hint     string           `json:"hint"`
	Rights   []identity.Right `json:"rights"`
	SignedIn time.Time        `json:"signed_in_at"`
	Created  time.Time        `json:"created_at"`
	Expires  time.Time        `json:"expires_at"`
}

// ListOperatorTokens is GET /operator-tokens.
func (a *API) ListOperatorTokens(w http.ResponseWriter, r *http.Request, c Caller) error {
	if _, err := filters(r); err != nil {
		return err
	}
	of, err := a.window(r, c)
	if err != nil {
		return err
	}
	tokens, err := a.Operators.List(r.Context(), c.User.ID)
	if err != nil {
		return err
	}
	from := 1 + slices.IndexFunc(tokens, func(t identity.OperatorToken) bool { return t.ID == of.cursor })
	to := min(from+of.limit, len(tokens))
	var items []operatorToken
	for _, t := range tokens[from:to] {
		items = append(items, operatorToken{t.ID, t.Name, t.Hint, t.Rights, t.SignedIn, t.Created, t.Expires})
	}
	next := ""
	if to < len(tokens) {
		next = tokens[to-1].ID
	}
	writeList(w, a, of, items, next)
	return nil
}

type newOperatorToken struct {
	Rights []identity.Right `json:"rights"`
	TTL    *int64           `json:"ttl,omitempty"` // seconds; left out: as long as allowed
	Name   string           `json:"name,omitempty"`
}

// A madeToken is the one answer that holds a token.
type madeToken struct {
	ID      string    `json:"id"`
	Token   string    `json:"token"`
	Expires time.Time `json:"expires_at"`
}

// CreateOperatorToken is POST /operator-tokens.
func (a *API) CreateOperatorToken(w http.ResponseWriter, r *http.Request, c Caller) error {
	in, err := readJSON[newOperatorToken](a, w, r)
	if err != nil {
		return err
	}
	var ttl time.Duration
	if in.TTL != nil {
		if ttl = visit.Seconds(*in.TTL); ttl <= 0 {
			return answerTo(identity.ErrTokenShort)
		}
	}
	t, secret, err := a.Operators.Create(r.Context(), c.User, c.Visitor.Session.SignedIn, a.Reauth, in.Name, in.Rights, ttl)
	if err != nil {
		return answerTo(err)
	}
	writeJSON(w, http.StatusCreated, madeToken{t.ID, secret.Reveal(), t.Expires})
	return nil
}

// DeleteOperatorToken is DELETE /operator-tokens/{id}.
func (a *API) DeleteOperatorToken(w http.ResponseWriter, r *http.Request, c Caller) error {
	if err := a.Operators.Revoke(r.Context(), c.User.ID, r.PathValue("id")); err != nil {
		return answerTo(err)
	}
	return done(w)
}

// done answers that something was done, where there is nothing to tell.
func done(w http.ResponseWriter) error {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}
