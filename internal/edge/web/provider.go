package web

import (
	"errors"
	"net/http"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/issuer"
)

// An away is what a browser carries while its person is at a provider.
type away struct {
	issuer.Attempt
	Next    string          `json:"next"`
	Session string          `json:"session"` // that it had; "": nobody was signed in
	Subject ostiary.Subject `json:"subject"`
	Link    bool            `json:"link,omitempty"` // they link who comes back, and stay who they are
}

// ofOurs says whether a person came from a page of ours or by themself: no
// page elsewhere has them sign in by a link.
func ofOurs(r *http.Request) bool {
	from := r.Header.Get("Sec-Fetch-Site")
	return from == "" || from == "same-origin" || from == "none"
}

func (s *Web) providerOf(id string) (*issuer.Provider, error) {
	for _, p := range s.Providers {
		if p.ID() == id {
			return p, nil
		}
	}
	return nil, visit.NotFound()
}

// signInAt sends somebody to a provider. Who is signed in shows there anew that
// it is them.
func (s *Web) signInAt(w http.ResponseWriter, r *http.Request, v visit.Visitor, id string) error {
	p, err := s.providerOf(id)
	if err != nil {
		return err
	}
	if wait := s.callbacks.Take(visit.AddressKey(visit.Address(r.Context()))); wait > 0 {
		return visit.Limited(wait)
	}
	attempt, to, err := p.Begin(r.Context(), v.SignedIn())
	if err != nil {
		return err
	}
	a := away{Attempt: attempt, Next: localPath(r.URL.Query().Get("next")), Session: v.Session.ID, Subject: v.User.ID}
	if err := s.Browsers.SendAway(w, a); err != nil {
		return err
	}
	redirect(w, r, to)
	return nil
}

// Callback is GET /oauth/callback/{provider}: somebody comes back. Only what
// this browser began counts, by whom it began with, and once.
func (s *Web) Callback(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
	p, link, err := s.anyProvider(r.PathValue("provider"))
	if err != nil {
		return err
	}
	address := visit.AddressKey(visit.Address(r.Context()))
	if wait := s.callbacks.Take(address); wait > 0 {
		return visit.Limited(wait)
	}
	var a away
	if !s.Browsers.Back(w, r, &a) || a.Provider != p.ID() || a.Session != v.Session.ID || a.Link && !link || !a.Link && !s.signsIn(p) {
		return s.showSignInFor(w, r, v, http.StatusForbidden, "refused", localPath(a.Next))
	}
	if wait := s.addresses.Take(address); wait > 0 { // failures write to the record
		return visit.Limited(wait)
	}
	who, err := p.Finish(r.Context(), a.Attempt, r.URL.Query())
	if a.Link {
		return s.linkBack(w, r, v, a, who, err)
	}
	if err == nil {
		err = s.arrive(w, r, a, who)
	}
	if problem := problemOf(err); problem != "" {
		s.Logger.Info("a sign-in at a provider was refused", "provider", p.ID(), "error", err)
		if err := s.Users.RecordRefusedArrival(r.Context(), p.ID(), who.Subject, visit.Address(r.Context()), problem); err != nil {
			return err
		}
		return s.showSignInFor(w, r, v, http.StatusForbidden, problem, localPath(a.Next))
	}
	s.addresses.Return(address)
	if err != nil {
		return err
	}
	redirect(w, r, localPath(a.Next))
	return nil
}

// errOther means that who showed anew that it is them is somebody else.
var errOther = errors.New("somebody else came back than who began")

// arrive begins the session of who came back.
func (s *Web) arrive(w http.ResponseWriter, r *http.Request, a away, who identity.Arrival) error {
	if a.Subject != "" && a.Subject != who.Subject {
		return errOther
	}
	user, err := s.Users.Arrive(r.Context(), who)
	if err != nil {
		return err
	}
	return s.Browsers.SignInFrom(w, r, user, who.SignedIn)
}

// problemOf is why nobody was signed in; "" for a success and for a fault.
func problemOf(err error) string {
	var declined *issuer.Declined
	switch {
	case errors.Is(err, errOther):
		return "other"
	case errors.Is(err, identity.ErrSignIn):
		return "kept_out"
	case errors.Is(err, identity.ErrLinked):
		return "linked"
	case errors.Is(err, issuer.ErrStale):
		return "stale"
	case errors.As(err, &declined):
		return "declined"
	case errors.Is(err, issuer.ErrRefused):
		return "refused"
	}
	return ""
}
