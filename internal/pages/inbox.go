package pages

import (
	"fmt"
	"hash/fnv"
	"slices"
	"time"
)

// An Inbox is the page /approvals.
type Inbox struct {
	Waiting []Request // that the reader may answer, oldest first
	More    bool      // there are more than these
	Others  []Request // that the reader may only see, oldest first
	Grants  []Grant   // yeses and remembered noes in force
	Recent  []Request // decided and expired ones, newest first
	// Done is what the reader just did: revoked or lifted, or "".
	Done string
}

// A Grant is an approval in force or a remembered denial.
type Grant struct {
	ID        string // grt_…
	Subject   string
	Client    string // "" means any of the subject's agents
	Personal  bool   // the client is all of the subject's personal tokens
	Tool      string
	App       string
	Site      string
	Scope     string
	State     string // approved, denied, suspended
	Block     bool   // the denial holds whatever the arguments are
	By        string // who said so
	Reason    string
	GrantedAt time.Time
	ExpiresAt time.Time // zero: no end of its own
	Uses      int64
	MayRevoke bool
}

func (Inbox) template() string { return "inbox" }
func (Inbox) section() string  { return "approvals" }

func (i Inbox) title() string {
	if len(i.Waiting) == 0 {
		return "Approvals"
	}
	return fmt.Sprintf("(%d) Approvals", len(i.Waiting))
}

// Sum tells how many requests wait for the reader.
func (i Inbox) Sum() string {
	switch n := len(i.Waiting); {
	case n == 0:
		return "Nothing waits for your answer."
	case n == 1:
		return "1 request waits for your answer."
	case i.More:
		return fmt.Sprintf("More than %s requests wait for your answer.", number(n))
	default:
		return fmt.Sprintf("%s requests wait for your answer.", number(n))
	}
}

// A Group is requests for the same call: same tool, site and arguments.
type Group struct{ Requests []Request }

// First is what all of the group ask for.
func (g Group) First() Request { return g.Requests[0] }

// Groups puts identical requests together, in the order of the oldest.
func (i Inbox) Groups() []Group {
	var groups []Group
	at := map[string]int{}
	for _, r := range i.Waiting {
		key := fmt.Sprintf("%q %q %q %q %q", r.App, r.Tool, r.Site, r.Message, r.ArgumentsDigest)
		n, ok := at[key]
		if !ok {
			n, at[key] = len(groups), len(groups)
			groups = append(groups, Group{})
		}
		groups[n].Requests = append(groups[n].Requests, r)
	}
	return groups
}

// Sentence says what the grant allows or refuses.
func (g Grant) Sentence() Sentence {
	p := permission{Subject: g.Subject, Client: g.Client, Personal: g.Personal, Tool: g.Tool, App: g.App, Site: g.Site, Scope: g.Scope}
	if g.State == "denied" {
		return p.no(g.Block)
	}
	if g.Scope == scopeTimeLimited && !g.ExpiresAt.IsZero() {
		return p.through(p.start(" may use ")).say(" until " + g.ExpiresAt.UTC().Format("2 January 2006, 15:04 UTC") + ".")
	}
	return p.yes()
}

// Version changes with what the page is about, so that the script replaces
// the page only then.
func (i Inbox) Version() string {
	h := fnv.New64a()
	for _, r := range slices.Concat(i.Waiting, i.Others) {
		fmt.Fprint(h, r.ID, len(r.Decisions), ";")
	}
	for _, g := range i.Grants {
		fmt.Fprint(h, g.ID, g.State, g.Uses, ";")
	}
	for _, r := range i.Recent {
		fmt.Fprint(h, r.ID, r.Status, ";")
	}
	return fmt.Sprintf("%x", h.Sum64())
}
