package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
	"github.com/ostiary/ostiary/session"
)

// People is GET /admin/people.
func (s *Web) People(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
	l, err := s.listing(r, v)
	if err != nil {
		return err
	}
	text, state := l.query.Get("q"), l.query.Get("state")
	list := func(limit int, cursor string) ([]identity.User, string, error) {
		return s.Users.Page(r.Context(), limit, cursor)
	}
	found, next, err := look(list, l.cursor, func(u identity.User) bool {
		return reaches(v, s.Users.Tenant(u)) && says(text, string(u.ID), u.Email) && personIs(u, state)
	})
	if err != nil {
		return err
	}
	page := pages.People{Search: pages.Search{Text: text, State: state, Next: s.next(r, l, next)}, Tenant: string(v.Tenant)}
	for _, u := range found {
		page.People = append(page.People, s.viewPerson(u))
	}
	return s.show(w, http.StatusOK, v, page)
}

// says: a text is in one of the values, whatever its case.
func says(text string, values ...string) bool {
	return strings.Contains(strings.ToLower(strings.Join(values, "\n")), strings.ToLower(text))
}

func personIs(u identity.User, state string) bool {
	switch state {
	case "operator":
		return u.Admin
	case "disabled":
		return u.Disabled
	}
	return true
}

func (s *Web) viewPerson(u identity.User) pages.Person {
	return pages.Person{
		ID: string(u.ID), Email: u.Email, Tenant: string(s.Users.Tenant(u)), Roles: s.Users.Roles(u), Operator: u.Admin, Disabled: u.Disabled,
		Configured: u.Configured, Provider: u.Provider, CreatedAt: u.Created,
	}
}

// personOf is the person whom the address names, where the operator sees them.
func (s *Web) personOf(r *http.Request, v visit.Visitor) (identity.User, error) {
	u, err := s.Users.Get(r.Context(), ostiary.Subject(r.PathValue("id")))
	if err == nil && (u.Machine || !reaches(v, s.Users.Tenant(u))) {
		return identity.User{}, visit.NotFound()
	}
	return u, orNobody(err)
}

// Person is GET /admin/people/{id}.
func (s *Web) Person(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
	u, err := s.personOf(r, v)
	if err != nil {
		return err
	}
	page := pages.OnePerson{Person: s.viewPerson(u), SignInAgain: s.signInAgain(r, v)}
	if page.Tied, err = s.tied(r.Context(), session.Filter{Subject: u.ID, Tenant: v.Tenant}); err != nil {
		return err
	}
	tokens, more, err := s.Tokens.List(r.Context(), u.ID, tiedItems, "")
	if err != nil {
		return err
	}
	page.MoreTokens = more != ""
	for _, t := range tokens {
		used, err := s.Tokens.LastUsed(r.Context(), t)
		if err != nil {
			return err
		}
		page.Tokens = append(page.Tokens, viewToken(t, used, s.clock.Now()))
	}
	if !page.Works() {
		page.Done = r.URL.Query().Get("done")
	}
	return s.show(w, http.StatusOK, v, page)
}

// tied are the newest sessions of somebody.
func (s *Web) tied(ctx context.Context, f session.Filter) (pages.Tied, error) {
	some, next, err := s.AgentSessions.List(ctx, f, tiedItems, "")
	if err != nil {
		return pages.Tied{}, err
	}
	views, err := s.viewSessions(ctx, some)
	return pages.Tied{Sessions: views, More: next != ""}, err
}

// EndPerson is what POST /admin/people/{id} ends: everything in their name, or
// the personal token that the form names.
func (s *Web) EndPerson(r *http.Request, v visit.Visitor, f form) (Ending, error) {
	u, err := s.personOf(r, v)
	if err == nil && len(f.all("token")) > 0 {
		return s.endToken(r, v, u, f)
	}
	return s.endReach(v, identity.Reach{Subject: u.ID}, pages.Ended{Kind: "person", Name: string(u.ID)}), err
}

func (s *Web) endToken(r *http.Request, v visit.Visitor, u identity.User, f form) (Ending, error) {
	id := f.one("token")
	if id == "" {
		return Ending{}, visit.Refuse(http.StatusBadRequest, "invalid_request", "Name one token.")
	}
	t, err := s.Tokens.Owned(r.Context(), u.ID, id)
	switch {
	case errors.Is(err, identity.ErrTokenNotFound):
		return Ending{}, visit.NotFound()
	case err == nil && !t.Alive(s.clock.Now()):
		err = orOver(identity.ErrTokenOver)
	}
	return Ending{pages.Ended{Kind: "token", Name: t.Name, Subject: string(u.ID), Token: t.ID}, func(ctx context.Context) error {
		_, err := s.Tokens.Revoke(ctx, t.ID, "revoked by an operator", actorOf(v))
		return err
	}}, err
}

func (s *Web) endReach(v visit.Visitor, reach identity.Reach, what pages.Ended) Ending {
	return Ending{what, func(ctx context.Context) error {
		_, err := s.Ends.RevokeEverything(ctx, reach, actorOf(v))
		return err
	}}
}
