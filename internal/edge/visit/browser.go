package visit

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
)

// A Visitor is who is signed in with a browser. The zero Visitor is nobody.
type Visitor struct {
	identity.Operator
	Session identity.BrowserSession
}

// SignedIn says whether somebody is.
func (v Visitor) SignedIn() bool { return v.Session.ID != "" }

// Holds says whether a form token is the one of this browser session.
func (v Visitor) Holds(token string) bool {
	return ostiary.Secret(v.Session.CSRF).Equal(ostiary.Secret(token))
}

// Browsers knows browsers by their cookies. It is safe for concurrent use.
type Browsers struct {
	sessions *identity.Browsers
	users    *identity.Users
	key      []byte
	secure   bool
	max      time.Duration
}

// NewBrowsers returns the browsers that hold sessions. key makes the tokens
// of forms for which nobody has signed in yet; it is the same on every
// instance. secure: browsers reach us by https. max is how long they keep a
// session's cookie.
func NewBrowsers(sessions *identity.Browsers, users *identity.Users, key []byte, secure bool, max time.Duration) *Browsers {
	return &Browsers{sessions, users, key, secure, max}
}

// Visitor tells who is signed in; nobody is no error.
func (b *Browsers) Visitor(r *http.Request) (Visitor, error) {
	s, user, err := b.sessions.Find(r.Context(), b.cookie(r, sessionCookie))
	if errors.Is(err, identity.ErrNoBrowserSession) {
		return Visitor{}, nil
	}
	if err != nil {
		return Visitor{}, err
	}
	return Visitor{b.users.Operator(user, s), s}, nil
}

// SignIn begins a session of user in the browser and ends the one it had, so
// that no session is older than its sign-in.
func (b *Browsers) SignIn(w http.ResponseWriter, r *http.Request, user identity.User) error {
	_, cookie, err := b.sessions.Start(r.Context(), user, b.cookie(r, sessionCookie))
	return b.begin(w, cookie, err)
}

// SignInFrom is SignIn for who showed elsewhere who they are, at a moment that
// may lie back.
func (b *Browsers) SignInFrom(w http.ResponseWriter, r *http.Request, user identity.User, at time.Time) error {
	_, cookie, err := b.sessions.StartFrom(r.Context(), user, b.cookie(r, sessionCookie), at)
	return b.begin(w, cookie, err)
}

func (b *Browsers) begin(w http.ResponseWriter, cookie ostiary.Secret, err error) error {
	if err != nil {
		return err
	}
	b.set(w, sessionCookie, cookie.Reveal(), b.max)
	b.set(w, formCookie, "", -1)
	return nil
}

// SignOut ends the visitor's session.
func (b *Browsers) SignOut(w http.ResponseWriter, r *http.Request, v Visitor) error {
	if err := b.sessions.End(r.Context(), v.Session); err != nil {
		return err
	}
	b.set(w, sessionCookie, "", -1)
	return nil
}

// FormToken is the token of a form for somebody who has not signed in. It is
// bound to a cookie of the browser, which is set where it is missing.
func (b *Browsers) FormToken(w http.ResponseWriter, r *http.Request) ostiary.Secret {
	cookie := b.cookie(r, formCookie)
	if cookie == "" {
		cookie = ostiary.Secret(rand.Text())
		b.set(w, formCookie, cookie.Reveal(), time.Hour)
	}
	return b.formToken(cookie)
}

// HoldsForm says whether a form token is that of this browser.
func (b *Browsers) HoldsForm(r *http.Request, token string) bool {
	cookie := b.cookie(r, formCookie)
	return cookie != "" && b.formToken(cookie).Equal(ostiary.Secret(token))
}

func (b *Browsers) formToken(cookie ostiary.Secret) ostiary.Secret {
	mac := hmac.New(sha256.New, b.key)
	mac.Write([]byte(cookie.Reveal()))
	return ostiary.Secret(base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
}

// Mark is what the browser is known by on its way through an authorization
// request, whoever signs in meanwhile. It is set where it is missing.
func (b *Browsers) Mark(w http.ResponseWriter, r *http.Request) ostiary.Secret {
	mark := b.MarkOf(r)
	if mark == "" {
		mark = ostiary.Secret(rand.Text())
	}
	b.set(w, markCookie, mark.Reveal(), time.Hour)
	return mark
}

// MarkOf is the browser's mark; "" when it has none.
func (b *Browsers) MarkOf(r *http.Request) ostiary.Secret { return b.cookie(r, markCookie) }

const (
	sessionCookie = "ostiary_session"
	formCookie    = "ostiary_form"
	markCookie    = "ostiary_request"
)

// name keeps other hosts of our domain from setting the cookie, where
// browsers know how (RFC 6265bis section 4.1.3.2).
func (b *Browsers) name(cookie string) string {
	if b.secure {
		return "__Host-" + cookie
	}
	return cookie
}

func (b *Browsers) cookie(r *http.Request, name string) ostiary.Secret {
	c, err := r.Cookie(b.name(name))
	if err != nil {
		return ""
	}
	return ostiary.Secret(c.Value)
}

// set keeps a cookie for so long; below zero takes it away. Lax and not
// Strict: a link in a chat to an approval must find its person signed in.
func (b *Browsers) set(w http.ResponseWriter, name, value string, keep time.Duration) {
	seconds := int(keep / time.Second)
	if keep < 0 {
		seconds = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: b.name(name), Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, Secure: b.secure, SameSite: http.SameSiteLaxMode,
	})
}
