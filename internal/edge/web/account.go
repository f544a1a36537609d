package web

import (
	"context"
	"net/http"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
)

// Account is GET /account.
func (s *Web) Account(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
	page := pages.Account{
		Subject: string(v.User.ID), Email: v.User.Email, Tenant: string(v.Tenant), Roles: v.Roles,
		Admin: v.User.Admin, Linking: len(s.Federated) > 0, SignedInAt: v.Session.SignedIn,
	}
	person, err := s.person(r.Context(), v)
	if err != nil {
		return err
	}
	for _, site := range person.Sites {
		page.Sites = append(page.Sites, string(site))
	}
	if err := s.count(r.Context(), v, &page); err != nil {
		return err
	}
	return s.show(w, http.StatusOK, v, page)
}

// person is the visitor as they could call at most; the zero Principal when
// agents may not call for them.
func (s *Web) person(ctx context.Context, v visit.Visitor) (*ostiary.Principal, error) {
	p, err := s.Resolver.Person(ctx, v.User, identity.PersonalClient)
	if p == nil {
		p = &ostiary.Principal{}
	}
	return p, err
}

// maxInForce bounds how many yeses and noes stand on the account's first page.
const maxInForce = 10

func (s *Web) count(ctx context.Context, v visit.Visitor, page *pages.Account) error {
	box, err := s.inbox(ctx, deciderOf(v))
	if err != nil {
		return err
	}
	tokens, err := s.personalTokens(ctx, v)
	if err != nil {
		return err
	}
	operator, err := s.Operators.List(ctx, v.User.ID)
	if err != nil {
		return err
	}
	agents, err := s.agents(ctx, v)
	if err != nil {
		return err
	}
	for _, a := range agents {
		if a.EndedAt.IsZero() {
			page.Agents++
		}
	}
	for _, g := range box.Grants {
		if g.Subject != string(v.User.ID) {
			continue
		}
		if page.Grants++; len(page.InForce) < maxInForce {
			page.InForce = append(page.InForce, g)
		}
	}
	for _, t := range tokens {
		if t.EndedAt.IsZero() {
			page.Tokens++
		}
	}
	page.Waiting, page.OperatorTokens = len(box.Waiting), len(operator)
	page.Lately, err = s.lately(ctx, v, agents)
	return err
}
