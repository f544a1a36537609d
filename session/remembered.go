package session

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/store"
)

// A Remembered is a yes that a person had remembered, for the next time that
// the same client asks for no more, from the same place. It gives nothing by
// itself: it spares them the list. It ends with the end that they chose then.
type Remembered struct {
	ID         string          `json:"id"` // rem_…
	Draft      Draft           `json:"draft"`
	Tenant     ostiary.Tenant  `json:"tenant,omitempty"` // of the person, then
	Origin     string          `json:"origin"`           // that answers went to: "https://host"
	Definition string          `json:"definition"`       // of the client
	Tools      map[string]Seen `json:"tools"`            // of the apps that were opened, as they were
	Given      time.Time       `json:"given_at"`
}

// A Seen is a tool as it was when its app was opened.
type Seen struct {
	Definition string `json:"definition"` // digest
	Category   string `json:"category"`
}

// Row implements store.Rower.
func (m Remembered) Row() store.Row {
	return store.Row{Owner: m.Draft.Subject, Expires: m.Draft.Expires, Index: []store.Index{
		all,
		{Name: "subject", Value: string(m.Draft.Subject)},
		{Name: "client", Value: string(m.Draft.Client.ID)},
	}}
}

// rememberedID is one for each person, client, origin and set of resources.
func (s *Sessions) rememberedID(d Draft, origin string) string {
	resources := slices.Sorted(slices.Values(d.Resources))
	mac := hmac.New(sha256.New, s.db.DeriveKey("remembered consents"))
	for _, part := range append([]string{string(d.Subject), string(d.Client.ID), origin}, resources...) {
		fmt.Fprintf(mac, "%d:%s", len(part), part)
	}
	return "rem_" + hex.EncodeToString(mac.Sum(nil)[:16])
}

// Remember adds to tx that a yes is remembered, in place of an earlier one of
// the same person, client, origin and resources.
func (s *Sessions) Remember(ctx context.Context, tx *store.Tx, m Remembered) error {
	m.ID, m.Given = s.rememberedID(m.Draft, m.Origin), s.db.Clock().Now()
	s.tellOf(tx, "consent_remembered", m, audit.Actor{Subject: m.Draft.Subject, Client: m.Draft.Client.ID})
	return s.remembered.Put(ctx, tx, m.ID, m)
}

// Recall returns what is remembered for a draft of which only the person, the
// client and the resources count; false: nothing.
func (s *Sessions) Recall(ctx context.Context, d Draft, origin string) (Remembered, bool, error) {
	m, _, err := s.remembered.Get(ctx, s.rememberedID(d, origin))
	if errors.Is(err, store.ErrNotFound) {
		return Remembered{}, false, nil
	}
	return m, err == nil, err
}

// Unremember adds to tx that nothing is remembered for a draft. That there is
// nothing is no error.
func (s *Sessions) Unremember(ctx context.Context, tx *store.Tx, d Draft, origin string) error {
	m, ok, err := s.Recall(ctx, d, origin)
	if ok {
		s.forget(tx, m, audit.Actor{Subject: d.Subject})
	}
	return err
}

// Forget has a person's yes not be remembered any more. Somebody else's, or
// none, is ErrNotFound.
func (s *Sessions) Forget(ctx context.Context, id string, by audit.Actor) error {
	return s.db.Change(ctx, "forget a consent", func(tx *store.Tx) error {
		m, _, err := s.remembered.Get(ctx, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && m.Draft.Subject != by.Subject {
			return fmt.Errorf("%w: remembered consent %q", ErrNotFound, id)
		}
		if err == nil {
			s.forget(tx, m, by)
		}
		return err
	})
}

// RememberedOf are the consents that a person had remembered, newest first.
func (s *Sessions) RememberedOf(ctx context.Context, subject ostiary.Subject) ([]Remembered, error) {
	items, err := s.remembered.All(ctx, Filter{Subject: subject}.index())
	out := make([]Remembered, 0, len(items))
	for _, it := range items {
		out = append(out, it.Value)
	}
	return out, err
}

// forgetWith adds to tx that nothing is remembered of a session's person and
// client: what ends one of their sessions ends that, too.
func (s *Sessions) forgetWith(ctx context.Context, tx *store.Tx, ses Session, by audit.Actor) error {
	if ses.Machine || ses.Foreign != nil {
		return nil
	}
	all, err := s.RememberedOf(ctx, ses.Subject)
	for _, m := range all {
		if m.Draft.Client.ID == ses.Client.ID {
			s.forget(tx, m, by)
		}
	}
	return err
}

// forgetReach forgets everything within reach, also of whom no session is in
// force.
func (s *Sessions) forgetReach(ctx context.Context, r identity.Reach, by audit.Actor) error {
	items, err := s.remembered.All(ctx, Filter{Subject: r.Subject, Client: r.Client}.index())
	if err != nil {
		return err
	}
	for _, it := range items {
		m := it.Value
		reached, err := s.reached(ctx, Session{Subject: m.Draft.Subject, Tenant: m.Tenant}, r)
		if err != nil {
			return err
		}
		if !reached {
			continue
		}
		if err := s.db.Change(ctx, "forget a consent", func(tx *store.Tx) error {
			s.forget(tx, m, by)
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sessions) forget(tx *store.Tx, m Remembered, by audit.Actor) {
	s.tellOf(tx, "consent_forgotten", m, by)
	tx.Delete(s.remembered.Key(m.ID))
}

func (s *Sessions) tellOf(tx *store.Tx, event string, m Remembered, by audit.Actor) {
	if by.Tenant == "" {
		by.Tenant = m.Tenant
	}
	s.log.Append(tx, audit.Entry{Kind: audit.KindSession, Event: event, Target: m.ID, Actor: by, Detail: map[string]string{
		"of": string(m.Draft.Subject), "client": string(m.Draft.Client.ID), "origin": m.Origin, "tier": m.Draft.Tier, "apps": strings.Join(m.Draft.Authorized, " "),
	}})
}
