package grants

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/authserver/client"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

// Config is how long things live, and what this server is called.
type Config struct {
	CodeTTL    time.Duration
	RefreshTTL time.Duration // of one that isn't used
	// RefreshGrace is for how long, from its first use, a refresh token gets the
	// same successor again. Zero: never.
	RefreshGrace time.Duration
	Admins       identity.Admins
	PublicURL    string // issuer, without a slash at the end
	// Resource tells which endpoint a resource indicator (RFC 8707) means:
	// "/mcp". ok false: none of ours.
	Resource        func(indicator string) (path string, ok bool)
	DefaultResource string // of a machine client that names none: "/mcp"
}

// Grants gives out codes and tokens. It is safe for concurrent use.
type Grants struct {
	db       *store.DB
	log      identity.Recorder
	users    *identity.Users
	sessions *session.Sessions
	resolver *identity.Resolver
	config   Config

	codes      store.Table[code]
	refreshes  store.Table[refresh]
	successors store.Table[successor]
}

// New returns the grants over db.
func New(db *store.DB, log identity.Recorder, users *identity.Users, sessions *session.Sessions, resolver *identity.Resolver, c Config) *Grants {
	return &Grants{
		db: db, log: log, users: users, sessions: sessions, resolver: resolver, config: c,
		codes: store.NewTable[code](db, "code"), refreshes: store.NewTable[refresh](db, "refresh"),
		successors: store.NewTable[successor](db, "refresh-successor"),
	}
}

// A Request is one of the token endpoint. What was not sent is "".
type Request struct {
	GrantType    string
	Code         string
	RedirectURI  string
	Verifier     string // code_verifier
	RefreshToken string
	Scope        string
	Resources    []string // indicators as they were sent
}

// Tokens are the answer. The zero Refresh is none.
type Tokens struct {
	Access    ostiary.Secret
	ExpiresIn time.Duration
	Refresh   ostiary.Secret
	Scopes    []string
	Session   ostiary.SessionID
}

// Token answers a request of a client that has proved who it is. Errors are
// *Error, or faults, after which the client may try the same again.
func (g *Grants) Token(ctx context.Context, c *client.Client, r Request) (Tokens, error) {
	grants := map[string]func(context.Context, *client.Client, Request) (Tokens, error){
		client.GrantCode: g.authorizationCode, client.GrantRefresh: g.refreshToken, client.GrantCredentials: g.clientCredentials,
	}
	grant, ok := grants[r.GrantType]
	switch {
	case r.GrantType == "":
		return Tokens{}, invalidRequest("grant_type is missing")
	case !ok:
		return Tokens{}, unsupportedGrant()
	case !c.Uses(r.GrantType):
		return Tokens{}, unauthorizedClient("this client may not use this grant type")
	}
	return grant(ctx, c, r)
}

// resources are the endpoints that indicators mean; nil: none were sent.
func (g *Grants) resources(indicators []string) ([]string, error) {
	var out []string
	for _, indicator := range indicators {
		path, ok := g.config.Resource(indicator)
		if !ok {
			return nil, invalidTarget(indicator)
		}
		if !slices.Contains(out, path) {
			out = append(out, path)
		}
	}
	return out, nil
}

// among holds resources that were asked for to those that were granted.
func among(asked, granted []string) error {
	for _, r := range asked {
		if !slices.Contains(granted, r) {
			return invalidTarget(r)
		}
	}
	return nil
}

// narrowing reads a scope parameter that may only narrow what somebody has;
// nil: it doesn't.
func narrowing(c *client.Client, text string, have []string) ([]string, error) {
	var out []string
	for _, asked := range session.ParseScopes(text) {
		for _, scope := range c.StandsFor(asked) {
			switch {
			case scope == session.AnyScope: // as much as there is
			case !session.Covers(have, scope):
				return nil, invalidScope(scope)
			default:
				out = append(out, scope)
			}
		}
	}
	return out, nil
}

// mayAct has tx conflict when the person changes meanwhile, and refuses for
// those who are gone, for whom no agent may act, or whom this client isn't for.
func (g *Grants) mayAct(ctx context.Context, tx *store.Tx, subject ostiary.Subject, id ostiary.ClientID) error {
	person, err := g.users.StillThere(ctx, tx, subject)
	if errors.Is(err, identity.ErrUserNotFound) {
		return invalidGrant("the account is disabled or gone")
	}
	if err == nil && g.config.Admins.Refuses(g.users, person) {
		return invalidGrant("agents may not act for people with admin rights here")
	}
	if err == nil && !g.sessions.For(person, id) {
		return invalidGrant("this client belongs to others by now")
	}
	return err
}

// record tells of a token that was seen again.
func (g *Grants) record(tx *store.Tx, event string, s session.Session) {
	g.log.Append(tx, audit.Entry{
		Kind: audit.KindToken, Event: event, Target: string(s.ID),
		Actor:    audit.Actor{Tenant: s.Tenant, Subject: s.Subject, Client: s.Client.ID, Session: s.ID},
		Decision: &audit.Decision{Effect: ostiary.Deny.String(), Reason: ostiary.ReasonUnauthenticated},
	})
}

// An outcome is what an attempt came to: tokens, or a refusal that is
// committed, because it ends something.
type outcome struct {
	tokens  Tokens
	refusal *Error
}

// settled is the answer once the commit is made; err, that it was not.
func (o *outcome) settled(err error) (Tokens, error) {
	switch {
	case err != nil:
		return Tokens{}, err
	case o.refusal != nil:
		return Tokens{}, o.refusal
	default:
		return o.tokens, nil
	}
}
