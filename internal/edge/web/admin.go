package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
)

// A Registry lists the OAuth clients, for operators. *client.Registry is one.
type Registry interface {
	List(ctx context.Context, limit int, cursor string) ([]client.Client, string, error)
	Known(ctx context.Context, id ostiary.ClientID) (client.Client, error)
}

// An Ender ends everything within reach, in all rooms of the house.
type Ender interface {
	RevokeEverything(ctx context.Context, r identity.Reach, by audit.Actor) (n int, err error)
}

const (
	peoplePath   = "/admin/people"
	clientsPath  = "/admin/clients"
	sessionsPath = "/admin/sessions"
)

// ToPeople is GET /admin.
func (s *Web) ToPeople(w http.ResponseWriter, r *http.Request, _ visit.Visitor) error {
	redirect(w, r, peoplePath)
	return nil
}

// ForOperator serves a page to operators, and to nobody else.
func (s *Web) ForOperator(p Page) http.Handler {
	return s.SignedIn(func(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
		if err := needsOperator(v); err != nil {
			return err
		}
		return p(w, r, v)
	})
}

// EndForm takes the form that ends something from an operator, who has signed
// in a short while ago. It has two steps: the first one asks whether they are
// sure, and so works without script.
func (s *Web) EndForm(p func(r *http.Request, v visit.Visitor, f form) (Ending, error)) http.Handler {
	return s.Form(func(w http.ResponseWriter, r *http.Request, v visit.Visitor, f form) error {
		if err := needsOperator(v); err != nil {
			return err
		}
		if f.one("action") != "end" {
			return visit.Refuse(http.StatusBadRequest, "invalid_request", "Unknown action.")
		}
		e, err := p(r, v, f)
		if err != nil {
			return err
		}
		if !s.fresh(v) {
			redirect(w, r, signInPage(here(r), true))
			return nil
		}
		if f.one("confirm") != "1" {
			return s.show(w, http.StatusOK, v, pages.Ending{Action: here(r), What: e.what})
		}
		if err := e.do(r.Context()); err != nil {
			return orOver(orNoSession(err))
		}
		redirect(w, r, here(r)+"?done=end")
		return nil
	})
}

// An Ending is something that an operator may end.
type Ending struct {
	what pages.Ended
	do   func(ctx context.Context) error
}

func needsOperator(v visit.Visitor) error {
	if v.May(identity.RightAdmin) {
		return nil
	}
	return visit.Refuse(http.StatusForbidden, "right_missing", "These pages are for operators.")
}

// reaches says whether what is of a tenant is an operator's to see: those of no
// tenant see all.
func reaches(v visit.Visitor, t ostiary.Tenant) bool { return v.Tenant == "" || v.Tenant == t }

// How much of a list a page shows, and how much of it is looked at for a page.
const (
	pageSize  = 50
	lookedAt  = 1000
	tiedItems = 20 // of what an item's page shows beside it
)

// A listing is what a list's page was asked for.
type listing struct {
	query  url.Values
	bind   string // what its cursors are good for
	cursor string // of the domain
}

// listing reads what is asked for. A cursor is good for the same reader, list
// and filter only.
func (s *Web) listing(r *http.Request, v visit.Visitor) (listing, error) {
	q := r.URL.Query()
	text := q.Get("cursor")
	q.Del("cursor")
	for name, values := range q {
		if values[0] == "" {
			q.Del(name) // a field of the form that was left empty
		}
	}
	l := listing{query: q, bind: url.Values{"": {r.URL.Path, string(v.User.ID), q.Encode()}}.Encode()}
	if text == "" {
		return l, nil
	}
	cursor, ok := s.cursors.Open(text, l.bind)
	if !ok {
		return l, visit.Refuse(http.StatusBadRequest, "invalid_cursor", "This address is not one of this list.")
	}
	l.cursor = cursor
	return l, nil
}

// next is the address of the page after this one; "" where there is none.
func (s *Web) next(r *http.Request, l listing, cursor string) string {
	if cursor == "" {
		return ""
	}
	q := url.Values{"cursor": {s.cursors.Seal(cursor, l.bind)}}
	for name, values := range l.query {
		q[name] = values
	}
	return r.URL.EscapedPath() + "?" + q.Encode()
}

// look collects what is wanted of a list, from a cursor on, until there is a
// page of it. It looks at so much and no more, and says where it would go on.
func look[T any](list func(limit int, cursor string) ([]T, string, error), cursor string, wanted func(T) bool) (found []T, next string, err error) {
	for range lookedAt / pageSize {
		items, next, err := list(pageSize-len(found), cursor)
		if err != nil {
			return nil, "", err
		}
		for _, it := range items {
			if wanted(it) {
				found = append(found, it)
			}
		}
		if cursor = next; next == "" || len(found) >= pageSize {
			break
		}
	}
	return found, cursor, nil
}

// signInAgain is where to sign in again before an item's page can end it.
func (s *Web) signInAgain(r *http.Request, v visit.Visitor) string {
	if s.fresh(v) {
		return ""
	}
	return signInPage(r.URL.EscapedPath(), true)
}

// orNobody is for an item that is not there, or not the operator's to see.
func orNobody(err error) error {
	if errors.Is(err, identity.ErrUserNotFound) || errors.Is(err, client.ErrUnknown) {
		return visit.NotFound()
	}
	return err
}
