package web

import (
	"context"
	"time"

	"github.com/ostiary/ostiary"
	"github.com/ostiary/ostiary/audit"
	"github.com/ostiary/ostiary/identity"
	"github.com/ostiary/ostiary/internal/edge/visit"
	"github.com/ostiary/ostiary/internal/pages"
)

// An Auditor finds entries of the record. *audit.Reader is one.
type Auditor interface {
	Search(ctx context.Context, q audit.Query) (entries []audit.Entry, next string, err error)
}

// How many entries are read to tell a person what was done, and how many deeds
// are told.
const (
	readLately = 60
	toldLately = 12
)

// lately is what was done in a visitor's name. Agents are told by the names that
// they had when they were connected.
func (s *Web) lately(ctx context.Context, v visit.Visitor, agents []pages.ConnectedAgent) (all []pages.Deed, err error) {
	entries, _, err := s.Audit.Search(ctx, audit.Query{Subject: v.User.ID, Tenant: v.Tenant, Limit: readLately})
	if err != nil {
		return nil, err
	}
	names := map[string]string{string(identity.PersonalClient): "A personal token"}
	for _, a := range agents {
		names[a.ID], names[a.Agent.ID] = a.Agent.Label(), a.Agent.Label()
	}
	for _, e := range entries {
		what := whatOf(e)
		if what == "" {
			continue
		}
		d := s.deed(e, what, names)
		if n := len(all); n > 0 && again(&all[n-1], d) {
			continue
		}
		if len(all) == toldLately {
			break
		}
		all = append(all, d)
	}
	return all, nil
}

// again counts a deed with the one after it, when they are told alike.
func again(last *pages.Deed, d pages.Deed) bool {
	same := *last
	same.At, same.Times, d.At, d.Times = time.Time{}, 0, time.Time{}, 0
	if same != d {
		return false
	}
	last.Times++
	return true
}

// whatOf names an entry for the page; "" tells nobody anything new: the intent
// of a call whose outcome follows, what stands beside something else.
func whatOf(e audit.Entry) string {
	switch {
	case e.Kind == audit.KindOutcome && e.Event == audit.EventEntrusted:
		return e.Event
	case e.Kind == audit.KindOutcome && e.Upstream != nil:
		return string(e.Upstream.Status)
	case e.Decision != nil && (e.Kind == audit.KindRefusal || e.Kind == audit.KindApproval):
		if e.Decision.Effect == ostiary.Hold.String() {
			return "held"
		}
		return "refused"
	case e.Kind == audit.KindIntent, e.Kind == audit.KindOutcome, e.Kind == audit.KindClient, beside[e.Event]:
		return ""
	}
	return string(e.Kind) + " " + e.Event
}

// beside are events that stand beside others which say more.
var beside = map[string]bool{"consent_given": true, "access_ended": true, "requested": true, "granted": true, "late_answer": true}

func (s *Web) deed(e audit.Entry, what string, names map[string]string) pages.Deed {
	d := pages.Deed{
		At: e.Time, Times: 1, What: what, Tool: string(e.Tool), App: s.appName(e.Detail["app"]), Name: e.Detail["name"], Reason: e.Detail["reason"],
		Plain: audit.Sentence(e),
	}
	if e.Decision != nil {
		d.Reason = string(e.Decision.Reason)
	}
	for _, id := range []string{string(e.Actor.Session), e.Target, string(e.Actor.Client), e.Detail["client"]} {
		if d.Agent == "" {
			d.Agent = names[id]
		}
	}
	if d.Tool != "" {
		d.Plain = "" // told by the tool; milliseconds don't make two deeds of one
	}
	return d
}
