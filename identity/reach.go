package identity

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/store"
)

// ErrReach means that a Reach names nothing, or more than one thing.
var ErrReach = errors.New("say exactly one of subject, client, tenant and all")

// A Reach says whose rights end at once. Exactly one field is set; Tenant may
// stand beside Client and narrows it to what is of the tenant.
type Reach struct {
	Subject ostiary.Subject
	Client  ostiary.ClientID
	Tenant  ostiary.Tenant
	All     bool
}

// Check returns ErrReach unless the reach names exactly one thing.
func (r Reach) Check() error {
	set := 0
	for _, is := range []bool{r.Subject != "", r.Client != "", r.Tenant != "" && r.Client == "", r.All} {
		if is {
			set++
		}
	}
	if set != 1 {
		return ErrReach
	}
	return nil
}

// People are the users within reach. A client reaches none: it is not a
// person's way into the pages.
func (u *Users) People(ctx context.Context, r Reach) ([]ostiary.Subject, error) {
	if r.Subject != "" {
		return []ostiary.Subject{r.Subject}, nil
	}
	if r.Client != "" {
		return nil, nil
	}
	all, err := u.List(ctx)
	if err != nil {
		return nil, err
	}
	var out []ostiary.Subject
	for _, user := range all {
		if r.All || u.Tenant(user) == r.Tenant {
			out = append(out, user.ID)
		}
	}
	return out, nil
}

// RevokeReach ends every token within reach and says how many were alive.
func (t *Tokens) RevokeReach(ctx context.Context, r Reach, reason string, by audit.Actor) (int, error) {
	index := store.Index{Name: "all", Value: "all"}
	if r.Subject != "" {
		index = store.Index{Name: "owner", Value: string(r.Subject)}
	}
	items, err := t.personal.All(ctx, index)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, it := range items {
		reached, err := t.reached(ctx, it.Value, r)
		if err != nil {
			return n, err
		}
		if !reached {
			continue
		}
		_, err = t.Revoke(ctx, it.ID, reason, by)
		if errors.Is(err, ErrTokenOver) || errors.Is(err, ErrTokenNotFound) {
			continue
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// reached goes by the tenant that the owner has now, and by the one they had
// when the token was made.
func (t *Tokens) reached(ctx context.Context, p Personal, r Reach) (bool, error) {
	if r.Client != "" && r.Client != PersonalClient {
		return false, nil
	}
	if r.Tenant == "" || p.Tenant == r.Tenant {
		return r.All || r.Client != "" || r.Tenant != "" || r.Subject == p.Owner, nil
	}
	owner, err := t.users.Get(ctx, p.Owner)
	if errors.Is(err, ErrUserNotFound) {
		return false, nil
	}
	return t.users.Tenant(owner) == r.Tenant, err
}
