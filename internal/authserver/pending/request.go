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
	Admin      bool           `json:"admin,omitempty"`      // nobody's but with admin rights
}

// MaxTier is the highest tier that can be given on any app, and read where
// nothing was asked.
func (a Asked) MaxTier() ostiary.Tier {
	var apps []string
	for _, scope := range slices.Concat(a.Scopes, a.Client.Ceiling) {
		if app := session.AppOf(scope); app != "" && app != "mcp" && a.Reaches(app) {
			apps = append(apps, app)
		}
	}
	return max(a.tier(apps...), ostiary.TierRead)
}

// TierIn is the highest tier that can be given on an app that can be given.
func (a Asked) TierIn(app string) ostiary.Tier { return a.tier(app) }

func (a Asked) tier(apps ...string) ostiary.Tier {
	most := ostiary.TierAdmin
	if len(a.Scopes) == 0 {
		most = ostiary.TierRead
	}
	return session.TopTier(session.Granted(most, apps, a.Scopes, a.Client.Ceiling))
}

// Of are the scopes of an app that were asked for by name.
func (a Asked) Of(app string) []string {
	return slices.DeleteFunc(slices.Clone(a.Scopes), func(s string) bool { return session.AppOf(s) != app })
}

// Reaches says whether an app can be given: one that the client may have and,
// where only scopes of some apps were asked for, one of those.
func (a Asked) Reaches(app string) bool {
	of := len(a.Of(app)) > 0
	if !of && !session.Allowed(a.Client.Ceiling, app+":"+ostiary.TierRead.String()) {
		return false
	}
	_, tiered := session.TierOf(a.Scopes)
	return of || tiered || len(a.Scopes) == 0 || slices.Contains(a.Scopes, session.AnyScope)
}
