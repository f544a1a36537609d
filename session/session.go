package session

import (
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/store"
)

// A Session is an authorization session. Lists that are empty mean none.
type Session struct {
	ID         ostiary.SessionID `json:"id"` // ses_…
	Subject    ostiary.Subject   `json:"subject"`
	Machine    bool              `json:"machine,omitempty"` // Subject is a machine client: nobody agreed, and nobody has to
	Tenant     ostiary.Tenant    `json:"tenant,omitempty"`  // of the subject, when it was opened
	Client     Client            `json:"client"`
	Resources  []string          `json:"resource"` // endpoints: "/mcp"
	Scopes     []string          `json:"scopes"`
	Tier       string            `json:"tier"` // the highest that Scopes come to on any app
	Sites      ostiary.Selection `json:"sites"`
	Authorized []string          `json:"authorized_apps"`
	Skipped    []string          `json:"skipped_apps"`
	Pending    []string          `json:"pending_apps"`
	Consent    Consent           `json:"consent"`
	KeepAdmin  bool              `json:"keep_admin,omitempty"`
	AuthTime   time.Time         `json:"auth_time"` // when the person signed in for it
	Created    time.Time         `json:"created_at"`
	Expires    time.Time         `json:"expires_at,omitzero"` // absolute; zero: never, for machine clients
	Revoked    *time.Time        `json:"revoked_at,omitempty"`
	Reason     string            `json:"revocation_reason,omitempty"`
	KeptTill   time.Time         `json:"kept_until,omitzero"`
	Foreign    *foreign          `json:"foreign,omitempty"` // it rests on an issuer's tokens
}

// A Client is the OAuth client that a session was given to, as the person saw
// it then.
type Client struct {
	ID       ostiary.ClientID `json:"id"`
	Name     string           `json:"name"`
	Kind     string           `json:"kind"`
	Verified bool             `json:"verified,omitempty"` // the operator or a verified domain vouches for the name
	// Ceiling are the scopes that the client may be given at all, also by
	// widening; AnyScope among them: whatever its person likes.
	Ceiling []string `json:"ceiling"`
}

// A Consent is which tools the person agreed to.
type Consent struct {
	SelectedTools []string `json:"selectedTools"` // canonical ids; "crm:*" takes the whole app
	AllSelected   bool     `json:"allSelected"`   // all that were offered were taken
	ConsentedAt   int64    `json:"consentedAt"`   // Unix milliseconds
	Version       int      `json:"consentVersion"`
	// Shown has, for each app taken whole, the categories of the tools that
	// were shown: a tool of another one, that comes later, is not covered.
	Shown map[string][]string `json:"shown,omitempty"`
}

// ConsentVersion is that of consents given now.
const ConsentVersion = 1

// Row implements store.Rower.
func (s Session) Row() store.Row {
	return store.Row{Owner: s.owner(), Expires: s.KeptTill, Index: []store.Index{
		all,
		{Name: "subject", Value: string(s.Subject)},
		{Name: "client", Value: string(s.Client.ID)},
		{Name: "tenant", Value: string(s.Tenant)},
		ofClientIn(s.Client.ID, s.Tenant),
	}}
}

var all = store.Index{Name: "all", Value: "all"}

// ofClientIn finds what a client was given by people of one tenant: clients are
// shared by many.
func ofClientIn(id ostiary.ClientID, t ostiary.Tenant) store.Index {
	return store.Index{Name: "client tenant", Value: string(id) + "\n" + string(t)}
}

// owner is whose key seals the session: a machine client's is the deployment's
// own.
func (s Session) owner() ostiary.Subject {
	if s.Machine {
		return ""
	}
	return s.Subject
}

// Alive says whether the session is in force at a moment.
func (s Session) Alive(now time.Time) bool {
	return s.Revoked == nil && (s.Expires.IsZero() || now.Before(s.Expires))
}

// tools are those that the person agreed to one by one.
func (c Consent) tools() ostiary.Selection {
	return ostiary.Selection{IDs: slices.DeleteFunc(slices.Clone(c.SelectedTools), func(id string) bool { return strings.HasSuffix(id, ":*") })}
}

// whole are the apps that they took whole.
func (c Consent) whole() map[string][]ostiary.Category {
	out := map[string][]ostiary.Category{}
	for _, id := range c.SelectedTools {
		app, ok := strings.CutSuffix(id, ":*")
		if !ok {
			continue
		}
		for _, name := range c.Shown[app] {
			if category, ok := ostiary.ParseCategory(name); ok {
				out[app] = append(out[app], category)
			}
		}
	}
	return out
}

// without is the consent without what concerns an app.
func (c Consent) without(app string) Consent {
	c.SelectedTools = slices.DeleteFunc(slices.Clone(c.SelectedTools), func(id string) bool { return ostiary.ToolID(id).App() == app })
	shown := map[string][]string{}
	for a, categories := range c.Shown {
		if a != app {
			shown[a] = categories
		}
	}
	c.Shown = shown
	return c
}
