package pending

import (
	"slices"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/session"
	"github.com/ostiary/ostiary/store"
)

// Asked is an authorization request in which nothing is wrong.
type Asked struct {
	Client    session.Client `json:"client"`
	Redirect  string         `json:"redirect"`  // byte for byte
	State     string         `json:"state"`     // byte for byte; "" none was sent
	Challenge string         `json:"challenge"` // S256
	Resources []string       `json:"resources"` // endpoints: "/mcp"
	Scopes    []string       `json:"scopes"`    // what they stand for; none: the least
	// Origin is that of Redirect, where what is decided may be remembered, and
	// what was remembered counts; "": neither. Definition is the client's.
	Origin     string `json:"origin,omitempty"`
	Definition string `json:"definition,omitempty"`
}

// A Request waits for a person.
type Request struct {
	ID       string          `json:"id"` // ask_…
	Asked    Asked           `json:"asked"`
	Browser  string          `json:"browser"`           // hash of what the browser was given
	Subject  ostiary.Subject `json:"subject,omitempty"` // who signed in for it; "": nobody yet
	AuthTime time.Time       `json:"auth_time,omitzero"`
	Offered  []App           `json:"offered"` // nil: nothing was shown yet
	Ends     time.Time       `json:"ends_at"`
}

// Row implements store.Rower.
func (r Request) Row() store.Row { return store.Row{Owner: r.Subject, Expires: r.Ends} }

// An App is one that a page shows.
type App struct {
	ID        string `json:"id"`
	Skippable bool   `json:"skippable,omitempty"`
	Tools     []Tool `json:"tools"`
}

// A Tool is one of an app that a page shows.
type Tool struct {
	ID         ostiary.ToolID `json:"id"`
	Category   string         `json:"category"`
	Definition string         `json:"definition,omitempty"` // digest
}

// MaxTier is the highest tier that can be given: what was asked for and the
// client may have, and read where nothing was asked.
func (a Asked) MaxTier() ostiary.Tier {
	top := max(ostiary.TierRead, session.NeededTier(a.Scopes))
	if slices.Contains(a.Scopes, session.AnyScope) {
		top = ostiary.TierAdmin
	}
	for top > ostiary.TierNone && !session.Allowed(a.Client.Ceiling, "mcp:"+top.String()) {
		top--
	}
	return top
}

// Reaches says whether an app can be given: one that the client may have and,
// where only scopes of some apps were asked for, one of those.
func (a Asked) Reaches(app string) bool {
	named := func(s string) bool { return session.AppOf(s) == app }
	of := slices.ContainsFunc(a.Scopes, named)
	if !of && !session.Allowed(a.Client.Ceiling, app+":"+ostiary.TierRead.String()) {
		return false
	}
	_, tiered := session.TierOf(a.Scopes)
	return of || tiered || len(a.Scopes) == 0 || slices.Contains(a.Scopes, session.AnyScope)
}
