package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge/visit"
)

// A user is a person of the local directory, without their password.
type user struct {
	ID         ostiary.Subject `json:"id"`
	Email      string          `json:"email,omitempty"`
	Admin      bool            `json:"admin"`
	Disabled   bool            `json:"disabled"`
	Configured bool            `json:"configured"` // can be changed in the configuration file only
	Claims     identity.Claims `json:"claims,omitempty"`
	Created    time.Time       `json:"created_at,omitzero"`
}

func viewUser(u identity.User) user {
	return user{u.ID, u.Email, u.Admin, u.Disabled, u.Configured, u.Claims, u.Created}
}

// ListUsers is GET /users.
func (a *API) ListUsers(w http.ResponseWriter, r *http.Request, c Caller) error {
	if _, err := filters(r); err != nil {
		return err
	}
	of, err := a.window(r, c)
	if err != nil {
		return err
	}
	all, err := a.Users.List(r.Context())
	if err != nil {
		return err
	}
	all = a.ofTenant(c, all)
	from := after(all, of.cursor)
	to := min(from+of.limit, len(all))
	var items []user
	for _, u := range all[from:to] {
		items = append(items, viewUser(u))
	}
	next := ""
	if to < len(all) {
		next = string(all[to-1].ID)
	}
	writeList(w, a, of, items, next)
	return nil
}

// ofTenant are the people of the caller's tenant.
func (a *API) ofTenant(c Caller, all []identity.User) (some []identity.User) {
	for _, u := range all {
		if c.reaches(a.Users.Tenant(u)) {
			some = append(some, u)
		}
	}
	return some
}

// after is where the page after a user's begins. When they are gone it is the
// first page again: nobody is left out.
func after(all []identity.User, cursor string) int {
	for i, u := range all {
		if string(u.ID) == cursor {
			return i + 1
		}
	}
	return 0
}

type newUser struct {
	ID       ostiary.Subject `json:"id"`
	Email    string          `json:"email,omitempty"`
	Password ostiary.Secret  `json:"password,omitempty"` // left out: can't sign in here
	Admin    bool            `json:"admin,omitempty"`
	Disabled bool            `json:"disabled,omitempty"`
	Claims   identity.Claims `json:"claims,omitempty"`
}

// CreateUser is POST /users.
func (a *API) CreateUser(w http.ResponseWriter, r *http.Request, c Caller) error {
	in, err := readJSON[newUser](a, w, r)
	if err != nil {
		return err
	}
	u := identity.User{ID: in.ID, Email: in.Email, Admin: in.Admin, Disabled: in.Disabled, Claims: in.Claims}
	if err := a.stays(c, u); err != nil {
		return err
	}
	if u.PasswordHash, err = hashOf(in.Password); err != nil {
		return err
	}
	if err := a.Users.Create(r.Context(), u, c.actor()); err != nil {
		return answerOf(err)
	}
	if u, err = a.Users.Get(r.Context(), u.ID); err != nil {
		return err
	}
	writeJSON(w, http.StatusCreated, viewUser(u))
	return nil
}

// answerOf is answerTo, for people of a provider too.
func answerOf(err error) error {
	if errors.Is(err, identity.ErrUserProvider) {
		return visit.Refuse(http.StatusUnprocessableEntity, "provider", "A provider's person has no password here.")
	}
	return answerTo(err)
}

// hashOf is the hash of a password that is good enough; "" has none.
func hashOf(password ostiary.Secret) (string, error) {
	if password == "" {
		return "", nil
	}
	if err := identity.CheckPassword(password); err != nil {
		return "", answerTo(err)
	}
	return identity.HashPassword(password), nil
}

// stays refuses people outside of the caller's tenant.
func (a *API) stays(c Caller, u identity.User) error {
	if c.reaches(a.Users.Tenant(u)) {
		return nil
	}
	return visit.Refuse(http.StatusUnprocessableEntity, "tenant_not_allowed", "The claims must name your own tenant.")
}

type userChange struct {
	Email    *string          `json:"email,omitempty"`
	Password *ostiary.Secret  `json:"password,omitempty"` // "" takes it away
	Admin    *bool            `json:"admin,omitempty"`
	Disabled *bool            `json:"disabled,omitempty"`
	Claims   *identity.Claims `json:"claims,omitempty"` // replaces all of them
}

func (n userChange) apply(u *identity.User, hash string) {
	if n.Email != nil {
		u.Email = *n.Email
	}
	if n.Password != nil {
		u.PasswordHash = hash
	}
	if n.Admin != nil {
		u.Admin = *n.Admin
	}
	if n.Disabled != nil {
		u.Disabled = *n.Disabled
	}
	if n.Claims != nil {
		u.Claims = *n.Claims
	}
}

// ChangeUser is PATCH /users/{id}. What is left out stays.
func (a *API) ChangeUser(w http.ResponseWriter, r *http.Request, c Caller) error {
	u, err := a.userOf(r.Context(), c, ostiary.Subject(r.PathValue("id")))
	if err != nil {
		return err
	}
	in, err := readJSON[userChange](a, w, r)
	if err != nil {
		return err
	}
	hash := ""
	if in.Password != nil {
		if hash, err = hashOf(*in.Password); err != nil {
			return err
		}
	}
	in.apply(&u, hash)
	if err := a.stays(c, u); err != nil {
		return err
	}
	u, err = a.Users.Update(r.Context(), u.ID, c.actor(), func(u *identity.User) { in.apply(u, hash) })
	if err != nil {
		return answerOf(err)
	}
	writeJSON(w, http.StatusOK, viewUser(u))
	return nil
}

// DeleteUser is DELETE /users/{id}: everything in their name ends, then their
// keys are destroyed.
func (a *API) DeleteUser(w http.ResponseWriter, r *http.Request, c Caller) error {
	u, err := a.userOf(r.Context(), c, ostiary.Subject(r.PathValue("id")))
	if err != nil {
		return err
	}
	if err := a.Ends.DeleteUser(r.Context(), u.ID, c.actor()); err != nil {
		return answerTo(err)
	}
	return done(w)
}
