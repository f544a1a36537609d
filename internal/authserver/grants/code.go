package grants

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

// A code is an authorization code, without the code itself. It stands under
// its hash until it is used or its time is over; one that was used stands as
// long as the session that it made, so that it is known when it is seen again.
type code struct {
	Client    ostiary.ClientID  `json:"client"`
	Redirect  string            `json:"redirect"`
	Challenge string            `json:"challenge"` // S256
	Draft     session.Draft     `json:"draft"`
	Epochs    ostiary.Epochs    `json:"epochs"`            // as they stood when it was issued
	Session   ostiary.SessionID `json:"session,omitempty"` // that it made; "": not used yet
	KeptTill  time.Time         `json:"kept_until"`
}

// Row implements store.Rower.
func (c code) Row() store.Row { return store.Row{Owner: c.Draft.Subject, Expires: c.KeptTill} }

// A Consented is what an authorization request came to, and a code stands for.
type Consented struct {
	Redirect  string // where the answer goes, byte for byte
	Challenge string // S256 (RFC 7636 section 4.2)
	Draft     session.Draft
}

// Issue adds a new code to tx. Nothing but its client, at its redirect URI and
// with its verifier, turns it into tokens.
func (g *Grants) Issue(ctx context.Context, tx *store.Tx, of Consented) (ostiary.Secret, error) {
	if !goodChallenge(of.Challenge) {
		return "", errors.New("a code needs an S256 challenge")
	}
	at, err := g.sessions.Standing(ctx, of.Draft)
	if err != nil {
		return "", fmt.Errorf("read the epochs of a code: %w", err)
	}
	secret := identity.Mint(identity.KindCode)
	return secret, g.codes.Create(ctx, tx, identity.HashToken(g.db, secret), code{
		Client: of.Draft.Client.ID, Redirect: of.Redirect, Challenge: of.Challenge, Draft: of.Draft, Epochs: at, KeptTill: g.db.Clock().Now().Add(g.config.CodeTTL),
	})
}

// Issued says whether a code is one that can still be redeemed.
func (g *Grants) Issued(ctx context.Context, secret ostiary.Secret) (bool, error) {
	code, _, err := g.codes.Get(ctx, identity.HashToken(g.db, secret))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && code.Session == "", err
}

// authorizationCode is the grant of RFC 6749 section 4.1.3. A redirect URI is
// held to that of the authorization request where one is sent: OAuth 2.1
// leaves it out.
func (g *Grants) authorizationCode(ctx context.Context, c *client.Client, r Request) (Tokens, error) {
	if r.Code == "" || r.Verifier == "" {
		return Tokens{}, invalidRequest("code and code_verifier are needed")
	}
	resources, err := g.resources(r.Resources)
	if err != nil {
		return Tokens{}, err
	}
	if !identity.CheckToken(r.Code, identity.KindCode) {
		return Tokens{}, errCode
	}
	t := taking{Grants: g, hash: identity.HashToken(g.db, ostiary.Secret(r.Code)), client: c, request: r, resources: resources}
	return t.settled(g.db.Settle(ctx, "redeem a code", func(tx *store.Tx) error { return t.build(ctx, tx) }))
}

var errCode = invalidGrant("the code is unknown, used, over, or of another client")

// A taking is one attempt to turn a code into tokens.
type taking struct {
	*Grants
	hash      string
	client    *client.Client
	request   Request
	resources []string

	outcome
}

// build looks at everything before it changes anything: a code is taken with
// all that it stands for, or it stays.
func (t *taking) build(ctx context.Context, tx *store.Tx) error {
	t.refusal = nil
	code, version, err := t.codes.Get(ctx, t.hash)
	if errors.Is(err, store.ErrNotFound) || err == nil && code.Client != t.client.ID {
		return errCode
	}
	if err != nil {
		return fmt.Errorf("read a code: %w", err)
	}
	if code.Session != "" {
		return t.seen(ctx, tx, code)
	}
	if err := among(t.resources, code.Draft.Resources); err != nil {
		return err
	}
	if wrong := t.mismatch(code); wrong != "" {
		t.refusal = invalidGrant(wrong)
		t.codes.Delete(tx, t.hash, version)
		return nil
	}
	return t.make(ctx, tx, code, version)
}

// seen ends what a code made that is used again (RFC 6749 section 4.1.2).
func (t *taking) seen(ctx context.Context, tx *store.Tx, code code) error {
	if code.Session == t.tokens.Session {
		return nil // it was this very attempt, whose outcome was not known
	}
	t.refusal = errCode
	s, err := t.sessions.End(ctx, tx, code.Session, "its code was used again", audit.Actor{})
	if err == nil && s.ID != "" {
		t.record(tx, "code_used_again", s)
	}
	return err
}

// mismatch says what doesn't fit the code; "": everything does.
func (t *taking) mismatch(code code) string {
	switch {
	case t.request.RedirectURI != "" && t.request.RedirectURI != code.Redirect:
		return "redirect_uri is not that of the authorization request"
	case !verifies(t.request.Verifier, code.Challenge):
		return "code_verifier does not match the challenge"
	}
	return ""
}

func (t *taking) make(ctx context.Context, tx *store.Tx, code code, version store.Version) error {
	if err := t.mayAct(ctx, tx, code.Draft.Subject, code.Draft.Client.ID); err != nil {
		return err
	}
	s, err := t.open(ctx, tx, code)
	if err != nil {
		return err
	}
	code.Session, code.KeptTill = s.ID, s.Expires
	if err := t.codes.Update(ctx, tx, t.hash, code, version); err != nil {
		return err
	}
	access, err := t.sessions.Mint(ctx, tx, s, session.Narrowing{Resources: t.resources})
	if err != nil {
		return err
	}
	t.tokens = tokensOf(s, access)
	if t.client.Uses(client.GrantRefresh) {
		t.tokens.Refresh = identity.Mint(identity.KindRefresh)
		err = t.keep(ctx, tx, s, t.tokens.Refresh, refresh{Access: access.Good, Told: access.Scopes})
	}
	return err
}

// open adds the session that a code stands for, unless something was revoked
// since it was issued.
func (t *taking) open(ctx context.Context, tx *store.Tx, code code) (session.Session, error) {
	if err := t.sessions.Unmoved(ctx, tx, code.Draft, code.Epochs); errors.Is(err, session.ErrMoved) {
		return session.Session{}, errCode
	} else if err != nil {
		return session.Session{}, err
	}
	s, err := t.sessions.Open(ctx, tx, code.Draft)
	if errors.Is(err, session.ErrDraft) || errors.Is(err, session.ErrCeiling) {
		return s, errCode // it would be over, or more than there is by now
	}
	return s, err
}

func tokensOf(s session.Session, a session.Token) Tokens {
	return Tokens{Access: a.Secret, ExpiresIn: a.Expires.Sub(a.Created), Scopes: a.Scopes, Session: s.ID}
}

// unreserved are the characters of verifiers (RFC 7636 section 4.1).
const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

func goodChallenge(text string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(raw) == sha256.Size
}

// verifies says whether a verifier is that of an S256 challenge (RFC 7636
// section 4.6), in constant time.
func verifies(verifier, challenge string) bool {
	sum := sha256.Sum256([]byte(verifier))
	same := subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
	return same && len(verifier) >= 43 && len(verifier) <= 128 && strings.Trim(verifier, unreserved) == ""
}
