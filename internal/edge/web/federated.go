package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/issuer"
	"github.com/ostiary/ostiary/internal/pages"
)

// A Federated is a provider at which people link an account of theirs.
type Federated struct {
	*issuer.Provider
	Required bool // without it nothing is given to agents
	Scopes   []string
}

const providersPath = "/account/providers"

// providersPage is where accounts are linked, and where to go on from there.
func providersPage(next string, more ...string) string {
	q := url.Values{}
	if next != "" && next != providersPath {
		q.Set("next", next)
	}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	if len(q) == 0 {
		return providersPath
	}
	return providersPath + "?" + q.Encode()
}

func (s *Web) federated(id string) (Federated, bool) {
	i := slices.IndexFunc(s.Federated, func(f Federated) bool { return f.ID() == id })
	if i < 0 {
		return Federated{}, false
	}
	return s.Federated[i], true
}

// anyProvider returns a provider that people come back from; link: they may be
// there for linking.
func (s *Web) anyProvider(id string) (p *issuer.Provider, link bool, err error) {
	if f, ok := s.federated(id); ok {
		return f.Provider, true, nil
	}
	p, err = s.providerOf(id)
	return p, false, err
}

func (s *Web) signsIn(p *issuer.Provider) bool {
	_, err := s.providerOf(p.ID())
	return err == nil
}

// unlinked are the required providers at which the visitor has shown nothing.
func (s *Web) unlinked(ctx context.Context, v visit.Visitor) ([]string, error) {
	var required []string
	for _, f := range s.Federated {
		if f.Required {
			required = append(required, f.ID())
		}
	}
	return s.Users.Unlinked(ctx, v.User, required)
}

// linkFirst sends a visitor who has to link an account first to where they do,
// and says so; false: there is none.
func (s *Web) linkFirst(w http.ResponseWriter, r *http.Request, v visit.Visitor, next string) (bool, error) {
	missing, err := s.unlinked(r.Context(), v)
	if err != nil || len(missing) == 0 {
		return false, err
	}
	if wantsJSON(r) {
		return true, visit.Refuse(http.StatusForbidden, "link_required", "Link an account at these providers first, at %s: %s.", providersPath, strings.Join(missing, ", "))
	}
	redirect(w, r, providersPage(next))
	return true, nil
}

// linkAt sends somebody who is signed in to a provider, to show that they are
// known there as well. Only a page of ours, in this browser, begins that, and
// only for who has signed in lately.
func (s *Web) linkAt(w http.ResponseWriter, r *http.Request, v visit.Visitor, id string) error {
	f, ok := s.federated(id)
	if !ok {
		return visit.NotFound()
	}
	next := r.URL.Query().Get("next")
	switch page := providersPage(next); {
	case !v.SignedIn():
		redirect(w, r, signInPage(page, false))
		return nil
	case !slices.Equal(r.Header.Values("Sec-Fetch-Site"), []string{"same-origin"}):
		redirect(w, r, page)
		return nil
	case !s.fresh(v):
		redirect(w, r, signInPage(page, true))
		return nil
	}
	if wait := s.callbacks.Take(visit.AddressKey(visit.Address(r.Context()))); wait > 0 {
		return visit.Limited(wait)
	}
	attempt, to, err := f.Begin(r.Context(), false)
	if err != nil {
		return err
	}
	a := away{Attempt: attempt, Next: next, Session: v.Session.ID, Subject: v.User.ID, Link: true}
	if err := s.Browsers.SendAway(w, a); err != nil {
		return err
	}
	redirect(w, r, to)
	return nil
}

// linkBack links who came back, in the browser session and for the person that
// began.
func (s *Web) linkBack(w http.ResponseWriter, r *http.Request, v visit.Visitor, a away, who identity.Arrival, err error) error {
	if err == nil && (!v.SignedIn() || a.Subject != v.User.ID) {
		err = errOther
	}
	if err == nil {
		err = s.Users.Link(r.Context(), v.User.ID, who)
	}
	problem := problemOf(err)
	if errors.Is(err, identity.ErrLinkMade) {
		problem = "link_made"
	}
	if problem != "" {
		s.Logger.Info("an account was not linked", "provider", a.Provider, "error", err)
		if err := s.Users.RecordRefusedArrival(r.Context(), a.Provider, who.Subject, visit.Address(r.Context()), problem); err != nil {
			return err
		}
		redirect(w, r, providersPage(a.Next, "problem", problem))
		return nil
	}
	s.addresses.Return(visit.AddressKey(visit.Address(r.Context())))
	if err != nil {
		return err
	}
	missing, err := s.unlinked(r.Context(), v)
	if err != nil {
		return err
	}
	if len(missing) == 0 && a.Next != "" {
		redirect(w, r, localPath(a.Next))
		return nil
	}
	redirect(w, r, providersPage(a.Next, "done", "link"))
	return nil
}

// LinkedAccounts is GET /account/providers.
func (s *Web) LinkedAccounts(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
	if len(s.Federated) == 0 {
		return visit.NotFound()
	}
	links, err := s.Users.Links(r.Context(), v.User.ID)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	page := pages.LinkedAccounts{Person: nameOf(v.User), Done: q.Get("done"), Problem: q.Get("problem")}
	if q.Get("next") != "" {
		page.Next = localPath(q.Get("next"))
		page.Agent = s.errandOf(r, page.Next)
	}
	for _, f := range s.Federated {
		one := pages.LinkedAccount{ID: f.ID(), Name: f.Name(), Required: f.Required, Names: v.User.Provider == f.ID()}
		for _, l := range links {
			if l.Provider == f.ID() {
				one.As = l.Email
				if one.As == "" {
					one.As = string(l.Identity)
				}
			}
		}
		page.Accounts = append(page.Accounts, one)
	}
	return s.show(w, http.StatusOK, v, page)
}

// ChangeLinkedAccounts is POST /account/providers.
func (s *Web) ChangeLinkedAccounts(w http.ResponseWriter, r *http.Request, v visit.Visitor, f form) error {
	if f.one("action") != "unlink" {
		return visit.Refuse(http.StatusBadRequest, "invalid_request", "Unknown action.")
	}
	err := s.Users.Unlink(r.Context(), v.User.ID, f.one("provider"))
	if errors.Is(err, identity.ErrNoLink) {
		return visit.NotFound()
	}
	if err != nil {
		return err
	}
	redirect(w, r, providersPage("", "done", "unlink"))
	return nil
}

// A federatedLogin is which providers there are, and where the visitor has
// shown that they are known there.
type federatedLogin struct {
	Providers []federatedProvider `json:"providers"`
	Required  []string            `json:"required"`
	Optional  []string            `json:"optional"`
}

type federatedProvider struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Apps   []string `json:"appIds"`
	Scopes []string `json:"scopes"`
	Linked bool     `json:"linked"`
}

func (s *Web) federatedLogin(ctx context.Context, v visit.Visitor) (federatedLogin, error) {
	out := federatedLogin{Providers: []federatedProvider{}, Required: []string{}, Optional: []string{}}
	var ids []string
	for _, f := range s.Federated {
		ids = append(ids, f.ID())
	}
	missing, err := s.Users.Unlinked(ctx, v.User, ids)
	for _, f := range s.Federated {
		out.Providers = append(out.Providers, federatedProvider{
			ID: f.ID(), Name: f.Name(), Apps: []string{}, Scopes: append([]string{}, f.Scopes...), Linked: !slices.Contains(missing, f.ID()),
		})
		if f.Required {
			out.Required = append(out.Required, f.ID())
		} else {
			out.Optional = append(out.Optional, f.ID())
		}
	}
	return out, err
}
