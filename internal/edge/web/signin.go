package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
)

// signInPage is where to sign in and come back from. again: also who is
// signed in.
func signInPage(next string, again bool) string {
	q := url.Values{"next": {next}}
	if again {
		q.Set("reauth", "1")
	}
	return "/login?" + q.Encode()
}

// localPath returns a path of ours that somebody wants to go on to, or the
// inbox. Browsers read "//host" and "/\host" as another host, and skip tabs
// and line ends when they do.
func localPath(next string) string {
	const home = "/approvals"
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || u.Opaque != "" {
		return home
	}
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsFunc(next, unsafeInPath) {
		return home
	}
	return next
}

func unsafeInPath(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }

// SignInForm is GET /login.
func (s *Web) SignInForm(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
	q := r.URL.Query()
	if q.Has("link") {
		return s.linkAt(w, r, v, q.Get("provider"))
	}
	if v.SignedIn() && !q.Has("reauth") {
		redirect(w, r, localPath(q.Get("next")))
		return nil
	}
	if id := q.Get("provider"); id != "" && ofOurs(r) {
		return s.signInAt(w, r, v, id)
	}
	return s.showSignIn(w, r, v, http.StatusOK, "")
}

func (s *Web) showSignIn(w http.ResponseWriter, r *http.Request, v visit.Visitor, status int, problem string) error {
	return s.showSignInFor(w, r, v, status, problem, localPath(r.URL.Query().Get("next")))
}

func (s *Web) showSignInFor(w http.ResponseWriter, r *http.Request, v visit.Visitor, status int, problem, next string) error {
	page := pages.SignIn{Next: next, Problem: problem, Again: v.SignedIn()}
	for _, p := range s.Providers {
		page.Providers = append(page.Providers, pages.Provider{ID: p.ID(), Name: p.Name()})
	}
	page.NoPassword = len(s.Providers) > 0 && (!s.Passwords || v.User.Provider != "")
	f := s.frame(v)
	if v.SignedIn() {
		page.Username = string(v.User.ID)
	} else {
		f.CSRF = s.Browsers.FormToken(w, r)
	}
	page.For, page.Agent = errand(page.Next), s.errandOf(r, page.Next)
	return s.render(w, status, f, page)
}

// errands are pages that somebody comes to sign in for.
var errands = []struct{ path, what string }{
	{"/approvals/", "answer an approval request"},
	{"/account", "see your account"},
	{"/admin", "look after this Ostiary"},
	{"/oauth/authorize?app=", "open an app for an agent"},
}

// errand is why somebody is asked to sign in.
func errand(next string) string {
	for _, e := range errands {
		if strings.HasPrefix(next, e.path) {
			return e.what
		}
	}
	return ""
}

// SignIn is POST /login.
func (s *Web) SignIn(w http.ResponseWriter, r *http.Request, v visit.Visitor) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	ours := s.Browsers.HoldsForm(r, f.one("csrf"))
	if v.SignedIn() {
		ours = v.Holds(f.one("csrf"))
	}
	if !ours {
		return s.showSignIn(w, r, v, http.StatusForbidden, "expired")
	}
	name := ostiary.Subject(f.one("username"))
	user, wait, err := s.authenticate(r, name, ostiary.Secret(f.one("password")))
	switch {
	case wait > 0:
		w.Header().Set("Retry-After", seconds(wait))
		return s.showSignIn(w, r, v, http.StatusTooManyRequests, "limited")
	case errors.Is(err, identity.ErrSignIn):
		// The right password can't be recorded either just then: both get the
		// same answer.
		if err := s.recordRefused(r, name, ostiary.ReasonUnauthenticated); err != nil {
			return err
		}
		return s.showSignIn(w, r, v, http.StatusUnauthorized, "credentials")
	case err != nil:
		return err
	}
	if err := s.Browsers.SignIn(w, r, user); err != nil {
		return err
	}
	redirect(w, r, localPath(r.URL.Query().Get("next")))
	return nil
}

// authenticate checks a password. Failures count for the address and for the
// name, whether somebody has it or not; wait is how long until the next try.
// They are taken before the check and given back after a success, so that
// many tries at once are not more than so many in a row.
func (s *Web) authenticate(r *http.Request, name ostiary.Subject, password ostiary.Secret) (user identity.User, wait time.Duration, err error) {
	address, account := visit.AddressKey(visit.Address(r.Context())), string(name[:min(len(name), 128)])
	if wait := s.addresses.Take(address); wait > 0 {
		s.recordLimited(r, "address "+address, name)
		return user, wait, nil
	}
	if wait := s.accounts.Take(account); wait > 0 {
		s.addresses.Return(address)
		s.recordLimited(r, "account "+account, name)
		return user, wait, nil
	}
	user, err = s.Users.Authenticate(r.Context(), name, password)
	if err == nil && len(s.Providers) > 0 && !user.Configured {
		err = identity.ErrSignIn // from when people signed in here
	}
	if !errors.Is(err, identity.ErrSignIn) {
		s.addresses.Return(address)
		s.accounts.Return(account)
	}
	return user, 0, err
}

// recordLimited records the first refusal of a window, so that trying on
// leaves nothing more.
func (s *Web) recordLimited(r *http.Request, limited string, name ostiary.Subject) {
	if s.told.Take(limited) > 0 {
		return
	}
	if err := s.recordRefused(r, name, ostiary.ReasonRateLimited); err != nil {
		s.Logger.Error("a sign-in over the limit could not be recorded", "error", err)
	}
}

func (s *Web) recordRefused(r *http.Request, name ostiary.Subject, reason ostiary.Reason) error {
	return s.Users.RecordRefusedSignIn(r.Context(), name, visit.Address(r.Context()), reason)
}

// SignOut is POST /logout.
func (s *Web) SignOut(w http.ResponseWriter, r *http.Request, v visit.Visitor, _ form) error {
	if err := s.Browsers.SignOut(w, r, v); err != nil {
		return err
	}
	return s.show(w, http.StatusOK, visit.Visitor{}, pages.SignedOut{})
}
