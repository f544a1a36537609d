package grants

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

// A refresh is a refresh token, without the token itself. It stands under its
// hash for as long as it may go unused; one that was used stands as long, so
// that it is known when it is seen again.
type refresh struct {
	Session ostiary.SessionID `json:"session"`
	Owner   ostiary.Subject   `json:"owner"`
	Client  ostiary.ClientID  `json:"client"`
	Used    *time.Time        `json:"used_at,omitempty"` // the first time
	Next    string            `json:"next,omitempty"`    // hash of its successor
	// Access are the access tokens that the session had when this token was
	// made, and Graces how many were given within a grace until then: if there
	// were none since, nobody has to look for them.
	Access []session.Minted `json:"access"`
	Graces int64            `json:"graces,omitempty"`
	// Told are the scopes that came with it, where those were all that the
	// session held.
	Told     []string  `json:"told,omitempty"`
	KeptTill time.Time `json:"kept_until"`
}

// Row implements store.Rower.
func (r refresh) Row() store.Row {
	return store.Row{Owner: r.Owner, Expires: r.KeptTill}
}

// keep adds a fresh refresh token of a session to tx.
func (g *Grants) keep(ctx context.Context, tx *store.Tx, s session.Session, secret ostiary.Secret, fresh refresh) error {
	fresh.Session, fresh.Owner, fresh.Client = s.ID, s.Subject, s.Client.ID
	fresh.KeptTill = g.db.Clock().Now().Add(g.config.RefreshTTL)
	return g.refreshes.Create(ctx, tx, identity.HashToken(g.db, secret), fresh)
}

// refreshToken is the grant of RFC 6749 section 6. Every refresh token is used
// once, by whoever comes first: who comes again within the grace gets the same
// successor, since programs that share a store of tokens refresh at the same
// time, and one that comes later still is a stolen one: the session ends.
func (g *Grants) refreshToken(ctx context.Context, c *client.Client, r Request) (Tokens, error) {
	if r.RefreshToken == "" {
		return Tokens{}, invalidRequest("refresh_token is needed")
	}
	resources, err := g.resources(r.Resources)
	if err != nil {
		return Tokens{}, err
	}
	if !identity.CheckToken(r.RefreshToken, identity.KindRefresh) {
		return Tokens{}, errRefresh
	}
	old := ostiary.Secret(r.RefreshToken)
	t := turning{Grants: g, old: old, hash: identity.HashToken(g.db, old), client: c, scope: r.Scope, resources: resources}
	return t.settled(g.db.Settle(ctx, "refresh tokens", func(tx *store.Tx) error { return t.build(ctx, tx) }))
}

var errRefresh = invalidGrant("the refresh token is unknown, used, over, or of another client")

// A turning is one attempt to turn a refresh token into new tokens.
type turning struct {
	*Grants
	old       ostiary.Secret
	hash      string
	client    *client.Client
	scope     string
	resources []string

	next string // hash of the successor that this attempt made
	outcome
}

func (t *turning) build(ctx context.Context, tx *store.Tx) error {
	t.refusal = nil
	row, version, err := t.refreshes.Get(ctx, t.hash)
	if errors.Is(err, store.ErrNotFound) || err == nil && row.Client != t.client.ID {
		return errRefresh
	}
	if err != nil {
		return fmt.Errorf("read a refresh token: %w", err)
	}
	if row.Next != "" && row.Next == t.next {
		return nil // it was this very attempt, whose outcome was not known
	}
	s, err := t.sessions.Living(ctx, tx, row.Session)
	if errors.Is(err, session.ErrNotFound) || errors.Is(err, session.ErrOver) {
		return errRefresh
	}
	if err != nil {
		return err
	}
	if row.Used != nil && !t.db.Clock().Now().Before(row.Used.Add(t.config.RefreshGrace)) {
		return t.stolen(ctx, tx, s)
	}
	return t.turn(ctx, tx, s, row, version)
}

// stolen ends the session of a refresh token that was used before, and not
// just now.
func (t *turning) stolen(ctx context.Context, tx *store.Tx, s session.Session) error {
	t.refusal = errRefresh
	t.record(tx, "refresh_token_used_again", s)
	_, err := t.sessions.End(ctx, tx, s.ID, "a refresh token of it was used again", audit.Actor{})
	return err
}

// turn looks at all that may be wrong with the request first, so that a token
// comes to no harm by it.
func (t *turning) turn(ctx context.Context, tx *store.Tx, s session.Session, row refresh, version store.Version) error {
	if err := among(t.resources, s.Resources); err != nil {
		return err
	}
	narrow, err := t.narrowed(s, row)
	if err != nil {
		return err
	}
	if err := t.mayAct(ctx, tx, s.Subject, s.Client.ID); err != nil {
		return err
	}
	graces, err := t.db.Counter(ctx, graceCounter(s.ID))
	if err != nil {
		return fmt.Errorf("count what was given within a grace: %w", err)
	}
	n := session.Narrowing{Scopes: narrow, Resources: t.resources}
	if row.Used == nil && row.Graces == graces {
		n.Good = row.Access
	}
	access, err := t.sessions.Mint(ctx, tx, s, n)
	if err != nil {
		return err
	}
	t.tokens = tokensOf(s, access)
	if row.Used != nil {
		tx.Add(store.Add{Counter: graceCounter(s.ID), Delta: 1, Expires: s.Expires})
		t.tokens.Refresh, err = t.successor(ctx, t.old, t.hash)
		return err
	}
	return t.rotate(ctx, tx, turn{s, row, version}, refresh{Access: access.Good, Graces: graces, Told: toldOf(access, narrow)})
}

// narrowed are the scopes that the access token is to be narrowed to; nil: it
// isn't. Some clients send what they were told of along, which is no wish to
// have less than their person has given them since, and no mistake when they
// have less by now.
func (t *turning) narrowed(s session.Session, row refresh) ([]string, error) {
	asked := session.ParseScopes(t.scope)
	slices.Sort(asked)
	if row.Told != nil && slices.Equal(asked, slices.Sorted(slices.Values(row.Told))) {
		return nil, nil
	}
	return narrowing(t.client, t.scope, s.Scopes)
}

func toldOf(access session.Token, narrow []string) []string {
	if narrow != nil {
		return nil
	}
	return access.Scopes
}

func graceCounter(id ostiary.SessionID) string { return "grace/" + string(id) }

// A turn is what a refresh token is, and of which session.
type turn struct {
	session session.Session
	row     refresh
	version store.Version
}

// rotate makes the successor. Of several at once one commit wins; the others
// find what it left.
func (t *turning) rotate(ctx context.Context, tx *store.Tx, of turn, fresh refresh) error {
	now, row := t.db.Clock().Now(), of.row
	t.tokens.Refresh = identity.Mint(identity.KindRefresh)
	t.next = identity.HashToken(t.db, t.tokens.Refresh)
	row.Used, row.Next, row.Access = &now, t.next, nil
	if end := now.Add(t.config.RefreshGrace); end.After(row.KeptTill) {
		row.KeptTill = end
	}
	if err := t.refreshes.Update(ctx, tx, t.hash, row, of.version); err != nil {
		return err
	}
	if err := t.sealSuccessor(ctx, tx, sealing{t.old, t.hash, row.Owner, now}, t.tokens.Refresh); err != nil {
		return err
	}
	return t.keep(ctx, tx, of.session, t.tokens.Refresh, fresh)
}
