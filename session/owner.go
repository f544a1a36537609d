package session

import (
	"context"
	"errors"
	"slices"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/identity"
)

// An Owner says whose people a client is for, and that it reaches no other
// sites than those. Without a tenant or sites it doesn't ask for them.
type Owner struct {
	Tenant ostiary.Tenant
	Sites  []ostiary.Site
}

// Has says whether somebody of a tenant, with sites, is one of the owner's.
func (o Owner) Has(tenant ostiary.Tenant, sites []ostiary.Site) bool {
	of := func(s ostiary.Site) bool { return slices.Contains(o.Sites, s) }
	return (o.Tenant == "" || o.Tenant == tenant) && (len(o.Sites) == 0 || slices.ContainsFunc(sites, of))
}

// within are the sites of a selection that are the owner's.
func (o Owner) within(s ostiary.Selection) ostiary.Selection {
	if len(o.Sites) == 0 {
		return s
	}
	var out ostiary.Selection
	for _, site := range o.Sites {
		if s.Has(string(site)) {
			out.IDs = append(out.IDs, string(site))
		}
	}
	return out
}

// For says whether a client is for a person, with the claims that they have
// now. Most clients are for everybody.
func (s *Sessions) For(person identity.User, id ostiary.ClientID) bool {
	o, owned := s.ownerOf(id)
	return !owned || o.Has(s.users.Tenant(person), s.users.Sites(person))
}

func (s *Sessions) ownerOf(id ostiary.ClientID) (Owner, bool) {
	if s.config.Owner == nil {
		return Owner{}, false
	}
	return s.config.Owner(id)
}

// owned holds what a session holds to the owner of its client, whose people may
// have changed since the consent.
func (s *Sessions) owned(ctx context.Context, h *identity.Held) error {
	o, owned := s.ownerOf(h.Client.ID)
	if !owned {
		return nil
	}
	h.Sites = o.within(h.Sites)
	person, err := s.users.Get(ctx, h.Owner)
	if errors.Is(err, identity.ErrUserNotFound) {
		return nil // which is said of the token anyway
	}
	h.Outsider = err == nil && !s.For(person, h.Client.ID)
	return err
}
